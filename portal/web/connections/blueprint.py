"""The blueprint that the screen's modules hang their views on, and what they share."""

from flask import Blueprint

from portal.services.connections import SourceAge
from portal.services.errors import NotFound
from portal.web.waiting import ages

bp = Blueprint("connections", __name__, url_prefix="/connections")


def source_of(key: str) -> SourceAge:
    """Give a source by its key.

    Raises:
        NotFound: There is none.
    """
    found = next((source for source in ages() if source.key == key), None)
    if found is None:
        raise NotFound(f"There is no source “{key[:60]}”.")
    return found
