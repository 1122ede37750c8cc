"""Adjusting: a quantity, a date where the agreement prorates, and the plan as it is typed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Decision
from tests.support.visitor import Visitor
from tests.web.cards.asking import on

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_a_date_field_stands_only_where_the_agreement_prorates(month: "Month", signed_in_as: SignIn) -> None:
    open_one = month.card(prorates=True)
    locked = month.card(name="Cloud licences")
    biller = signed_in_as("biller")

    for_open = Visitor.page(biller.get(on(open_one, "adjust"), swapping=f"card-{open_one.id}"))
    for_locked = Visitor.page(biller.get(on(locked, "adjust"), swapping=f"card-{locked.id}"))

    field = for_open.select_one("input[type=date]")
    assert field is not None
    assert field["name"] == "date"
    assert (field["min"], field["max"]) == ("2026-06-01", "2999-12-31")
    assert for_locked.select_one("[name=date]") is None
    fixed = for_locked.select_one("input[readonly]")
    assert fixed is not None
    assert fixed["value"] == "28 Oct 2026, today"
    assert "name" not in fixed.attrs
    assert "the agreement “Cloud licences” does not prorate" in for_locked.get_text()
    assert for_locked.select_one("a[href*='recordType=AgreementFV']") is not None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"quantity": "1O"}, "“1O” is not a number. Did you mean 10?"),
        ({"quantity": "-3"}, "“-3” is below zero."),
        ({"quantity": "1e9"}, "“1e9” has an exponent."),
        ({"quantity": "NaN"}, "“NaN” is not a number."),
        ({"quantity": "Infinity"}, "“Infinity” is not a number."),
        ({"quantity": "1.23456"}, "“1.23456” has 5 decimals."),
        ({"quantity": "99999999999"}, "too large"),
        ({"quantity": ""}, "A quantity is missing."),
        ({}, "A quantity is missing."),
        ({"quantity": "19", "date": "2026-10-28"}, "does not prorate, so no date can be picked"),
        ({"quantity": "19", "date": "soon"}, "“soon” is not a date."),
        ({"quantity": "19", "date": "2026-02-30"}, "“2026-02-30” is not a date."),
        ({"quantity": "19", "reason": "x" * 501}, "The reason has 501 characters."),
    ],
)
def test_a_wrong_adjustment_is_422_with_a_sentence_and_what_was_typed(
    fields: dict[str, str], sentence: str, month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    part = biller.post(on(card, "adjust"), fields, swapping=f"card-{card.id}")
    whole = biller.post(on(card, "adjust"), fields)

    assert part.status_code == whole.status_code == 422
    for answer in (part, whole):
        page = Visitor.page(answer)
        assert sentence in page.get_text()
        assert "Adjust" in page.get_text()
        quantity = page.select_one("input[name=quantity]")
        assert quantity is not None
        assert quantity["value"] == fields.get("quantity", quantity["value"])
    assert month.reload(card).state == "open"


def test_a_wrong_field_says_so_to_those_who_hear_it(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()

    answer = signed_in_as("biller").post(on(card, "adjust"), {"quantity": "1O"}, swapping=f"card-{card.id}")

    field = Visitor.page(answer).select_one("input[name=quantity]")
    assert field is not None
    assert field["aria-invalid"] == "true"
    described = str(field["aria-describedby"]).split()
    assert all(Visitor.page(answer).select_one(f"#{one}") for one in described)
    assert "autofocus" in field.attrs


def test_adjusting_where_it_prorates_needs_and_takes_a_date(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")

    none = biller.post(on(card, "adjust"), {"quantity": "19"}, swapping=f"card-{card.id}")
    early = biller.post(on(card, "adjust"), {"quantity": "19", "date": "2020-01-01"}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "adjust"), {"quantity": "19", "date": "2026-10-16"}, swapping=f"card-{card.id}")

    assert none.status_code == early.status_code == 422
    assert "Pick the day from which the quantity holds." in none.get_data(as_text=True)
    assert "1 Jan 2020 is before" in early.get_data(as_text=True)
    assert done.status_code == 200
    decision = month.session.scalars(sa.select(Decision)).one()
    assert (decision.quantity, decision.effective) == (Decimal(19), date(2026, 10, 16))


def test_a_date_in_an_invoiced_period_needs_its_tick(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")
    fields = {"quantity": "19", "date": "2026-09-16"}

    asked = biller.post(on(card, "adjust"), fields, swapping=f"card-{card.id}")
    done = biller.post(on(card, "adjust"), fields | {"invoiced_ok": "1"}, swapping=f"card-{card.id}")

    assert asked.status_code == 422
    page = Visitor.page(asked)
    assert page.select_one("input[name=invoiced_ok]") is not None
    assert "16 Sep 2026 was already invoiced" in page.get_text()
    assert done.status_code == 200


def test_the_plan_is_drawn_anew_as_it_is_typed(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")

    good = biller.get(f"/cards/{card.id}/plan?action=adjust&quantity=15&date=2026-10-20", swapping=f"plan-{card.id}")
    bad = biller.get(f"/cards/{card.id}/plan?action=adjust&quantity=1O&date=2026-10-20", swapping=f"plan-{card.id}")
    page = biller.get(f"/cards/{card.id}/plan?quantity=15&date=2026-10-20")

    part = Visitor.page(good)
    assert part.select("html") == []
    assert "New line like 30001" in part.get_text()
    assert "Adjust to 15, effective 20 Oct 2026" in part.get_text()
    assert bad.status_code == 422
    assert "Did you mean 10?" in bad.get_data(as_text=True)
    assert page.status_code == 200
    assert Visitor.page(page).select_one("h1") is not None


def test_without_scripts_a_button_shows_the_plan_and_decides_nothing(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19")

    answer = signed_in_as("biller").post(on(card, "adjust"), {"quantity": "15", "only": "plan"})

    assert answer.status_code == 200
    assert "12 → 15" in Visitor.page(answer).get_text()
    assert month.reload(card).state == "open"


def test_approve_takes_no_date(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card(prorates=True)

    answer = signed_in_as("biller").post(on(card, "approve"), {"date": "2026-10-28"})

    assert answer.status_code == 422
    assert "Approve takes no date" in answer.get_data(as_text=True)
