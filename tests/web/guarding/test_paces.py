"""What costs much may be asked for often, and not without end: a sentence, and when to come back."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import ROOT
from portal.db.records import AuditEvent
from portal.web.access import PUBLIC, declared
from portal.web.callbacks import limits
from portal.web.paces import LIMITS, PACES, Pace
from tests.support.people import a_person
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import Owned
from tests.web.guarding.routes import address, rules

SAID = re.compile(r"More than 2 .* a minute came from you(r address)?\. .*Try again in (\d+) s\.")


@pytest.fixture
def slow(app: Flask) -> Flask:
    """A portal on which each pace is two a minute."""
    for limit in app.extensions[LIMITS].values():
        limit.most = 2
    return app


def ask(visitor: Visitor, app: Flask, pace: Pace, owned: Owned, times: int) -> list[tuple[int, str, str | None]]:
    """Ask for everything that a pace counts, one after the other, so many times in all."""
    paths = [(address(rule, owned.ids), method) for rule, method in rules(app) if rule.endpoint in pace.endpoints]
    token, answers = visitor.token(), []
    for number in range(times):
        path, method = paths[number % len(paths)]
        data = {"csrf_token": token} if method == "POST" else None
        answer = visitor.client.open(path, method=method, data=data)
        text = visitor.page(answer).get_text(" ") if answer.mimetype == "text/html" else ""
        answers.append((answer.status_code, " ".join(text.split()), answer.headers.get("Retry-After")))
        answer.close()
    return answers


@pytest.mark.parametrize("pace", PACES, ids=lambda pace: pace.what)
def test_each_pace_ends_in_a_sentence_and_when_to_come_back(
    slow: Flask, owned: Owned, visitors: Callable[[str], Visitor], pace: Pace
) -> None:
    public = all(declared(slow, endpoint) == PUBLIC for endpoint in pace.endpoints)
    visitor = Visitor(slow) if public else visitors("admin")

    *before, third = ask(visitor, slow, pace, owned, 3)

    assert all(status != 429 for status, _, _ in before)
    assert third[0] == 429
    said = SAID.search(third[1])
    assert said is not None, third[1]
    assert pace.kept in third[1]
    assert said[2] == third[2]
    assert 1 <= int(third[2] or 0) <= limits.MINUTE


def test_after_its_minute_it_goes_on(
    slow: Flask, owned: Owned, visitors: Callable[[str], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = visitors("viewer")
    taken_away = next(pace for pace in PACES if "cards.export_csv" in pace.endpoints)
    moment = [1000.0]
    monkeypatch.setattr("portal.web.callbacks.limits.time.monotonic", lambda: moment[0])

    first = [status for status, _, _ in ask(visitor, slow, taken_away, owned, 3)]
    moment[0] += limits.MINUTE
    then = [status for status, _, _ in ask(visitor, slow, taken_away, owned, 1)]

    assert (first[-1], then) == (429, [200])


def test_one_person_does_not_hold_up_another(slow: Flask, owned: Owned, visitors: Callable[[str], Visitor]) -> None:
    taken_away = next(pace for pace in PACES if "cards.export_csv" in pace.endpoints)
    biller, viewer = visitors("biller"), visitors("viewer")

    assert ask(biller, slow, taken_away, owned, 3)[-1][0] == 429
    assert ask(viewer, slow, taken_away, owned, 1)[-1][0] == 200


def test_whoever_may_not_is_told_so_and_not_counted(
    slow: Flask, owned: Owned, visitors: Callable[[str], Visitor]
) -> None:
    tests = next(pace for pace in PACES if "connections.save" in pace.endpoints)

    assert {status for status, _, _ in ask(visitors("viewer"), slow, tests, owned, 4)} == {403}


def test_it_stands_in_the_trail_who_asked_too_often(
    slow: Flask, owned: Owned, visitors: Callable[[str], Visitor], session: Session
) -> None:
    ask(visitors("viewer"), slow, next(pace for pace in PACES if "cards.export_csv" in pace.endpoints), owned, 3)

    session.rollback()
    told = session.scalars(sa.select(AuditEvent.sentence).order_by(AuditEvent.n.desc()).limit(1)).one()
    assert "files taken away a minute" in told


def test_work_by_hand_stays_far_below(app: Flask) -> None:
    counted = {endpoint for pace in PACES for endpoint in pace.endpoints}

    deciding = {rule.endpoint for rule, _ in rules(app, "POST") if rule.endpoint.startswith(("cards.", "mapping.map"))}
    assert deciding & counted == {"cards.read_again"}
    assert all(app.extensions[LIMITS][pace.what].most >= 20 for pace in PACES)


def test_every_address_that_a_pace_names_is_there(app: Flask) -> None:
    assert {endpoint for pace in PACES for endpoint in pace.endpoints} <= set(app.view_functions)


def test_every_file_to_take_away_is_counted(app: Flask) -> None:
    counted = next(pace.endpoints for pace in PACES if "cards.export_csv" in pace.endpoints)
    files = {rule.endpoint for rule, _ in rules(app, "GET") if re.search(r"\.(csv|jsonl?|xlsx|zip|pdf)$", rule.rule)}

    assert files == counted


def test_the_paces_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| ([^|]+) \| (\d+) \| (?:person|address) \|$", page, re.MULTILINE)

    assert [(what, int(most)) for what, most in told] == [(pace.what, pace.most) for pace in PACES]


def test_a_person_is_counted_wherever_they_sit(slow: Flask, session: Session, owned: Owned) -> None:
    a_person(session, "viewer", email="two@fennimore.example")
    taken_away = next(pace for pace in PACES if "cards.export_csv" in pace.endpoints)
    statuses = []
    for _ in range(3):
        visitor = Visitor(slow)
        visitor.sign_in("two@fennimore.example")
        statuses += [status for status, _, _ in ask(visitor, slow, taken_away, owned, 1)]

    assert statuses == [200, 200, 429]
