"""The first hour: from a bare installation, with the sandbox as ConnectWise, to the first decision that is planned."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from portal.sandbox.server import MONTH
from portal.services.first_admin import set_up_code
from portal.services.setting_up import STEPS
from portal.web.help.pages import PAGES
from tests.browser.axe import TOO_WIDE
from tests.browser.conftest import Site
from tests.browser.settings import PATIENCE_MS, SECRET

pytestmark = pytest.mark.browser

FILE = MONTH / "usage" / "skylark-subscriptions-2026-10.csv"


def go_on(page: Page, title: str) -> None:
    """Go on to the next step by the list at the side, which stands on every page of the guide."""
    page.goto("/setup")
    expect(page.locator("ol.guide [aria-current=step]")).to_contain_text(title)


def makes_the_first_admin(page: Page) -> None:
    """Nobody is here: the first visit asks for the code."""
    page.goto("/")
    page.get_by_label("Set-up code").fill(set_up_code(SECRET))
    page.get_by_label("Your e-mail").fill("ada@fennimore.example")
    page.get_by_label("Password").fill("lamp otter ninety vinegar")
    page.get_by_role("button", name="Make the first admin").click()
    page.get_by_role("button", name="Start with my ConnectWise").click()


def connects(page: Page, bare: Site, look: Callable[[str], None] = lambda _name: None) -> None:
    """The keys, tested and stored; whoever takes pictures looks before and after."""
    look("setup")
    page.get_by_label("Site").fill(bare.sandbox.base_url)
    page.get_by_label("Company id").fill("sandbox")
    page.get_by_label("Public key").fill("portal")
    page.get_by_label("Private key", exact=True).fill("portal-secret")
    page.get_by_label("Client ID").fill("3a9d2f60-5c1e-4b7a-9f02-6d8e4c1b7a55")
    page.get_by_label("It stands inside our own network").check()
    page.get_by_role("button", name="Test and save").click()
    expect(page.locator("#h-trial")).to_contain_text("The test passed, and the connection is saved", timeout=60_000)
    expect(page.locator("#read-only")).to_be_visible()
    look("connect")
    page.locator("#go-on").click()


def reads(page: Page) -> None:
    """The first sync, live."""
    page.get_by_role("button", name="Read ConnectWise now").click()
    expect(page.locator("#progress")).to_contain_text("Done in", timeout=120_000)
    go_on(page, "Statuses and types")


def gives_meanings(page: Page) -> None:
    """Statuses and types: what is proposed is chosen, and saved by a person."""
    for name in ("statuses", "types"):
        page.goto("/setup/statuses")
        page.get_by_role("link", name=f"Decide at the {name}").click()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#save-meanings")).to_have_text("Show what saving changes")
    go_on(page, "First file of a vendor")


def imports(page: Page) -> None:
    """A file of a vendor."""
    page.get_by_role("link", name="Choose a file").click()
    page.get_by_label("New vendor").fill("Skylark")
    page.get_by_label("Files", exact=True).set_input_files(FILE)
    page.locator("form[data-drop] button[type=submit]").click()
    page.get_by_label("No, as it stands below").check()
    page.get_by_role("button", name="Commit").click()
    expect(page.locator("h1")).to_contain_text("counts are in use")
    go_on(page, "Mapping")


def maps(page: Page) -> None:
    """Who is who, and what is what."""
    page.get_by_role("link", name="Look through the proposed companies").click()
    page.get_by_role("button", name="Map ").click()
    go_on(page, "Mapping")
    page.goto("/mapping/services?state=unmapped")
    row = page.locator("tbody[id^=service-]", has_text="Office Suite Premium, monthly")
    row.locator("a[id$=-edit]").click()
    row.get_by_role("searchbox").fill("OFFICE-PRM-M")
    row.get_by_role("button", name="Search").click()
    row.get_by_role("button", name="OFFICE-PRM-M").first.click()
    row.get_by_role("button", name="Map to OFFICE-PRM-M").click()
    expect(row.locator("p.good")).to_be_visible()
    go_on(page, "The board, read-only")


def decides(page: Page) -> None:
    """The first decision, planned and not sent."""
    page.get_by_role("link", name="Open the board").click()
    page.locator(".cards [id^=approve-]").first.click()
    expect(page.locator(".card.decided .tag", has_text="Planned").first).to_be_visible()
    page.goto("/setup/board")
    expect(page.locator("main")).to_contain_text("The first decision is made.")
    assert page.locator("#nav-counts a[href='/setup']").count() == 0


def fits(page: Page) -> None:
    """All of it fits a telephone."""
    page.set_viewport_size({"width": 390, "height": 844})
    wide = []
    for path in (*(f"/setup/{name}" for name in STEPS), "/help", *(f"/help/{name}" for name in PAGES)):
        page.goto(path)
        if page.evaluate(TOO_WIDE):
            wide.append(path)
    assert wide == []


def test_a_bare_installation_comes_to_its_first_planned_decision(bare: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=bare.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    makes_the_first_admin(page)
    connects(page, bare)
    reads(page)
    gives_meanings(page)
    imports(page)
    maps(page)
    decides(page)
    fits(page)
    context.close()

    with closing(sqlite3.connect(bare.instance / "countersign.sqlite", timeout=20)) as store:
        decided = store.execute("SELECT decision.action, push.state FROM decision JOIN push USING (card_id)").fetchall()
    assert decided == [("approve", "planned")]
    journal = requests.get(f"{bare.sandbox.base_url}/_sandbox/requests", timeout=10).json()
    asked = [one["path"] for one in journal if one["method"] != "GET" and not one["path"].endswith("/system/bundles")]
    assert asked  # the test of the connection asks for the right to write at an agreement that nobody has
    assert all("/agreements/0/" in path for path in asked)
