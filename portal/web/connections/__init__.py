"""Connections: a card a source, its state, its syncs, and for admins its settings."""

from portal.web.connections.routes import register

__all__ = ["register"]
