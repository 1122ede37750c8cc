"""Many cards decided at once: each gets its own decision and push; what cannot be decided is left and listed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.db.records import Batch
from portal.services import decision_bulk
from portal.services.actors import Actor
from portal.services.decision_bulk_verbs import Chosen, Options
from portal.services.decision_plans import read_day


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
        The batch; `left_out` lists the cards that stay, each with why. Of more than `decision_bulk.AT_ONCE` cards a
        worker decides, turn by turn.

    Raises:
        NotAllowed: The role does not allow it.
        Invalid: No card was chosen.
    """
    options = Options(reason=reason, scheduled_ok=scheduled_ok, too_old_ok=too_old_ok)
    return decision_bulk.begin(
        session, "approve", _chosen(card_ids, seen), by=by, now=now, today=today, options=options, selection=selection
    )


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
        Refused: As `approve_many`; `Invalid` also where the date is none.
    """
    options = Options(reason=reason, day=read_day(day), invoiced_ok=invoiced_ok, too_old_ok=too_old_ok)
    return decision_bulk.begin(
        session, "adjust", _chosen(card_ids, seen), by=by, now=now, today=today, options=options, selection=selection
    )


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
    options = Options(reason=reason)
    return decision_bulk.begin(
        session, "dismiss", _chosen(card_ids, seen), by=by, now=now, today=today, options=options, selection=selection
    )


def confirm_planned_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
    too_old_ok: bool = False,
) -> Batch:
    """Send what was planned while the portal was read-only, each checked anew; otherwise as `approve_many`."""
    options = Options(reason=reason, too_old_ok=too_old_ok)
    return decision_bulk.begin(
        session, "send", _chosen(card_ids, seen), by=by, now=now, today=today, options=options, selection=selection
    )


def confirm_second_many(
    session: Session,
    card_ids: Iterable[int],
    *,
    by: Actor,
    now: datetime,
    today: date,
    reason: str | None = None,
    selection: str = "",
    seen: Mapping[int, str] | None = None,
    too_old_ok: bool = False,
) -> Batch:
    """Confirm many decisions as the second person, a manager or above; one's own are left out. As `approve_many`."""
    options = Options(reason=reason, too_old_ok=too_old_ok)
    return decision_bulk.begin(
        session, "second", _chosen(card_ids, seen), by=by, now=now, today=today, options=options, selection=selection
    )


def _chosen(card_ids: Iterable[int], seen: Mapping[int, str] | None) -> list[Chosen]:
    return [Chosen(card_id=one, seen=None if seen is None else seen.get(one)) for one in card_ids]
