"""The pages of rules."""

from portal.web.rules.routes import register

__all__ = ["register"]
