"""Every page of the portal: it opens, is light and still, is accessible in both themes, fits, is walked by keys."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from tests.browser.axe import TOO_WIDE, violations
from tests.browser.gallery import Gallery
from tests.browser.opening import opened
from tests.browser.pages import NOT_PAGES, PAGES, picture_name
from tests.browser.walking import walked
from tests.support.people import a_person
from tests.support.visitor import Visitor

pytestmark = pytest.mark.browser

PARTS = 24  # so that those who test side by side share the work
BY_COLOUR = ("color-contrast",)  # what depends on the theme
BY_WIDTH = ("target-size", "scrollable-region-focusable", "aria-hidden-focus", "color-contrast")
LETTERS = {100: {"standard": 16, "fixed": 13}, 200: {"standard": 32, "fixed": 26}}  # pixels, as a person sets them
STICKS_OUT = """() => [...document.querySelectorAll("td button, td .button, th .button")].filter(one => {
  const box = one.getBoundingClientRect(), cell = one.closest("td, th").getBoundingClientRect();
  return one.checkVisibility() && (box.left < cell.left - 1 || box.right > cell.right + 1);
}).slice(0, 2).map(one => one.textContent.trim().slice(0, 60))"""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_light_still_walked_by_keys_accessible_in_both_themes_and_fits(
    pages: Gallery, browser: Browser, part: int
) -> None:
    found: list[str] = []
    for one in opened(browser, pages, PAGES[part::PARTS], viewport={"width": 1440, "height": 900}):
        page, wrong = one.page, one.wrong
        wrong += [f"by keys: {each}" for each in walked(page)]
        wrong += [f"light at 1440: {each}" for each in violations(page)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"dark at 1440: {each}" for each in violations(page, BY_COLOUR)]
        page.set_viewport_size({"width": 1024, "height": 768})
        wrong += [f"dark at 1024: {each}" for each in violations(page, BY_WIDTH)]
        page.set_viewport_size({"width": 390, "height": 844})
        wrong += [f"dark at 390: {each}" for each in violations(page)]
        page.emulate_media(color_scheme="light")
        wrong += [f"light at 390: {each}" for each in violations(page, BY_COLOUR)]
        settings = page.context.new_cdp_session(page)
        for percent, sizes in LETTERS.items():
            settings.send("Page.setFontSizes", {"fontSizes": sizes})
            for width in (1440, 1024, 390, 320):
                page.set_viewport_size({"width": width, "height": 844})
                if page.evaluate(TOO_WIDE):
                    wrong.append(f"wider than {width} with letters of {percent} %")
                if out := page.evaluate(STICKS_OUT):
                    wrong.append(f"sticks out of its cell at {width} with letters of {percent} %: {out}")
        found += [f"{picture_name(one.shown)}: {each}" for each in wrong]
    assert not found, "\n".join(found)


def test_every_route_that_shows_something_is_a_page_of_the_list(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())}
    addresses = app.url_map.bind("localhost")
    listed = set()
    for shown in PAGES:
        try:
            listed.add(addresses.match(re.sub(r"\{\w+\}", "1", shown.lands or shown.address).partition("?")[0])[0])
        except NotFound:
            continue
    assert known - listed == set(NOT_PAGES)
    assert set(NOT_PAGES) & listed == set()
    names = [picture_name(shown) for shown in PAGES]
    assert sorted(set(names)) == sorted(names)


def test_what_is_left_out_of_the_list_is_no_page(app: Flask, session: Session) -> None:
    a_person(session, "admin")
    visitor = Visitor(app)
    visitor.sign_in("admin@fennimore.example")
    left_out = [
        rule for rule in app.url_map.iter_rules() if rule.endpoint in NOT_PAGES and "GET" in (rule.methods or ())
    ]

    answers = {rule.rule: visitor.get(re.sub(r"<[^>]+>", "1", rule.rule), buffered=True) for rule in left_out}

    assert len(answers) == len(NOT_PAGES)
    assert [
        rule for rule, answer in answers.items() if answer.status_code == 200 and b"<html" in answer.get_data()
    ] == []
