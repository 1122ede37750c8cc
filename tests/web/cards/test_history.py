"""What a card looks back on: months before, and what came and went since the last approval."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa

from portal.db.records import Card, UsageCount, UsageImport
from portal.services import card_history
from tests.support.visitor import Visitor
from tests.web.cards.conftest import TODAY

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def text_of(visitor: Visitor, card: Card) -> str:
    return " ".join(Visitor.page(visitor.get(f"/cards/{card.id}")).get_text(" ", strip=True).split())


def month_before(month: "Month", card: Card, **values: object) -> None:
    """Keep the card of the month before."""
    same = {column.key: getattr(card, column.key) for column in sa.inspect(Card).column_attrs if column.key != "id"}
    month.session.add(Card(**(same | {"period": "2026-09", "decision_id": None} | values)))
    month.session.commit()


def another_file(month: "Month", quantity: str, *, period: str, hours: int) -> None:
    """Commit a later file that counts all accounts of the vendor so."""
    first = month.vendor()
    assert first.counted_at is not None
    file = UsageImport(
        vendor_id=first.vendor_id, filename=f"later-{period}-{hours}.csv", sha256=f"{period}{hours}".ljust(64, "1"),
        size=1, state="committed", period=period, counted_at=first.counted_at + timedelta(hours=hours), complete=True,
        imported_by="Dana", imported_at=month.now, committed_at=month.now + timedelta(hours=hours),
    )  # fmt: skip
    month.session.add(file)
    month.session.flush()
    for one in month.session.scalars(sa.select(UsageCount).where(UsageCount.import_id == first.id)).all():
        month.session.add(
            UsageCount(
                import_id=file.id, account_id=one.account_id, service_id=one.service_id, quantity=quantity, rows=1
            )
        )
    month.session.commit()


def test_the_first_month_has_no_picture_and_says_so(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")

    assert "October 2026 is the first month that Countersign knows of it." in text_of(signed_in_as("viewer"), card)


def test_a_picture_states_its_finding_and_has_its_numbers_in_a_table(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    month_before(month, card, psa_quantity=15, vendor_quantity=15)

    page = Visitor.page(signed_in_as("viewer").get(f"/cards/{card.id}"))

    drawing = page.select_one("svg.steps[role=img]")
    assert drawing is not None
    title = page.find(id=str(drawing["aria-labelledby"]))
    assert title is not None
    assert "used rose from 15 to 21 and billed rose from 15 to 20" in title.get_text()
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select(".numbers tbody tr")]
    assert rows == [["September 2026", "15", "15"], ["October 2026", "20", "21"]]


def test_a_month_before_there_were_cards_shows_what_its_file_counted_and_no_guess_of_what_was_billed(
    month: "Month",
) -> None:
    card = month.card("20", "21")
    another_file(month, "17", period="2026-09", hours=-600)

    found = card_history.months(month.session, card, today=TODAY)
    month.session.commit()

    assert [(one.billed, one.used) for one in found[-2:]] == [(None, Decimal(17)), (Decimal(20), Decimal(21))]
    assert len(found) == 12


def test_what_came_and_went_is_told_since_the_last_approval(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/approve", {})
    another_file(month, "25", period="2026-10", hours=1)

    text = text_of(biller, card)

    assert "Came and went since the last approval" in text
    assert "EDR-SEAT, Sentrybox 21 → 25" in text


def test_without_an_approval_the_month_before_is_what_it_is_compared_with(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    another_file(month, "17", period="2026-09", hours=-600)

    text = text_of(signed_in_as("viewer"), card)

    assert "Came and went since September 2026" in text
    assert "17 → 21" in text
