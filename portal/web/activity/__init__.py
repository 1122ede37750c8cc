"""Runs: one while it works and what came of it, and the history of them all."""

from portal.web.activity.routes import register

__all__ = ["register"]
