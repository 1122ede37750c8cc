"""Signing in and out, links that work once, and what was typed when a session ended."""

from portal.web.sign_in.routes import register

__all__ = ["register"]
