"""Where ConnectWise posts what changed."""

from portal.web.callbacks.routes import register

__all__ = ["register"]
