"""What all mapping pages share: the blueprint, the month, the heading's figures, and the way back to the list."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.db.records import SplitRule, Vendor
from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import mapping, settings_store
from portal.services.errors import Conflict
from portal.services.mapping_lists import HOME_CURRENCY
from portal.web.filters import month_name
from portal.web.filters import period as month_words
from portal.web.htmx import beside

bp = Blueprint("mapping", __name__, url_prefix="/mapping")

_KEPT = ("state", "vendor", "q", "inactive", "sort", "page")


def period() -> Period:
    """Give the month that the mapping pages count."""
    return Period.holding(clock().today())


def months() -> str:
    """Name the two months in which a hidden account counted nothing: "September and October"."""
    now = period()
    before = now.previous
    first = month_name(before) if before.year == now.year else month_words(before)
    return f"{first} and {month_name(now) if before.year == now.year else month_words(now)}"


def around(session: Session, here: str) -> dict[str, Any]:
    """Give what the heading and the tabs of a mapping page need."""
    return {
        "here": here,
        "missing": mapping.missing_figures(session, clock().today()),
        "splits_count": session.scalar(
            sa.select(sa.func.count()).select_from(SplitRule).where(SplitRule.ended_at.is_(None))
        ),
    }


def send_missing(session: Session) -> None:
    """Send the sentence of what is missing along with a row, and the tabs' counts."""
    here = "services" if "/services" in request.path else "accounts"
    values = around(session, here)
    beside(render_template("mapping/_missing.html", swap=True, **values))
    beside(render_template("mapping/_tabs.html", swap=True, **values))


def vendors(session: Session) -> list[Vendor]:
    """List all vendors by their titles."""
    return list(session.scalars(sa.select(Vendor).order_by(sa.func.lower(Vendor.title))))


def back() -> str:
    """Give the query of the list that a person came from, cut down to what the list knows."""
    raw = request.values.get("back", "")
    kept = [(name, value) for name, value in parse_qsl(raw[:2000]) if name in _KEPT]
    return urlencode(kept)


def to_list(endpoint: str, anchor: str) -> Response:
    """Go back to the list, to a row of it."""
    query = back()
    return redirect(f"{url_for(endpoint)}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor}", 303)


def hold_seen(token: str, sentence: str) -> None:
    """Refuse a change of what is no longer what the form showed.

    Args:
        token: What the mapping is now.
        sentence: What it is now, for the person who looked at something else.

    Raises:
        Conflict: It is not what the form names in `seen`; a form without `seen` is let through.
    """
    seen = request.form.get("seen")
    if seen is not None and seen != token:
        raise Conflict(f"{sentence} Nothing was changed by you; look at it and decide again.")


def database() -> Session:
    """Give the request's session, for reading."""
    return reading()


@bp.context_processor
def _currency() -> dict[str, str]:
    """Give templates the currency of the catalogue's prices."""
    found = settings_store.get(reading(), "home_currency", HOME_CURRENCY)
    return {"home_currency": str(found["code"])}
