"""What an undo that ConnectWise confirmed does to the decisions before it: an undone undo lets the first one hold."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaAddition, Push
from portal.services.card_picture import read_lines

_WRITTEN = frozenset({"done", "found"})


def settle_chain(session: Session, decision: Decision) -> tuple[Decision, bool]:
    """Bring the pushes that an undo took back, or let hold again, to their states.

    Args:
        session: A writing session.
        decision: The undo that was confirmed.

    Returns:
        The first decision of the chain, and whether it holds now.
    """
    one, holds = decision, False
    while one.undoes_id is not None:
        one = session.get_one(Decision, one.undoes_id)
        push = session.scalars(sa.select(Push).where(Push.decision_id == one.id)).one_or_none()
        if push is not None:
            push.state = _whole_or_part(push) if holds else "undone"
        holds = not holds
    return one, not holds


def state_of(session: Session, decision: Decision) -> str:
    """Give the state that a card has while a settled decision is its latest: an undo that stands is "undone".

    Args:
        session: For reading.
        decision: One with a push, or without: a dismissal.
    """
    push = session.scalars(sa.select(Push).where(Push.decision_id == decision.id)).one_or_none()
    if push is None:
        return "dismissed" if decision.action == "dismiss" else "open"
    if decision.action != "undo" or push.state != "confirmed":
        return push.state
    one, holds = decision, True
    while one.undoes_id is not None:
        one, holds = session.get_one(Decision, one.undoes_id), not holds
    return "confirmed" if holds else "undone"


def house(session: Session, card: Card, agreement_id: int | None, *, today: date) -> None:
    """Let the card of new revenue become the card of the agreement that bills it now, or go back where none does.

    Args:
        session: A writing session.
        card: The card.
        agreement_id: The agreement; none: the line that was added is taken back.
        today: In the portal's time zone.
    """
    if agreement_id is None and card.agreement_id is not None and _still_bills(session, card, today):
        return
    there = session.scalars(
        sa.select(Card).where(
            Card.period == card.period,
            Card.company_id == card.company_id,
            Card.agreement_id == agreement_id,
            Card.product == card.product,
            Card.id != card.id,
        )
    ).one_or_none()
    if there is not None and there.decision_id is not None:
        return
    if there is not None:
        session.delete(there)
        session.flush()
    card.agreement_id = agreement_id


def _still_bills(session: Session, card: Card, today: date) -> bool:
    where = sa.and_(PsaAddition.agreement_id == card.agreement_id, PsaAddition.product == card.product)
    return any(line.active(today) for line in read_lines(session, where))


def _whole_or_part(push: Push) -> str:
    return "confirmed" if all(step.state in _WRITTEN for step in push.steps) else "given_up"
