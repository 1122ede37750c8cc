"""Several who decide the same card at the same moment: one decision, and the others are told."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import sqlalchemy as sa
from bs4 import BeautifulSoup
from flask import Flask

from portal.config import Settings
from portal.db.records import AuditEvent, Card, Decision, Push
from portal.extensions import db
from portal.services import audit, decisions, settings_store
from portal.services.actors import Actor
from tests.support.database import NOW, POSTGRESQL, migrated_app, settings_on
from tests.support.people import a_person
from tests.support.served import Browser, at_once, served

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

ROUNDS = int(os.environ.get("COUNTERSIGN_TEST_ROUNDS", "1"))
PRIYA = Actor("Priya", role="admin")
SignIn = Callable[..., Browser]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """A migrated database on the PostgreSQL server, which tests copy; dropped at the end."""
    name = f"countersign_test_{uuid.uuid4().hex[:12]}"
    url = sa.make_url(os.environ[POSTGRESQL]).set(drivername="postgresql+psycopg")
    on_server(url, f'CREATE DATABASE "{name}"')
    app = migrated_app(url.set(database=name).render_as_string(hide_password=False), tmp_path_factory.mktemp("pg"))
    with app.app_context():
        db.engine.dispose()
    yield url.set(database=name)
    on_server(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def on_server(url: sa.URL, command: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(command)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings on a migrated database of the test's own, of either kind."""
    if request.param == "sqlite":
        settings: Settings = request.getfixturevalue("sqlite_settings")
        yield settings
        return
    template: sa.URL = request.getfixturevalue("template")
    name = f"countersign_test_{uuid.uuid4().hex[:12]}"
    server = sa.make_url(os.environ[POSTGRESQL]).set(drivername="postgresql+psycopg")
    on_server(server, f'CREATE DATABASE "{name}" TEMPLATE "{template.database}"')
    yield settings_on(template.set(database=name).render_as_string(hide_password=False), tmp_path)
    on_server(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_settings(tmp_path: Path, migrated_file: Path) -> Settings:
    instance = tmp_path / "instance"
    instance.mkdir()
    file = instance / "countersign.sqlite"
    file.write_bytes(migrated_file.read_bytes())
    return settings_on(f"sqlite:///{file}", instance)


@pytest.fixture
def sign_in(app: Flask, month: "Month") -> Iterator[SignIn]:
    """Gives the browser of a new person who has signed in at the served portal."""
    with ExitStack() as stack:
        url = stack.enter_context(served(app))

        def person(name: str, role: str = "biller") -> Browser:
            email = f"{name.lower()}@fennimore.example"
            a_person(month.session, role, email=email, name=name)
            browser = stack.enter_context(Browser(url))
            browser.sign_in(email)
            return browser

        yield person


def form(card: Card, **more: str) -> dict[str, str]:
    """What the form of a card carries."""
    return {"seen": decisions.seen_token(card), **more}


def deciding(browser: Browser, card: Card, action: str = "approve", **more: str) -> Callable[[], requests.Response]:
    """A decision as the row's button sends it."""
    return partial(browser.post, f"/cards/{card.id}/{action}", form(card, **more), swapping=f"card-{card.id}")


def words(answer: requests.Response) -> str:
    return " ".join(BeautifulSoup(answer.text, "html.parser").get_text(" ").split())


def made(month: "Month", card: Card) -> tuple[list[Decision], list[Push]]:
    """The decisions on a card and their pushes, oldest first; the chain holds."""
    month.session.rollback()
    month.session.expire_all()
    decided = list(month.session.scalars(sa.select(Decision).where(Decision.card_id == card.id).order_by(Decision.id)))
    sent = list(month.session.scalars(sa.select(Push).where(Push.card_id == card.id).order_by(Push.id)))
    assert audit.verify(month.session).ok
    month.session.commit()  # a writing session that only read would keep the portal waiting
    return decided, sent


def assert_one(month: "Month", card: Card, answers: list[requests.Response]) -> Decision:
    """One was taken, each other was told by whom; there is one decision, and one push at most."""
    taken = [one for one in answers if one.status_code == requests.codes.ok]
    told = [one for one in answers if one.status_code == requests.codes.conflict]
    assert (len(taken), len(told)) == (1, len(answers) - 1), [(one.status_code, words(one)) for one in answers]
    decided, sent = made(month, card)
    assert len(decided) == 1
    assert len(sent) == (0 if decided[0].action == "dismiss" else 1)
    for one in told:
        assert decided[0].by in words(one), words(one)
    return decided[0]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_four_people_one_decides_and_the_others_are_told_by_whom(
    month: "Month", sign_in: SignIn, number: int
) -> None:
    del number
    people = [sign_in(name) for name in ("Ana", "Ben", "Cleo", "Dov")]
    card = month.card("20", "26")

    answers = at_once([deciding(one, card) for one in people])

    assert assert_one(month, card, answers).quantity == 26
    assert month.reload(card).state == "queued"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_two_tabs_with_different_decisions_one_holds(month: "Month", sign_in: SignIn, number: int) -> None:
    del number
    browser = sign_in("Ana")
    card = month.card("20", "26")

    answers = at_once(
        [
            deciding(browser, card),
            deciding(browser.another_tab(), card, "adjust", quantity="25"),
            deciding(browser.another_tab(), card, "dismiss", reason="agreed by phone"),
        ]
    )

    assert_one(month, card, answers)


def test_a_double_click_is_one_decision(month: "Month", sign_in: SignIn) -> None:
    browser = sign_in("Ana")
    card = month.card("20", "26")

    answers = at_once([deciding(browser, card), deciding(browser.another_tab(), card)])

    assert assert_one(month, card, answers).by == "Ana"


def test_a_form_that_is_sent_again_later_decides_nothing(month: "Month", sign_in: SignIn) -> None:
    browser = sign_in("Ana")
    card = month.card("20", "26")
    send = deciding(browser, card)

    answers = [send(), send(), browser.post(f"/cards/{card.id}/approve", form(card))]

    assert_one(month, card, answers)
    assert browser.get(f"/cards/{card.id}/approve").status_code == requests.codes.ok


def test_a_form_without_what_was_seen_decides_once_too(month: "Month", sign_in: SignIn) -> None:
    browser, other = sign_in("Ana"), sign_in("Ben")
    card = month.card("20", "26")

    answers = at_once(
        [partial(one.post, f"/cards/{card.id}/approve", {}, swapping=f"card-{card.id}") for one in (browser, other)]
    )

    decided, sent = made(month, card)
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert (len(decided), len(sent)) == (1, 1)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_in_bulk_and_singly_at_once_a_card_is_decided_once(month: "Month", sign_in: SignIn, number: int) -> None:
    del number
    one, other, third = sign_in("Ana"), sign_in("Ben"), sign_in("Cleo")
    cards = [month.card("20", "26"), month.card("5", "9"), month.card("7", "8")]
    bulk = {"ids": " ".join(str(card.id) for card in cards), "scope": "ticked", "action": "approve"}

    answers = at_once(
        [
            partial(one.post, "/cards/approve", bulk),
            partial(other.post, "/cards/approve", bulk),
            *(deciding(third.another_tab(), card, "adjust", quantity="3") for card in cards),
        ]
    )

    assert {answer.status_code for answer in answers} <= {200, 303, 409}
    assert answers[0].status_code == answers[1].status_code == requests.codes.see_other
    for card in cards:
        decided, sent = made(month, card)
        assert (len(decided), len(sent)) == (1, 1)
    left = words(one.get(answers[0].headers["Location"])) + words(other.get(answers[1].headers["Location"]))
    assert "ago" in left


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_undo_by_two_at_once_takes_back_once(month: "Month", sign_in: SignIn, number: int) -> None:
    del number
    people = [sign_in("Ana"), sign_in("Ben")]
    card = month.card("20", "26")
    deciding(people[0], card)()
    card = month.reload(card)

    answers = at_once([deciding(one, card, "undo") for one in people])

    decided, sent = made(month, card)
    assert sorted(one.status_code for one in answers) == [200, 409], [words(one) for one in answers]
    assert [one.action for one in decided] == ["approve", "undo"]
    assert [one.state for one in sent] == ["withdrawn"]
    assert month.reload(card).state == "withdrawn"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_two_second_people_one_confirms(month: "Month", sign_in: SignIn, number: int) -> None:
    del number
    settings_store.put(month.session, "limits", {"amount": {"USD": "1.00"}}, by=PRIYA, now=NOW)
    month.session.commit()
    first, seconds = sign_in("Ana"), [sign_in("Ben", "manager"), sign_in("Cleo", "manager")]
    card = month.card("20", "26")
    deciding(first, card)()
    card = month.reload(card)
    assert card.state == "waiting"

    answers = at_once([deciding(one, card, "confirm") for one in (*seconds, first)])

    decided, sent = made(month, card)
    codes = sorted(one.status_code for one in answers[:2])
    assert codes == [200, 409], [(one.status_code, words(one)) for one in answers]
    assert answers[2].status_code in {403, 409, 422}
    assert (len(decided), [one.state for one in sent]) == (1, ["queued"])
    confirmed = month.session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "card.confirm")).all()
    month.session.commit()
    assert len(confirmed) == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_a_confirmation_and_an_undo_one_holds(month: "Month", sign_in: SignIn, number: int) -> None:
    del number
    settings_store.put(month.session, "limits", {"amount": {"USD": "1.00"}}, by=PRIYA, now=NOW)
    month.session.commit()
    first, second = sign_in("Ana"), sign_in("Ben", "manager")
    card = month.card("20", "26")
    deciding(first, card)()
    card = month.reload(card)

    answers = at_once([deciding(second, card, "confirm"), deciding(first, card, "undo")])

    _, sent = made(month, card)
    assert {one.status_code for one in answers} <= {200, 409}
    assert len(sent) == 1
    assert sent[0].state in {"queued", "withdrawn"}


def test_of_trying_again_and_giving_up_one_holds(month: "Month", sign_in: SignIn) -> None:
    browser, other = sign_in("Ana"), sign_in("Ben")
    card = month.card("20", "26")
    deciding(browser, card)()
    month.session.execute(sa.update(Push).values(state="failed"))
    month.session.execute(sa.update(Card).values(state="failed"))
    month.session.commit()
    _, (push,) = made(month, card)

    answers = at_once(
        [
            partial(browser.post, f"/pushes/{push.id}/retry", {}),
            partial(browser.another_tab().post, f"/pushes/{push.id}/retry", {}),
            partial(other.post, f"/pushes/{push.id}/give-up", {}),
        ]
    )

    assert {one.status_code for one in answers} <= {303, 409}
    assert sum(one.status_code == requests.codes.see_other for one in answers) in {1, 2}
    _, (push,) = made(month, card)
    assert push.state in {"queued", "given_up"}
    assert month.reload(card).state == push.state
