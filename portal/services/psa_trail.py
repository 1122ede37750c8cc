"""ConnectWise's own audit trail of an agreement beside ours: read on demand by a worker, our own writes told apart.

An entry is ours where our API member made it. It is led back to a push where a step of ours fits: the product stands
in ConnectWise's text, and so does what the step wrote. Texts are shown as ConnectWise wrote them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, Rejected
from portal.db.records import AuditEvent, Card, Connection, PsaQuestion, Push, PushStep
from portal.domain.steps import Step
from portal.services import questions
from portal.services.actors import Actor, require
from portal.services.errors import Refused
from portal.services.made_up_mark import of_now
from portal.services.questions import Asked

KIND = "trail"
MOST = 200  # entries that are read, the newest
LONGEST = 1000  # characters kept of a text
ROLE_ENTRY = "System / Audit Trail: Inquire All"
_APART = timedelta(hours=12)  # at most between our write and the entry that tells of it; clocks differ

Origin = Literal["ours", "member", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the two trails.

    Args:
        at: When; none: ConnectWise does not say.
        source: Whose trail tells it.
        by: Who, in the words of that trail.
        text: What, in its words.
        origin: Of ConnectWise's entries: ours with a push that fits, made by our API member without one, or a person's.
        push_id: The push that wrote it.
        step: What that push was to write, in words.
        event: The number of our event.
    """

    at: datetime | None
    source: Literal["connectwise", "countersign"]
    by: str
    text: str
    origin: Origin | None = None
    push_id: int | None = None
    step: str = ""
    event: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What is known of an agreement's trail in ConnectWise.

    Args:
        waiting: A question waits or is at work.
        read_at: When the entries were read, by the business clock; none: never.
        entries: Both trails, newest first.
        more: ConnectWise has older entries than those that were read.
        strangers: How many of ConnectWise's entries are not ours.
        error: Why the newest reading failed, as a sentence; "" where it did not.
        silent: That no worker takes the question, as a sentence; else "".
    """

    waiting: bool
    read_at: datetime | None
    entries: Sequence[Entry] = field(default_factory=tuple)
    more: bool = False
    strangers: int = 0
    error: str = ""
    silent: str = ""


def ask(session: Session, agreement_id: int, *, by: Actor, now: datetime) -> PsaQuestion:
    """Ask a worker to read an agreement's trail; wake one after the commit.

    Raises:
        NotAllowed: The role is too low.
    """
    require(by, "biller", "have ConnectWise asked")
    return questions.ask(session, KIND, subject=str(agreement_id), by=by, now=now)


def read(client: ConnectWise, asked: Asked) -> dict[str, Any]:
    """Answer a question: the newest entries of an agreement, as JSON.

    Raises:
        Refused: The API member has no right to the audit trail.
        ConnectWiseError: As every read.
    """
    try:
        found = list(islice(client.audit_trail.of(int(asked.subject)), MOST + 1))
    except Rejected as error:
        if not error.forbidden:
            raise
        raise Refused(
            f"ConnectWise does not let our API member read its audit trail. Give its security role “{ROLE_ENTRY}”; "
            "then read again. Everything else goes on as before."
        ) from error
    return {
        "entries": [
            {
                "at": None if one.entered_at is None else one.entered_at.isoformat(),
                "by": one.entered_by[:LONGEST],
                "text": one.text[:LONGEST],
            }
            for one in found[:MOST]
        ],
        "more": len(found) > MOST,
    }


def trail_of(session: Session, agreement_id: int, *, now: datetime) -> Trail:
    """Give both trails of an agreement as far as they are known, newest first; asks nobody.

    Args:
        session: For reading.
        agreement_id: The agreement.
        now: By the business clock.
    """
    newest = questions.newest(session, KIND, str(agreement_id))
    done = session.scalars(
        sa.select(PsaQuestion)
        .where(PsaQuestion.kind == KIND, PsaQuestion.subject == str(agreement_id), PsaQuestion.state == "done")
        .order_by(PsaQuestion.id.desc())
        .limit(1)
    ).first()
    waiting = newest is not None and newest.state in questions.OPEN
    error = newest.error or "" if newest is not None and newest.state == "failed" else ""
    silent = "" if newest is None else questions.nobody_answers(newest, now=now)
    if done is None:
        return Trail(waiting=waiting, read_at=None, error=error, silent=silent)
    theirs = _theirs(session, agreement_id, done.answer.get("entries", ()))
    oldest = min((one.at for one in theirs if one.at is not None), default=None)
    both = [*theirs, *_ours(session, agreement_id, since=oldest)]
    both.sort(key=lambda one: (one.at is not None, one.at or now), reverse=True)
    return Trail(
        waiting=waiting,
        read_at=done.asked_at,
        entries=both,
        more=bool(done.answer.get("more")),
        strangers=sum(one.origin == "person" for one in theirs),
        error=error,
        silent=silent,
    )


def _theirs(session: Session, agreement_id: int, raw: Sequence[Any]) -> list[Entry]:
    """Read what was kept of ConnectWise's entries, and tell ours apart."""
    connection = session.get(Connection, "connectwise")
    member = "" if connection is None else (connection.member or "").casefold()
    steps = _steps(session, agreement_id)
    taken: set[int] = set()
    found = []
    for one in raw:
        at = None if one.get("at") is None else datetime.fromisoformat(one["at"])
        by, text = str(one.get("by", "")), str(one.get("text", ""))
        if not member or by.casefold() != member:
            found.append(Entry(at=at, source="connectwise", by=by or "nobody named", text=text, origin="person"))
            continue
        step = _fitting(steps, taken, text, at)
        if step is None:
            found.append(Entry(at=at, source="connectwise", by=by, text=text, origin="member"))
            continue
        taken.add(step.id)
        words = Step.from_stored(step.plan).words()
        found.append(
            Entry(at=at, source="connectwise", by=by, text=text, origin="ours", push_id=step.push_id, step=words)
        )
    return found


@dataclass(frozen=True, slots=True)
class _Written:
    """A step that wrote, and what an entry about it must name."""

    id: int
    push_id: int
    plan: dict[str, Any]
    product: str
    tokens: tuple[str, ...]
    at: datetime | None


def _steps(session: Session, agreement_id: int) -> list[_Written]:
    """Read the steps that wrote to an agreement."""
    query = (
        sa.select(PushStep, Card.product)
        .join(Push, Push.id == PushStep.push_id)
        .join(Card, Card.id == Push.card_id)
        .where(Push.agreement_id == agreement_id, PushStep.state == "done")
        .order_by(PushStep.id.desc())
    )
    return [
        _Written(
            row.id,
            row.push_id,
            row.plan,
            product,
            tuple(str(row.plan[name]) for name in _NAMED[row.action] if row.plan.get(name) is not None),
            row.settled_at or row.sent_at,
        )
        for row, product in session.execute(query)
    ]


_NAMED = {"set": ("quantity",), "create": ("quantity",), "end": ("cancelled",), "reopen": ("cancelled",)}


def _fitting(steps: Sequence[_Written], taken: set[int], text: str, at: datetime | None) -> _Written | None:
    """Find the step nearest in time that an entry can be about."""
    words = set(re.split(r"[^\w.\-]+", text.replace(",", " ")))

    def fits(step: _Written) -> bool:
        if step.id in taken or step.product not in text or not words.issuperset(step.tokens):
            return False
        return at is None or step.at is None or abs(at - step.at) <= _APART

    def apart(step: _Written) -> timedelta:
        return timedelta() if at is None or step.at is None else abs(at - step.at)

    return min((step for step in steps if fits(step)), key=apart, default=None)


def _ours(session: Session, agreement_id: int, *, since: datetime | None) -> list[Entry]:
    """Give our decisions and writes on an agreement, no older than what was read of ConnectWise."""
    query = (
        sa.select(AuditEvent)
        .where(AuditEvent.agreement_id == agreement_id, AuditEvent.what.in_(("decision", "write")), of_now(session))
        .order_by(AuditEvent.n.desc())
        .limit(MOST)
    )
    if since is not None:
        query = query.where(AuditEvent.at >= since)
    return [
        Entry(
            at=event.at,
            source="countersign",
            by=event.person,
            text=event.sentence,
            push_id=event.push_id,
            event=event.n,
        )
        for event in session.scalars(query)
    ]
