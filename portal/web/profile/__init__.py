"""The profile: theme, letter keys, password, sessions."""

from portal.web.profile.routes import register

__all__ = ["register"]
