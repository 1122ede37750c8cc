"""Why the PSA number looks wrong: lines not counted, the last changes there, reading again with the result in place."""

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from portal.db.records import PsaAgreement, PsaCompany, SyncRun
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.conftest import Month
from tests.web.looking import one

SignedInAs = Callable[[str], Visitor]


def text(visitor: Visitor, card_id: int) -> str:
    return " ".join(one(Visitor.page(visitor.get(f"/cards/{card_id}")), f"#card-{card_id}").get_text(" ").split())


def test_a_card_says_what_it_does_not_count_and_who_changed_it_last(month: Month, signed_in_as: SignedInAs) -> None:
    card = month.card("20", "21")
    agreement = month.session.get_one(PsaAgreement, card.agreement_id)
    month.line(agreement, "EDR-SEAT", "3", cancelled_date=date(2026, 10, 1), last_updated=NOW, updated_by="rvoss")
    month.line(agreement, "edr seat", "4")
    agreement.last_updated, agreement.updated_by = NOW, "<i>dhale</i>"
    month.session.commit()

    shown = text(signed_in_as("viewer"), card.id)

    assert "2 lines are not counted" in shown
    assert "edr seat is spelled like EDR-SEAT, but is not it" in shown
    assert "ended on 1 Oct 2026 . Changed" in shown
    assert "by “rvoss”" in shown
    assert "by “<i>dhale</i>”" in shown
    assert "Last sync of everything:" in shown
    assert "own audit trail of this agreement" in shown


def test_new_revenue_of_a_company_without_an_agreement_says_so_and_can_be_read_again(
    month: Month, signed_in_as: SignedInAs
) -> None:
    customer = month.company()
    month.usage(customer, "EDR-SEAT", "7")
    (card,) = month.make()

    assert "ConnectWise has no agreement of this company, as last read." in text(signed_in_as("viewer"), card.id)
    assert "Read ConnectWise again now" in text(signed_in_as("biller"), card.id)
    assert "Read ConnectWise again now" not in text(signed_in_as("viewer"), card.id)


def test_a_stale_card_says_why_since_when_and_what_brings_it_back(month: Month, signed_in_as: SignedInAs) -> None:
    card = month.card("20", "21")
    agreement = month.session.get_one(PsaAgreement, card.agreement_id)
    agreement.cancelled, agreement.cancelled_on, agreement.cancel_reason = True, date(2026, 10, 27), "moved away"
    month.make()
    biller = signed_in_as("biller")

    shown = text(biller, card.id)

    assert "The agreement was cancelled on 27 Oct 2026. ConnectWise gives as reason: “moved away”." in shown
    assert "Countersign noticed it" in shown
    assert "Since " not in shown
    assert "the agreement was cancelled on 27 Oct 2026 ." in shown
    assert "1 card of Company 201 became stale" in shown
    assert "Dismiss for good" in shown
    agreement.cancelled = False
    month.make()
    assert "1 card of Company 201 came back" in text(biller, card.id)


def test_a_card_whose_company_left_the_scope_says_by_what(month: Month, signed_in_as: SignedInAs) -> None:
    card = month.card("20", "21")
    company = month.session.get_one(PsaCompany, card.company_id)
    company.in_scope, company.scope_reason = False, "Its status is ignored."
    month.make()

    assert "The company left the scope. Its status is ignored." in text(signed_in_as("viewer"), card.id)


def test_reading_again_waits_in_place_and_then_shows_what_came_of_it(month: Month, signed_in_as: SignedInAs) -> None:
    card = month.card("20", "21")
    biller = signed_in_as("biller")
    part = f"card-{card.id}"

    asked = biller.post(f"/cards/{card.id}/read-again", swapping=part)
    waits = biller.get(f"/cards/{card.id}/reading", swapping=part)
    month.session.execute(
        sa.update(SyncRun).values(state="done", queued_at=NOW, counts={"additions": {"changed": 1, "same": 2}})
    )
    month.session.commit()
    done = biller.get(f"/cards/{card.id}/reading", swapping=part)

    assert one(Visitor.page(asked), f"#reading-{card.id}")["hx-get"] == f"/cards/{card.id}/reading"
    assert (waits.status_code, waits.get_data()) == (204, b"")
    words = " ".join(Visitor.page(done).get_text(" ").split())
    assert "Read again. 1 record is different from before" in words
    assert "The agreement was read again." in done.get_data(as_text=True)
    month.session.execute(sa.update(SyncRun).values(state="failed", error="ConnectWise refused."))
    month.session.commit()
    assert "It could not be read again. ConnectWise refused." in text(biller, card.id)
    month.session.add(SyncRun(kind="wanted", state="done", requested_by="Countersign", queued_at=NOW, counts={}))
    month.session.commit()
    assert "It could not be read again." not in text(biller, card.id)
    assert biller.get("/cards/99999/reading").status_code == 404
