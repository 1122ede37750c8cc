"""What people see when the store or the disk fails under them: a sentence and a fitting status, nothing half-done."""

import errno
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from portal.config import Settings
from portal.db import engine as engines
from portal.factory import create_app
from portal.web import errors
from portal.web.access import public
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]


def file_of(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


@contextmanager
def somebody_writing(settings: Settings) -> Iterator[None]:
    """Another process holds the store's only writing transaction."""
    with closing(sqlite3.connect(file_of(settings), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that wait for another writer for a moment only."""
    monkeypatch.setattr(engines, "BUSY_MS", 50)


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_busy_for_too_long_answers_503_and_keeps_nothing(
    settings: Settings, signed_in_as: SignedInAs
) -> None:
    visitor = signed_in_as("biller")
    token = visitor.token()

    with somebody_writing(settings):
        page = visitor.post("/profile", {"theme": "dark", "csrf_token": token})
        part = visitor.post("/profile", {"theme": "dark", "csrf_token": token}, swapping="main")

    assert (page.status_code, part.status_code) == (503, 503)
    assert page.headers["Retry-After"] == "30"
    assert "Nothing of this was changed. Try again in a minute." in page.get_data(as_text=True)
    assert part.headers["HX-Retarget"] == "#notices"
    assert visitor.page(visitor.get("/profile")).select_one("html[data-theme=dark]") is None


def test_who_only_reads_waits_for_no_writer(settings: Settings, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")
    with closing(sqlite3.connect(file_of(settings), isolation_level=None)) as other:
        other.execute("UPDATE sign_in SET seen_at = strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 hour')")

    with somebody_writing(settings):
        answer = visitor.get("/audit")

    assert answer.status_code == 200


def test_a_store_that_is_damaged_or_gone_is_said_on_every_page(settings: Settings, signed_in_as: SignedInAs) -> None:
    cookies = signed_in_as("admin").client._cookies
    for file in file_of(settings).parent.glob("countersign.sqlite*"):
        file.unlink()
    file_of(settings).write_bytes(b"this is no database at all" * 100)
    visitor = Visitor(create_app(settings))
    visitor.client._cookies = cookies

    for path in ("/", "/sign-in", "/cards"):
        answer = visitor.get(path)
        assert answer.status_code == 503, path
        assert "cannot be read or written just now" in answer.get_data(as_text=True)
    assert visitor.get("/nothing").status_code == 404
    assert visitor.client.post("/sign-in", data={"email": "a", "csrf_token": "wrong"}).status_code == 400
    assert visitor.client.post("/people", data={"csrf_token": "wrong"}).status_code == 503
    assert visitor.get("/health/live").status_code == 200
    assert visitor.get("/health/ready").status_code == 503


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [
        (errno.ENOSPC, 507, "no room left"),
        (errno.EACCES, 503, "cannot write to its own folder"),
        (errno.EROFS, 503, "cannot write to its own folder"),
        (errno.ECHILD, 500, "failed on our side"),
    ],
)
def test_a_disk_that_fails_is_a_sentence(app: Flask, visitor: Visitor, number: int, status: int, says: str) -> None:
    @app.get("/writes")
    @public
    def writes() -> str:
        raise OSError(number, "no")

    answer = visitor.get("/writes")

    assert answer.status_code == status
    assert says in answer.get_data(as_text=True)


def test_a_store_without_room_is_a_sentence(app: Flask, visitor: Visitor) -> None:
    @app.get("/writes")
    @public
    def writes() -> str:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    assert visitor.get("/writes").status_code == 507


def test_an_uploads_folder_that_cannot_be_written_is_a_sentence(settings: Settings, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("biller")
    shutil.rmtree(settings.uploads, ignore_errors=True)
    settings.uploads.write_text("a file where the folder should be")

    with (settings.instance / "some.csv").open("w+b") as file:
        file.write(b"Account,SKU,Seats\nacme,a,3\n")
        file.seek(0)
        answer = visitor.post("/imports", {"new_vendor": "Somebody", "file": (file, "some.csv")})

    assert answer.status_code == 503
    assert "Nothing of this was kept." in answer.get_data(as_text=True)


def test_what_people_typed_stays_out_of_the_log(
    visitor: Visitor, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    token = visitor.token()
    with closing(sqlite3.connect(file_of(settings), isolation_level=None)) as other:
        other.execute("DROP TABLE sign_in_attempt")

    with caplog.at_level(logging.WARNING):
        answer = visitor.post("/sign-in", {"email": "canary@x.example", "password": "canary", "csrf_token": token})

    assert answer.status_code == 503
    assert caplog.records
    assert "canary" not in caplog.text


@pytest.mark.parametrize("path", ["//cards", "/mapping", "/static//css/portal.css"])
def test_a_path_is_set_right_on_this_host_whatever_the_request_says(visitor: Visitor, path: str) -> None:
    answer = visitor.client.get("/", headers={"Host": "evil.example"}, environ_overrides={"PATH_INFO": path})

    assert answer.headers["Location"].startswith("/")
    assert not answer.headers["Location"].startswith("//")


def test_each_status_has_a_title() -> None:
    assert {503, 507, 413, 409} <= set(errors.TITLES)
