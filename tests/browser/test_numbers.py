"""Numbers on a page that goes on changing: those of the filter's choices, after a choice and after a decision."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def number_of(page: Page, selector: str) -> int:
    """The number within an element's words."""
    found = re.search(r"[0-9]+", page.locator(selector).text_content() or "")
    assert found is not None
    return int(found.group())


def test_the_numbers_of_the_choices_follow_the_filter_and_the_decisions(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    page.goto("/cards")
    before, vendors = number_of(page, "#f-kind-increase"), page.get_by_label("Vendor").inner_text()

    page.get_by_label("Kind").select_option("increase")
    expect(page).to_have_url(re.compile("kind=increase"))
    expect(page.get_by_label("Vendor")).not_to_have_text(vendors, use_inner_text=True)
    expect(page.locator("#f-kind-increase")).to_have_text(f"Increase ({before})")
    page.get_by_role("button", name=re.compile("^Approve [0-9]+, effective today")).first.click()

    expect(page.locator("#f-kind-increase")).to_have_text(f"Increase ({before - 1})")
    expect(page.locator("#bulk-all")).to_have_text(f"Preview all {before - 1} that match")
    expect(page.get_by_label("Kind")).to_have_value("increase")
    expect(page.locator("#board-count h1")).to_contain_text(f"{before - 1} of")
