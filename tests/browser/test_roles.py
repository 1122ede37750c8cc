"""The month as each role meets it: who may only look, who is the second person, and who says that it is written.

The biller's month is `test_month.py`; what an admin does with a new status is `test_statuses.py`.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.sandbox.server import MONTH
from tests.browser.conftest import Site
from tests.browser.test_month import Found, found

pytestmark = pytest.mark.browser

FILE = "tessera-licences-2026-10-27.csv"
FORMS = "form[method=post]:not([action$='/sign-out'])"


def state(site: Site, card: Found) -> str:
    """The card's state, by the portal's own database."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection:
        return str(connection.execute("SELECT state FROM card WHERE id = ?", (card.id,)).fetchone()[0])


def opened(page: Page, card: Found) -> Locator:
    page.goto(f"/cards/{card.id}")
    return page.locator(f"#card-{card.id}")


def approve(page: Page, card: Found, becomes: str) -> None:
    """Approve a card, by its plan where that is asked for first."""
    row = opened(page, card)
    plan = row.get_by_role("link", name=re.compile("^Approve .*…"))
    if plan.count():
        plan.first.click()
        row.locator("form.form-row button.primary").click()
    else:
        row.get_by_role("button", name=re.compile("^(Approve|Plan)")).first.click()
    expect(row.locator(".tag", has_text=becomes).first).to_be_visible()


def zeros() -> bytes:
    """The vendor's newest file, in which nobody has a seat any more."""
    lines = (MONTH / "usage" / FILE).read_bytes().decode("cp1252").splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("Customer no."))
    seats = lines[head].split(";").index("Seats")
    for place, line in enumerate(lines[head + 1 :], head + 1):
        cells = line.split(";")
        if len(cells) > seats and cells[seats]:
            lines[place] = ";".join([*cells[:seats], "0", *cells[seats + 1 :]])
    return "\r\n".join(lines).encode("cp1252")


def test_a_viewer_walks_the_month_and_finds_no_form(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("viewer")
    rail = page.locator(".rail nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    card = found(site, "increase", prorates=False)[0]
    addresses = [*rail, f"/cards/{card.id}", "/cards?show=all", "/audit/summary", "/mapping/services", "/pushes"]
    forms = {}

    assert {"/", "/cards", "/audit"} <= set(rail)
    for address in dict.fromkeys(addresses):
        page.goto(address)
        expect(page.locator("h1")).to_have_count(1)
        expect(page.get_by_text("may open this page")).to_have_count(0)
        if address != "/profile":  # their own password and theme are theirs to change
            forms[address] = page.locator(FORMS).count()

    assert {address: count for address, count in forms.items() if count} == {}
    page.goto(f"/cards?agreement={card.agreement}")
    page.locator(f"#open-{card.id}").click()
    expect(page.locator(f"#why-{card.id}")).to_be_visible()
    assert page.locator(f"#card-{card.id} form").count() == 0
    assert page.locator("input[data-tick]").count() == 0


def test_a_manager_is_the_second_person_and_says_that_a_held_file_is_right(
    site: Site, open_page: Callable[..., Page]
) -> None:
    admin, biller, manager = open_page("admin"), open_page("biller"), open_page("manager")
    alone, *together = [card for prorates in (False, True) for card in found(site, "decrease", prorates=prorates)][:3]
    assert len(together) == 2
    admin.goto("/people")
    admin.get_by_label("Any decrease needs one").check()
    admin.get_by_role("button", name="Save the limits").click()
    for card in (alone, *together):
        approve(biller, card, "Waits for a second person")
    assert opened(biller, alone).get_by_role("button", name=re.compile("as second person")).count() == 0

    row = opened(manager, alone)
    row.get_by_role("button", name=f"Approve {alone.proposed} as second person").first.click()
    expect(row.locator(".tag", has_text="Confirmed").first).to_be_visible(timeout=30_000)

    manager.goto("/cards?show=decided&state=waiting")
    for card in together:
        manager.locator(f"#tick-{card.id}").check()
    manager.get_by_role("button", name="Confirm as second person…").click()
    expect(manager.locator("main")).to_contain_text("nothing is decided yet")
    manager.get_by_role("button", name=re.compile("^Confirm 2")).click()
    expect(manager.locator("[id^=batch-]")).to_contain_text("2 of 2 confirmed", timeout=30_000)
    assert [state(site, card) for card in (alone, *together)] == ["confirmed"] * 3

    biller.goto("/imports")
    biller.locator("#i-file").set_input_files(
        {"name": "tessera-licences-2026-10-28.csv", "mimeType": "text/csv", "buffer": zeros()}
    )
    biller.get_by_role("button", name="Read", exact=True).click()
    biller.get_by_role("button", name=re.compile(r"^Commit \d+ counts")).click()
    expect(biller.locator("main")).to_contain_text("Held")
    manager.goto("/connections")
    manager.locator("main a[href$='/held']").first.click()
    manager.get_by_label("Why they are right").fill("their contract ended")
    manager.get_by_role("button", name="Use these counts").click()
    expect(manager.locator("main")).not_to_contain_text("is held")

    manager.goto("/audit")
    manager.get_by_role("link", name="Decisions at a glance").click()
    expect(manager.get_by_role("rowheader", name="Dana", exact=True)).to_be_visible()
    manager.goto("/audit?q=their contract ended")
    expect(manager.locator("#events")).to_contain_text("Marcus")


def test_an_admin_switches_writing_on_and_a_person_sends_what_was_planned(
    site: Site, open_page: Callable[..., Page]
) -> None:
    admin, biller = open_page("admin"), open_page("biller")
    card = found(site, "increase", prorates=False)[0]
    line = f"finance/agreements/{card.agreement}/additions?pageSize=1000"

    def billed() -> int:
        return next(int(each["quantity"]) for each in site.psa(line) if each["id"] == card.line)

    admin.goto("/connections")
    admin.get_by_role("link", name="Switch writing off…").first.click()
    admin.get_by_role("button", name="Switch writing off").click()
    approve(biller, card, "Planned")
    expect(biller.locator("#read-only")).to_contain_text("nothing is sent to ConnectWise")
    expect(biller.get_by_role("link", name="Switch writing on…")).to_have_count(0)

    admin.goto("/")
    admin.locator("#read-only").get_by_role("link", name="Switch writing on…").click()
    expect(admin.locator("main")).to_contain_text("1 decision was planned until now.")
    admin.get_by_role("button", name="Switch writing on").click()
    expect(admin.locator("#read-only")).to_have_count(0)
    assert (state(site, card), billed()) == ("planned", card.psa)

    biller.goto("/connections/writing/report")
    biller.get_by_role("link", name="Send the 1 planned of October 2026…").click()
    biller.get_by_role("button", name=re.compile("^(Send|Confirm) 1, effective today")).click()
    expect(biller.locator("[id^=batch-]")).to_contain_text("1 of 1 confirmed", timeout=30_000)
    assert (state(site, card), billed()) == ("confirmed", card.proposed)
