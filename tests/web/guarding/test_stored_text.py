"""Text that others wrote, in every place that keeps any: shown as text, calculated nowhere.

Names come from ConnectWise, from vendors' files and from people. Each text column of the store is filled with what a
template, a browser or a spreadsheet could take for more than text; then every page and every file is looked at.
"""

import csv
import io
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from flask import Flask

from portal.db.base import Base
from portal.web.access import PUBLIC, declared
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import Owned
from tests.web.guarding.routes import address, rules

PLANTED = (
    "=1+1<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{31337*1337}}${31337*1337}<%= 31337*1337 %>\u202e"
)
CALCULATED = str(31337 * 1337)
TEXTS = {
    "batch": ["by_name"],
    "card": ["company", "agreement", "product_name", "stale_reason", "currency"],
    "decision": ["by_name", "reason", "second"],
    "draft": ["path"],
    "note": ["text", "made_by"],
    "notice": ["sentence"],
    "person": ["name"],
    "psa_addition": ["description", "uom", "updated_by"],
    "psa_agreement": ["name", "type_name", "cancel_reason", "updated_by"],
    "psa_agreement_type": ["name"],
    "psa_billing_cycle": ["name"],
    "psa_company": ["name", "identifier", "website"],
    "psa_list_row": ["name"],
    "psa_product": ["description", "product_class", "unit"],
    "rule": ["reason", "reference", "set_by"],
    "saved_view": ["name"],
    "sign_in": ["agent", "address"],
    "sync_run": ["error", "requested_by"],
    "tag": ["name"],
    "usage_account": ["name", "status"],
    "usage_import": ["filename", "imported_by", "message"],
    "usage_service": ["name"],
    "vendor": ["title"],
    "vendor_account": ["name", "status"],
    "vendor_profile": ["name", "created_by"],
    "vendor_service": ["name"],
    "account_line": ["title", "suggested_name"],
    "account_mapping": ["account_name", "reason", "excluded_as", "decided_by"],
    "service_line": ["title"],
    "service_mapping": ["service_name", "reason", "excluded_as", "decided_by"],
    "mapping_batch": ["made_by"],
    "push": ["cause"],
}
"""Columns with words of others. A name that the guide to a record is found by (an id, a key) is none of them."""


@pytest.fixture
def planted(engine: sa.Engine, owned: Owned) -> Owned:
    """The month, with these words in every place."""
    with engine.begin() as connection:
        for table, columns in TEXTS.items():
            words = sa.literal(PLANTED) + sa.cast(sa.literal_column("rowid"), sa.String)  # some names are unique
            connection.execute(sa.update(Base.metadata.tables[table]).values(dict.fromkeys(columns, words)))
    return owned


def markup(text: str) -> Iterator[str]:
    """Say what of a page is more than our own markup."""
    page = BeautifulSoup(text, "html.parser")
    for element in page.find_all(True):
        if element.name == "script" and (element.string or not str(element.get("src", "")).startswith("/static/")):
            yield "a script"
        if element.name == "img" and element.get("src") == "x":
            yield "a picture"
        yield from (name for name in element.attrs if name.startswith("on"))
        if element.name in {"a", "form"}:
            where = str(element.get("href") or element.get("action") or "/")
            if where.lower().split(":")[0] in {"javascript", "data", "vbscript"}:
                yield where
    if CALCULATED in text:
        yield "something was calculated"


@pytest.mark.usefixtures("planted")
def test_every_page_shows_it_as_text(app: Flask, planted: Owned, visitors: Callable[[str], Visitor]) -> None:
    visitor, found, shown = visitors("admin"), [], 0
    for rule, method in rules(app, "GET"):
        if declared(app, rule.endpoint) == PUBLIC:
            continue
        path = address(rule, planted.ids)
        with visitor.client.open(path, method=method) as answer:
            text = answer.get_data(as_text=True)
            if answer.mimetype == "text/html":
                found += [f"{path}: {each}" for each in markup(text)]
                shown += "&lt;script&gt;alert(1)" in text
            assert answer.status_code < 500, path

    assert not found, "\n".join(found[:20])
    assert shown > 25


def test_no_file_has_a_cell_that_a_spreadsheet_calculates(
    app: Flask, planted: Owned, visitors: Callable[[str], Visitor]
) -> None:
    visitor, files, found = visitors("admin"), 0, []
    for rule, _ in rules(app, "GET"):
        if not rule.rule.endswith(".csv"):
            continue
        files += 1
        for query in ("", "?show=all", "?by=company"):
            with visitor.client.get(address(rule, planted.ids) + query) as answer:
                text = answer.get_data(as_text=True).removeprefix("\ufeff")
                kind, kept = answer.mimetype, answer.headers.get("Content-Disposition", "")
            assert (kind, kept[:22]) == ("text/csv", 'attachment; filename="'), rule.rule
            for row in csv.reader(io.StringIO(text, newline="")):
                found += [f"{rule.rule}: {cell[:40]}" for cell in row if not is_safe(cell)]

    assert files >= 5
    assert not found, "\n".join(found[:20])


def is_safe(cell: str) -> bool:
    """Tell whether a cell is no formula; a figure below zero is none."""
    begins = cell.lstrip(" \ufeff")[:1]
    return begins not in {"=", "+", "-", "@", "\t", "\r", "\n"} or cell.removeprefix("-").replace(".", "").isdigit()


def test_what_is_planted_is_really_kept(planted: Owned, engine: sa.Engine) -> None:
    assert planted.ids
    with engine.connect() as connection:
        kept = connection.scalar(
            sa.select(sa.func.count()).where(
                Base.metadata.tables["psa_company"].c.name.startswith(PLANTED, autoescape=True)
            )
        )

    assert kept
