"""A file that nobody has seen: dropped, a column corrected, committed, mapped by keys, on the board, taken back."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

FREE = (  # companies in scope with a live agreement, of which the vendor has no account
    "SELECT DISTINCT psa_company.id, psa_company.name FROM psa_company JOIN card ON card.company_id = psa_company.id"
    " WHERE psa_company.name NOT LIKE '%,%' AND psa_company.gone_at IS NULL AND psa_company.id NOT IN"
    "  (SELECT company_id FROM account_mapping WHERE vendor_id = ? AND company_id IS NOT NULL)"
    " GROUP BY psa_company.name HAVING count(DISTINCT psa_company.id) = 1 ORDER BY psa_company.name LIMIT 3"
)
FED = (  # a service of a vendor of files that feeds one product
    "SELECT vendor.id, vendor.slug, service_mapping.service_external_id, service_mapping.term, service_product.product"
    " FROM service_mapping JOIN service_product ON service_product.mapping_id = service_mapping.id"
    " JOIN vendor ON vendor.id = service_mapping.vendor_id WHERE service_mapping.state = 'mapped'"
    " GROUP BY service_mapping.id HAVING count(*) = 1 ORDER BY vendor.slug, service_mapping.service_external_id"
)
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/csv"}));
  return data;
}"""


@dataclass(frozen=True)
class Unseen:
    """A vendor whose service is mapped, and companies of which it has reported nothing."""

    vendor: str
    service: str
    term: str
    product: str
    companies: list[tuple[int, str]]

    def text(self) -> str:
        """A file of a form that no profile knows; what is in use is not what is billed."""
        lines = [
            f"U-{number};{name};{self.service};{self.term};9;{6 + place}"
            for place, (number, name) in enumerate(self.companies)
        ]
        return "\n".join(["Client ref;Client;Item code;Term;Quantity;In use", *lines]) + "\n"


def unseen(site: Site) -> Unseen:
    """Choose what the file tells of."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        for vendor_id, slug, service, term, product in connection.execute(FED):
            companies = connection.execute(FREE, (vendor_id,)).fetchall()
            if len(companies) == 3:
                return Unseen(slug, service, term or "", product, companies)
    raise AssertionError("No vendor of the sample month leaves three companies free.")


def cards_of(site: Site, what: Unseen) -> int:
    """How many cards rest on the file's counts, by the portal's own database."""
    ids = ", ".join(str(number) for number, _name in what.companies)
    query = f"SELECT count(*) FROM card WHERE gone_at IS NULL AND vendors LIKE ? AND company_id IN ({ids})"  # noqa: S608
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        return int(connection.execute(query, (f"%|{what.vendor}|%",)).fetchone()[0])


def test_a_file_that_nobody_has_seen_reaches_the_board_and_goes_again(
    site: Site, open_page: Callable[..., Page]
) -> None:
    what = unseen(site)
    page = open_page("biller")
    before = cards_of(site, what)

    page.goto("/imports")
    page.get_by_label("Vendor", exact=True).first.select_option(what.vendor)
    dropped = page.evaluate_handle(DROP, ["export of clients.csv", what.text()])
    page.dispatch_event("form[data-drop] .drop", "drop", {"dataTransfer": dropped})
    page.wait_for_url("**/imports/*")
    expect(page.locator("#file-rows")).to_contain_text("counts 9")

    page.get_by_label("Meaning of column In use").focus()
    page.get_by_label("Meaning of column In use").select_option("count")
    expect(page.locator("#check .notice.ok")).to_contain_text("Quantity is “In use” (was “Quantity”).")
    expect(page.locator("#file-rows")).to_contain_text("counts 6")
    expect(page.get_by_label("Meaning of column In use")).to_be_focused()
    page.get_by_role("button", name="Commit 3 counts").press("Enter")
    expect(page.locator("h1")).to_contain_text("3 counts are in use")
    imported = page.url

    for _number, name in what.companies:
        page.goto(f"/mapping/accounts?vendor={what.vendor}&state=all&q={quote(name)}")
        row = page.locator("tbody[id^=account-]", has_text=name).first
        row.locator("button[data-key=m], a, input").first.focus()
        page.keyboard.press("m")
        expect(row).to_contain_text("Undo")
        expect(row).to_contain_text(name)

    assert cards_of(site, what) >= before + 3
    page.goto(f"/cards?vendor={what.vendor}&show=all&q={what.companies[0][1].split()[0]}")
    expect(page.locator("tbody[id^=card-]").first).to_be_visible()

    page.goto(imported)
    page.get_by_role("link", name="Undo…").press("Enter")
    page.get_by_role("button", name="Take 3 counts back").press("Enter")
    expect(page.locator("h1")).to_have_text("Taken back")
    assert cards_of(site, what) == before


def test_a_large_file_tells_how_far_it_is_and_goes_on_when_the_page_is_left(open_page: Callable[..., Page]) -> None:
    page = open_page("biller")
    lines = "".join(f"C-{number},Client {number},EDR,{number % 90}\n" for number in range(60_000))

    page.goto("/imports")
    page.get_by_label("New vendor").fill("Largesse")
    content = f"Customer ID,Customer,SKU,Quantity\n{lines}".encode()
    page.locator("#i-file").set_input_files({"name": "large.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.locator("[data-chosen]")).to_contain_text("large.csv")
    page.get_by_role("button", name="Read", exact=True).click()
    page.wait_for_url("**/imports/*")
    page.reload()

    expect(page.get_by_role("button", name="Commit 60,000 counts")).to_be_visible(timeout=120_000)
    expect(page.locator("#file-rows")).to_contain_text("counts")
