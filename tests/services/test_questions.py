"""Questions to ConnectWise: asked once, answered by one worker, and never in a request."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import Unreachable
from portal.db.engine import WRITES
from portal.db.records import PsaQuestion
from portal.services import questions
from portal.services.errors import Invalid
from portal.services.questions import Asked
from portal.services.sealing import Sealer
from tests.services.conftest import ADMIN

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
REAL = datetime(2026, 11, 1, 12, tzinfo=UTC)

OpenSession = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def open_session(engine: sa.Engine) -> OpenSession:
    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session, session.begin():
            yield session

    return opened


def ask(open_session: OpenSession, **values: Any) -> PsaQuestion:
    given: dict[str, Any] = {"kind": "trail", "subject": "502", "by": ADMIN, "now": NOW}
    with open_session() as session:
        return questions.ask(session, **(given | values))


def again(open_session: OpenSession, question: PsaQuestion) -> PsaQuestion:
    with open_session() as session:
        return session.get_one(PsaQuestion, question.id)


def run(open_session: OpenSession, question: PsaQuestion, answerer: questions.Answerer) -> PsaQuestion:
    questions.run_question(open_session, question.id, {question.kind: answerer}, real_now=lambda: REAL)
    return again(open_session, question)


def test_a_question_is_answered_and_found_as_the_newest(open_session: OpenSession) -> None:
    first = ask(open_session, asked={"page": 1})

    done = run(open_session, first, lambda asked: {"entries": [asked.subject, asked.asked["page"]]})

    assert (done.state, done.answer, done.error) == ("done", {"entries": ["502", 1]}, None)
    assert (done.started_at, done.finished_at, done.asked_by) == (REAL, REAL, "Ada Admin")
    with open_session() as session:
        found = questions.newest(session, "trail", "502")
        assert found is not None
        assert found.id == done.id
        assert questions.newest(session, "trail", "503") is None
        assert questions.due(session) == []


def test_an_equal_question_that_waits_is_shared(open_session: OpenSession) -> None:
    sealer = Sealer(["a-key"])
    first = ask(open_session, secret="s", sealer=sealer)

    assert ask(open_session, secret="s", sealer=sealer).id == first.id
    others = [
        ask(open_session, secret="t", sealer=sealer),
        ask(open_session),
        ask(open_session, asked={"page": 2}),
        ask(open_session, subject="503"),
        ask(open_session, kind="test"),
        ask(open_session, secret="s", sealer=Sealer(["another-key"])),
    ]
    assert len({first.id, *(other.id for other in others)}) == 7
    run(open_session, first, lambda _asked: {})
    assert ask(open_session, secret="s", sealer=sealer).id not in {first.id, *(other.id for other in others)}


def test_a_secret_is_sealed_and_leaves_the_row_with_the_answer(open_session: OpenSession, engine: sa.Engine) -> None:
    sealer = Sealer(["a-key"])
    question = ask(open_session, secret="private-marker", sealer=sealer)
    opened = []

    def answer(asked: Asked) -> dict[str, Any]:
        assert asked.sealed is not None
        opened.append(sealer.open(asked.sealed))
        assert "private-marker" not in repr(asked)
        return {}

    with engine.connect() as connection:
        row = connection.execute(sa.select(PsaQuestion.__table__)).one()
    done = run(open_session, question, answer)

    assert row.sealed
    assert "private-marker" not in str(row)
    assert opened == ["private-marker"]
    assert done.sealed is None
    with pytest.raises(ValueError, match="sealer"):
        ask(open_session, secret="s")


@pytest.mark.parametrize(
    ("error", "sentence", "answer"),
    [
        (Unreachable("It cannot be reached."), "It cannot be reached.", {}),
        (Invalid("It is none.", {"url": "No."}), "It is none.", {"fields": {"url": "No."}}),
    ],
)
def test_a_refusal_is_the_questions_sentence(
    open_session: OpenSession, error: Exception, sentence: str, answer: dict[str, Any]
) -> None:
    question = ask(open_session, secret="s", sealer=Sealer(["a-key"]))

    def refuse(_asked: Asked) -> dict[str, Any]:
        raise error

    failed = run(open_session, question, refuse)

    assert (failed.state, failed.error, failed.answer, failed.sealed) == ("failed", sentence, answer, None)


def test_the_unexpected_is_noted_and_raised(open_session: OpenSession) -> None:
    question = ask(open_session)

    def stumble(_asked: Asked) -> dict[str, Any]:
        raise RuntimeError("private-marker")

    with pytest.raises(RuntimeError):
        run(open_session, question, stumble)
    failed = again(open_session, question)
    assert (failed.state, failed.error) == (
        "failed",
        "Something failed on our side; the worker's log says more. Nothing was changed. Ask again.",
    )


def test_what_nobody_can_answer_says_so(open_session: OpenSession) -> None:
    question = ask(open_session)

    questions.run_question(open_session, question.id, {}, real_now=lambda: REAL)

    assert "does not know how to answer" in str(again(open_session, question).error)


def test_what_is_known_so_far_can_be_watched(open_session: OpenSession) -> None:
    question = ask(open_session)
    seen = []

    def answer(asked: Asked) -> dict[str, Any]:
        for lines in (["a"], ["a", "b"]):
            asked.note({"lines": lines})
            row = again(open_session, question)
            seen.append((row.state, row.answer))
        return {"end": True}

    done = run(open_session, question, answer)

    assert seen == [("running", {"lines": ["a"]}), ("running", {"lines": ["a", "b"]})]
    assert done.answer == {"lines": ["a", "b"], "end": True}


def test_two_workers_answer_a_question_once(open_session: OpenSession) -> None:
    question = ask(open_session)
    times = []

    def answer(_asked: Asked) -> dict[str, Any]:
        times.append(1)
        questions.run_question(open_session, question.id, {"trail": answer}, real_now=lambda: REAL)
        return {}

    run(open_session, question, answer)
    run(open_session, question, answer)

    assert len(times) == 1


def test_a_question_that_was_taken_away_is_not_written_to(open_session: OpenSession) -> None:
    question = ask(open_session)

    def answer(asked: Asked) -> dict[str, Any]:
        with open_session() as session:
            assert questions.recover(session, now=NOW, real_now=REAL + 2 * questions.SILENCE) == [question.id]
        asked.note({"lines": []})
        return {"late": True}

    failed = run(open_session, question, answer)

    assert (failed.state, failed.answer) == ("failed", {})
    assert failed.error == "The worker stopped in the middle of it. Ask again."


def at_work(open_session: OpenSession, worker: str) -> PsaQuestion:
    question = ask(open_session, secret="s", sealer=Sealer(["a-key"]))
    with open_session() as session:
        row = session.get_one(PsaQuestion, question.id)
        row.state, row.worker, row.started_at = "running", worker, REAL
        return row


def test_a_dead_workers_question_fails_with_a_sentence_at_once(open_session: OpenSession) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    question = at_work(open_session, f"{socket.gethostname()}/{process.pid}/x")

    with open_session() as session:
        assert questions.recover(session, now=NOW, real_now=REAL) == [question.id]

    failed = again(open_session, question)
    assert (failed.state, failed.sealed) == ("failed", None)


@pytest.mark.parametrize(("starting", "lost"), [(False, 0), (True, 1)])
def test_a_worker_at_work_keeps_its_question(open_session: OpenSession, starting: bool, lost: int) -> None:
    at_work(open_session, f"{socket.gethostname()}/{os.getpid()}/x")

    with open_session() as session:
        assert len(questions.recover(session, now=NOW, real_now=REAL, starting=starting)) == lost


def test_what_nobody_takes_is_said_then_given_up(open_session: OpenSession) -> None:
    question = ask(open_session, secret="s", sealer=Sealer(["a-key"]))

    assert questions.nobody_answers(question, now=NOW + timedelta(seconds=20)) == ""
    assert "make worker" in questions.nobody_answers(question, now=NOW + timedelta(seconds=21))
    with open_session() as session:
        assert questions.recover(session, now=NOW + timedelta(hours=1), real_now=REAL) == []
        assert questions.recover(session, now=NOW + timedelta(hours=1, seconds=1), real_now=REAL) == [question.id]
    given_up = again(open_session, question)
    assert (given_up.state, given_up.sealed) == ("failed", None)
    assert questions.nobody_answers(given_up, now=NOW + timedelta(hours=2)) == ""


def test_answered_questions_are_forgotten_after_two_days(open_session: OpenSession) -> None:
    run(open_session, ask(open_session), lambda _asked: {})
    waits = ask(open_session, subject="503")

    with open_session() as session:
        questions.recover(session, now=NOW, real_now=REAL + timedelta(days=2))
        assert questions.newest(session, "trail", "502") is not None
        questions.recover(session, now=NOW, real_now=REAL + timedelta(days=2, seconds=1))
        assert questions.newest(session, "trail", "502") is None
        left = questions.newest(session, "trail", "503")
        assert left is not None
        assert left.id == waits.id
