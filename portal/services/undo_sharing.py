"""Undo of Share: the split rule that held before holds again, or none."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, SplitRule
from portal.services import audit, rules_store
from portal.services.actors import Actor
from portal.services.errors import Conflict
from portal.services.rules_store import split_of, split_words


def standing(session: Session, card: Card) -> SplitRule | None:
    """Give the split rule in force for a card's company and product."""
    query = sa.select(SplitRule).where(
        SplitRule.company_id == card.company_id, SplitRule.product == card.product, SplitRule.ended_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def take_back(session: Session, card: Card, shared: Decision, *, by: Actor, now: datetime) -> str:
    """Bring back the split rule that a Share replaced.

    Args:
        session: A writing session.
        card: The card.
        shared: The Share.
        by: A biller or above.
        now: By the business clock.

    Returns:
        What holds now, in words.

    Raises:
        Conflict: Another rule holds by now.
    """
    rule = standing(session, card)
    set_then = session.get(SplitRule, shared.plan.get("rule", 0))
    if rule is None or set_then is None or split_of(rule) != split_of(set_then):
        now_words = "no rule holds" if rule is None else f"it is {split_words(session, rule)}, set by {rule.set_by}"
        raise Conflict(f"How this count is shared was changed since: {now_words}. Nothing was undone.")
    before = shared.plan.get("before")
    return _let_hold(session, card, None if before is None else session.get(SplitRule, before), by=by, now=now)


def bring_back(session: Session, card: Card, shared: Decision, *, by: Actor, now: datetime) -> str:
    """Let a Share hold again that was undone; arguments and result as in `take_back`.

    Raises:
        Conflict: Another rule was set since.
    """
    rule, before = standing(session, card), shared.plan.get("before")
    was = None if before is None else session.get(SplitRule, before)
    if (None if rule is None else split_of(rule)) != (None if was is None else split_of(was)):
        raise Conflict("How this count is shared was changed since. Nothing was undone; share it again.")
    return _let_hold(session, card, session.get(SplitRule, shared.plan.get("rule", 0)), by=by, now=now)


def _let_hold(session: Session, card: Card, rule: SplitRule | None, *, by: Actor, now: datetime) -> str:
    if rule is None:
        return _end(session, card, by=by, now=now)
    rules_store.set_split(
        session,
        company_id=card.company_id,
        product=card.product,
        all_to=rule.all_to,
        fixed={part.agreement_id: part.quantity for part in rule.parts},
        rest_to=rule.rest_to,
        by=by,
        now=now,
    )
    return f"{split_words(session, rule)}, as before"


def _end(session: Session, card: Card, *, by: Actor, now: datetime) -> str:
    rule = standing(session, card)
    if rule is not None:
        rule.ended_by, rule.ended_at = by.name, now
        session.flush()
        audit.record(
            session,
            what="setting",
            action="split.end",
            by=by,
            now=now,
            sentence=f"Does not share the count of {card.product} any more.",
            company_id=card.company_id,
            company=card.company,
            product=card.product,
            before=split_words(session, rule),
            after="no rule",
        )
    return "no rule holds, so the count is to be shared again"
