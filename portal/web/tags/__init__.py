"""The pages of tags."""

from portal.web.tags.routes import register

__all__ = ["register"]
