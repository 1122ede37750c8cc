"""Undo of several decisions at once: of a selection of cards, or of a whole batch. Each card is undone on its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.db.records import Batch
from portal.services import decision_bulk
from portal.services.actors import Actor, require
from portal.services.decision_bulk_verbs import Chosen, Options
from portal.services.errors import Conflict
from portal.services.undo_looking import chosen_of_batch


def undo_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
    invoiced_ok: bool = False,
) -> Batch:
    """Undo the latest decision of each card; what cannot go back is left and listed.

    Args:
        session: A writing session.
        card_ids: The cards; each counts once.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        reason: Why, if the person says so.
        selection: What was selected, in words.
        seen: What the preview showed of each card; a card that changed since is left out.
        invoiced_ok: Ticked for all: what is taken back was invoiced already.

    Returns:
        The batch; `left_out` lists what was held back, each with why.

    Raises:
        NotAllowed: The role does not allow it.
        Invalid: No card was chosen.
    """
    chosen = [Chosen(card_id=one, seen=None if seen is None else seen.get(one)) for one in card_ids]
    options = Options(reason=reason, invoiced_ok=invoiced_ok)
    return decision_bulk.begin(
        session, "undo", chosen, by=by, now=now, today=today, options=options, selection=selection
    )


def undo_batch(
    session: Session,
    batch_id: int,
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    seen: Mapping[int, str] | None = None,
    invoiced_ok: bool = False,
) -> Batch:
    """Undo every decision of a batch, an undo's too; what somebody changed since is held back and listed.

    Args:
        session: A writing session.
        batch_id: The batch.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        reason: Why, if the person says so.
        seen: What the look showed of each card; a card that changed since is left out.
        invoiced_ok: Ticked for all: what is taken back was invoiced already.

    Returns:
        The new batch; `left_out` lists what was held back, each with why.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such batch.
        Conflict: The batch is still being decided, or decided nothing.
    """
    require(by, "biller", "undo decisions")
    _batch, taken = chosen_of_batch(session, batch_id)
    bulk = decision_bulk.bulk_of(session, batch_id)
    if bulk is not None and bulk.state in {"queued", "working"}:
        raise Conflict("This batch is still being decided. Stop it first, or wait until it is through.")
    if not taken:
        raise Conflict("This batch decided nothing, so there is nothing to undo.")
    return decision_bulk.begin(
        session,
        "undo",
        [replace(one, seen=None if seen is None else seen.get(one.card_id)) for one in taken],
        by=by,
        now=now,
        today=today,
        options=Options(reason=reason, invoiced_ok=invoiced_ok),
        selection=f"Everything of batch {batch_id}",
        undoes_id=batch_id,
    )
