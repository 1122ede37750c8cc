"""Made-up data in a browser: chosen on a bare portal, loaded by its worker, worked with, and removed."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import looked_at
from tests.browser.conftest import Site
from tests.browser.settings import PATIENCE_MS
from tests.browser.test_first_hour import makes_the_first_admin

pytestmark = pytest.mark.browser


def test_made_up_data_come_can_be_worked_with_and_leave(bare: Site, browser: Browser) -> None:
    context = browser.new_context(base_url=bare.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    makes_the_first_admin(page)

    page.goto("/setup/start")
    assert looked_at(page) == []
    page.get_by_role("button", name="Start with made-up data").click()
    expect(page.locator("#made-up")).to_contain_text("Removing takes away", timeout=120_000)
    assert looked_at(page) == []
    expect(page.locator("#tape")).to_contain_text("Made-up data")

    page.goto("/cards?kind=increase")
    page.locator(".cards [id^=approve-]").first.click()
    expect(page.locator(".card.decided .tag", has_text="Confirmed").first).to_be_visible(timeout=60_000)

    page.locator("#tape").get_by_role("link", name="Made-up data").click()
    page.get_by_role("button", name="Remove all made-up data").click()
    expect(page.get_by_role("button", name="Start with made-up data")).to_be_visible()
    expect(page.locator("#tape")).not_to_contain_text("Made-up data")
    page.goto("/audit")
    expect(page.locator("main")).to_contain_text("Removed all made-up data, with 1 decision on them.")
    context.close()
