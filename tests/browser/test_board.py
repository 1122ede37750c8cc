"""The board as a desk tool: what is in view, how light it is, and the month by keys in its short form."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.hands import Hands
from tests.browser.test_month import found
from tests.browser.waiting import until

pytestmark = pytest.mark.browser

SHIFTS = """window.shifted = 0;
new PerformanceObserver(list => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value;
}).observe({type: 'layout-shift', buffered: true});"""
IN_VIEW = """() => { const head = document.querySelector('#cards thead th').getBoundingClientRect().bottom;
  return [...document.querySelectorAll('#cards tr.card')].map(row => row.getBoundingClientRect())
    .filter(row => row.top >= head - 1 && row.bottom <= innerHeight).length }"""
ONE_LINE = """() => [...document.querySelectorAll('#cards tr.card .act')].filter(act => {
  const tops = [...act.querySelectorAll('button, .button')].map(one => one.getBoundingClientRect().top);
  return tops.length && Math.max(...tops) - Math.min(...tops) > 4 }).length"""
WEIGHT = """() => ({page: performance.getEntriesByType('navigation')[0].encodedBodySize,
  files: performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)})"""
PAGE, FILES = 100_000, 200_000  # bytes


def test_ten_cards_are_in_view_and_the_board_is_light_and_still(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    page.add_init_script(SHIFTS)
    seen: dict[str, Any] = {}

    for address in ("/cards", "/cards?rows=compact", "/", "/cards?group=agreement"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        weight = page.evaluate(WEIGHT)
        assert 0 < weight["page"] < PAGE, (address, weight)
        assert weight["files"] < FILES, (address, weight)
        assert page.evaluate("window.shifted") == 0, address
        assert page.evaluate(ONE_LINE) == 0, address
        if address in {"/cards", "/cards?rows=compact"}:
            seen[address] = page.evaluate(IN_VIEW)
    page.goto("/cards")
    page.mouse.wheel(0, 1400)  # among companies of one card each
    until(page, "() => scrollY > 1000")
    seen["scrolled"] = page.evaluate(IN_VIEW)

    assert all(rows >= 10 for rows in seen.values()), seen
    assert seen["/cards?rows=compact"] > seen["/cards"]


def test_a_dozen_cards_are_decided_by_keys_alone(open_page: Callable[..., Page]) -> None:
    page = open_page("manager")
    hands = Hands(page)

    hands.to_the_board()
    hands.whole_board(12)

    tally = hands.tally
    assert sum(tally.decisions.values()) == 12
    assert tally.clicks == 0
    assert tally.keys < 12 * 20
    page.goto("/cards?show=decided")
    expect(page.get_by_role("heading", level=1)).to_have_text("12 cards decided")


def test_a_held_key_decides_once_and_u_takes_the_last_decision_back(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    first, second = found(site, "increase", prorates=False)[:2]
    page.goto(f"/cards?kind=increase&group=none&q={first.product}")
    page.locator(f"#open-{first.id}").focus()

    page.keyboard.down("a")
    for _ in range(5):
        page.keyboard.down("a")  # as a keyboard repeats what is held
    page.keyboard.up("a")
    expect(page.locator("tr.card.decided")).to_have_count(1)
    expect(page.locator(f"#card-{first.id} tr.decided")).to_be_visible()  # it stays where it was
    where = page.locator(f"#card-{first.id} [data-key=u]")
    expect(where).to_be_visible()

    expect(page.locator(f"#open-{first.id}")).not_to_be_focused()
    page.keyboard.press("u")
    expect(
        page.locator(f"#card-{first.id} form.form-row, #card-{first.id} tr.card:not(.decided)").first
    ).to_be_visible()
    assert second.id != first.id


def test_the_list_of_keys_is_a_dialog_and_letters_can_be_switched_off(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    page.goto("/cards")
    page.keyboard.press("j")
    at = page.evaluate("document.activeElement.id")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == at
    page.keyboard.press("/")
    expect(page.locator("#f-q")).to_be_focused()

    page.goto("/profile")
    page.get_by_label("Letter keys").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/cards")
    page.keyboard.press("j")
    page.keyboard.press("?")

    expect(page.locator("dialog#keys")).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")
