"""What people see when the database protects the trail no more, when they are refused, and of the head kept outside."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import AuditEvent, Notice, Setting
from portal.factory import create_app
from portal.jobs.trail import Trail, is_unguarded
from portal.services import audit, audit_anchors
from portal.web.health.starting import look_at_start
from tests.support.trail import grow
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
ROOT = Path(__file__).parents[3]
TRUST = ROOT / "docs" / "trust.md"


def drop(session: Session) -> None:
    session.connection().exec_driver_sql("DROP TRIGGER audit_event_no_delete")
    session.commit()


def events(session: Session, what: str) -> list[AuditEvent]:
    session.rollback()
    found = list(session.scalars(sa.select(AuditEvent).where(AuditEvent.what == what).order_by(AuditEvent.n)))
    session.commit()  # the test's session keeps every other writer out
    return found


def test_unguarded_the_portal_shows_and_lets_in_but_changes_nothing_until_repaired(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    admin = signed_in_as("admin")
    drop(session)

    refused = admin.post("/audit/heads", {"to": "a@example.com"})
    assert refused.status_code == 503
    assert "nothing was changed" in refused.get_data(as_text=True)
    session.rollback()
    assert session.get(Setting, "audit_heads") is None
    session.commit()
    assert signed_in_as("biller").get("/cards").status_code == 200
    assert "no longer protects the trail" in admin.get("/audit").get_data(as_text=True)
    assert admin.get("/health/ready").status_code == 503
    with app.app_context():
        assert is_unguarded()
        Trail().look()
    session.rollback()
    assert [notice.kind for notice in session.scalars(sa.select(Notice))] == ["audit.unguarded"]
    session.commit()

    repaired = app.test_cli_runner().invoke(args=["audit", "repair-guards"])

    assert repaired.exit_code == 0, repaired.output
    assert "Put back: audit_event_no_delete." in repaired.output
    assert admin.post("/audit/heads", {"to": "a@example.com"}).status_code == 303
    assert admin.get("/health/ready").status_code == 200
    assert [event.action for event in events(session, "setting")] == ["audit.guards", "audit.heads"]


def test_a_role_that_may_not_is_an_event_with_who_what_and_what_they_were_told(
    session: Session, signed_in_as: SignedInAs
) -> None:
    visitor = signed_in_as("viewer")
    for _ in range(9):
        visitor.post("/audit/heads", {"to": "a@example.com"})
    visitor.get("/audit/nothing-here")

    found = events(session, "refusal")

    assert len(found) == 5, "the rest is counted"
    assert {(event.action, event.person, event.address) for event in found} == {("refused.403", "Vera", "127.0.0.1")}
    assert "Viewers can read this" in found[0].sentence
    assert found[0].details["asked"] == "POST /audit/heads"
    assert visitor.get(f"/audit/{found[0].n}").status_code == 200


def test_wrong_typing_is_no_refusal_and_a_stale_form_is_one(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    assert admin.post("/audit/heads", {"to": "nobody"}).status_code == 422
    assert events(session, "refusal") == []
    assert admin.post("/audit/heads", {"to": "a@example.com", "seen": "b@example.com"}).status_code == 409
    assert [event.action for event in events(session, "refusal")] == ["refused.409"]


def test_who_gets_the_head_is_set_with_before_and_after(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    admin.post("/audit/heads", {"to": "a@example.com; b@example.com", "seen": ""})
    admin.post("/audit/heads", {"to": "", "seen": "a@example.com, b@example.com"})

    found = [(event.before, event.after) for event in events(session, "setting")]

    assert found == [("nobody", "a@example.com, b@example.com"), ("a@example.com, b@example.com", "nobody")]


def test_a_worker_notes_the_head_and_verify_compares_with_it(app: Flask, session: Session, settings: Settings) -> None:
    grow(session, 30)
    with app.app_context():
        Trail().look()
    file = audit_anchors.file_in(settings.instance)
    assert [anchor.n for anchor in audit_anchors.read(file).anchors] == [30]
    assert "Noted outside: 1 hash fits." in app.test_cli_runner().invoke(args=["audit", "verify"]).output
    drop(session)
    session.execute(sa.delete(AuditEvent).where(AuditEvent.n > 25))
    session.commit()

    found = app.test_cli_runner().invoke(args=["audit", "verify"])

    assert found.exit_code == 1
    assert "Its end was cut off" in found.output


@pytest.mark.parametrize("where", [(), (AuditEvent.person == "Dana",)])
def test_the_script_in_the_documents_checks_an_export_with_nothing_but_python(
    session: Session, tmp_path: Path, where: tuple[sa.ColumnElement[bool], ...]
) -> None:
    grow(session, 60)
    found = re.search(r"```python\n(.*?)```", TRUST.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "check.py").write_text(found[1], encoding="utf-8")
    lines = list(audit.export_lines(session, *where))

    def check() -> subprocess.CompletedProcess[str]:
        (tmp_path / "export.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        words = [sys.executable, "-I", "check.py", "export.jsonl"]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert check().stdout == f"The chain is whole: 60 events. Head: {audit.head(session)[1]}\n"
    place = next(n for n, line in enumerate(lines) if "left_out" not in line)
    lines[place] = json.dumps(json.loads(lines[place]) | {"after": "999"})
    assert check().returncode == 1


def started(settings: Settings) -> str:
    """Start what `make run` serves, and give what it logs."""
    environment = {
        **os.environ,
        "COUNTERSIGN_INSTANCE": str(settings.instance),
        "COUNTERSIGN_DATABASE_URL": settings.database_url,
        "COUNTERSIGN_SECRET_KEY": settings.secret_keys[0],
    }
    environment.pop("FLASK_RUN_FROM_CLI", None)
    command = [sys.executable, "-c", "from app import app; print(app.name)"]
    done = subprocess.run(  # noqa: S603 - the portal itself
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "portal\n"
    return done.stderr


def test_the_portal_looks_for_the_triggers_as_it_starts(app: Flask, session: Session, signed_in_as: SignedInAs) -> None:
    settings: Settings = app.config["SETTINGS"]
    admin, biller = signed_in_as("admin"), signed_in_as("biller")
    before = started(settings)
    drop(session)

    after = started(settings)

    assert "protects the audit trail" not in before
    assert "no longer protects the audit trail (missing: audit_event_no_delete), so nothing was changed." in after
    told = [admin.get("/connections").get_data(as_text=True), biller.get("/connections").get_data(as_text=True)]
    assert ["no longer protects the audit trail" in page for page in told] == [True, False]


def test_a_store_that_was_never_migrated_or_does_not_answer_stops_no_start(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings: Settings = app.config["SETTINGS"]
    empty = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.sqlite'}"))
    nowhere = create_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'no' / 'where.sqlite'}"))

    assert look_at_start(empty) == look_at_start(nowhere) == look_at_start(app) == []

    assert not [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert "could not be looked at as the portal started" in caplog.text
