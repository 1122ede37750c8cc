"""A worker answers questions to ConnectWise, whether or not it was woken for them."""

from typing import Any

import pytest
from flask import Flask

from portal.config import Settings
from portal.db.records import PsaQuestion
from portal.jobs import doing
from portal.jobs.queue import queue_at, wake_question
from portal.jobs.worker import Worker
from portal.services import questions
from portal.services.questions import Asked
from tests.support.desk import BILLER, Desk


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a worker was asked, of a kind that is made for this."""
    found: list[str] = []

    def answer(asked: Asked) -> dict[str, Any]:
        found.append(asked.subject)
        return {"said": asked.subject}

    monkeypatch.setattr(doing, "ANSWERERS", {"made": answer})
    return found


def ask(desk: Desk) -> int:
    with desk.open_session() as session:
        return questions.ask(session, "made", subject="7", by=BILLER, now=desk.now).id


def test_a_wake_up_leads_to_the_answer(desk: Desk, app: Flask, settings: Settings, answered: list[str]) -> None:
    queue = queue_at(settings.queue_url)
    worker = Worker(app, queue)
    queue.runners.question = worker._question
    question_id = ask(desk)

    with app.app_context():
        wake_question(question_id)
    task = queue.huey.dequeue()
    assert task is not None
    queue.huey.execute(task)

    with desk.open_session() as session:
        assert session.get_one(PsaQuestion, question_id).answer == {"said": "7"}
    assert answered == ["7"]
    queue.huey.storage.close()


def test_the_sweep_finds_what_nobody_was_woken_for(
    desk: Desk, app: Flask, settings: Settings, answered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = queue_at(settings.queue_url)
    question_id = ask(desk)

    def away(_question_id: int) -> None:
        raise OSError("no such queue")

    monkeypatch.setattr(queue, "wake_question", away)
    Worker(app, queue).sweep_once(scheduled=True)

    with desk.open_session() as session:
        assert session.get_one(PsaQuestion, question_id).state == "done"
    assert answered == ["7"]
    queue.huey.storage.close()
