"""What would have been written while the portal is read-only: checked anew, exported, sent by a person alone."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, PsaAddition, PsaAgreement, Push
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month
from tests.web.counting import counted_queries

SignIn = Callable[[str], Visitor]


@pytest.fixture
def month(session: Session) -> Month:
    made = Month(session)
    made.connection.writing = False
    return made


def planned(month: Month, signed_in_as: SignIn, billed: str, counted: str, company: str = "") -> Push:
    card = month.card(billed, counted, company=company)
    signed_in_as("biller").post(f"/cards/{card.id}/approve")
    push = month.session.scalars(sa.select(Push).where(Push.card_id == card.id)).one()
    month.session.commit()
    return push


def test_the_report_names_each_line_its_money_and_what_is_no_longer_valid(month: Month, signed_in_as: SignIn) -> None:
    planned(month, signed_in_as, "20", "30", company="Alder Dental")
    moved = planned(month, signed_in_as, "5", "3", company="Birch Law")
    gone = planned(month, signed_in_as, "7", "8", company="Cedar Vets")
    month.session.execute(
        sa.update(PsaAddition).where(PsaAddition.agreement_id == moved.agreement_id).values(quantity=Decimal(4))
    )
    month.session.execute(sa.update(PsaAgreement).where(PsaAgreement.id == gone.agreement_id).values(cancelled=True))
    month.session.commit()

    page = Visitor.page(signed_in_as("viewer").get("/connections/writing/report"))
    text = page.get_text(" ", strip=True)

    assert page.h1 is not None
    assert page.h1.get_text() == "3 decisions are planned, not sent"
    assert "Set line 30001 from 20 to 30." in text
    assert "line 30002 had 5 and has 4 now" in text
    assert "The agreement was cancelled" in text
    assert "Can be sent 1" in text
    assert "A month +$95.00" in text
    assert page.select("main form") == []


def test_the_csv_has_a_row_a_line_and_is_safe_to_open(month: Month, signed_in_as: SignIn) -> None:
    planned(month, signed_in_as, "20", "30", company="=Alder")

    answer = signed_in_as("viewer").get("/connections/writing/report.csv")
    (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")))

    assert answer.mimetype == "text/csv"
    assert (row["company"], row["line"], row["from"], row["to"]) == ("'=Alder", "30001", "20", "30")
    assert (row["per_month"], row["currency"], row["not_valid_because"]) == ("95.00", "USD", "")


def test_switching_writing_on_sends_nothing_and_a_person_sends_what_was_planned(
    month: Month, signed_in_as: SignIn
) -> None:
    push = planned(month, signed_in_as, "20", "30")
    other = planned(month, signed_in_as, "5", "3")
    month.session.execute(
        sa.update(PsaAddition).where(PsaAddition.agreement_id == other.agreement_id).values(quantity=Decimal(4))
    )
    month.session.commit()
    notice = Visitor.page(signed_in_as("biller").get("/cards")).select_one("#read-only")
    before = signed_in_as("biller").get("/connections/writing/report").get_data(as_text=True)

    signed_in_as("admin").post("/connections/writing", {"writing": "on"})
    month.session.expire_all()
    states = {one.id: one.state for one in month.session.scalars(sa.select(Push))}
    month.session.commit()
    page = Visitor.page(signed_in_as("biller").get("/connections/writing/report"))
    link = page.select_one("main a.primary")

    assert notice is not None
    assert notice.select_one("a[href='/connections/writing/report']") is not None
    assert "Send the" not in before
    assert states == {push.id: "planned", other.id: "planned"}
    assert link is not None
    assert link.get_text() == "Send the 1 planned of October 2026…"
    preview = signed_in_as("biller").get(str(link["href"])).get_data(as_text=True)
    assert "Send 2 cards: nothing is decided yet" in preview

    ids = [str(one.card_id) for one in (push, other)]
    signed_in_as("biller").post("/cards/confirm", {"card_id": ids})
    month.session.expire_all()
    assert month.session.get_one(Push, push.id).state == "queued"
    assert month.session.get_one(Push, other.id).state == "planned"
    (event,) = month.session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "connection.writing")).all()
    assert (event.before, event.after) == ("off", "on")


def test_an_empty_report_says_what_to_do(month: Month, signed_in_as: SignIn) -> None:
    month.make()

    page = Visitor.page(signed_in_as("viewer").get("/connections/writing/report"))

    assert page.h1 is not None
    assert page.h1.get_text() == "Nothing is planned"
    assert "Decide on the board" in page.get_text()


def test_more_that_is_planned_needs_no_more_queries(month: Month, signed_in_as: SignIn) -> None:
    viewer, counts = signed_in_as("viewer"), []
    for _ in range(2):
        planned(month, signed_in_as, "20", "30")
        viewer.get("/connections/writing/report")
        with counted_queries() as queries:
            viewer.get("/connections/writing/report")
        counts.append(len(queries))

    assert counts[0] == counts[1]
