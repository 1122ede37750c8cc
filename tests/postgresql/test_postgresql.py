"""The store on PostgreSQL: migrated, exact, append-only, one writer at a time, and a month from load to push."""

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import AuditEvent, Card, PsaAddition
from portal.db.session import ONE_WRITER, transaction
from portal.services import audit, audit_guards, cards, decisions, push_leases
from tests.support.database import POSTGRESQL, migrated_app
from tests.support.desk import OCTOBER, TRAPS, Desk, desk_at, pour_traps

pytestmark = pytest.mark.postgresql

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database of our own on the server, dropped at the end."""
    named = os.environ.get(POSTGRESQL, "")
    if not named:
        pytest.fail(f"These tests need a PostgreSQL server: set {POSTGRESQL} to the URL of a database on it.")
    server = sa.make_url(named).set(drivername="postgresql+psycopg")
    name = f"countersign_test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()


@pytest.fixture(scope="module")
def app(url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return migrated_app(url, tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(scope="module")
def engine(app: Flask, url: str) -> Iterator[sa.Engine]:
    del app  # it migrated the database
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def loaded(engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """The traps, loaded once."""
    pour_traps(engine, tmp_path_factory.mktemp("loaded"))
    return engine


@pytest.fixture
def desk(loaded: sa.Engine) -> Iterator[Desk]:
    with desk_at(loaded) as desk:
        yield desk


def test_the_models_equal_the_migrations(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []


def test_quantities_stay_exact_and_a_transaction_that_fails_leaves_nothing(app: Flask, engine: sa.Engine) -> None:
    def write(*, fails: bool) -> None:
        with transaction() as session:
            session.add(PsaAddition(id=900_001, agreement_id=900, product="A", quantity=Decimal("450.5901")))
            session.flush()
            if fails:
                raise ValueError

    with app.app_context(), pytest.raises(ValueError):
        write(fails=True)
    with Session(engine) as session:
        assert session.get(PsaAddition, 900_001) is None
    with app.app_context():
        write(fails=False)
    with Session(engine) as session, session.begin():
        row = session.get_one(PsaAddition, 900_001)
        assert row.quantity == Decimal("450.5901")
        session.delete(row)


def test_there_is_one_writer_at_a_time(app: Flask, engine: sa.Engine) -> None:
    asks = sa.select(sa.func.pg_try_advisory_xact_lock(ONE_WRITER))
    with app.app_context(), transaction(), engine.begin() as other:
        assert other.scalar(asks) is False
    with engine.begin() as other:
        assert other.scalar(asks) is True


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET person = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
def test_the_database_refuses_to_change_the_audit_trail(loaded: sa.Engine, change: str) -> None:
    with loaded.connect() as connection, pytest.raises(sa.exc.DatabaseError, match="append-only"):
        connection.exec_driver_sql(change)


def test_what_protects_the_trail_is_missed_when_it_is_switched_off_and_put_back(loaded: sa.Engine) -> None:
    with Session(loaded) as session:
        assert audit_guards.missing(session) == []
        session.execute(sa.text("ALTER TABLE audit_event DISABLE TRIGGER audit_event_no_change"))
        session.execute(sa.text("DROP TRIGGER audit_event_only_at_the_end ON audit_event"))
        gone = audit_guards.missing(session)
        assert gone == ["audit_event_no_change", "audit_event_only_at_the_end"]
        assert audit_guards.repair(session) == gone
        assert audit_guards.missing(session) == []
        session.rollback()


def test_two_new_revenue_cards_of_one_product_cannot_be(loaded: sa.Engine) -> None:
    with Session(loaded) as session:
        values = {"period": "2026-10", "company_id": 1044, "company": "", "product": "SEAT", "kind": "new_revenue"}
        session.add(Card(**values, made_at=NOW, changed_at=NOW))
        with pytest.raises(sa.exc.IntegrityError):
            session.flush()


def test_a_month_from_load_to_push_and_back(desk: Desk) -> None:
    expected = (TRAPS / "expected" / "cards-2026-10.csv").read_text()
    with desk.open_session() as session:
        assert "".join(cards.export_csv(session, OCTOBER)) == expected
    set_at_once, dated, added = desk.card(1001), desk.card(1010), desk.card(1028, "SEAT-B")
    before = desk.quantities(501)

    desk.do(decisions.approve, set_at_once)
    desk.do(decisions.adjust, dated, quantity="3", day="2026-11-15")
    desk.do(decisions.add, added, agreement_id=533)
    states = [desk.settle(card).state for card in (set_at_once, dated, added)]
    desk.do(decisions.undo, desk.again(set_at_once))
    desk.settle(set_at_once)
    desk.sync("quick")
    desk.sync("full")

    assert states == ["confirmed"] * 3
    assert desk.quantities(501) == before
    assert [desk.again(card).state for card in (set_at_once, dated, added)] == ["undone", "confirmed", "confirmed"]
    with desk.open_session() as session:
        assert audit.verify(session).ok
        assert session.scalar(sa.select(sa.func.count(AuditEvent.n))) == session.scalar(
            sa.select(sa.func.max(AuditEvent.n))
        )


def test_of_many_workers_one_takes_an_agreement(desk: Desk) -> None:
    start = threading.Barrier(6)
    taken: list[bool] = []

    def take(worker: str) -> None:
        start.wait()
        with desk.open_session() as session:
            taken.append(push_leases.take(session, 77, push_id=1, worker=worker, real_now=NOW))

    threads = [threading.Thread(target=take, args=(f"worker-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False] * 5 + [True]
