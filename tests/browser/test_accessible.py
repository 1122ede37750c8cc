"""The list of keys and the menu, before anybody's eyes. What holds of every page: test_every_page.py."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.axe import looked_at

pytestmark = pytest.mark.browser


def test_the_list_of_keys_and_the_menu_are_accessible(open_page: Callable[..., Page]) -> None:
    page = open_page("biller", width=1024)
    page.goto("/cards")
    page.keyboard.press("?")
    keys = looked_at(page)
    page.keyboard.press("Escape")
    page.get_by_text("Menu", exact=True).click()

    assert (keys, looked_at(page)) == ([], [])
