"""Without JavaScript: what the month needs beside the decisions of one card works by forms and links alone."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

ONE_STEP = (
    "SELECT id FROM card WHERE kind = 'increase' AND state = 'open' AND NOT prorates"
    " AND json_extract(facts, '$.one_step') ORDER BY id"
)


def ask(site: Site, query: str, *values: object) -> list[Any]:
    """Ask the portal's own database."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection:
        return [row[0] for row in connection.execute(query, values)]


def state(site: Site, card_id: int) -> str:
    """Give a card's state."""
    return str(ask(site, "SELECT state FROM card WHERE id = ?", card_id)[0])


def press(page: Page, name: str, *, role: Any = "button") -> None:
    """Press the first thing of this name in the page."""
    page.locator("main").get_by_role(role, name=re.compile(f"^{name}")).first.click()


def wait_for(page: Page, site: Site, query: str, wanted: list[Any]) -> None:
    """Wait until the database answers as wanted."""
    for _ in range(150):
        if ask(site, query) == wanted:
            return
        page.wait_for_timeout(200)
    assert ask(site, query) == wanted


def test_sharing_dismissing_and_undoing_need_no_script(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("biller", script=False)
    shared = ask(site, "SELECT min(id) FROM card WHERE kind = 'to_split' AND state = 'open' AND vendor_quantity > 0")[0]
    dismissed = ask(site, ONE_STEP)[0]

    page.goto(f"/cards/{shared}")
    press(page, "Share", role="link")
    page.locator("input[name=all_to]").first.check()
    press(page, "Show the sum")
    expect(page.locator("input[name=all_to]").first).to_be_checked()
    press(page, r"Share \d")
    page.goto(f"/cards/{dismissed}")
    press(page, "Dismiss…", role="link")
    press(page, "Dismiss")
    expect(page.locator("main")).to_contain_text("Give a reason.")
    page.get_by_label("Reason").fill("agreed by telephone")
    press(page, "Dismiss")
    assert state(site, dismissed) == "dismissed"
    page.goto(f"/cards/{dismissed}")
    press(page, "Undo")
    if state(site, dismissed) == "dismissed":  # the plan was shown first
        press(page, "Undo")

    assert ask(site, "SELECT kind FROM card WHERE id = ?", shared) != ["to_split"]
    assert state(site, dismissed) == "open"


def test_many_at_once_and_their_undo_need_no_script(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("biller", script=False)
    cards = ask(site, ONE_STEP)[:2]
    ids = ", ".join(str(one) for one in cards)

    page.goto("/cards?kind=increase")
    expect(page.locator("button[type=button]:visible")).to_have_count(0)  # what only a script can do is not there
    for one in cards:
        page.locator(f"#tick-{one}").check()
    press(page, "Preview the ticked")
    expect(page.locator("h1")).to_contain_text("nothing is decided yet")
    press(page, "Approve 2, effective today")
    states = f"SELECT DISTINCT state FROM card WHERE id IN ({ids})"  # noqa: S608 - our own ids
    wait_for(page, site, states, ["confirmed"])
    batch = ask(site, "SELECT max(batch_id) FROM decision")[0]
    page.goto(f"/batches/{batch}")
    press(page, "Undo this batch", role="link")
    press(page, "Undo 2, effective today")
    undone = f"SELECT count(*) FROM decision WHERE action = 'undo' AND card_id IN ({ids})"  # noqa: S608 - our own ids
    wait_for(page, site, undone, [2])


def test_lists_are_narrowed_by_a_button(open_page: Callable[..., Page]) -> None:
    page = open_page("viewer", script=False)

    found = {}
    for address, field, choice in (
        ("/cards", "kind", "increase"), ("/audit", "what", "writes"), ("/rules", "kind", "minimum"),
        ("/mapping/accounts", "state", "all"), ("/mapping/services", "state", "all"), ("/activity", "kind", "full"),
    ):  # fmt: skip
        page.goto(address)
        page.locator(f".filters [name={field}]").select_option(choice)
        page.locator(".filters").get_by_role("button").first.click()
        found[address] = f"{field}={choice}" in page.url and page.locator(f"[name={field}]").input_value() == choice

    assert found == dict.fromkeys(found, True)


def test_mapping_importing_and_rules_need_no_script(site: Site, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page("admin", script=False)
    main = page.locator("main")

    page.goto("/mapping/accounts?state=unmapped")
    before = len(ask(site, "SELECT id FROM account_mapping"))
    press(page, "Map to")
    assert len(ask(site, "SELECT id FROM account_mapping")) == before + 1

    page.goto("/imports")
    page.get_by_label("New vendor").fill("Plainfile")
    file = tmp_path / "plain.csv"
    file.write_text(
        "Customer,Customer id,Product,Quantity\nHollow & Co,h-1,Seat,12\nBrack,b-2,Seat,7\n", encoding="utf-8"
    )
    page.locator("input[type=file]").set_input_files(file)
    press(page, "Read")
    page.get_by_label("No, as it stands below").check()
    press(page, "Read it so")
    press(page, "Commit 2 counts")
    expect(page.locator("h1")).to_contain_text("2 counts are in use")

    page.goto("/rules/new?kind=minimum")
    page.get_by_label("Product", exact=True).fill("OFFICE-STD")
    page.get_by_label("At least").fill("1O")
    press(page, "Show what it changes")
    expect(main).to_contain_text("“1O” is not a number")
    page.get_by_label("At least").fill("5")
    press(page, "Show what it changes")
    expect(main).to_contain_text("would change")
    press(page, "Set the rule|Set this rule")
    assert ask(site, "SELECT product FROM rule ORDER BY id DESC LIMIT 1") == ["OFFICE-STD"]

    page.goto("/tags")
    page.get_by_label("Tag", exact=True).fill("key accounts")
    page.get_by_label("Or paste a list", exact=False).fill("OFFICE-STD")
    press(page, "Put the tag on them")
    press(page, "Put the tag on|Tag")
    assert ask(site, "SELECT name FROM tag") == ["key accounts"]


def test_a_person_who_chose_german_reads_and_types_numbers_the_german_way(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page("biller", script=False)
    card = ask(site, ONE_STEP)[0]
    page.goto("/profile")
    page.get_by_label(re.compile("^Deutsch 28.10.2026")).check()
    press(page, "Save")

    page.goto("/")
    shown = page.locator("main").inner_text()
    page.goto(f"/cards/{card}/adjust")
    for typed in ("1.234", "1,234"):
        page.get_by_label("Quantity").fill(typed)
        press(page, "Adjust")
        expect(page.locator("main")).to_contain_text(f"“{typed}” can be read as 1234 or as 1,234.")
    page.get_by_label("Quantity").fill("1.234,5")
    press(page, "Adjust")

    assert re.search(r"\d\.\d{3},\d\d\s\$", shown)
    assert not re.search(r"\$\d", shown)
    assert ask(site, "SELECT quantity FROM decision WHERE card_id = ?", card) == [12345000]
    expect(page.locator("main")).to_contain_text("1.234,5")
