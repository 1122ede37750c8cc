"""A status and a type renamed, deleted and made anew in ConnectWise: nobody changes scope unless a person decides."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

# list on screen, its path in ConnectWise, the row, its meaning and the one decided at last, a company that carries it
ROWS = [
    ("status", "/company/companies/statuses", 6, "customer", "not_customer", 271),
    ("types", "/company/companies/types", 8, "in", "out", 273),
]


def by_hand(site: Site, method: str, path: str, body: object = None) -> Any:
    """Change something in ConnectWise as a person there."""
    answer = requests.request(
        method,
        f"{site.sandbox.base_url}/v4_6_release/apis/3.0{path}",
        json=body,
        auth=("sandbox+human", "human-secret"),
        headers={"clientId": "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json() if answer.content else None


def asked(site: Site, query: str, *values: object) -> int:
    """Ask the portal's own database for a number."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        return int(connection.execute(query, values).fetchone()[0])


def synced(page: Page, site: Site, kind: str) -> None:
    """Have everything read again, as a person does on screen."""
    newest = "SELECT max(id) FROM sync_run"
    before = asked(site, newest)
    page.goto("/connections")
    page.get_by_role("button", name=f"{kind} sync", exact=True).click()
    for _ in range(100):
        if asked(site, newest) > before:
            break
        page.wait_for_timeout(100)
    page.goto(f"/activity/{asked(site, newest)}")
    expect(page.locator("#progress .notice.ok")).to_contain_text("Done in", timeout=60_000)


def open_cards(site: Site, company: int) -> int:
    """How many cards of a company stand on the board."""
    query = "SELECT count(*) FROM card WHERE company_id = ? AND state = 'open' AND period = '2026-10'"
    return asked(site, query, company)


def in_scope(page: Page, name: str, psa_id: int, company: int) -> str:
    """What the screen says of a company that carries a row."""
    page.goto(f"/statuses/{name}/{psa_id}")
    return page.locator("tbody tr", has_text=f"PSA {company}").locator("[data-label='In scope']").inner_text()


@pytest.mark.parametrize(("name", "path", "psa_id", "meaning", "decided", "company"), ROWS, ids=["status", "type"])
def test_nobody_changes_scope_without_a_decision(
    site: Site,
    open_page: Callable[..., Page],
    name: str,
    path: str,
    psa_id: int,
    meaning: str,
    decided: str,
    company: int,
) -> None:
    page = open_page("admin")
    cards = open_cards(site, company)
    old = page.locator(f"#{name}-{psa_id}")
    assert cards > 0
    assert in_scope(page, name, psa_id, company) == "Yes"

    # renamed: flagged with both names, the meaning stays
    by_hand(site, "PATCH", f"{path}/{psa_id}", [{"op": "replace", "path": "name", "value": "Golden"}])
    synced(page, site, "Quick")
    page.goto(f"/statuses?list={name}")
    expect(old).to_contain_text("Renamed")
    expect(old.locator(f"input[type=radio][value={meaning}]")).to_be_checked()
    assert in_scope(page, name, psa_id, company) == "Yes"

    # deleted, while companies still carry it: flagged with them, they stay as they were
    by_hand(site, "DELETE", f"{path}/{psa_id}")
    synced(page, site, "Quick")
    page.goto(f"/statuses?list={name}")
    expect(old).to_contain_text("Deleted")
    expect(old).to_contain_text(re.compile(r"compan(y|ies) still carr"))
    assert in_scope(page, name, psa_id, company) == "Yes"

    # made anew with the same name and another id: it needs a decision, whoever moved to it stays as it was
    new = int(by_hand(site, "POST", path, {"name": "Golden"})["id"])
    assert new != psa_id
    value: object = {"id": new} if name == "status" else [{"id": new}]
    moved = "status" if name == "status" else "types"
    by_hand(site, "PATCH", f"/company/companies/{company}", [{"op": "replace", "path": moved, "value": value}])
    synced(page, site, "Quick")
    synced(page, site, "Full")
    page.goto(f"/statuses?list={name}")
    row = page.locator(f"#{name}-{new}")
    expect(row).to_contain_text("Needs a decision")
    expect(row.locator("input:checked")).to_have_count(0)
    assert in_scope(page, name, new, company).startswith("Yes")
    assert "needs a decision" in in_scope(page, name, new, company)
    assert open_cards(site, company) == cards

    # a person decides: the effect stands in view first, and only saving it changes anything
    page.goto(f"/statuses?list={name}")
    row.locator(f"input[type=radio][value={decided}]").check()
    effect = page.locator("#effect")
    expect(effect).to_contain_text("1 leaves with")
    expect(effect).to_be_in_viewport()
    assert open_cards(site, company) == cards
    page.get_by_role("button", name="Save 1 meaning").click()
    expect(page.locator("main")).to_contain_text("1 company left the scope")
    assert in_scope(page, name, new, company) == "No"
    assert open_cards(site, company) == 0


def test_without_script_the_effect_is_shown_before_anything_is_saved(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page("admin", script=False)
    cards = open_cards(site, 271)
    page.goto("/statuses")

    page.locator("#status-6 input[value=not_customer]").check()
    page.get_by_role("button", name="Show what saving changes").click()

    expect(page.locator("#effect")).to_contain_text("1 leaves")
    expect(page.locator("#effect")).to_be_in_viewport()
    assert open_cards(site, 271) == cards
    page.get_by_role("button", name="Save 1 meaning").click()
    expect(page.locator("main")).to_contain_text("Saved 1 meaning.")
    assert open_cards(site, 271) == 0
