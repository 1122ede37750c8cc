"""People and security: who may sign in, in which role; for admins."""

from portal.web.people.routes import register

__all__ = ["register"]
