"""Where the focus is after a key: on the next card, on the card that still waits, on the button that was pressed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from portal.config import read_settings
from portal.factory import create_app
from tests.browser.conftest import Site
from tests.browser.settings import PASSWORD, environment
from tests.browser.test_month import found
from tests.support.visitor import Visitor

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
    expect(page.locator(f"#card-{plain.id}")).to_contain_text(f"Dana approved {plain.proposed} at")
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


def unmap(site: Site, number: int) -> None:
    """Take so many accounts off their companies, as if nobody had ever mapped them: each is suggested its own."""
    visitor = Visitor(create_app(read_settings(environment(site.instance, site.url))))
    visitor.sign_in("biller@demo.example", PASSWORD)
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection, connection:
        mapped = connection.execute(
            "SELECT a.id FROM vendor_account a JOIN account_mapping m ON m.vendor_id = a.vendor_id"
            " AND m.account_external_id = a.external_id WHERE m.state = 'mapped' ORDER BY a.id LIMIT ?",
            (number,),
        ).fetchall()
    for (account,) in mapped:
        assert visitor.post(f"/mapping/accounts/{account}/undo").status_code == 303
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection, connection:
        connection.execute("DELETE FROM mapping_refusal")
        connection.execute("INSERT OR IGNORE INTO account_line_due (what, vendor_id) VALUES ('suggestions', 0)")


def test_mapping_by_keys_goes_from_row_to_row(site: Site, open_page: Callable[..., Page]) -> None:
    unmap(site, 3)
    page = open_page("biller")
    page.goto("/mapping/accounts?state=suggested")
    rows = page.locator("tbody[id^=account-]").evaluate_all("rows => rows.map(row => row.id)")
    first, second = (row.removeprefix("account-") for row in rows[:2])

    name = page.locator(f"#account-{first} .strong").inner_text()[:4]
    page.keyboard.press("j")
    expect(page.locator(f"#account-{first}-map")).to_be_focused()
    page.keyboard.press("o")
    search = page.locator(f"#pick-q-{first}")
    expect(search).to_be_focused()
    page.keyboard.type(name)
    expect(page.locator(f"#pick-{first} button").first).to_be_visible()
    expect(search).to_be_focused()
    expect(search).to_have_value(name)
    page.keyboard.press("Escape")
    expect(page.locator(f"#account-{first}-map")).to_be_focused()

    page.keyboard.press("m")
    expect(page.locator(f"#account-{first}-undo")).to_be_visible()
    expect(page.locator(f"#account-{second}-map")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("u")
    expect(page.locator(f"#account-{first}-map")).to_be_visible()
    expect(page.locator(f"#account-{first}-pick")).to_be_focused()  # it waits again

    page.goto("/mapping/services?state=all")
    row = page.locator("tbody[id^=service-]").first
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(row.locator("form input:focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(row.locator("[data-key=Escape]")).to_have_count(0)
    expect(row.locator(":focus")).to_have_count(1)


def test_a_choice_whose_effect_is_shown_keeps_the_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page("admin")
    page.goto("/statuses")
    chosen = page.locator("#status-6 input[type=radio]:checked")
    chosen.focus()

    page.keyboard.press("ArrowRight")
    expect(page.locator("#effect")).to_contain_text("Save 1 meaning")
    expect(chosen).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#effect")).not_to_contain_text("Save 1 meaning")
    expect(chosen).to_be_focused()
