"""Writes that stopped, before anybody's eyes: the list, a conflict, what would be undone; a part that asks again."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page

from tests.browser.axe import looked_at
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser


def first_increase(site: Site) -> int:
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        query = (
            "SELECT min(id) FROM card WHERE kind = 'increase' AND state = 'open' AND facts LIKE '%one_step\": true%'"
        )
        return int(connection.execute(query).fetchone()[0])


def stop(site: Site, card_id: int, state: str) -> int:
    """Let a write have stopped, as a worker would have left it."""
    line = {"id": 1, "quantity": "5", "effective": None, "cancelled": None}
    found = {
        "saw": "5",
        "has": "7",
        "vendor": "9",
        "changed_by": "dhale",
        "lines": [{"id": 1, "saw": line, "has": line}],
    }
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", isolation_level=None)) as connection:
        connection.execute(
            "UPDATE push SET state = ?, cause = 'You saw 5; ConnectWise has 7.', found = ?, next_try_at = NULL "
            "WHERE card_id = ?",
            (state, json.dumps(found), card_id),
        )
        connection.execute("UPDATE card SET state = ? WHERE id = ?", (state, card_id))
        return int(connection.execute("SELECT max(id) FROM push WHERE card_id = ?", (card_id,)).fetchone()[0])


def test_a_write_that_stopped_is_found_followed_and_taken_back_by_keys(
    site: Site, open_page: Callable[..., Page]
) -> None:
    card_id = first_increase(site)
    page = open_page("biller", width=1440, dark=False)
    page.goto(f"/cards/{card_id}")
    page.locator(f"#approve-{card_id}-big").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#card-{card_id} .tag.accent")
    wrong = {}

    page.goto("/pushes?show=waiting")
    page.wait_for_selector("#pushes tbody tr")
    wrong["waiting"] = looked_at(page)
    page.goto(f"/cards/undo?card_id={card_id}")
    wrong["undo"] = looked_at(page)

    push_id = stop(site, card_id, "failed")
    page.goto("/pushes")
    page.wait_for_selector(f"#tick-{push_id}")
    wrong["failed"] = looked_at(page)
    stop(site, card_id, "changed_in_psa")
    page.goto(f"/pushes/{push_id}")
    page.wait_for_selector("#h-clash")
    wrong["changed"] = looked_at(page)
    narrow = open_page("biller", width=390, dark=True)
    for address in ("/pushes", f"/pushes/{push_id}", f"/cards/undo?card_id={card_id}"):
        narrow.goto(address)
        wrong[f"narrow {address}"] = looked_at(narrow)

    assert {name: found for name, found in wrong.items() if found} == {}
