"""Very many cards decided together: kept first, then carried out by a worker in turns, and told of meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import AuditEvent, Batch, Bulk, Card, Decision, Person, Push
from portal.domain.periods import Period
from portal.services import audit_guards, decision_bulk, decision_bulk_verbs, settings_store
from portal.services.actors import COMMAND_LINE
from portal.services.audit_guards import Unguarded
from portal.services.decision_bulk_verbs import Chosen, Turn
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.test_bulk import fields_of

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
TODAY = date(2026, 10, 28)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_bulk, "AT_ONCE", 2)
    monkeypatch.setattr(decision_bulk, "TURN_CARDS", 2)


class Workers:
    """Workers that take turns at a bulk decision when a test says so."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self.real = NOW

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        with Session(self._engine) as session, session.begin():
            yield session

    def work(self, bulk: Bulk, *, worker: str = "here/1", turns: int = 99, ended: bool = True) -> bool:
        """Take so many turns; tell whether all is done. A worker that is not ended is gone without a word."""
        left = iter([False] * turns)
        return decision_bulk.carry_out(
            self.open_session,
            bulk.id,
            worker=worker,
            now=lambda: NOW,
            today=lambda: TODAY,
            real_now=lambda: self.real,
            stopping=lambda: next(left, True),
            pause=lambda _seconds: None if ended else killed(),
        )


@pytest.fixture
def workers(engine: sa.Engine) -> Workers:
    return Workers(engine)


def begun(month: "Month", biller: Visitor, action: str = "approve") -> Bulk:
    """Confirm a preview of all that match; nothing is decided in the request."""
    fields = fields_of(Visitor.page(biller.get(f"/cards/preview?scope=filter&action={action}")))
    answer = biller.post(f"/cards/{action}", fields)
    assert answer.status_code == 303
    found = month.session.scalars(sa.select(Bulk)).one()
    month.session.commit()
    assert answer.headers["Location"] == f"/batches/{found.batch_id}"
    return found


def states(month: "Month") -> list[str]:
    month.session.rollback()
    found = list(month.session.scalars(sa.select(Card.state).order_by(Card.id)))
    month.session.commit()
    return found


def test_many_are_kept_in_the_request_and_decided_by_a_worker_each_by_itself(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(5)
    biller = signed_in_as("biller")
    bulk = begun(month, biller)
    before = biller.get(f"/batches/{bulk.batch_id}").get_data(as_text=True)
    assert states(month) == ["open"] * 5

    first = workers.work(bulk, turns=1)
    amid = Visitor.page(biller.get(f"/batches/{bulk.batch_id}"))
    second = workers.work(bulk)
    after = biller.get(f"/batches/{bulk.batch_id}").get_data(as_text=True)

    assert "Deciding 5 cards" in before
    assert "5 cards wait for a worker. Nothing is decided yet." in before
    assert (first, second) == (False, True)
    assert "2 of 5 cards looked at" in amid.get_text()
    part = amid.select_one(f"#batch-{bulk.batch_id}")
    assert part is not None
    assert "load delay:" in str(part["hx-trigger"])
    assert "Approved 5 cards" in after
    assert "looked at" not in after
    assert states(month) == ["queued"] * 5
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Push)) == 5
    actions = list(month.session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.n)))
    assert [one for one in actions if one.startswith("batch.")] == ["batch.begin", "batch.end"]


def test_a_worker_that_is_gone_is_followed_by_another_and_nothing_is_decided_twice(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(4)
    bulk = begun(month, signed_in_as("biller"))
    with pytest.raises(RuntimeError, match="killed"):
        workers.work(bulk, ended=False)

    assert not workers.work(bulk, worker="there/2")
    workers.real += decision_bulk.LEASE + timedelta(seconds=1)
    done = workers.work(bulk, worker="there/2")

    assert done
    assert states(month) == ["queued"] * 4
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Decision)) == 4


def killed() -> None:
    raise RuntimeError("killed")


def test_it_can_be_stopped_and_what_is_decided_stays(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(5)
    biller = signed_in_as("biller")
    bulk = begun(month, biller)
    workers.work(bulk, turns=1)

    refused = signed_in_as("viewer").post(f"/batches/{bulk.batch_id}/stop")
    stopped = biller.post(f"/batches/{bulk.batch_id}/stop")
    page = biller.get(stopped.headers["Location"]).get_data(as_text=True)
    again = biller.post(f"/batches/{bulk.batch_id}/stop")

    assert refused.status_code == 403
    assert stopped.status_code == 303
    assert "2 of 5 were looked at; 3 cards stay as they were, on the board." in page
    assert again.status_code == 409
    assert "It has ended already" in again.get_data(as_text=True)
    assert workers.work(bulk)
    assert states(month) == ["open", "open", "open", "queued", "queued"]  # the most money first


def test_somebody_who_was_switched_off_decides_nothing_more(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(4)
    bulk = begun(month, signed_in_as("biller"))
    workers.work(bulk, turns=1)
    month.session.execute(sa.update(Person).where(Person.id == bulk.by_id).values(active=False))
    month.session.commit()

    done = workers.work(bulk)

    month.session.refresh(bulk)
    assert (done, bulk.state) == (True, "stopped")
    assert "was switched off meanwhile" in (bulk.cause or "")
    assert states(month) == ["open", "open", "queued", "queued"]


def test_a_card_that_changed_before_its_turn_is_left_and_listed(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(3)
    biller = signed_in_as("biller")
    bulk = begun(month, biller)
    month.session.execute(sa.text("UPDATE psa_addition SET quantity = 220000 WHERE id = 30002"))
    month.make()

    workers.work(bulk)

    page = biller.get(f"/batches/{bulk.batch_id}").get_data(as_text=True)
    assert "1 card was left as it was" in page
    assert "ConnectWise changed from 5 to 22 while you looked." in page
    assert states(month) == ["queued", "open", "queued"]


def test_a_batch_that_is_still_being_decided_is_not_undone(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers
) -> None:
    cards_of(3)
    biller = signed_in_as("biller")
    bulk = begun(month, biller)
    workers.work(bulk, turns=1)

    assert biller.post(f"/batches/{bulk.batch_id}/undo").status_code == 409
    workers.work(bulk)
    assert biller.post(f"/batches/{bulk.batch_id}/undo").status_code == 303


def test_a_batch_that_was_decided_at_once_has_nothing_to_stop(month: "Month", signed_in_as: SignIn) -> None:
    month.card("20", "30")
    biller = signed_in_as("biller")
    biller.post("/cards/approve", fields_of(Visitor.page(biller.get("/cards/preview?scope=filter"))))
    batch = month.session.scalars(sa.select(Batch)).one()

    answer = biller.post(f"/batches/{batch.id}/stop")

    assert answer.status_code == 404
    assert f"Nothing is being decided in batch {batch.id}." in answer.get_data(as_text=True)


def test_without_the_guards_of_the_trail_no_card_is_used_up(
    month: "Month", cards_of: Callable[[int], None], signed_in_as: SignIn, workers: Workers, engine: sa.Engine
) -> None:
    cards_of(5)
    bulk = begun(month, signed_in_as("biller"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_event_only_at_the_end")

    with pytest.raises(Unguarded):
        workers.work(bulk)
    with workers.open_session() as session:
        audit_guards.repair(session)
    workers.work(bulk)

    assert states(month) == ["queued"] * 5


def test_a_card_that_the_store_refuses_is_left_and_the_others_go_on(
    month: "Month",
    cards_of: Callable[[int], None],
    signed_in_as: SignIn,
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cards_of(3)
    biller = signed_in_as("biller")
    bulk = begun(month, biller)
    bad = month.session.scalars(sa.select(Card.id).order_by(Card.id)).all()[1]
    month.session.commit()
    real = decision_bulk_verbs.VERBS["approve"]

    def approve(session: Session, one: Chosen, turn: Turn) -> Decision:
        if one.card_id == bad:
            session.execute(sa.text("INSERT INTO tag (id) VALUES (NULL)"))
        return real(session, one, turn)

    monkeypatch.setitem(decision_bulk_verbs.VERBS, "approve", approve)
    workers.work(bulk)

    assert states(month) == ["queued", "open", "queued"]
    page = biller.get(f"/batches/{bulk.batch_id}").get_data(as_text=True)
    assert "Something failed on our side with this card." in page


# what is looked at first


def test_a_count_unlike_the_months_before_is_looked_at_first_with_its_numbers(
    month: "Month", signed_in_as: SignIn
) -> None:
    strange, usual = month.card("20", "40"), month.card("5", "6")
    for back, now in ((1, 20), (2, 21), (3, 19)):
        before(month, strange, back, now)
        before(month, usual, back, 6)

    page = Visitor.page(signed_in_as("biller").get("/cards/preview?scope=filter"))

    rows = page.select("table.blocks tbody tr")
    assert "40 now, 19 to 21 in the 3 months before." in rows[0].get_text()
    assert "Unusual" in rows[0].get_text()
    assert "Unusual" not in rows[1].get_text()
    assert "1 unusual against the last 12 months" in page.get_text()


def before(month: "Month", card: Card, months: int, count: int) -> None:
    """Let a card of an earlier month have had this count."""
    period = Period.parse(card.period)
    for _ in range(months):
        period = period.previous
    columns = {one.key: getattr(card, one.key) for one in sa.inspect(Card).column_attrs if one.key != "id"}
    month.session.add(Card(**(columns | {"period": str(period), "vendor_quantity": Decimal(count)})))
    month.session.commit()


def test_the_date_of_all_is_drawn_with_what_it_does(
    month: "Month", signed_in_as: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_bulk, "AT_ONCE", 10)
    month.card("5", "9", prorates=True)
    invoiced = month.card("5", "8", prorates=True, next_invoice_date=date(2026, 12, 1))
    late = month.card(
        "5", "7", prorates=True, start_date=date(2026, 10, 20), line={"effective_date": date(2026, 10, 20)}
    )
    biller = signed_in_as("biller")

    drawn = biller.get("/cards/preview?scope=adjust&date=2026-10-16", swapping="preview").get_data(as_text=True)
    unticked, ticked = (
        Visitor.page(biller.get(f"/cards/preview?scope=adjust&date=2026-10-16{tick}")).select_one("#go button.primary")
        for tick in ("", "&invoiced_ok=1")
    )
    without = fields_of(Visitor.page(biller.get("/cards/preview?scope=adjust"))) | {"date": ["2026-10-16"]}
    looked = biller.post("/cards/adjust", without | {"only": ["plan"]})
    decided = biller.post("/cards/adjust", without)

    field = Visitor.page(biller.get("/cards/preview?scope=adjust")).select_one("#date")
    assert field is not None
    assert (field["min"], field["max"]) == ("2026-06-01", "2999-12-31")
    assert "Each of those that prorate takes a day from 20 Oct." in drawn
    assert "For 1 of these cards 16 Oct 2026 lies in a period that was already invoiced." in drawn
    assert unticked is not None
    assert unticked.get_text() == "Adjust 1, effective 16 Oct"
    assert ticked is not None
    assert ticked.get_text() == "Adjust 2, effective 16 Oct"
    assert looked.status_code == 200
    assert decided.status_code == 303
    page = biller.get(decided.headers["Location"]).get_data(as_text=True)
    assert "2 cards were left as they were" in page
    assert {month.reload(one).state for one in (invoiced, late)} == {"open"}


# drawn again


def sums(page: "BeautifulSoup") -> str:
    """What the preview says in sum."""
    found = page.select_one("dl.sums")
    assert found is not None
    return found.get_text(" ", strip=True).replace("\N{MINUS SIGN}", "-")


def test_a_preview_that_is_shown_again_keeps_the_cards_that_stay_behind(month: "Month", signed_in_as: SignIn) -> None:
    month.card("5", "9", prorates=True)
    month.card("5", "8", prorates=True, next_invoice_date=date(2026, 12, 1))
    month.card("5", "7", company="Quillfeather Press")
    biller = signed_in_as("biller")
    first = Visitor.page(biller.get("/cards/preview?scope=adjust"))

    early = biller.post("/cards/adjust", fields_of(first) | {"date": ["2026-10-16"], "only": ["plan"]})
    ticked = fields_of(Visitor.page(early)) | {"invoiced_ok": ["1"], "only": ["plan"]}
    meant = Visitor.page(biller.post("/cards/adjust", ticked))
    refused = biller.post("/cards/adjust", fields_of(Visitor.page(early)) | {"date": [""]})

    assert sums(first) == "Cards that match 3 Stay behind -1 Decided when you confirm 2"
    assert sums(Visitor.page(early)) == "Cards that match 3 Stay behind -2 Decided when you confirm 1"
    assert sums(meant) == "Cards that match 3 Stay behind -1 Decided when you confirm 2"
    assert "Quillfeather Press" in meant.get_text()
    assert refused.status_code == 422
    assert sums(Visitor.page(refused)) == "Cards that match 3 Stay behind -1 Decided when you confirm 2"


def test_ticked_cards_that_stay_behind_are_shown_again_too(month: "Month", signed_in_as: SignIn) -> None:
    dated, other = month.card("5", "9", prorates=True), month.card("5", "7")
    month.card("5", "6", prorates=True)
    biller = signed_in_as("biller")
    first = Visitor.page(biller.get(f"/cards/preview?scope=adjust&card_id={dated.id}&card_id={other.id}"))

    again = Visitor.page(biller.post("/cards/adjust", fields_of(first) | {"date": ["2026-10-28"], "only": ["plan"]}))

    assert sums(first) == sums(again) == "Cards ticked 2 Stay behind -1 Decided when you confirm 1"
    assert "2 ticked." in again.get_text()


def test_a_card_that_was_unticked_stays_so_whatever_the_dates_do(month: "Month", signed_in_as: SignIn) -> None:
    month.card("5", "9", prorates=True)
    unticked = month.card("5", "8", prorates=True, next_invoice_date=date(2026, 12, 1))
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=adjust")))
    fields["card_id"].remove(str(unticked.id))

    early = Visitor.page(biller.post("/cards/adjust", fields | {"date": ["2026-10-16"], "only": ["plan"]}))
    later = Visitor.page(biller.post("/cards/adjust", fields_of(early) | {"date": ["2026-11-02"], "only": ["plan"]}))
    answer = biller.post("/cards/adjust", fields_of(later))

    assert sums(early) == "Cards that match 2 Stay behind -1 Decided when you confirm 1"
    assert sums(later) == "Cards that match 2 Stay behind 0 Left out by you -1 Decided when you confirm 1"
    box = later.select_one(f"#goes-{unticked.id}")
    assert box is not None
    assert "checked" not in box.attrs
    assert answer.status_code == 303
    assert month.reload(unticked).state == "open"


def test_a_card_that_matches_since_is_shown_before_it_is_decided(month: "Month", signed_in_as: SignIn) -> None:
    month.card("5", "9", prorates=True)
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=adjust"))) | {"date": ["2026-10-28"]}
    later = month.card("5", "6", prorates=True)

    again = fields_of(Visitor.page(biller.post("/cards/adjust", fields | {"only": ["plan"]})))

    assert f"{later.id}=" not in fields["seen"][0]
    assert f"{later.id}=" in again["seen"][0]
    biller.post("/cards/adjust", fields)
    assert month.reload(later).state == "open"


def test_a_preview_of_which_no_card_goes_along_decides_none_that_matches_since(
    month: "Month", signed_in_as: SignIn
) -> None:
    month.card("4", None)
    biller = signed_in_as("biller")
    fields = fields_of(Visitor.page(biller.get("/cards/preview?scope=filter")))
    later = month.card("5", "6")

    answer = biller.post("/cards/approve", fields)

    assert answer.status_code == 422
    assert month.reload(later).state == "open"


# as the second person


def test_what_waits_for_a_second_person_is_confirmed_together_but_never_ones_own(
    month: "Month", signed_in_as: SignIn
) -> None:
    theirs, own = month.card("20", "3"), month.card("9", "4")
    settings_store.put(month.session, "limits", {"any_decrease": True}, by=COMMAND_LINE, now=NOW)
    month.session.commit()
    biller, manager = signed_in_as("biller"), signed_in_as("manager")
    biller.post(f"/cards/{theirs.id}/approve")
    manager.post(f"/cards/{own.id}/approve")
    assert states(month) == ["waiting", "waiting"]

    offered = manager.get("/cards?show=decided&state=waiting").get_data(as_text=True)
    of_biller = biller.get("/cards?show=decided&state=waiting").get_data(as_text=True)
    address = "/cards/preview?scope=second&show=decided&state=waiting"
    page = Visitor.page(manager.get(address))
    refused = biller.post("/cards/second", {"card_id": [str(theirs.id)]})
    answer = manager.post("/cards/second", fields_of(page))

    assert "Confirm as second person…" in offered
    assert "Confirm as second person…" not in of_biller
    assert "You decided it; somebody else must confirm." in page.get_text()
    assert "Confirm 1 as second person" in page.get_text()
    assert refused.status_code == 403
    assert answer.status_code == 303
    assert "Confirmed 1 card" in manager.get(answer.headers["Location"]).get_data(as_text=True)
    assert (month.reload(theirs).state, month.reload(own).state) == ("queued", "waiting")
