"""Connections: a card a source, its state, its syncs, a held feed, and for admins the settings."""

from flask import Flask

from portal.db.records import Connection
from portal.db.session import reading
from portal.factory import clock
from portal.services.connections import NAME
from portal.services.key_expiry import KeyExpiry, expiry_of
from portal.web.connections import callbacks, held, psa, routes, written  # noqa: F401 - they hang their views on the blueprint
from portal.web.connections.blueprint import bp


def register(app: Flask) -> None:
    """Register the screen."""
    app.register_blueprint(bp)
    callbacks.register_part(app)
    app.add_template_global(_key_expiry, "key_expiry")


def _key_expiry() -> KeyExpiry | None:
    """Give when ConnectWise's private key expires. For templates."""
    return expiry_of(reading().get(Connection, NAME), clock().today())
