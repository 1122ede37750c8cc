"""Numbers on a page that goes on changing: of the filter's choices, and of what is ticked."""

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


def test_one_card_is_told_as_one(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    page.goto("/cards")
    boxes, said = page.locator("input[data-tick]"), page.locator("#bulk strong")
    idle = said.inner_text()

    for number, words in ((0, "1 card ticked"), (1, "2 cards ticked")):
        boxes.nth(number).check()
        expect(said).to_have_text(words)
    boxes.nth(0).uncheck()
    expect(said).to_have_text("1 card ticked")
    boxes.nth(1).uncheck()
    expect(said).to_have_text(idle)
