"""Notes on a product of an agreement or on one of its lines: they stay over the months, with their history."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import Card, Note, NoteText, PsaAddition
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound

LONGEST = 4000  # characters

Pair = tuple[int, int | None, str]  # company, agreement (none: on none yet), product


def of_card(session: Session, card: Card) -> list[Note]:
    """Give the notes of a card's pair and of its lines, the newest first; deleted ones are left out.

    A note that was written while the product stood on no agreement is shown on each agreement that has it since.

    Args:
        session: For reading.
        card: The card.
    """
    return [note for note in history_of_card(session, card) if note.deleted_at is None]


def history_of_card(session: Session, card: Card) -> list[Note]:
    """Give the notes of a card with what they said before, deleted ones too, the newest first."""
    query = sa.select(Note).where(Note.company_id == card.company_id, Note.product == card.product)
    if card.agreement_id is not None:
        query = query.where(sa.or_(Note.agreement_id == card.agreement_id, Note.agreement_id.is_(None)))
    else:
        query = query.where(Note.agreement_id.is_(None))
    return list(session.scalars(query.options(selectinload(Note.earlier)).order_by(Note.id.desc())))


def of_pairs(session: Session, cards: Collection[Card]) -> dict[int, list[Note]]:
    """Give the standing notes of many cards by card id, the oldest first: one query for each 500 companies."""
    companies = sorted({card.company_id for card in cards})
    by_pair: dict[Pair, list[Note]] = {}
    for start in range(0, len(companies), 500):
        query = sa.select(Note).where(Note.company_id.in_(companies[start : start + 500]), Note.deleted_at.is_(None))
        for note in session.scalars(query.order_by(Note.id)):
            by_pair.setdefault((note.company_id, note.agreement_id, note.product), []).append(note)
    return {card.id: found for card in cards if (found := _of_pair(by_pair, card))}


def _of_pair(by_pair: Mapping[Pair, list[Note]], card: Card) -> list[Note]:
    keys = {(card.company_id, card.agreement_id, card.product), (card.company_id, None, card.product)}
    return sorted((note for key in keys for note in by_pair.get(key, ())), key=lambda note: note.id)


def add(session: Session, card_id: int, *, text: str, addition_id: int | None = None, by: Actor, now: datetime) -> Note:
    """Write a note on a card's pair, or on one of its lines.

    Args:
        session: A writing session.
        card_id: The card it is written on; the note stays with the pair.
        text: What to say; blanks around it are dropped.
        addition_id: The line; none: the pair as a whole.
        by: A biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such card.
        Invalid: The text is empty or too long, or the line is not one of the card's.
    """
    require(by, "biller", "write notes")
    card = session.get(Card, card_id)
    if card is None:
        raise NotFound(f"There is no card {card_id}. Nothing was noted.")
    said = read_text(text)
    if addition_id is not None and addition_id not in lines_of(session, card):
        sentence = f"Line {addition_id} is not one of this card's. Choose one of them, or the card as a whole."
        raise Invalid(sentence, {"addition": sentence})
    note = Note(
        company_id=card.company_id,
        agreement_id=card.agreement_id,
        product=card.product,
        addition_id=addition_id,
        text=said,
        version=1,
        made_by=by.name,
        made_by_id=by.person_id,
        made_at=now,
    )
    session.add(note)
    session.flush()
    _tell(session, note, "note.add", f"Noted on {_where(note)}.", None, said, by, now)
    return note


def edit(session: Session, note_id: int, *, text: str, seen: int | None = None, by: Actor, now: datetime) -> Note:
    """Change what a note says; what it said before is kept.

    Args:
        session: A writing session.
        note_id: The note.
        text: What it says from now on.
        seen: The version that the person saw; none: any.
        by: Who wrote it.
        now: By the business clock.

    Raises:
        NotFound: No such note, or it was deleted.
        NotAllowed: Somebody else wrote it.
        Conflict: It was changed since.
        Invalid: The text is empty or too long.
    """
    note = _standing(session, note_id, seen=seen)
    if not may_edit(note, by):
        raise NotAllowed(f"{note.made_by} wrote this note, so only they can change it. Write one of your own.")
    said = read_text(text)
    if said == note.text:
        return note
    before = note.text
    _keep(note)
    note.text, note.edited_by, note.edited_at = said, by.name, now
    session.flush()
    _tell(session, note, "note.edit", f"Changed a note on {_where(note)}.", before, said, by, now)
    return note


def delete(session: Session, note_id: int, *, seen: int | None = None, by: Actor, now: datetime) -> Note:
    """Take a note off; its text stays in the history.

    Args:
        session: A writing session.
        note_id: The note.
        seen: The version that the person saw; none: any.
        by: Who wrote it, or a manager or admin.
        now: By the business clock.

    Raises:
        NotFound: No such note, or it was deleted.
        NotAllowed: Somebody else wrote it.
        Conflict: It was changed since.
    """
    note = _standing(session, note_id, seen=seen)
    if not may_delete(note, by):
        raise NotAllowed(f"{note.made_by} wrote this note: only they, a manager or an admin can delete it.")
    note.deleted_by, note.deleted_at = by.name, now
    note.version += 1
    session.flush()
    _tell(session, note, "note.delete", f"Deleted a note on {_where(note)}.", note.text, None, by, now)
    return note


def note_of(session: Session, note_id: int) -> Note:
    """Give a note, also a deleted one.

    Raises:
        NotFound: No such note.
    """
    note = session.get(Note, note_id)
    if note is None:
        raise NotFound(f"There is no note {note_id}.")
    return note


def may_edit(note: Note, by: Actor) -> bool:
    """Tell whether somebody may change a note: who wrote it, while they may decide."""
    return by.at_least("biller") and by.same_as(note.made_by, note.made_by_id)


def may_delete(note: Note, by: Actor) -> bool:
    """Tell whether somebody may delete a note: who wrote it, managers and admins."""
    return may_edit(note, by) or by.at_least("manager")


def lines_of(session: Session, card: Card) -> list[int]:
    """Give the ids of the lines that a note of a card may be about, the newest first."""
    if card.agreement_id is None:
        return []
    query = sa.select(PsaAddition.id).where(
        PsaAddition.agreement_id == card.agreement_id,
        PsaAddition.product == card.product,
        PsaAddition.gone_at.is_(None),
    )
    return sorted(session.scalars(query), reverse=True)


def read_text(text: str) -> str:
    """Read what somebody typed as a note: line ends of one sort, no blanks around it.

    Raises:
        Invalid: It is empty or longer than `LONGEST` characters.
    """
    said = "\n".join(line.rstrip() for line in text.replace("\0", "").splitlines()).strip()
    if not said:
        raise Invalid("A note needs a text. Nothing was noted.", {"text": "Write something, or leave it."})
    if len(said) > LONGEST:
        sentence = f"This note has {len(said):,} characters; at most {LONGEST:,} are kept. Shorten it."
        raise Invalid(sentence, {"text": sentence})
    return said


def _standing(session: Session, note_id: int, *, seen: int | None) -> Note:
    note = session.get(Note, note_id, populate_existing=True)
    if note is None:
        raise NotFound(f"There is no note {note_id}. Nothing was changed.")
    if note.deleted_at is not None:
        raise NotFound(f"{note.deleted_by} has deleted this note. Nothing was changed.")
    if seen is not None and seen != note.version:
        raise Conflict(f"{note.edited_by or note.made_by} changed this note while you looked. Nothing was changed.")
    return note


def _keep(note: Note) -> None:
    """Keep what a note says, before it says something else."""
    note.earlier.append(
        NoteText(
            version=note.version,
            text=note.text,
            written_by=note.edited_by or note.made_by,
            written_at=note.edited_at or note.made_at,
        )
    )
    note.version += 1


def _where(note: Note) -> str:
    on = f"line {note.addition_id}, {note.product}" if note.addition_id is not None else note.product
    return f"{on} of agreement {note.agreement_id}" if note.agreement_id is not None else f"{on}, on no agreement yet"


def _tell(
    session: Session,
    note: Note,
    action: str,
    sentence: str,
    before: str | None,
    after: str | None,
    by: Actor,
    now: datetime,
) -> None:
    audit.record(
        session,
        what="decision",
        action=action,
        by=by,
        now=now,
        sentence=sentence,
        company_id=note.company_id,
        agreement_id=note.agreement_id,
        product=note.product,
        before=before,
        after=after,
        details={"note": note.id, "addition": note.addition_id},
    )
