"""The effective date of a form: its bounds stand beside the field with their reasons, and the server holds to them."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from portal.db.records import Card, Decision
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
A_DAY = timedelta(days=1)
END: dict[str, Any] = {"no_ending": False, "end_date": date(2026, 12, 31)}


def on(card: Card, verb: str) -> str:
    return f"/cards/{card.id}/{verb}"


def hint_of(page: BeautifulSoup, card: Card) -> str:
    found = page.select_one(f"#date-{card.id}-h")
    assert found is not None
    return " ".join(found.get_text().split())


@pytest.mark.parametrize(
    ("agreement", "line", "first", "last", "hint"),
    [
        (
            END, {}, "2026-06-01", "2026-12-31",
            (
                "This agreement prorates. From 1 Jun 2026, when line 30001 begins, to 31 Dec 2026, when the agreement "
                "ends. Days before 1 Oct were already invoiced; one of them asks for a tick."
            ),
        ),
        (
            {}, {"effective_date": date(2020, 5, 1)}, "2024-01-01", "2999-12-31",
            (
                "This agreement prorates. From 1 Jan 2024, when the agreement begins. Days before 1 Oct were already "
                "invoiced; one of them asks for a tick."
            ),
        ),
        (
            {"period_type": "Future"}, {}, "2026-06-01", "2999-12-31",
            (
                "This agreement prorates. From 1 Jun 2026, when line 30001 begins. Days before 1 Nov 2026 were already "
                "invoiced; one of them asks for a tick."
            ),
        ),
        (
            END, {"effective_date": date(2026, 10, 5), "cancelled_date": date(2026, 11, 30)}, "2026-10-05",
            "2026-11-30",
            "This agreement prorates. From 5 Oct, when line 30001 begins, to 30 Nov 2026, when line 30001 ends.",
        ),
    ],
)  # fmt: skip
def test_adjust_says_its_bounds_and_takes_what_lies_within_them_alone(
    agreement: dict[str, Any],
    line: dict[str, Any],
    first: str,
    last: str,
    hint: str,
    month: "Month",
    signed_in_as: SignIn,
) -> None:
    card = month.card("12", "19", prorates=True, line=line, **agreement)
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(on(card, "adjust"), swapping=f"card-{card.id}"))
    field = page.select_one("input[name=date]")

    assert field is not None
    assert (field["min"], field["max"], field["value"]) == (first, last, "2026-10-28")
    assert f"date-{card.id}-h" in str(field["aria-describedby"]).split()
    assert hint_of(page, card) == hint
    assert statuses(biller, card, "adjust", first, last, {"quantity": "19"}) == [422, 422]
    for day in (first, last):
        within = {"quantity": "19", "date": day, "invoiced_ok": "1"}
        assert biller.post(on(card, "adjust"), within, swapping=f"card-{card.id}").status_code == 200
        assert biller.post(on(card, "undo"), swapping=f"card-{card.id}").status_code == 200
    decided = sa.select(Decision.effective).where(Decision.action == "adjust").order_by(Decision.id)
    assert [str(day) for day in month.session.scalars(decided)] == [first, last]


def statuses(biller: Visitor, card: Card, verb: str, first: str, last: str, fields: dict[str, str]) -> list[int]:
    """Send the day before the first and the day after the last, as a hand-made request would."""
    outside = (date.fromisoformat(first) - A_DAY, date.fromisoformat(last) + A_DAY)
    sent = [fields | {"date": str(day), "invoiced_ok": "1", "scheduled_ok": "1"} for day in outside]
    return [biller.post(on(card, verb), one, swapping=f"card-{card.id}").status_code for one in sent]


def test_the_bounds_follow_the_quantity_as_it_is_typed(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company()
    contract = month.agreement(customer, prorates=True)
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2025, 1, 1))
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2026, 9, 1), cancelled_date=date(2026, 12, 31))
    month.usage(customer, "EDR-SEAT", "12")
    card = month.make()[0]
    biller = signed_in_as("biller")

    def hint(quantity: str) -> str:
        path = f"/cards/{card.id}/plan?action=adjust&quantity={quantity}&date=2026-10-20"
        part = biller.get(path, swapping=f"plan-{card.id}").get_data(as_text=True)
        beside = BeautifulSoup(part.partition("<template>")[2], "html.parser")
        assert beside.select_one("[hx-swap-oob=true]") is not None
        return hint_of(beside, card)

    form = Visitor.page(biller.get(on(card, "adjust"), swapping=f"card-{card.id}"))

    assert "From 1 Jan 2025, when line 30001 begins." in hint_of(form, card)
    assert "From 1 Jan 2025, when line 30001 begins." in hint("12")  # the open line grows
    assert "From 1 Sep 2026, when line 30002 begins." in hint("9")  # the newest shrinks first


def test_add_says_the_bounds_of_the_agreement_that_is_chosen(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Halyard Freight")
    contract = month.agreement(customer, prorates=True, **END)
    month.line(contract, "PWD-SEAT", "4", cancelled_date=date(2026, 10, 10))
    month.line(contract, "PWD-SEAT", "4", effective_date=date(2026, 12, 1))
    month.usage(customer, "PWD-SEAT", "31")
    card = next(one for one in month.make() if one.kind == "new_revenue")
    biller = signed_in_as("biller")
    fields = {"quantity": "31", "agreement": str(contract.id)}

    page = Visitor.page(biller.get(f"{on(card, 'add')}?agreement={contract.id}", swapping=f"card-{card.id}"))
    field = page.select_one("input[name=date]")
    empty = Visitor.page(biller.get(on(card, "add"), swapping=f"card-{card.id}"))

    assert field is not None
    assert (field["min"], field["max"], field["value"]) == ("2026-10-11", "2026-11-30", "")
    assert hint_of(page, card) == (
        "This agreement prorates. From 11 Oct, the day after line 30001 ends, to 30 Nov 2026, the day before line "
        "30002 begins. Left empty: today."
    )
    assert empty.select_one("input[name=agreement][checked]") is not None  # the only one is chosen
    assert statuses(biller, card, "add", "2026-10-11", "2026-11-30", fields) == [422, 422]
    for day in ("2026-10-11", "2026-11-30"):
        within = fields | {"date": day, "scheduled_ok": "1"}
        assert biller.post(on(card, "add"), within, swapping=f"card-{card.id}").status_code == 200
        assert biller.post(on(card, "undo"), swapping=f"card-{card.id}").status_code == 200


def test_a_card_of_a_past_month_starts_within_its_bounds(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True, line={"cancelled_date": date(2026, 10, 28)})

    page = Visitor.page(signed_in_as("biller").get(on(card, "adjust"), swapping=f"card-{card.id}"))

    field = page.select_one("input[name=date]")
    assert field is not None
    assert field["value"] == field["max"] == "2026-10-28"
