"""Back, reload, a double click and two tabs: one decision, one write, and whoever comes second is told."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_month import Found, found

pytestmark = pytest.mark.browser


def decided(site: Site, card: Found) -> tuple[int, int]:
    """How many decisions and how many writes a card has, by the portal's own database."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection:
        count = (
            "SELECT (SELECT count(*) FROM decision WHERE card_id = ?), (SELECT count(*) FROM push WHERE card_id = ?)"
        )
        found: tuple[int, int] = connection.execute(count, (card.id, card.id)).fetchone()
        return found


def board(page: Page, card: Found) -> Locator:
    """Open the board at a card, and give its row."""
    page.goto(f"/cards?agreement={card.agreement}&q={card.product}")
    return row_of(page, card)


def row_of(page: Page, card: Found) -> Locator:
    return page.locator(f"#card-{card.id}")


def approve(row: Locator, card: Found) -> Locator:
    return row.get_by_role("button", name=f"Approve {card.proposed}, effective today")


def told(page: Page, card: Found) -> None:
    """See who decided it, in words that stay to be read though the row is being sent."""
    notice = row_of(page, card).locator(".more .notice")
    expect(notice).to_contain_text(re.compile(rf"Dana approved {card.proposed} (a moment|a minute) ago\."))
    expect(row_of(page, card)).not_to_have_attribute("hx-trigger", re.compile("load"))


def seen_approved(page: Page, card: Found, *, script: bool) -> None:
    """See that a card is approved, not merely that its button was pressed; without script the list folds it away."""
    if script:
        expect(row_of(page, card)).to_contain_text(f"Dana approved {card.proposed} at")
    else:
        expect(page.get_by_role("heading", name="1 decided")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_what_is_pressed_again_is_decided_once(site: Site, open_page: Callable[..., Page], script: bool) -> None:
    page = open_page("biller", script=script)
    back, twice, tabs = found(site, "increase", prorates=False)[:3]
    tab = page.context.new_page()
    stale = board(tab, back)  # as the other tab goes on showing it

    approve(board(page, back), back).click()
    seen_approved(page, back, script=script)
    page.reload()
    page.goto("/audit")
    page.go_back()  # the board is asked for anew: what was decided is not to be pressed again
    expect(page).to_have_url(re.compile("/cards"))
    expect(approve(row_of(page, back), back)).to_have_count(0)
    approve(stale, back).click()
    told(tab, back)
    if not script:  # the answer is a page, and a browser can be made to send it again
        tab.reload()
        told(tab, back)
    assert decided(site, back) == (1, 1)

    approve(board(page, twice), twice).dblclick(no_wait_after=True)
    expect(page.locator("body")).to_contain_text(re.compile(rf"[Aa]pproved {twice.proposed}\b"))
    page.goto(f"/cards/{twice.id}")
    expect(approve(row_of(page, twice), twice)).to_have_count(0)
    assert decided(site, twice) == (1, 1)

    board(tab, tabs).get_by_role("link", name="Dismiss…").click()
    row_of(tab, tabs).get_by_label("Reason").fill("agreed by telephone")
    approve(board(page, tabs), tabs).click()
    seen_approved(page, tabs, script=script)  # so that the other tab comes second
    row_of(tab, tabs).get_by_role("button", name="Dismiss", exact=True).click()
    told(tab, tabs)
    assert decided(site, tabs) == (1, 1)
