"""Views of the board under a name: saved, renamed, shared, deleted, and which of them opens the board."""

from portal.web.views.routes import register

__all__ = ["register"]
