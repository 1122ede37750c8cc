"""Where the focus is after a key: on the next card, on the card that still waits, on the button that was pressed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_month import found

pytestmark = pytest.mark.browser

CARDS = "tbody[id^=card-]"


def test_the_keyboard_stays_where_the_work_is(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    plain = found(site, "increase", prorates=False)[0]

    page.goto(f"/cards?agreement={plain.agreement}")
    page.locator(f"#open-{plain.id}").focus()
    ids = page.locator(CARDS).evaluate_all("rows => rows.map(row => row.id)")
    after = ids[ids.index(f"card-{plain.id}") + 1 :]
    page.keyboard.press("a")
    expect(page.locator(f"#card-{plain.id} .tag").first).to_contain_text("Approved")
    expect(page.locator(f"#{after[0]} a[data-card]" if after else f"#undo-{plain.id}")).to_be_focused()

    page.goto("/cards?kind=to_split&group=none")  # a shared count leaves a difference to decide on the same card
    shared = page.locator(CARDS).first
    number = str(shared.get_attribute("id")).removeprefix("card-")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(f"#card-{number} form input[name=all_to]").first).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#announce")).to_contain_text("Shared.")
    expect(page.locator(f"#open-{number}")).to_be_focused()

    page.goto("/audit")  # a button that is disabled while its request runs has the focus again
    page.locator("#verify").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chain")).to_contain_text("The chain is whole")
    expect(page.locator("#verify")).to_be_focused()


def test_an_open_card_is_shown_with_the_focus_on_its_title(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    last = found(site, "increase", prorates=True)[-1]

    page.goto(f"/cards?open={last.id}")

    expect(page.locator(f"#open-{last.id}")).to_be_focused()
    expect(page.locator(f"#open-{last.id}")).to_be_in_viewport()
    expect(page.locator(f"#why-{last.id}")).to_be_visible()
