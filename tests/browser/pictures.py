"""The pictures of the documentation: `make pictures` takes them anew from the sample month."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.config import ROOT
from tests.browser.conftest import Site
from tests.browser.test_month import found

pytestmark = pytest.mark.browser

FOLDER = ROOT / "docs" / "pictures"
LARGEST = 250_000  # bytes of a picture


def taken(page: Page, name: str) -> None:
    """Take a picture of what the window shows."""
    page.mouse.move(0, 0)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, caret="initial")  # hiding the caret takes a style that the content policy forbids
    assert path.stat().st_size < LARGEST


def test_the_pictures_are_taken_anew(site: Site, open_page: Callable[..., Page]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = open_page("biller")
    page.emulate_media(reduced_motion="reduce")

    page.goto("/")
    taken(page, "today")
    page.goto("/cards?sort=name")
    page.keyboard.press("j")
    page.keyboard.press("j")
    taken(page, "board")
    page.goto("/mapping/accounts")
    taken(page, "mapping")

    raised, lowered = found(site, "increase", prorates=True)[0], found(site, "decrease", prorates=True)[0]
    page.goto(f"/cards/{raised.id}")
    taken(page, "card")

    page.goto(f"/cards?q={raised.product}&agreement={raised.agreement}")
    page.locator(f"#approve-{raised.id}").click()
    expect(page.locator(f"#card-{raised.id} .tag", has_text="Confirmed")).to_be_visible(timeout=30_000)
    page.goto(f"/cards/{lowered.id}/dismiss")
    page.get_by_label("Reason").fill("agreed by telephone until January")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    expect(page.locator(f"#card-{lowered.id} .tag", has_text="Dismissed").first).to_be_visible()
    page.goto("/audit")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#chain")).to_contain_text("The chain is whole")
    page.locator("tr.event", has_text="Approved").first.get_by_role("link").click()
    expect(page.locator("tr.more")).to_contain_text("as seen")
    page.evaluate("window.scrollTo(0, 0)")
    taken(page, "audit")
