"""The month as a person does it in a browser, with and without script, and what ConnectWise holds afterwards."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

DAY = "2026-10-30"
CARD = (
    "SELECT card.id, card.agreement_id, card.product, card.psa_quantity / 10000, card.proposed_quantity / 10000,"
    " json_extract(card.facts, '$.changing[0].id') FROM card"
    " JOIN psa_agreement ON psa_agreement.id = card.agreement_id"
    " WHERE card.kind = ? AND card.state = 'open' AND card.prorates = ? AND json_extract(facts, '$.one_step')"
    " AND json_array_length(card.facts, '$.lines') = 1 AND card.proposed_quantity % 10000 = 0"
    " AND psa_agreement.period_type = 'Current' AND psa_agreement.next_invoice_date = '2026-11-01' ORDER BY card.id"
)
NEW = (
    "SELECT card.id, min(psa_agreement.id), card.product, 0, card.vendor_quantity / 10000, 0 FROM card"
    " JOIN psa_agreement ON psa_agreement.company_id = card.company_id AND NOT psa_agreement.cancelled"
    "  AND psa_agreement.status = 'Active' AND psa_agreement.billing_cycle_id IS NOT NULL"
    "  AND NOT psa_agreement.prorates AND psa_agreement.gone_at IS NULL"
    " JOIN psa_product ON psa_product.identifier = card.product AND psa_product.product_class != 'Bundle'"
    " WHERE card.kind = 'new_revenue' AND card.state = 'open' AND card.vendor_quantity % 10000 = 0"
    " GROUP BY card.id ORDER BY card.id"
)


@dataclass(frozen=True)
class Found:
    """A card of the sample month; quantities are whole here."""

    id: int
    agreement: int
    product: str
    psa: int
    proposed: int
    line: int


def asked(site: Site, query: str, *values: object) -> list[Found]:
    """Ask the portal's own database which cards fit."""
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection:
        return [Found(*row) for row in connection.execute(query, values)]


def found(site: Site, kind: str, *, prorates: bool) -> list[Found]:
    """Cards that one write carries, on agreements that bill October on 1 November."""
    return asked(site, CARD, kind, prorates)


def new_revenue(site: Site) -> Found:
    """A card of usage that nothing bills, whose company has a live agreement that does not prorate."""
    return asked(site, NEW)[0]


class Desk:
    """Somebody at the board: each decision as they take it, and what ConnectWise must then hold."""

    def __init__(self, page: Page, site: Site, *, script: bool) -> None:
        self.page = page
        self.site = site
        self.script = script

    def open(self, card_id: int) -> Locator:
        """Open a card."""
        self.page.goto(f"/cards/{card_id}")
        return self.page.locator(f"#card-{card_id}")

    def form(self, card_id: int, name: str) -> Locator:
        """Open a card's form by the link of this name."""
        self.open(card_id).get_by_role("link", name=re.compile(f"^{name}")).first.click()
        row = self.page.locator(f"#card-{card_id}")
        expect(row.locator("form").first).to_be_visible()
        return row

    def settled(self, card_id: int) -> None:
        """Wait until the card says that ConnectWise has it; without script the page is asked for again."""
        tag = self.page.locator(f"#card-{card_id} .tag", has_text="Confirmed").first
        if self.script:
            expect(tag).to_be_visible(timeout=30_000)
            return
        for _ in range(100):
            self.page.goto(f"/cards/{card_id}")
            if tag.is_visible():
                return
            self.page.wait_for_timeout(200)
        raise AssertionError(f"Card {card_id} was not confirmed.")

    def lines(self, agreement: int, product: str) -> list[dict[str, Any]]:
        """The PSA's lines of a product."""
        found = self.site.psa(f"finance/agreements/{agreement}/additions?pageSize=1000")
        return [line for line in found if line["product"]["identifier"] == product]

    def approve(self, card: Found) -> None:
        """Approve: one click on the board, effective today."""
        self.page.goto(f"/cards?q={card.product}&agreement={card.agreement}")
        row = self.page.locator(f"#card-{card.id}")
        row.get_by_role("button", name=f"Approve {card.proposed}, effective today").click()
        self.settled(card.id)

        line = next(line for line in self.lines(card.agreement, card.product) if line["id"] == card.line)
        assert (line["quantity"], line["_info"]["updatedBy"]) == (card.proposed, "apiuser")

    def adjust_up(self, card: Found) -> None:
        """Adjust upwards from a day: a second line holds the increase from then on."""
        before = {line["id"]: line["quantity"] for line in self.lines(card.agreement, card.product)}
        self.adjust(card, card.psa + 3)

        after = self.lines(card.agreement, card.product)
        added = [line for line in after if line["id"] not in before]
        assert {line["id"]: line["quantity"] for line in after if line["id"] in before} == before
        assert [(line["quantity"], line["effectiveDate"]) for line in added] == [(3, f"{DAY}T00:00:00Z")]

    def adjust_down(self, card: Found) -> None:
        """Adjust downwards from a day: a line with the rest begins, the old one ends the day before."""
        known = {line["id"] for line in self.lines(card.agreement, card.product)}
        self.adjust(card, card.proposed)

        after = self.lines(card.agreement, card.product)
        assert [line["quantity"] for line in after if line["id"] not in known] == [card.proposed]
        assert [line["cancelledDate"] for line in after if line["id"] == card.line] == ["2026-10-29T00:00:00Z"]

    def adjust(self, card: Found, quantity: int) -> None:
        """Adjust to a quantity from the day on."""
        row = self.form(card.id, "Adjust…")
        row.get_by_label("Quantity").fill(str(quantity))
        row.get_by_label("Effective date").fill(DAY)
        if self.script:
            expect(row.locator(f"#plan-{card.id}")).to_contain_text("30 Oct")
        else:
            row.get_by_role("button", name="Show the plan").click()
            row = self.page.locator(f"#card-{card.id}")
        row.get_by_role("button", name=re.compile(rf"^Adjust to {quantity}, effective 30 Oct")).click()
        self.settled(card.id)

    def find_the_date_locked(self, card: Found) -> None:
        """See that the date is fixed, and why."""
        row = self.form(card.id, "Adjust…")
        field = row.get_by_label("Effective date")
        expect(field).to_have_attribute("readonly", "")
        assert field.get_attribute("name") is None
        expect(row).to_contain_text("does not prorate")

    def dismiss(self, card: Found) -> None:
        """Dismiss with a reason; nothing is written."""
        before = self.lines(card.agreement, card.product)
        row = self.form(card.id, "Dismiss…")
        row.get_by_label("Reason").fill("agreed by telephone")
        row.get_by_role("button", name="Dismiss", exact=True).click()
        if not self.script:
            row = self.open(card.id)
        expect(row.locator(".tag", has_text="Dismissed").first).to_be_visible()
        assert self.lines(card.agreement, card.product) == before

    def add(self, card: Found) -> None:
        """Add new revenue to an agreement of the company."""
        row = self.form(card.id, f"Add {card.proposed}…")
        row.locator(f"#agreement-{card.id}-{card.agreement}").check()
        row.get_by_role("button", name=re.compile(rf"^Add {card.proposed}, effective today")).click()
        self.settled(card.id)

        assert [line["quantity"] for line in self.lines(card.agreement, card.product)] == [card.proposed]

    def read_it_all_back(self, *, approved: Found, dismissed: Found, added: Found) -> None:
        """Read the audit trail: who, what, from when, why, and what ConnectWise got."""
        told = self.page.locator("main")
        self.page.goto("/audit?what=decisions")
        for words in ("Dana", "Approved", "Adjusted", "30 Oct", "Dismissed", added.product):
            expect(told).to_contain_text(words)
        self.page.goto(f"/audit?card={dismissed.id}")
        self.page.get_by_role("link", name=re.compile("event")).first.click()
        expect(told).to_contain_text("agreed by telephone")
        self.page.goto("/audit?what=writes")
        expect(told).to_contain_text(str(approved.line))
        self.page.goto("/audit")
        self.page.get_by_role("button", name="Verify now").click()
        expect(self.page.locator("main")).to_contain_text("The chain is whole")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_the_month_is_done_on_the_board_and_told_by_the_audit_trail(
    site: Site, open_page: Callable[..., Page], script: bool
) -> None:
    page = open_page("biller", script=script)
    desk = Desk(page, site, script=script)
    plain, other = found(site, "increase", prorates=False)[:2]
    added = new_revenue(site)

    page.goto("/cards")
    expect(page.get_by_role("heading", level=1)).to_have_text("74 cards to decide")

    desk.approve(plain)
    desk.adjust_up(found(site, "increase", prorates=True)[0])
    desk.adjust_down(found(site, "decrease", prorates=True)[0])
    desk.find_the_date_locked(other)
    desk.dismiss(other)
    desk.add(added)
    desk.read_it_all_back(approved=plain, dismissed=other, added=added)
    page.goto("/cards")
    expect(page.get_by_role("heading", level=1)).to_have_text("69 cards to decide")
