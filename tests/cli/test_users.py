"""``flask users``, ``flask demo`` and ``flask doctor``."""

from dataclasses import replace

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import Person
from portal.factory import create_app
from tests.support.visitor import Visitor


def test_creating_prints_a_link_that_sets_the_password(app: Flask, visitor: Visitor) -> None:
    done = app.test_cli_runner().invoke(args=["users", "create", "Ada@X.example", "--role", "admin"])

    link = done.stdout.strip()
    assert done.exit_code == 0, done.output
    assert link.startswith("http://127.0.0.1:8000/link/")
    visitor.post(link.removeprefix("http://127.0.0.1:8000"), {"password": "four words side by side"})
    assert visitor.sign_in("ada@x.example", "four words side by side").status_code == 303


def test_a_reset_prints_another_link(app: Flask) -> None:
    runner = app.test_cli_runner()
    first = runner.invoke(args=["users", "create", "ada@x.example"]).stdout

    second = runner.invoke(args=["users", "reset", "ADA@x.example"])

    assert second.exit_code == 0
    assert second.stdout.strip().startswith("http://127.0.0.1:8000/link/")
    assert second.stdout != first
    assert "ada@x.example  ada  biller" in runner.invoke(args=["users", "list"]).stdout


def test_what_cannot_be_done_is_a_sentence_and_exit_1(app: Flask) -> None:
    runner = app.test_cli_runner()
    runner.invoke(args=["users", "create", "ada@x.example"])

    again = runner.invoke(args=["users", "create", "ada@x.example"])
    nobody = runner.invoke(args=["users", "reset", "nobody@x.example"])
    king = runner.invoke(args=["users", "create", "b@x.example", "--role", "king"])

    assert (again.exit_code, nobody.exit_code, king.exit_code) == (1, 1, 2)
    assert "here already" in again.output
    assert "Nobody has the e-mail address" in nobody.output


def test_the_demos_people_are_made_in_the_demo_alone(app: Flask, settings: Settings, session: Session) -> None:
    refused = app.test_cli_runner().invoke(args=["demo", "people"])
    made = create_app(replace(settings, demo=True)).test_cli_runner().invoke(args=["demo", "people"])

    assert (refused.exit_code, made.exit_code) == (1, 0)
    assert session.scalar(sa.select(sa.func.count()).select_from(Person)) == 4


def test_the_doctor_shows_each_setting_and_no_secret(settings: Settings) -> None:
    whole = replace(
        settings,
        secret_keys=("a secret key that is long enough for anybody",),
        origins={"COUNTERSIGN_TIME_ZONE": "environment"},
    )

    done = create_app(whole).test_cli_runner().invoke(args=["doctor"])

    assert done.exit_code == 0, done.output
    assert "COUNTERSIGN_TIME_ZONE" in done.output
    assert "America/New_York  (environment)" in done.output
    assert "a secret key" not in done.output
    assert "no admin can sign in yet" in done.output
    assert "ConnectWise is not connected yet" in done.output


def test_the_doctor_finds_a_store_that_was_never_migrated(settings: Settings, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")

    done = create_app(settings).test_cli_runner().invoke(args=["doctor"])

    assert done.exit_code == 1
    assert "BAD  Store" in done.output
    assert "db upgrade" in done.output
    assert "BAD  Secret keys" in done.output  # the tests' key is short


def test_the_doctor_finds_a_key_that_others_may_read(settings: Settings) -> None:
    file = settings.instance / "secret_key"
    file.write_text("x" * 40)
    file.chmod(0o644)

    done = create_app(settings).test_cli_runner().invoke(args=["doctor"])

    assert done.exit_code == 1
    assert "chmod 600" in done.output
