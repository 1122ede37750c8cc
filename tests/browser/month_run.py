"""The sample month reconciled as a person would, by keys alone and by pointer: `make month` prints what it took."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.hands import Hands

pytestmark = pytest.mark.browser

TARGET = 600  # seconds of a person


def counted(site: Site, query: str) -> int:
    """Ask the portal's own database for a number."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        return int(connection.execute(query).fetchone()[0])


@pytest.mark.parametrize("pointer", [False, True], ids=["by keys", "by pointer"])
def test_the_sample_month_is_reconciled(
    site: Site, open_page: Callable[..., Page], pointer: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_page("manager")
    hands = Hands(page, pointer=pointer)

    hands.to_the_board()
    expect(page.get_by_role("heading", level=1)).to_have_text("74 cards to decide")
    if pointer:
        hands.preview_of_all()
    hands.whole_board()

    with capsys.disabled():
        print(  # noqa: T201 - the command prints it
            hands.tally.words("By pointer, after a preview of all" if pointer else "By keys alone, card by card")
        )
    page.goto("/cards?show=decide")
    expect(page.get_by_text("Everything is decided.")).to_be_visible()
    told = counted(
        site, "SELECT count(*) FROM audit_event WHERE what = 'decision' AND person IS NOT NULL AND card_id IS NOT NULL"
    )
    assert told >= sum(hands.tally.decisions.values()) >= 74
    assert counted(site, "SELECT count(*) FROM card WHERE state = 'failed'") == 0
    assert hands.tally.clicks == 0 or pointer
    assert hands.tally.person < TARGET
