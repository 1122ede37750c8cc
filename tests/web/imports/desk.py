"""What tests of imports share: a file sent as a browser would, and the check page's form."""

import io
from typing import Any

import sqlalchemy as sa
from bs4 import BeautifulSoup
from sqlalchemy.orm import Session

from portal.db.records import UsageImport
from tests.support.visitor import Visitor
from tests.web.looking import attribute, one

PLAIN = "Customer ID,Customer,SKU,Quantity\nC-1,Halyard Freight,EDR,34\nC-2,Lantern,EDR,5B\nC-3,Quarry,EDR,3\n"


def send(visitor: Visitor, text: str | bytes, *, name: str = "usage-2026-10.csv", **fields: str) -> Any:
    content = text.encode() if isinstance(text, str) else text
    data = {"new_vendor": "Cumulus", "file": (io.BytesIO(content), name), **fields}
    return visitor.post("/imports", data, content_type="multipart/form-data")


def taken_in(visitor: Visitor, text: str | bytes, **kwargs: str) -> str:
    answer = send(visitor, text, **kwargs)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def imports_of(session: Session) -> list[UsageImport]:
    found = list(session.scalars(sa.select(UsageImport).order_by(UsageImport.id)))
    session.expunge_all()
    session.rollback()  # a transaction of the test's own would lock the app out
    return found


def fields_of(page: BeautifulSoup) -> dict[str, str]:
    """The check page's form as a browser would send it."""
    form = one(page, "#check form")
    found = {}
    for field in form.select("input[name]"):
        if field.get("type") in {"radio", "checkbox"} and not field.has_attr("checked"):
            continue
        found[attribute(field, "name")] = attribute(field, "value")
    for field in form.select("select[name]"):
        chosen = field.select_one("option[selected]") or one(field, "option")
        found[attribute(field, "name")] = attribute(chosen, "value")
    found |= {attribute(field, "name"): field.text.lstrip("\n") for field in form.select("textarea[name]")}
    found.pop("csrf_token")
    return found
