"""Today: where we are in the month, what is left, what it is worth, what is wrong."""

from portal.web.today.routes import register

__all__ = ["register"]
