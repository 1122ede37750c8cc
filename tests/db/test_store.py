"""The store: what each connection asserts, exact numbers, and models that equal the migrations."""

import sqlite3
from datetime import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.base import Base
from portal.db.records import AuditEvent, PsaAddition
from portal.db.session import transaction


def test_the_models_equal_the_migrations(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})

        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_migration_can_be_taken_back_and_made_again(app: Flask, session: Session) -> None:
    with app.app_context():
        downgrade()
        columns = sa.inspect(session.get_bind()).get_columns("connection")
        assert "key_expires" not in {column["name"] for column in columns}
        upgrade()

    context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
    assert compare_metadata(context, Base.metadata) == []


def test_every_connection_keeps_what_a_power_cut_must_not_lose(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]

        assert found == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_writing_transaction_excludes_another_writer_from_its_start(app: Flask, settings: Settings) -> None:
    with app.app_context(), transaction():
        other = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), timeout=0)

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_transaction_that_fails_leaves_nothing(app: Flask, session: Session) -> None:
    def fails() -> None:
        with transaction() as inner:
            inner.add(PsaAddition(id=1, agreement_id=1, product="A", quantity=Decimal("2.5")))
            inner.flush()
            raise ValueError

    with app.app_context(), pytest.raises(ValueError):
        fails()

    assert session.scalars(sa.select(PsaAddition)).all() == []


def test_quantities_stay_exact_and_are_never_rounded_silently(session: Session) -> None:
    session.add(PsaAddition(id=1, agreement_id=1, product="A", quantity=Decimal("450.5901")))
    session.commit()
    stored = session.connection().exec_driver_sql("SELECT typeof(quantity), quantity FROM psa_addition").one()

    assert tuple(stored) == ("integer", 4505901)
    session.add(PsaAddition(id=2, agreement_id=1, product="A", quantity=Decimal("0.00001")))
    with pytest.raises(sa.exc.StatementError, match="4 decimal places"):
        session.flush()


@pytest.mark.parametrize("change", ["UPDATE audit_event SET person = 'x'", "DELETE FROM audit_event"])
def test_the_database_refuses_to_change_the_audit_trail(session: Session, now: datetime, change: str) -> None:
    session.add(
        AuditEvent(n=1, at=now, what="setting", action="a", person="p", sentence="s", previous_hash="0", hash="1")
    )
    session.commit()

    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        session.connection().exec_driver_sql(change)
