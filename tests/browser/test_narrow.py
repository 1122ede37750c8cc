"""Lists on a telephone, and at 200 % on a small one, with names that are long or run from right to left."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

LONG = "Gesellschaft für außerordentliche Unternehmensbeteiligungsverwaltungsdienstleistungen mbH & Co. KGaA"
RIGHT_TO_LEFT = "شركة الخليج للتقنية والاتصالات المحدودة (٢٠٢٦)"
LISTS = (
    "/cards", "/cards?show=all&group=none", "/mapping/accounts?state=all", "/mapping/services?state=all",
    "/mapping/splits", "/imports", "/statuses", "/statuses?list=vendor", "/audit", "/audit/summary", "/people",
    "/people/1", "/rules", "/tags", "/connections", "/activity", "/activity/1", "/profile", "/views", "/",
)  # fmt: skip
CUT = """() => {
  const may = "svg, .sr, .scroll, .tabs, .skip, thead, [tabindex='0'][role=region], pre";
  const beyond = [...document.querySelectorAll("body *")].filter(one => one.checkVisibility() && !one.closest(may))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1 || one.getBoundingClientRect().left < -1);
  const words = beyond.slice(0, 3).map(one => one.outerHTML.slice(0, 120));
  return document.documentElement.scrollWidth > innerWidth ? ["wider than the screen", ...words] : words;
}"""

BESIDE_ITS_COLUMN = """spare => [...document.querySelectorAll(".cards .card > :is(.q, .delta, .money)")].filter(one => {
  const words = document.createRange();
  words.selectNodeContents(one);
  const [text, column, style] = [words.getBoundingClientRect(), one.getBoundingClientRect(), getComputedStyle(one)];
  const [left, right] = [column.left + parseFloat(style.paddingLeft), column.right - parseFloat(style.paddingRight)];
  return text.right > right + spare || text.left < left - spare;
}).map(one => one.innerText)"""


def rename(site: Site) -> None:
    """Give companies, accounts, services, files, tags and people names as others might write them."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite", timeout=20)) as connection, connection:
        for name, rest in ((LONG, 0), (RIGHT_TO_LEFT, 1)):
            connection.execute("UPDATE psa_company SET name = ? WHERE id % 4 = ?", (name, rest))
            connection.execute("UPDATE card SET company = ? WHERE company_id % 4 = ?", (name, rest))
            connection.execute("UPDATE vendor_account SET name = ? WHERE id % 4 = ?", (name, rest))
            connection.execute("UPDATE vendor_service SET name = ? WHERE id % 4 = ?", (name, rest))
            connection.execute("UPDATE psa_list_row SET name = ? WHERE id % 4 = ?", (name, rest))
            file = f"{name.replace(' ', '-')}.csv"
            connection.execute("UPDATE usage_import SET filename = ? WHERE id % 4 = ?", (file, rest))
            connection.execute(
                "INSERT INTO tag (name, key, made_by, made_at) VALUES (?, ?, ?, '2026-10-01 00:00:00')",
                (name[:40], name[:40].casefold(), name),
            )
        address = f"{'long-name-of-a-mailbox' * 2}@{'a-very-long-domain' * 2}.example"
        connection.execute("UPDATE person SET name = ?, email = ? WHERE role = 'manager'", (LONG[:80], address))
        connection.execute("UPDATE person SET name = ? WHERE role = 'viewer'", (RIGHT_TO_LEFT,))


@pytest.mark.parametrize(("width", "text"), [(390, 100), (320, 200)])
def test_no_list_is_cut_by_long_names(site: Site, open_page: Callable[..., Page], width: int, text: int) -> None:
    rename(site)
    page = open_page("admin", width=width)

    found = {}
    for address in LISTS:
        page.goto(address)
        page.evaluate("size => { document.documentElement.style.fontSize = `${size}%`; }", text)
        if cut := page.evaluate(CUT):
            found[address] = cut

    assert found == {}


# where there is little room, the space between two columns may be used, which is 10 px on either side
@pytest.mark.parametrize(("width", "spare"), [(1440, 1), (1280, 10), (1024, 10), (800, 10)])
def test_the_figures_of_the_board_stay_in_their_columns(open_page: Callable[..., Page], width: int, spare: int) -> None:
    page = open_page("biller", width=width)

    found = {}
    for kind in ("increase", "decrease", "new_revenue", "not_reported", "to_split"):
        page.goto(f"/cards?kind={kind}")
        assert page.locator(".cards .card").count()
        if beside := page.evaluate(BESIDE_ITS_COLUMN, spare):
            found[kind] = beside

    assert found == {}


def test_names_from_right_to_left_leave_the_numbers_beside_them_alone(
    site: Site, open_page: Callable[..., Page]
) -> None:
    rename(site)
    page = open_page("viewer", width=390)
    page.goto("/mapping/services?state=all")

    ways = page.locator("main :is(a, b, strong)").evaluate_all(
        "all => all.map(one => getComputedStyle(one).unicodeBidi)"
    )
    sums = [text for text in page.locator("main .sub").all_inner_texts() if RIGHT_TO_LEFT in text and "=" in text]

    assert set(ways) == {"plaintext"}
    assert sums
    assert all(f"\u2068{RIGHT_TO_LEFT}" in text for text in sums)
