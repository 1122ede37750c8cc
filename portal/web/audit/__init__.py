"""The audit trail: filters in the address, one event opened, the chain, exports, ConnectWise's own trail beside it."""

from flask import Flask

from portal.web.audit import chain, exports, psa, routes, summary
from portal.web.audit.blueprint import bp

__all__ = ["chain", "exports", "psa", "register", "routes", "summary"]


def register(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(bp)
