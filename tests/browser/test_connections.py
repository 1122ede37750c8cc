"""Testing a connection in a browser: lines appear while a worker asks, and what failed takes the focus."""

from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser


def test_a_test_is_watched_then_said(site: Site, open_page: Callable[..., Page]) -> None:
    slow = [{"method": "GET", "path": "agreements", "nth": 1, "times": 1, "kind": "slow", "seconds": 8}]
    requests.post(f"{site.sandbox.base_url}/_sandbox/faults", json=slow, timeout=5).raise_for_status()
    page = open_page("admin", width=390)
    page.goto("/connections/connectwise")

    page.get_by_role("button", name="Test only").click()

    trial = page.locator("#trial")
    expect(trial.locator("li", has_text="Read agreements").locator(".tag")).to_have_text("Asking")
    expect(trial.locator("li", has_text="Read companies").locator(".tag")).to_have_text("Yes")
    expect(page.get_by_label("Site")).to_be_disabled()
    expect(trial.get_by_role("heading", name="The test passed")).to_be_visible(timeout=30_000)
    expect(trial.locator(".tag", has_text="Yes")).to_have_count(12)
    expect(page.get_by_label("Site")).to_be_enabled()

    page.get_by_label("Company id").fill("elsewhere")
    page.get_by_label("Private key", exact=True).fill("portal-secret")
    page.get_by_role("button", name="Test only").click()

    expect(page.get_by_label("Company id")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("knows no company “elsewhere”")
    expect(page.get_by_label("Private key", exact=True)).to_have_value("")


def test_a_test_works_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page("admin", script=False)
    page.goto("/connections/connectwise")

    page.get_by_role("button", name="Test only").click()
    heading = page.locator("#h-trial")
    for _ in range(60):
        if heading.inner_text() == "The test passed":
            break
        page.get_by_role("link", name="Look again").click()

    expect(heading).to_have_text("The test passed")
