"""Every screen, light and dark, wide and narrow: axe finds nothing (WCAG 2.2 AA, best practice), nothing overflows."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = """rules => axe.run(document, {runOnly: {type: "tag", values: rules}, resultTypes: ["violations"]})
  .then(found => found.violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`))"""
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def addresses(site: Site) -> list[str]:
    """The screens, with a card of each kind and what its forms show."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:

        def first(query: str) -> Any:
            return connection.execute(query).fetchone()[0]

        def card(kind: str) -> Any:
            return first(f"SELECT min(id) FROM card WHERE kind = '{kind}'")  # noqa: S608 - the names are ours

        reported = card("not_reported")
        increase, new, shared = card("increase"), card("new_revenue"), card("to_split")
        vendor = first("SELECT min(slug) FROM vendor")
        agreement = first("SELECT min(agreement_id) FROM card WHERE kind = 'increase'")
        imported = first("SELECT max(id) FROM usage_import")
    return [
        "/",
        "/cards",
        f"/cards?open={increase}",
        "/cards?group=none&rows=compact",
        "/cards?show=stale",
        "/cards?group=agreement",
        "/views",
        f"/cards/{increase}/adjust",
        f"/cards/{new}/add",
        f"/cards/{shared}/split",
        f"/cards/{reported}",
        "/cards/preview?scope=filter",
        "/mapping/accounts",
        "/mapping/accounts?state=all&inactive=1",
        "/mapping/accounts/suggested?score=50",
        "/mapping/services",
        "/mapping/splits",
        "/imports",
        f"/imports/{imported}",
        f"/imports/{imported}/movements",
        f"/imports/profiles/{vendor}",
        "/connections",
        f"/connections/{vendor}",
        "/connections/connectwise",
        "/activity/1",
        f"/cards/{increase}/notes",
        "/rules",
        "/rules/1",
        "/rules/1/end",
        "/rules/new?kind=minimum&product=OFFICE-PRM-M&quantity=5&preview=1",
        "/tags?q=a",
        "/statuses",
        "/statuses?list=vendor",
        "/statuses?m-1=not_customer&m-4=ignore",
        "/statuses/file",
        "/audit",
        "/audit/1",
        "/audit/summary?from=2026-01-01&to=2026-12-31",
        "/audit/heads",
        f"/audit?agreement={agreement}",
        f"/audit/agreements/{agreement}/psa",
        "/pushes",
        "/pushes?show=drift",
        "/cards?show=decided",
        f"/cards/undo?card_id={increase}",
        "/connections/writing",
        "/connections/writing/report",
        "/people",
        "/people/1",
        "/people/sign-in",
        "/setup/start",
        "/setup/keys",
        "/setup/read",
        "/setup/statuses",
        "/setup/map",
        "/help",
        "/help/cards",
        "/help/connectwise",
        "/help/trust",
        "/profile",
        "/profile/two-step",
        "/keys",
        "/nothing-here",
    ]


def looked_at(page: Page) -> list[str]:
    """What axe finds on a page, and whether it is wider than the screen; one h1 it must have."""
    page.evaluate(AXE)  # by the debugger, not by the page: its content policy allows no script from elsewhere
    found: list[str] = page.evaluate(LOOK, RULES)
    if page.locator("h1").count() != 1:
        found.append("not one h1")
    if page.evaluate(TOO_WIDE):
        found.append("wider than the screen")
    return found


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)], ids=["wide and light", "narrow and dark"])
def test_every_screen_is_accessible_and_fits(
    site: Site, open_page: Callable[..., Page], width: int, dark: bool
) -> None:
    page = open_page("admin", width=width, dark=dark)

    found = {}
    for address in addresses(site):
        page.goto(address)
        if wrong := looked_at(page):
            found[address] = wrong

    assert found == {}


def test_the_list_of_keys_and_the_menu_are_accessible(open_page: Callable[..., Page]) -> None:
    page = open_page("biller", width=1024)
    page.goto("/cards")
    page.keyboard.press("?")
    keys = looked_at(page)
    page.keyboard.press("Escape")
    page.get_by_text("Menu", exact=True).click()

    assert (keys, looked_at(page)) == ([], [])
