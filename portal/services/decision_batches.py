"""Many cards decided at once: each gets its own decision and push; what cannot be decided is left and listed."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Batch, Card, Decision
from portal.services import decision_second, decision_undo, decision_verbs
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound, Refused

Deciding = Callable[[int, int], object]
"""Decides a card, as part of a batch."""


def approve_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
    scheduled_ok: bool = False,
    too_old_ok: bool = False,
) -> Batch:
    """Approve many cards.

    Args:
        session: A writing session.
        card_ids: The cards; each counts once.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        reason: One for all.
        selection: What was selected, in words.
        seen: What the preview showed of each card; a card that changed since is left out.
        scheduled_ok: A tick for all.
        too_old_ok: A tick for all.

    Returns:
        The batch; `left_out` lists the cards that stay, each with why.

    Raises:
        NotAllowed: The role does not allow it.
        Invalid: No card was chosen.
    """

    def one(card_id: int, batch_id: int) -> Decision:
        return decision_verbs.approve(
            session,
            card_id,
            by=by,
            now=now,
            today=today,
            seen=_seen(seen, card_id),
            reason=reason,
            scheduled_ok=scheduled_ok,
            too_old_ok=too_old_ok,
            batch_id=batch_id,
        )

    return _many(session, "approve", card_ids, one, by=by, now=now, selection=selection)


def adjust_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    day: date | str,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
    invoiced_ok: bool = False,
    too_old_ok: bool = False,
) -> Batch:
    """Adjust many cards to their proposals from one date; agreements that do not prorate are left out, and named.

    Args:
        session: A writing session.
        card_ids: The cards.
        day: The effective date for all.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        reason: One for all.
        selection: What was selected, in words.
        seen: As in `approve_many`.
        invoiced_ok: A tick for all.
        too_old_ok: A tick for all.

    Raises:
        Refused: As `approve_many`.
    """

    def one(card_id: int, batch_id: int) -> Decision:
        proposed = session.scalar(sa.select(Card.proposed_quantity).where(Card.id == card_id))
        if proposed is None:
            raise Invalid("This card proposes no quantity.")
        return decision_verbs.adjust(
            session,
            card_id,
            quantity=proposed,
            day=day,
            by=by,
            now=now,
            today=today,
            seen=_seen(seen, card_id),
            reason=reason,
            invoiced_ok=invoiced_ok,
            too_old_ok=too_old_ok,
            batch_id=batch_id,
        )

    return _many(session, "adjust", card_ids, one, by=by, now=now, selection=selection)


def dismiss_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
) -> Batch:
    """Dismiss many cards with one reason; arguments and errors as in `approve_many`."""

    def one(card_id: int, batch_id: int) -> Decision:
        return decision_verbs.dismiss(
            session,
            card_id,
            by=by,
            now=now,
            today=today,
            seen=_seen(seen, card_id),
            reason=reason,
            batch_id=batch_id,
        )

    return _many(session, "dismiss", card_ids, one, by=by, now=now, selection=selection)


def confirm_planned_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    too_old_ok: bool = False,
) -> Batch:
    """Send what was planned while the portal was read-only, each checked anew; otherwise as `approve_many`."""

    def one(card_id: int, batch_id: int) -> Decision:
        decision = decision_second.confirm_planned(
            session, card_id, by=by, now=now, today=today, reason=reason, too_old_ok=too_old_ok
        )
        decision.batch_id = batch_id
        return decision

    return _many(session, "send", card_ids, one, by=by, now=now, selection=selection)


def undo_batch(
    session: Session,
    batch_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
) -> Batch:
    """Undo every decision of a batch; lines that somebody changed since are held back and listed.

    Args:
        session: A writing session.
        batch_id: The batch.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        reason: Why, if the person says so.

    Returns:
        The new batch; `left_out` lists what was held back, each with why.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such batch.
        Conflict: The batch is an undo itself.
    """
    require(by, "biller", "undo decisions")
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}.")
    if batch.action == "undo":
        raise Conflict("This batch is an undo itself. Decide its cards again instead.")
    members = sa.select(Decision.card_id, Decision.id).where(Decision.batch_id == batch_id).order_by(Decision.id)
    taken = dict(session.execute(members).all())

    def one(card_id: int, new_id: int) -> Decision:
        return decision_undo.undo(
            session,
            card_id,
            by=by,
            now=now,
            today=today,
            decision_id=taken[card_id],
            reason=reason,
            scheduled_ok=True,
            batch_id=new_id,
        )

    selection = f"Everything of batch {batch_id}"
    return _many(session, "undo", taken, one, by=by, now=now, selection=selection, undoes_id=batch_id)


def _many(
    session: Session,
    action: str,
    card_ids: Iterable[int],
    one: Deciding,
    *,
    by: Actor,
    now: datetime,
    selection: str,
    undoes_id: int | None = None,
) -> Batch:
    """Decide card by card, each on its own: one that is refused leaves the others alone."""
    require(by, "biller", "decide cards")
    chosen = list(dict.fromkeys(card_ids))
    if not chosen:
        raise Invalid("No card is ticked. Nothing was decided.", {"card_id": "Tick a card."})
    batch = Batch(action=action, by=by.name, at=now, selection=selection, undoes_id=undoes_id, left_out=[])
    session.add(batch)
    session.flush()
    left_out = []
    for card_id in chosen:
        try:
            with session.begin_nested():
                one(card_id, batch.id)
        except Refused as error:
            left_out.append({"card_id": card_id, "sentence": str(error)})
    batch.left_out = left_out
    session.flush()
    return batch


def _seen(seen: Mapping[int, str] | None, card_id: int) -> str | None:
    return None if seen is None else seen.get(card_id)
