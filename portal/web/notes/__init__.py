"""Notes beside the cards."""

from portal.web.notes.routes import register

__all__ = ["register"]
