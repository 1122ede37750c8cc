"""Made-up data: chosen on an empty store, loaded by a worker, marked, and removed as a whole."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import AuditEvent, Card, Connection, Person, Setting, UsageImport, Vendor
from portal.db.session import transaction
from portal.factory import clock
from portal.jobs.made_up import Host
from portal.services import audit, connections, made_up, made_up_mark
from portal.services.errors import Conflict, Invalid
from portal.services.sealing import Sealer
from tests.support.database import NOW, SECRET
from tests.support.visitor import Visitor
from tests.web.looking import one, words

SignedInAs = Callable[[str], Visitor]
SMALL = Path(__file__).parents[2] / "samples" / "small"


@pytest.fixture
def host() -> Iterator[Host]:
    """A worker's errand, and the ConnectWise that it serves."""
    found = Host(SMALL)
    yield found
    found.close()


@pytest.fixture
def loaded(app: Flask, host: Host, signed_in_as: SignedInAs) -> Visitor:
    """An admin who has chosen made-up data, all loaded."""
    admin = signed_in_as("admin")
    assert admin.post("/setup/made-up").status_code == 303
    with app.app_context():
        host.look()
    return admin


def rows(session: Session) -> dict[str, int]:
    """Count the rows of every table that holds any."""
    session.rollback()
    tables = Base.metadata.sorted_tables
    found = {each.name: session.scalar(sa.select(sa.func.count()).select_from(each)) or 0 for each in tables}
    session.rollback()
    return {name: number for name, number in found.items() if number}


def panel(visitor: Visitor) -> str:
    return words(one(visitor.page(visitor.get("/setup/start")), "#made-up"))


def test_every_table_stays_or_goes_with_the_data(session: Session) -> None:
    every = {each.name for each in Base.metadata.sorted_tables}

    assert every >= made_up.KEPT - {"alembic_version"}
    assert every >= made_up.PASSING
    assert made_up.in_use(session) == []


def test_they_are_chosen_loaded_and_marked(app: Flask, session: Session, signed_in_as: SignedInAs) -> None:
    host = Host()
    admin = signed_in_as("admin")
    assert "laid around today" in panel(admin)

    admin.post("/setup/made-up")
    waits = panel(admin)
    with app.app_context():
        host.look()
    host.close()
    page = admin.page(admin.get("/cards"))

    assert "No worker runs. Your choice is kept." in waits
    assert "Made-up data" in words(one(page, "#tape"))
    session.rollback()
    cards = session.scalar(sa.select(sa.func.count()).select_from(Card).where(Card.period == "2026-10"))
    assert cards is not None
    assert cards > 70
    assert "Removing takes away" in panel(admin)
    guide = admin.page(admin.get("/setup/board"))
    assert not [step for step in guide.select("ol.guide li") if "later" in words(step)]


def test_every_event_of_them_says_so_and_the_chain_holds(loaded: Visitor, session: Session) -> None:
    loaded.post("/setup/made-up/remove")

    session.rollback()
    events = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n)).all()
    marked = [event.n for event in events if event.details.get("made_up")]
    first = next(event.n for event in events if event.action == "made_up.ask")
    last = next(event.n for event in events if event.action == "made_up.remove")

    assert marked == list(range(first, last + 1))
    assert audit.verify(session).ok
    page = loaded.page(loaded.get(f"/audit/{last - 1}"))
    assert "Made-up data" in words(one(page, f"#event-{last - 1}"))


def test_one_button_leaves_an_empty_store_with_people_settings_and_the_trail(
    app: Flask, host: Host, session: Session, signed_in_as: SignedInAs
) -> None:
    admin = signed_in_as("admin")
    with app.app_context(), transaction() as store:
        store.add(Setting(name="limits", value={"any_decrease": True}, set_by="Priya", set_at=NOW))
    before = rows(session)
    admin.post("/setup/made-up")
    with app.app_context():
        host.look()
    assert (app.config["SETTINGS"].instance / "made-up").is_dir()
    uploads = app.config["SETTINGS"].uploads
    assert list(uploads.iterdir())

    answer = admin.post("/setup/made-up/remove")
    with app.app_context():
        host.look()

    assert answer.status_code == 303
    after = rows(session)
    gone = {name: after.get(name, 0) for name in after if name not in made_up.KEPT}
    assert gone == {}
    assert (after["person"], after["sign_in"]) == (before["person"], before["sign_in"])
    assert after["audit_event"] > before.get("audit_event", 0)
    assert session.get_one(Setting, "limits").value == {"any_decrease": True}
    assert session.scalars(sa.select(Setting.name).where(Setting.name.in_(("made_up", "sample_set")))).all() == []
    assert not list(uploads.iterdir())
    assert not (app.config["SETTINGS"].instance / "made-up").exists()
    assert "Start with made-up data" in panel(admin)
    assert "Made-up data" not in words(one(admin.page(admin.get("/")), "#tape"))


def test_after_them_they_can_be_chosen_again(app: Flask, host: Host, loaded: Visitor, session: Session) -> None:
    loaded.post("/setup/made-up/remove")
    with app.app_context():
        host.look()

    loaded.post("/setup/made-up")
    with app.app_context():
        host.look()

    session.rollback()
    assert made_up.standing(session).state == "here"


@pytest.mark.parametrize("what", ["vendor", "connection"])
def test_they_cannot_be_chosen_once_anything_is_there(what: str, session: Session, signed_in_as: SignedInAs) -> None:
    if what == "vendor":
        session.add(Vendor(slug="own", title="Own", created_at=NOW))
    else:
        connection = Connection(
            name="connectwise", url="https://na.example/v4_6_release/apis/3.0", company="c", public_key="p",
            sealed_private_key="s", key_tail="", client_id="g", set_by="Priya", set_at=NOW,
        )  # fmt: skip
        session.add(connection)
    session.commit()
    admin = signed_in_as("admin")

    answer = admin.post("/setup/made-up")

    assert answer.status_code == 409
    assert "never mixed" in panel(admin)
    assert not admin.page(admin.get("/setup/start")).select("form[action='/setup/made-up']")
    session.rollback()
    assert made_up.standing(session).state == "none"


def test_no_other_connectwise_is_connected_beside_them(loaded: Visitor, session: Session) -> None:
    session.rollback()
    before = session.get_one(Connection, "connectwise").url
    by = made_up.standing(session).actor
    with pytest.raises(Invalid, match="never mixed"):
        connections.set_connectwise(
            session,
            url="https://na.myconnectwise.net",
            company="own",
            public_key="public",
            private_key="a-private-key-9f2c",
            client_id="g",
            sealer=Sealer([SECRET]),
            by=by,
            now=NOW,
        )
    session.rollback()
    typed = {
        "url": "na.myconnectwise.net", "company": "own", "public_key": "public", "private_key": "a-private-key-9f2c",
        "client_id": "00000000-0000-4000-8000-000000000001", "do": "save", "moved_ok": "1",
    }  # fmt: skip

    answer = loaded.post("/connections/connectwise", typed)

    assert answer.status_code == 422
    assert "never mixed" in words(one(loaded.page(answer), "main"))
    session.rollback()
    assert session.get_one(Connection, "connectwise").url == before


def test_nothing_is_removed_while_they_are_loaded_or_somebody_writes(
    session: Session, signed_in_as: SignedInAs
) -> None:
    admin = signed_in_as("admin")
    admin.post("/setup/made-up")

    answer = admin.post("/setup/made-up/remove")

    assert answer.status_code == 409
    assert "still being loaded" in words(admin.page(answer))
    session.rollback()
    assert made_up.standing(session).state == "asked"


def test_a_worker_that_starts_later_serves_the_same_connectwise(app: Flask, host: Host, loaded: Visitor) -> None:
    del loaded
    host.close()
    again = Host()
    try:
        with app.app_context():
            assert again.look()
            with transaction() as store:
                made = made_up.standing(store)
        assert made.port is not None
        assert again.serves == f"{made_up_mark.HOST}{made.port}"
    finally:
        again.close()


def test_a_taken_port_moves_the_made_up_connectwise_and_the_connection_with_it(
    app: Flask, host: Host, loaded: Visitor, session: Session
) -> None:
    del loaded
    host.close()
    session.rollback()
    port = made_up.standing(session).port
    session.rollback()
    assert port is not None
    again = Host()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        other.settimeout(0)
        with app.app_context():
            again.look()
    try:
        session.rollback()
        url = session.get_one(Connection, "connectwise").url
        assert f":{port}/" not in url
        assert again.serves is not None
        assert url.startswith(again.serves)
    finally:
        again.close()


def test_only_an_admin_may(signed_in_as: SignedInAs) -> None:
    manager = signed_in_as("manager")

    assert manager.post("/setup/made-up").status_code == 403
    assert manager.post("/setup/made-up/remove").status_code == 403
    assert not manager.page(manager.get("/setup/start")).select("#made-up form")


def test_a_load_that_stopped_goes_on_with_another_worker(
    app: Flask, host: Host, session: Session, signed_in_as: SignedInAs
) -> None:
    signed_in_as("admin").post("/setup/made-up")
    with app.app_context(), transaction() as store:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        assert made_up.begin(store, worker="dead", now=clock().now(), real_now=long_ago) is not None
    with app.app_context():
        host.look()

    session.rollback()
    assert made_up.standing(session).state == "here"
    with pytest.raises(Conflict):
        made_up.note(session, "dead", now=NOW, real_now=NOW, said=("late",))
    assert session.scalar(sa.select(sa.func.count()).select_from(UsageImport))
    assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1
