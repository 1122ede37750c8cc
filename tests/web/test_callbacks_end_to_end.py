"""Callbacks over real HTTP: a person edits something in ConnectWise, and the card here is another one."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from portal.db.records import CallbackHook, CallbackKey, CallbackPost, CallbackRefusal, Connection, SyncRun
from portal.factory import create_app
from portal.jobs import doing, errands
from portal.services import callbacks_hook
from portal.services.actors import COMMAND_LINE
from portal.services.sealing import Sealer
from tests.support.callbacks import body_of, signed
from tests.support.database import settings_on
from tests.support.desk import NOW, SECRET, Desk


class Portal:
    """The portal as a server, with what its worker does done by hand."""

    def __init__(self, app: Flask, desk: Desk, url: str) -> None:
        self.app = app
        self.desk = desk
        self.url = url
        self.clients = doing.Clients()

    def switch_on(self) -> None:
        with self.desk.open_session() as session:
            now = datetime.now(UTC)
            callbacks_hook.switch_on(session, sealer=Sealer([SECRET]), by=COMMAND_LINE, now=NOW, real_now=now)
        self.see_to_callbacks()

    def see_to_callbacks(self) -> bool:
        with self.app.app_context():
            return errands.see_to_callbacks(self.clients)

    def work(self) -> None:
        """Carry out the runs that were queued."""
        with self.desk.open_session() as session:
            queued = list(session.scalars(sa.select(SyncRun.id).where(SyncRun.state == "queued")))
        for run_id in queued:
            with self.app.app_context():
                doing.do_sync(run_id, self.clients)

    def read(self, query: sa.Select[int]) -> int:
        with Session(self.desk._plain) as session:
            return session.scalar(query) or 0

    def posts(self, state: str) -> int:
        return self.read(sa.select(sa.func.count()).select_from(CallbackPost).where(CallbackPost.state == state))

    def refused(self, reason: str) -> int:
        return self.read(sa.select(sa.func.sum(CallbackRefusal.times)).where(CallbackRefusal.reason == reason))

    def address(self) -> str:
        """Where ConnectWise posts to, as it was registered there."""
        return str(self.desk.by_hand("GET", "/system/callbacks")[0]["url"])


def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until something is true, not for ever."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It did not come true in time."
        time.sleep(0.02)  # a state is waited for, with a bound


@pytest.fixture
def portal(desk: Desk, tmp_path: Path) -> Iterator[Portal]:
    """The portal over HTTP, beside a sandbox, on the desk's database."""
    with desk.open_session() as session:
        session.execute(sa.update(Connection).values(url=desk.client.address.base))  # the full base, as it is stored
    settings = settings_on(str(desk.engine.url), tmp_path)
    app = create_app(settings)
    app.testing = True
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    app.config["SETTINGS"] = replace(settings, base_url=url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Portal(app, desk, url)
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_edit_in_connectwise_reaches_the_card_within_seconds(portal: Portal, desk: Desk) -> None:
    portal.switch_on()
    registered = desk.by_hand("GET", "/system/callbacks")
    assert sorted((one["type"], one["level"]) for one in registered) == [("agreement", "owner"), ("company", "owner")]
    line = desk.lines(501)[0]
    before = desk.card(1001, agreement_id=501).psa_quantity
    assert before is not None

    desk.set_by_hand(501, line.id, int(line.quantity) + 4)
    until(lambda: portal.posts("waiting") == 1)  # nobody knows the key yet, so a worker reads it
    assert portal.see_to_callbacks()
    assert portal.posts("accepted") == 1
    portal.work()

    assert desk.card(1001, agreement_id=501).psa_quantity == before + 4

    desk.cancel_by_hand(501)
    until(lambda: portal.posts("accepted") == 2)  # the key is known: verified in the request itself
    portal.work()

    card = desk.card(1001, agreement_id=501)
    assert card.state == "stale" or card.kind == "stale"


def test_forged_replayed_and_malformed_posts_are_refused_and_counted(portal: Portal, desk: Desk) -> None:
    portal.switch_on()
    line = desk.lines(501)[0]
    desk.set_by_hand(501, line.id, 1)
    until(lambda: portal.posts("waiting") == 1)
    portal.see_to_callbacks()
    with desk.open_session() as session:
        known = session.scalars(sa.select(CallbackKey)).one()
        served, key_url = Sealer([SECRET]).open(known.sealed_key), known.url
    where, runs = portal.address(), portal.read(sa.select(sa.func.count()).select_from(SyncRun))
    body = body_of(502, key_url=key_url)

    def sent(given: bytes, signature: str, url: str = where) -> int:
        return requests.post(url, data=given, headers={"x-content-signature": signature}, timeout=5).status_code

    assert sent(body, signed(body, "guessed")) == 401
    assert sent(b"{]", signed(b"{]", served)) == 400
    assert sent(body, signed(body, served), f"{portal.url}/callbacks/connectwise/guessed") == 404
    assert sent(b"x" * 70_000, "x") == 413
    assert portal.read(sa.select(sa.func.count()).select_from(SyncRun)) == runs
    assert sent(body, signed(body, served)) == 202
    assert sent(body, signed(body, served)) == 409

    counted = {
        reason: portal.refused(reason) for reason in ("forged", "malformed", "wrong_token", "too_big", "replayed")
    }
    assert set(counted.values()) == {1}, counted


def test_registering_twice_registers_once_and_says_what_is_left(portal: Portal, desk: Desk) -> None:
    portal.switch_on()
    with desk.open_session() as session:
        hook = session.get_one(CallbackHook, "connectwise")
        hook.state = "wanted"  # as after a crash between ConnectWise's answer and our note of it
    portal.see_to_callbacks()
    assert len(desk.by_hand("GET", "/system/callbacks")) == 2

    portal.switch_on()

    found = desk.by_hand("GET", "/system/callbacks")
    assert len(found) == 4
    with desk.open_session() as session:
        hook = session.get_one(CallbackHook, "connectwise")
        assert hook.state == "registered"
        assert {one["id"] for one in hook.left} == {one["id"] for one in found[:2]}
        assert {one["id"] for one in hook.registered} == {one["id"] for one in found[2:]}


def test_a_connectwise_that_does_not_answer_is_asked_again(portal: Portal, desk: Desk) -> None:
    desk.faults(
        {"method": "GET", "path": "system/callbacks", "nth": 1, "times": 9, "kind": "status_before", "status": 503}
    )
    with desk.open_session() as session:
        now = datetime.now(UTC)
        callbacks_hook.switch_on(session, sealer=Sealer([SECRET]), by=COMMAND_LINE, now=NOW, real_now=now)

    with portal.app.app_context():
        callbacks_hook.register(
            desk.open_session, desk.client, base_url=portal.url, sealer=Sealer([SECRET]), real_now=doing.real_now
        )

    with desk.open_session() as session:
        hook = session.get_one(CallbackHook, "connectwise")
        assert hook.state == "wanted"
        assert hook.next_try_at is not None
        assert "tried again by itself" in (hook.error or "")


def test_without_callbacks_nothing_is_asked_and_all_works_by_schedule(portal: Portal, desk: Desk) -> None:
    line = desk.lines(501)[0]
    desk.set_by_hand(501, line.id, int(line.quantity) + 4)
    before = desk.card(1001, agreement_id=501).psa_quantity

    assert portal.see_to_callbacks()
    desk.sync("quick")

    assert desk.by_hand("GET", "/system/callbacks") == []
    assert desk.card(1001, agreement_id=501).psa_quantity == (before or 0) + 4
