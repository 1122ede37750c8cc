"""The board for people who chose other formats: screens follow, files do not, and fields read back what they show."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Decision
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month

SignedInAs = Callable[[str], Visitor]


def choose(visitor: Visitor, tag: str) -> None:
    answer = visitor.post("/profile", {"locale": tag})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("tag", "counted", "money"),
    [
        ("own", "1,250.5", "+$11,689.75"),
        ("en-US", "1,250.5", "+$11,689.75"),
        ("de", "1.250,5", "+11.689,75\u00a0$"),
        ("fr", "1\u202f250,5", "+11\u202f689,75\u00a0$"),
        ("nl", "1.250,5", "+$\u00a011.689,75"),
    ],
)
def test_a_card_is_shown_the_way_the_person_chose(
    month: Month, signed_in_as: SignedInAs, tag: str, counted: str, money: str
) -> None:
    card = month.card(billed="20", counted="1250.5")
    visitor = signed_in_as("biller")
    choose(visitor, tag)

    page = visitor.page(visitor.get("/cards"))
    row = page.select_one(f"#card-{card.id}")

    assert row is not None
    text = row.get_text(" ")
    assert counted in text
    assert money in text
    assert f"Approve {counted}" in text


def test_files_are_the_same_for_everybody(month: Month, signed_in_as: SignedInAs) -> None:
    month.card(billed="20", counted="1250.5")
    biller, viewer = signed_in_as("biller"), signed_in_as("viewer")
    choose(biller, "de")

    for address in ("/cards.csv?show=all", "/audit.csv?what=decisions", "/audit/summary.csv"):
        theirs, ours = biller.get(address), viewer.get(address)
        assert theirs.status_code == ours.status_code
        assert theirs.get_data() == ours.get_data()
    assert b"1250.5" in biller.get("/cards.csv?show=all").get_data()


def test_a_number_typed_the_german_way_is_decided_as_meant_and_told_in_one_neutral_form(
    month: Month, signed_in_as: SignedInAs, session: Session
) -> None:
    card = month.card(billed="20", counted="1250.5")
    visitor = signed_in_as("biller")
    choose(visitor, "de")
    form = visitor.page(visitor.get(f"/cards/{card.id}/adjust")).select_one(f"#quantity-{card.id}")
    assert form is not None
    assert form["value"] == "1250,5"

    doubtful = visitor.post(f"/cards/{card.id}/adjust", {"quantity": "1.250"})
    visitor.post(f"/cards/{card.id}/adjust", {"quantity": "1.240,5"})

    session.rollback()
    assert doubtful.status_code == 422
    assert "“1.250” can be read as 1250 or as 1,250. Type 1250 or 1,2500." in doubtful.get_data(as_text=True)
    assert session.scalars(sa.select(Decision.quantity)).all() == [Decimal("1240.5")]
    told = session.scalars(sa.select(AuditEvent.sentence).where(AuditEvent.what == "decision")).all()
    assert any("1240.5" in each for each in told)


def test_a_wrong_number_is_shown_again_as_it_was_typed(month: Month, signed_in_as: SignedInAs) -> None:
    card = month.card(billed="20", counted="21")
    visitor = signed_in_as("biller")
    choose(visitor, "fr")

    answer = visitor.post(f"/cards/{card.id}/adjust", {"quantity": "12,345"})

    field = visitor.page(answer).select_one(f"#quantity-{card.id}")
    assert field is not None
    assert (field["value"], field["aria-invalid"]) == ("12,345", "true")
