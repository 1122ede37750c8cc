"""Notes beside the cards: they stay over the months, keep their history, and are audited."""

from datetime import timedelta

import pytest

from portal.db.records import Card
from portal.domain.periods import Period
from portal.services import cards, notes
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.support.desk import BILLER, MANAGER, NOW, VIEWER, ZONE, Desk

BO = Actor("Bo Biller", 7, "biller")
BEA = Actor("Bea Biller", 8, "biller")


def test_a_note_stays_with_the_pair_over_the_months(desk: Desk) -> None:
    card, other = desk.card(1001), desk.card(1004)
    with desk.open_session() as session:
        notes.add(session, card.id, text="  Three of these are trials.  ", by=BO, now=NOW)
    november = NOW + timedelta(days=20)
    with desk.open_session() as session:
        cards.make_cards(
            session, period=Period.holding(november.date()), today=november.date(), now=november, zone=ZONE
        )
    with desk.open_session() as session:
        later = (
            session.query(Card)
            .filter_by(company_id=1001, product="SEAT", agreement_id=card.agreement_id, period="2026-11")
            .one()
        )

        assert [note.text for note in notes.of_card(session, later)] == ["Three of these are trials."]
        assert [note.text for note in notes.of_pairs(session, [later])[later.id]] == ["Three of these are trials."]
        assert notes.of_card(session, other) == []


def test_a_note_may_be_about_a_line(desk: Desk) -> None:
    card = desk.card(1001)
    line = int(card.facts["lines"][0]["id"])
    with desk.open_session() as session:
        note = notes.add(session, card.id, text="Sold with the laptop.", addition_id=line, by=BO, now=NOW)

        assert notes.of_card(session, card) == [note]
        assert note.addition_id == line
        with pytest.raises(Invalid, match="Line 999 is not one of this card's"):
            notes.add(session, card.id, text="x", addition_id=999, by=BO, now=NOW)


def test_a_note_from_before_the_first_line_is_on_the_line_s_card_too(desk: Desk) -> None:
    loose = desk.card(1044)
    assert loose.agreement_id is None
    with desk.open_session() as session:
        notes.add(session, loose.id, text="Ask them which contract.", by=BO, now=NOW)
        loose = session.merge(loose)
        loose.agreement_id = 77

        assert [note.text for note in notes.of_card(session, loose)] == ["Ask them which contract."]


def test_what_a_note_said_before_is_kept_and_audited(desk: Desk) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        note = notes.add(session, card.id, text="One", by=BO, now=NOW)
        notes.edit(session, note.id, text="Two", seen=1, by=BO, now=NOW + timedelta(minutes=5))
        notes.edit(session, note.id, text="Two", by=BO, now=NOW)
        notes.delete(session, note.id, by=MANAGER, now=NOW)

        assert notes.of_card(session, card) == []
        (kept,) = notes.history_of_card(session, card)
        assert [(one.text, one.written_by) for one in kept.earlier] == [("One", "Bo Biller")]
        assert (kept.text, kept.deleted_by) == ("Two", "Mo Manager")
    told = desk.events("note.add", "note.edit", "note.delete")
    assert [(one.before, one.after, one.person) for one in told] == [
        (None, "One", "Bo Biller"),
        ("One", "Two", "Bo Biller"),
        ("Two", None, "Mo Manager"),
    ]


def test_only_who_wrote_it_changes_a_note(desk: Desk) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        note = notes.add(session, card.id, text="One", by=BO, now=NOW)
        with pytest.raises(NotAllowed, match="Bo Biller wrote this note"):
            notes.edit(session, note.id, text="Two", by=BEA, now=NOW)
        with pytest.raises(NotAllowed, match="Bo Biller wrote this note"):
            notes.delete(session, note.id, by=BEA, now=NOW)
        with pytest.raises(NotAllowed, match="Bo Biller wrote this note"):
            notes.edit(session, note.id, text="Two", by=MANAGER, now=NOW)
        with pytest.raises(NotAllowed, match="Viewers can read this"):
            notes.add(session, card.id, text="x", by=VIEWER, now=NOW)


def test_of_two_who_change_a_note_the_second_is_told(desk: Desk) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        note = notes.add(session, card.id, text="One", by=BO, now=NOW)
        notes.edit(session, note.id, text="Two", seen=1, by=BO, now=NOW)
        with pytest.raises(Conflict, match="changed this note while you looked"):
            notes.edit(session, note.id, text="Three", seen=1, by=BO, now=NOW)
        notes.delete(session, note.id, seen=2, by=BO, now=NOW)
        with pytest.raises(NotFound, match="Bo Biller has deleted this note"):
            notes.delete(session, note.id, by=BO, now=NOW)


@pytest.mark.parametrize("text", ["", "  \n \t ", "\0", "x" * 4001])
def test_a_note_has_a_text_of_some_length(desk: Desk, text: str) -> None:
    card = desk.card(1001)
    with desk.open_session() as session, pytest.raises(Invalid):
        notes.add(session, card.id, text=text, by=BILLER, now=NOW)


def test_a_long_note_of_odd_signs_is_kept_as_typed(desk: Desk) -> None:
    card = desk.card(1001)
    text = "<script>alert(1)</script>\r\n=1+1 “ж” " + "word " * 500
    with desk.open_session() as session:
        note = notes.add(session, card.id, text=text, by=BILLER, now=NOW)

        assert note.text.startswith("<script>alert(1)</script>\n=1+1 “ж” word")
