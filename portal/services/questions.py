"""Questions to ConnectWise that a page shows the answer of: a worker asks, so that no request waits.

A question is a row that one worker takes. It may note what it has found so far, so that people see lines appear. What
was given along in secret stands sealed in the row, and leaves it with the answer, or 15 minutes later where the answer
asks for that. Rows are kept for two days.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWiseError
from portal.db.records import PsaQuestion
from portal.services import push_leases
from portal.services.actors import Actor
from portal.services.errors import Invalid, Refused
from portal.services.sealing import Sealer

log = logging.getLogger(__name__)

OPEN = ("queued", "running")
SILENCE = timedelta(minutes=10)
"""Real time that a worker may be at one question; an answerer gives up long before."""
LOOKS_LONG = timedelta(seconds=20)  # after which a question that nobody took is spoken of
WAITS_AT_MOST = timedelta(hours=1)  # after which it is given up: nobody waits for it any more, and its secret goes
KEPT = timedelta(days=2)  # real time for which an answered question stays

SECRET_KEPT = timedelta(minutes=15)  # real time for which a secret outlives an answer that asks for that
KEEPS_SECRET = "keeps_secret"  # noqa: S105 - the name of a field
"""In an answer: the person may want to use the secret again soon."""

OpenSession = Callable[[], AbstractContextManager[Session]]
Note = Callable[[Mapping[str, Any]], None]


class GivenUp(Exception):
    """The question was taken away from this worker, because it was silent for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, as the one who answers it gets it: a copy, with no transaction open.

    Args:
        id: Its number.
        kind: What is asked.
        subject: What it is about, such as an agreement's id.
        asked: What was given along.
        sealed: What was given along in secret, or none.
        note: Keeps what is known so far as the answer, for people who watch; raises `GivenUp` where the question was
            taken away.
    """

    id: int
    kind: str
    subject: str
    asked: dict[str, Any]
    sealed: str | None = field(repr=False)
    note: Note = field(repr=False)


Answerer = Callable[[Asked], dict[str, Any]]
"""Gives the answer. What it cannot know, it refuses with a `Refused` or a `ConnectWiseError`: its text is shown."""


def ask(
    session: Session,
    kind: str,
    *,
    subject: str = "",
    asked: Mapping[str, Any] | None = None,
    secret: str | None = None,
    sealer: Sealer | None = None,
    by: Actor,
    now: datetime,
) -> PsaQuestion:
    """Queue a question; one like it that waits or is at work is given back instead. Wake a worker after the commit.

    Whether this actor may ask is for the caller to see to.

    Args:
        session: A writing session.
        kind: What is asked; the worker has an answerer for it.
        subject: What it is about.
        asked: What is given along, as JSON; nothing secret.
        secret: What is given along and stays sealed until it is answered.
        sealer: Seals the secret; needed with one.
        by: Who asks.
        now: By the business clock.

    Raises:
        ValueError: A secret without a sealer.
    """
    if secret is not None and sealer is None:
        raise ValueError("A secret needs a sealer.")
    given = dict(asked or {})
    for other in _waiting(session, kind, subject):
        if other.asked == given and _same_secret(other.sealed, secret, sealer):
            return other
    question = PsaQuestion(
        kind=kind,
        subject=subject,
        asked=given,
        sealed=None if secret is None or sealer is None else sealer.seal(secret),
        asked_by=by.name,
        asked_at=now,
    )
    session.add(question)
    session.flush()
    return question


def newest(session: Session, kind: str, subject: str = "") -> PsaQuestion | None:
    """Give the newest question of a kind about something, if there is one; queued, at work or answered."""
    query = sa.select(PsaQuestion).where(PsaQuestion.kind == kind, PsaQuestion.subject == subject)
    return session.scalars(query.order_by(PsaQuestion.id.desc()).limit(1)).first()


def due(session: Session) -> list[int]:
    """Give the questions that wait for a worker, oldest first."""
    return list(
        session.scalars(sa.select(PsaQuestion.id).where(PsaQuestion.state == "queued").order_by(PsaQuestion.id))
    )


def nobody_answers(question: PsaQuestion, *, now: datetime) -> str:
    """Say that no worker took a question, once that is likely; else an empty text.

    Args:
        question: The question.
        now: By the business clock.
    """
    if question.state != "queued" or now - question.asked_at <= LOOKS_LONG:
        return ""
    return (
        "No worker has taken this question yet. Is one running? Whoever runs the portal starts it with “make worker”; "
        "it is answered then."
    )


def recover(session: Session, *, now: datetime, real_now: datetime, starting: bool = False) -> list[int]:
    """Give up what dead workers left and what nobody took, and forget what was answered long ago.

    Args:
        session: A writing session.
        now: By the business clock.
        real_now: Real time.
        starting: This process has only begun, so a question of its own process id is a dead one's.

    Returns:
        The questions that were given up.
    """
    lost = []
    for question in session.scalars(sa.select(PsaQuestion).where(PsaQuestion.state.in_(OPEN))):
        if question.state == "queued":
            if now - question.asked_at > WAITS_AT_MOST:
                _end(question, "No worker took this question within an hour. Nothing was changed. Ask again.", real_now)
                lost.append(question.id)
        elif _left(question, real_now, starting=starting):
            _end(question, "The worker stopped in the middle of it. Ask again.", real_now)
            lost.append(question.id)
    old = sa.delete(PsaQuestion).where(PsaQuestion.state.not_in(OPEN), PsaQuestion.finished_at < real_now - KEPT)
    session.execute(old)
    outlived = sa.update(PsaQuestion).where(
        PsaQuestion.state.not_in(OPEN),
        PsaQuestion.sealed.is_not(None),
        PsaQuestion.finished_at <= real_now - SECRET_KEPT,
    )
    session.execute(outlived.values(sealed=None))
    session.flush()
    return lost


def run_question(
    open_session: OpenSession,
    question_id: int,
    answerers: Mapping[str, Answerer],
    *,
    real_now: Callable[[], datetime],
) -> None:
    """Answer a queued question, and note in its row what came of it. No transaction is open while ConnectWise is asked.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        question_id: The question. One that is not queued any more is left alone.
        answerers: How each kind is answered.
        real_now: Real time.

    A refusal is no error here: the question says so. Anything unexpected is raised after the question has been noted
    as failed.
    """
    worker = push_leases.worker_name()
    with open_session() as session:
        asked = _claim(session, question_id, worker, real_now(), open_session)
    if asked is None:
        return
    answer: dict[str, Any] | None = None
    error: str | None = None
    try:
        answerer = answerers.get(asked.kind)
        if answerer is None:
            raise Refused("This worker does not know how to answer this. Restart it, then ask again.")  # noqa: TRY301 - told as every refusal
        answer = answerer(asked)
    except GivenUp:
        log.warning("Question %s was taken away from this worker.", question_id)
        return
    except (ConnectWiseError, Refused) as refusal:
        error = str(refusal)
        answer = {"fields": refusal.fields} if isinstance(refusal, Invalid) else None
    except BaseException:
        error = "Something failed on our side; the worker's log says more. Nothing was changed. Ask again."
        raise
    finally:
        with open_session() as session:
            question = session.get(PsaQuestion, question_id, populate_existing=True)
            if question is not None and question.state == "running" and question.worker == worker:
                if answer is not None:
                    question.answer = {**(question.answer or {}), **answer}
                sealed = question.sealed if answer is not None and answer.get(KEEPS_SECRET) else None
                _end(question, error, real_now())
                question.sealed = sealed if error is None else None


def _waiting(session: Session, kind: str, subject: str) -> Iterator[PsaQuestion]:
    query = sa.select(PsaQuestion).where(
        PsaQuestion.kind == kind, PsaQuestion.subject == subject, PsaQuestion.state.in_(OPEN)
    )
    yield from session.scalars(query.order_by(PsaQuestion.id))


def _same_secret(sealed: str | None, secret: str | None, sealer: Sealer | None) -> bool:
    """Tell whether a sealed text is this one; the same text is never sealed the same way twice."""
    if sealed is None or secret is None or sealer is None:
        return sealed is None and secret is None
    try:
        return sealer.open(sealed) == secret
    except Refused:
        return False


def _left(question: PsaQuestion, real_now: datetime, *, starting: bool) -> bool:
    """Tell whether nobody is at a question any more."""
    silent = question.started_at is None or real_now - question.started_at > SILENCE
    return silent or push_leases.is_gone(question.worker or "", starting=starting)


def _end(question: PsaQuestion, error: str | None, real_now: datetime) -> None:
    question.state = "done" if error is None else "failed"
    question.error, question.sealed, question.finished_at = error, None, real_now


def _claim(
    session: Session, question_id: int, worker: str, real_now: datetime, open_session: OpenSession
) -> Asked | None:
    claim = (
        sa.update(PsaQuestion)
        .where(PsaQuestion.id == question_id, PsaQuestion.state == "queued")
        .values(state="running", worker=worker, started_at=real_now)
        .returning(PsaQuestion.id)
    )
    if session.execute(claim).scalar_one_or_none() is None:
        return None
    question = session.get_one(PsaQuestion, question_id, populate_existing=True)

    def note(found: Mapping[str, Any]) -> None:
        held = sa.update(PsaQuestion).where(
            PsaQuestion.id == question_id, PsaQuestion.state == "running", PsaQuestion.worker == worker
        )
        with open_session() as noting:
            noted = noting.execute(held.values(answer=dict(found)).returning(PsaQuestion.id))
            if noted.scalar_one_or_none() is None:
                raise GivenUp

    return Asked(
        id=question.id,
        kind=question.kind,
        subject=question.subject,
        asked=dict(question.asked or {}),
        sealed=question.sealed,
        note=note,
    )
