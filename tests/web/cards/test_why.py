"""Why a card has its numbers: lines, counts, arithmetic and plan, down to the rows of the file."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from portal.domain.periods import Period
from tests.support.database import NOW
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
OCTOBER = Period(2026, 10)


def test_why_these_numbers_shows_lines_counts_arithmetic_and_plan(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Halyard Freight")
    contract = month.agreement(customer)
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2024, 3, 1))
    month.line(contract, "EDR-SEAT", "15", less_included=Decimal(2), updated_by="joan", last_updated=NOW)
    month.line(contract, "EDR-SEAT", "9", effective_date=date(2023, 1, 1), cancelled_date=date(2023, 12, 31))
    month.line(contract, "EDR-SEAT", "3", effective_date=date(2026, 12, 1))
    month.usage(customer, "EDR-SEAT", "21")
    card = month.make()[0]
    biller = signed_in_as("biller")

    part = biller.get(f"/cards/{card.id}?back=show%3Ddecide", swapping=f"card-{card.id}")
    whole = biller.get(f"/cards/{card.id}")

    text = " ".join(Visitor.page(part).get_text(" ", strip=True).split())
    assert "<html" not in part.get_data(as_text=True)
    for expected in (
        "ConnectWise bills 20",
        "9, ended",
        "3, later",
        "Active on 28 Oct 20",
        "20, 2 included, 18 billed",
        "by “joan”",
        "Sentrybox counts 21",
        "Covers October 2026.",
        "Difference: 21 counted \N{MINUS SIGN} 20 billed +1",
        "Revenue: 1 \N{MULTIPLICATION SIGN} $9.50 +$9.50 a month",
        "Profit: 1 \N{MULTIPLICATION SIGN} ($9.50 \N{MINUS SIGN} $4.20) +$5.30 a month",
        "Line 30002 : quantity 15 → 16",
        "Next invoice, 1 Nov",
        "Read this agreement again now",
        "Its audit trail",
    ):
        assert expected in text, expected
    assert Visitor.page(whole).select_one(f"#card-{card.id} .why-these") is not None
    opened = Visitor.page(biller.get(f"/cards?open={card.id}"))
    assert opened.select_one(f"#card-{card.id} .why-these") is not None


def test_a_count_leads_down_to_the_rows_of_the_file(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    viewer = signed_in_as("viewer")

    link = Visitor.page(viewer.get(f"/cards/{card.id}")).select_one("a[href*='/rows/']")
    assert link is not None
    page = viewer.get(str(link["href"]))
    missing = viewer.get(f"/cards/{card.id}/rows/99/99/99")

    assert "sentrybox-2026-10.csv" in page.get_data(as_text=True)
    assert "acc-201" in page.get_data(as_text=True)
    assert missing.status_code == 404


@pytest.mark.parametrize("path", ["/cards/77", "/cards/77/plan", "/cards/77/adjust", "/cards/77/rows/1/1/1"])
def test_a_card_that_is_not_there_is_404(path: str, signed_in_as: SignIn) -> None:
    answer = signed_in_as("biller").get(path)

    assert answer.status_code == 404
    assert "There is no card 77." in answer.get_data(as_text=True)
