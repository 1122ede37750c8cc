"""On paper: what is no use there is left out, what the list is narrowed to is told, nothing is cut."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

A4 = 718  # pixels between the margins
LISTS = (
    "/cards", "/cards?show=all&group=none", "/audit", "/audit/summary", "/rules", "/tags", "/imports", "/statuses",
    "/mapping/accounts?state=all", "/mapping/services?state=all", "/people", "/connections", "/activity/1",
)  # fmt: skip
LEFT_OVER = """() => [...document.querySelectorAll(".rail, .tape, .foot, button, .button, .bulk, .tickbox, .skip")]
  .filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 80))"""
CUT = """() => [...document.querySelectorAll("main *")].filter(one => one.checkVisibility() && !one.closest(".sr, svg"))
  .filter(one => one.getBoundingClientRect().right > innerWidth + 8).slice(0, 3).map(one => one.outerHTML)"""
INK = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector("h1")).color,
  getComputedStyle(document.querySelector("thead") ?? document.createElement("thead")).display]"""


def test_lists_are_printed_whole_and_without_what_can_only_be_clicked(open_page: Callable[..., Page]) -> None:
    page = open_page("admin", dark=True, width=A4)
    page.emulate_media(media="print")

    wrong = {}
    for address in LISTS:
        page.goto(address)
        found = [*page.evaluate(LEFT_OVER), *page.evaluate(CUT)]
        back, ink, head = page.evaluate(INK)
        if (back, ink) != ("rgb(255, 255, 255)", "rgb(0, 0, 0)") or head not in {"table-header-group", ""}:
            found.append(f"{back} {ink} {head}")
        first = page.locator(".on-paper").inner_text()
        if "Countersign" not in first or "28 Oct 2026, 09:" not in first or "America/New_York · for Priya" not in first:
            found.append(first)
        if found:
            wrong[address] = found

    assert wrong == {}
    assert len(page.pdf(format="A4")) > 1000


def test_paper_says_what_the_list_is_narrowed_to_and_no_address(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    page.goto("/cards?kind=increase")
    expect(page.locator(".on-paper")).to_be_hidden()
    page.emulate_media(media="print")

    said = page.locator(".filters").evaluate(
        """form => [...form.querySelectorAll("select")].filter(one => one.checkVisibility())
             .map(one => one.selectedOptions[0].textContent.trim())"""
    )
    shown = page.locator(".tabs a").evaluate_all("all => all.filter(one => one.checkVisibility()).length")
    link = page.locator(".cards a").first.evaluate(
        """one => [getComputedStyle(one).textDecorationLine, getComputedStyle(one, "::after").content]"""
    )

    assert any("Increase" in each for each in said)
    assert not any(each.startswith("Any ") for each in said)
    assert (shown, link) == (1, ["none", "none"])
    assert page.locator("tr.company").first.evaluate("one => getComputedStyle(one).breakAfter") == "avoid"


def test_a_card_keeps_its_picture_and_a_role_its_word_on_paper(open_page: Callable[..., Page]) -> None:
    page = open_page("admin")
    page.emulate_media(media="print")
    page.goto("/cards?kind=increase&group=none")
    links = page.locator("tr.card th a").evaluate_all("all => all.map(one => one.getAttribute('href'))")

    drawn = []
    for link in links[:12]:
        page.goto(link)
        if page.locator("svg.plot").count():
            drawn = page.locator("svg.plot .used, svg.plot .billed").evaluate_all(
                "all => all.map(one => [one.checkVisibility(), getComputedStyle(one).stroke])"
            )
            break
    page.goto("/people")
    role = page.locator("td select[name=role]").first

    assert drawn
    assert all(each == [True, "rgb(0, 0, 0)"] for each in drawn)
    expect(role).to_be_visible()
    expect(role).to_have_css("border-top-width", "0px")
