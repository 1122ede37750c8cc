"""The daily look back: what was confirmed in the last days is read again, and what somebody changed since is told.

Our own later writes are no drift: of each line the newest word of ours counts. Only lines that a push wrote or found
are looked at, agreement by agreement, in bundles where ConnectWise takes them. Nothing is written to ConnectWise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.connectwise import Addition, ConnectWise
from portal.db.records import Drift, Push, PushStep, Setting
from portal.domain.periods import local_day
from portal.services import audit, settings_store
from portal.services.actors import SYSTEM, Actor, require
from portal.services.errors import Conflict, NotFound
from portal.services.push_looking import facts_of
from portal.services.push_work import WRITTEN

NAME = "look_back"
DEFAULTS = {"days": 7}
"""The setting `look_back`: how many days back; 0: not at all."""
HOUR = 3  # local time from which on a day's look back is due: after the night's full sync has begun
_DONE = "look_back_done"  # what was done last; it is no setting that people make
_FACTS = ("quantity", "effective", "cancelled")

OpenSession = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a push left behind on one line: the newest word of ours about it."""

    push_id: int
    agreement_id: int
    addition_id: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a look back.

    Args:
        agreements: How many were read.
        lines: How many lines were compared.
        drifted: Drifts that were not known before.
        over: Drifts that are none any more.
    """

    agreements: int
    lines: int
    drifted: int
    over: int


def is_due(session: Session, *, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the day's look back is still to be done; reads only.

    Args:
        session: For reading.
        now: By the business clock.
        zone: The portal's time zone.
    """
    if now.astimezone(zone).hour < HOUR or not _days(session):
        return False
    done = session.get(Setting, _DONE, populate_existing=True)
    return done is None or done.value.get("day") != local_day(now, zone).isoformat()


def run(open_session: OpenSession, client: ConnectWise, *, now: datetime, zone: ZoneInfo) -> Result:
    """Read again what was confirmed in the last days, and write down what is not so any more.

    Two workers that do it at once, or one that is killed and begins again, find the same rows.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        client: The PSA; its calls go at the pace of reads in bulk.
        now: By the business clock.
        zone: The portal's time zone.

    Raises:
        ConnectWiseError: ConnectWise does not answer; what was read until then is kept, and the day stays due.
    """
    with open_session() as session:
        kept = _kept(session, since=now - timedelta(days=_days(session)))
    by_agreement: dict[int, list[Kept]] = {}
    for one in kept:
        by_agreement.setdefault(one.agreement_id, []).append(one)
    drifted = over = 0
    for read in client.additions.of_many(sorted(by_agreement)):
        if read.skipped:
            continue  # a line that cannot be read is not one that is gone
        lines = {line.id: line for line in read.additions}
        with open_session() as session:
            again = _still(session, by_agreement[read.agreement_id])
            for one in again:
                made, ended = _compare(session, one, lines.get(one.addition_id), now=now)
                drifted, over = drifted + made, over + ended
    with open_session() as session:
        _note_done(session, local_day(now, zone).isoformat(), now)
    return Result(agreements=len(by_agreement), lines=len(kept), drifted=drifted, over=over)


def drifts(session: Session, *, all_of_them: bool = False, limit: int = 200) -> Sequence[Drift]:
    """List what drifted, newest first, with push, card and decision: what nobody acknowledged yet, or all."""
    query = sa.select(Drift).options(
        joinedload(Drift.push).joinedload(Push.card), joinedload(Drift.push).joinedload(Push.decision)
    )
    if not all_of_them:
        query = query.where(Drift.acknowledged_at.is_(None), Drift.over_at.is_(None))
    return session.scalars(query.order_by(Drift.id.desc()).limit(limit)).all()


def drift_count(session: Session) -> int:
    """Count what drifted and nobody acknowledged yet."""
    query = sa.select(sa.func.count()).select_from(Drift)
    return session.scalar(query.where(Drift.acknowledged_at.is_(None), Drift.over_at.is_(None))) or 0


def acknowledge(session: Session, drift_id: int, *, by: Actor, now: datetime, reason: str | None = None) -> Drift:
    """Say that somebody knows of a drift; it is told again only where the line changes once more.

    Args:
        session: A writing session.
        drift_id: The drift.
        by: A biller or above.
        now: By the business clock.
        reason: Why it is well, if the person says so.

    Raises:
        NotAllowed: The role does not allow it.
        NotFound: There is no such drift.
        Conflict: Somebody was quicker.
    """
    require(by, "biller", "acknowledge what drifted")
    drift = session.get(Drift, drift_id, populate_existing=True)
    if drift is None:
        raise NotFound(f"There is no drift {drift_id}.")
    if drift.acknowledged_by is not None:
        raise Conflict(f"{drift.acknowledged_by} has acknowledged this already.")
    drift.acknowledged_by, drift.acknowledged_at = by.name, now
    session.flush()
    _tell(session, drift, "drift.acknowledged", f"Knows that {words(drift)}", by=by, now=now, reason=reason)
    return drift


def _days(session: Session) -> int:
    return int(settings_store.get(session, NAME, DEFAULTS)["days"])


def _kept(session: Session, *, since: datetime) -> list[Kept]:
    """Give the newest word of ours on each line that a push of these days left, oldest push first."""
    query = (
        sa.select(Push)
        .where(Push.state.in_(("confirmed", "undone")), Push.settled_at >= since)
        .options(selectinload(Push.steps))
        .order_by(Push.settled_at, Push.id)
    )
    newest: dict[int, Kept] = {}
    for push in session.scalars(query):
        for step in push.steps:
            if step.state in WRITTEN and step.after is not None:
                newest[step.after["id"]] = Kept(
                    push_id=push.id,
                    agreement_id=push.agreement_id,
                    addition_id=step.after["id"],
                    facts={name: step.after[name] for name in _FACTS},
                )
    return list(newest.values())


def _still(session: Session, kept: Iterable[Kept]) -> list[Kept]:
    """Leave out the agreements that a push of ours is at work on, and lines on which we had a newer word since."""
    found = []
    for one in kept:
        later = (
            sa.select(sa.func.max(Push.id))
            .join(PushStep, PushStep.push_id == Push.id)
            .where(PushStep.addition_id == one.addition_id, PushStep.state.in_(sorted(WRITTEN)), Push.id > one.push_id)
        )
        busy = sa.select(Push.id).where(
            Push.agreement_id == one.agreement_id, Push.state.in_(("queued", "sending", "in_doubt"))
        )
        if session.scalar(later) is None and session.scalar(busy.limit(1)) is None:
            found.append(one)
    return found


def _compare(session: Session, kept: Kept, line: Addition | None, *, now: datetime) -> tuple[int, int]:
    """Compare one line with what we left there; gives how many drifts are new, and how many are over."""
    found = None if line is None else {name: facts_of(line)[name] for name in _FACTS}
    known = session.scalars(
        sa.select(Drift).where(Drift.addition_id == kept.addition_id, Drift.over_at.is_(None))
    ).all()
    key = "gone" if found is None else "|".join(str(found[name]) for name in _FACTS)
    same = found == kept.facts
    over = [drift for drift in known if same or drift.push_id != kept.push_id or drift.found_key != key]
    for drift in over:
        drift.over_at = now
    session.flush()
    if same or len(over) < len(known):
        return 0, len(over)
    drift = session.scalars(
        sa.select(Drift).where(
            Drift.push_id == kept.push_id, Drift.addition_id == kept.addition_id, Drift.found_key == key
        )
    ).one_or_none() or Drift(push_id=kept.push_id, addition_id=kept.addition_id, found_key=key)
    drift.agreement_id, drift.kind = kept.agreement_id, "gone" if found is None else "changed"
    drift.expected, drift.found, drift.seen_at, drift.over_at = dict(kept.facts), found, now, None
    drift.acknowledged_by = drift.acknowledged_at = None
    drift.changed_by = None if line is None else line.updated_by or None
    drift.changed_at = None if line is None else line.last_updated
    session.add(drift)
    session.flush()
    _tell(session, drift, "drift.found", f"Looking back: {words(drift)}", by=SYSTEM, now=now)
    return 1, len(over)


def _tell(
    session: Session, drift: Drift, action: str, sentence: str, *, by: Actor, now: datetime, reason: str | None = None
) -> None:
    push = session.get_one(Push, drift.push_id)
    audit.record(
        session,
        what="write",
        action=action,
        by=by,
        now=now,
        sentence=sentence,
        company_id=push.card.company_id,
        company=push.card.company,
        agreement_id=push.agreement_id,
        product=push.card.product,
        card_id=push.card_id,
        decision_id=push.decision_id,
        push_id=push.id,
        before=drift.expected["quantity"],
        after=None if drift.found is None else drift.found["quantity"],
        reason=reason,
        details={"line": drift.addition_id, "expected": drift.expected, "found": drift.found, "by": drift.changed_by},
    )


def words(drift: Drift) -> str:
    """Say what drifted, as the end of a sentence."""
    before = drift.expected["quantity"]
    if drift.found is None:
        return f"line {drift.addition_id}, which we left at {before}, is gone."
    by = f", by {drift.changed_by}" if drift.changed_by else ""
    if drift.found["quantity"] != drift.expected["quantity"]:
        return f"line {drift.addition_id}, which we left at {before}, has {drift.found['quantity']}{by}."
    return f"line {drift.addition_id}, which we left at {before}, has other days{by}."


def _note_done(session: Session, day: str, now: datetime) -> None:
    found = session.get(Setting, _DONE)
    if found is None:
        session.add(Setting(name=_DONE, value={"day": day}, set_by=SYSTEM.name, set_at=now))
    else:
        found.value, found.set_at = {"day": day}, now
    session.flush()
