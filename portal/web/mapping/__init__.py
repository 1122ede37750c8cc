"""The mapping pages: accounts, services, split rules, and the mapping as a file."""

from flask import Flask

from portal.web.mapping import (
    account_routes,
    bulk_routes,
    file_routes,
    merge_routes,
    service_bulk_routes,
    service_routes,
    split_routes,
)
from portal.web.mapping.common import bp

__all__ = [
    "account_routes",
    "bulk_routes",
    "file_routes",
    "merge_routes",
    "register",
    "service_bulk_routes",
    "service_routes",
    "split_routes",
]


def register(app: Flask) -> None:
    """Add the mapping pages."""
    app.register_blueprint(bp)
