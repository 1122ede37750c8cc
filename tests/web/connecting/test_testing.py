"""Setting the connection on screen: a worker tests it line by line, and stores what holds; the key is never shown."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.connectwise import ConnectWise
from portal.db.records import AuditEvent, Person, PsaQuestion
from portal.jobs import doing
from portal.services.sealing import Sealer
from tests.support.tls import signed
from tests.web.connecting.conftest import SignedInAs, Work, after, dump, kept, stored, typed, wrong

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


def test_keys_are_tested_by_a_worker_then_stored_sealed(
    session: Session, settings: Settings, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")

    asked = admin.post("/connections/connectwise", typed(sandbox))

    assert stored(session) is None
    waiting = admin.page(admin.get(asked.headers["Location"]))
    assert waiting.select_one("#trial[hx-trigger]") is not None
    assert waiting.select_one("fieldset[disabled]") is not None
    work()
    page = admin.get(asked.headers["Location"]).get_data(as_text=True)
    connection = kept(session)
    assert "The test passed, and the connection is saved" in page
    assert "ends with cret" in page
    assert Sealer(settings.secret_keys).open(connection.sealed_private_key) == "portal-secret"
    assert (connection.writing, connection.set_by) == (False, "Priya")


def test_the_test_is_watched_line_by_line(
    session: Session, signed_in_as: SignedInAs, sandbox: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = signed_in_as("admin")
    where = admin.post("/connections/connectwise", typed(sandbox, do="test")).headers["Location"]
    seen: list[tuple[int, int]] = []
    plain = ConnectWise.test_permissions

    def watched(client: Any) -> Any:
        for right in plain(client):
            part = admin.page(admin.get(where, swapping="trial"))
            assert part.select_one("#trial[hx-trigger='load delay:1s']") is not None
            seen.append((len(part.select("#trial .tag.ok")), len(part.select("#trial li"))))
            yield right

    monkeypatch.setattr(ConnectWise, "test_permissions", watched)
    with app.app_context():
        for question_id in doing.due_questions():
            doing.do_question(question_id)

    assert seen == [(count, 12) for count in range(2, 12)]
    last = admin.get(where, swapping="trial")
    assert last.headers["HX-Redirect"] == where.replace("#", "&over=1#")
    whole = admin.page(admin.get(where))
    assert whole.select_one("#trial[hx-trigger]") is None
    assert "The test passed" in whole.get_text(" ")
    assert stored(session) is None


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"private_key": "a wrong one"}, "private_key", "refused the keys (401)"),
        ({"company": "other"}, "company", "knows no company “other”"),
        ({"public_key": "portal-secret", "private_key": "portal"}, "public_key", "the other way round"),
    ],
)
def test_what_fails_is_said_at_its_field_and_what_was_typed_stays(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work, values: dict[str, str], field: str, words: str
) -> None:
    admin = signed_in_as("admin")

    answer = after(admin, work, typed(sandbox, **values))

    page = answer.get_data(as_text=True)
    given = typed(sandbox, **values)
    assert "ConnectWise was not connected." in page
    assert words in page
    assert wrong(admin, answer) == {field}
    assert admin.page(answer).select_one(f"input[name=company][value={given['company']}]") is not None
    assert "portal-secret" not in page
    session.rollback()
    assert "portal-secret" not in str([question.asked for question in session.scalars(sa.select(PsaQuestion))])
    session.commit()
    assert admin.page(answer).select_one("input[name=private_key][value='']") is not None
    assert stored(session) is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://psa.example.com", "allow_private": ""}, "url"),
        ({"url": "https://psa.example.com/helpdesk"}, "url"),
        ({"client_id": "no GUID"}, "client_id"),
        ({"public_key": "portal-secret"}, "public_key"),
        ({"ca_certificates": "hello"}, "ca_certificates"),
        ({"company": "x" * 101}, "company"),
    ],
)
def test_what_can_be_told_at_once_asks_nobody(
    session: Session, signed_in_as: SignedInAs, values: dict[str, str], field: str
) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/connections/connectwise", typed("http://127.0.0.1:9", **values))

    assert answer.status_code == 422
    assert wrong(admin, answer) == {field}
    assert "portal-secret" not in answer.get_data(as_text=True)
    session.rollback()
    assert session.scalars(sa.select(PsaQuestion)).all() == []


def test_missing_fields_are_named_each(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/connections/connectwise", {"do": "save"})

    assert answer.status_code == 422
    assert wrong(admin, answer) == {"url", "company", "public_key", "private_key", "client_id"}


def test_where_the_key_is_needed_anew_the_form_does_not_say_to_leave_it_empty(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed(sandbox))
    assert stored(session) is not None
    assert "Leave it empty to keep it." in admin.get("/connections/connectwise").get_data(as_text=True)

    answer = admin.post("/connections/connectwise", typed(sandbox, company="elsewhere", private_key=""))

    assert wrong(admin, answer) == {"private_key", "moved_ok"}
    assert "Leave it empty to keep it." not in answer.get_data(as_text=True)


def test_a_public_key_with_the_company_before_it_is_seen_without_asking(
    session: Session, signed_in_as: SignedInAs, sandbox: str
) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/connections/connectwise", typed(sandbox, public_key="Sandbox+portal"))

    assert wrong(admin, answer) == {"public_key"}
    assert "Put in the public key alone, without the company" in answer.get_data(as_text=True)
    assert session.scalars(sa.select(PsaQuestion)).all() == []


def test_a_missing_right_is_named_as_on_the_security_role(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    requests.post(f"{sandbox}/_sandbox/roles", json={"portal": {"companies": []}}, timeout=5).raise_for_status()

    page = after(admin, work, typed(sandbox)).get_data(as_text=True)

    requests.post(f"{sandbox}/_sandbox/reset", json={}, timeout=5).raise_for_status()
    assert "“Companies / Company Maintenance: Inquire all”" in page
    assert "No sync works without “Read companies”. Give that to the role in ConnectWise" in page
    assert stored(session) is None


def test_the_stored_key_is_kept_but_never_sent_elsewhere(
    session: Session, settings: Settings, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed(sandbox))

    same = after(admin, work, typed(sandbox, private_key=""))
    other = admin.post("/connections/connectwise", typed("http://127.0.0.1:9", private_key="", moved_ok="1"))

    assert "and the connection is saved" in same.get_data(as_text=True)
    assert Sealer(settings.secret_keys).open(kept(session).sealed_private_key) == "portal-secret"
    assert other.status_code == 422
    assert wrong(admin, other) == {"private_key"}


def test_another_psa_asks_for_a_tick(session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed("http://localhost:" + sandbox.rpartition(":")[2]))
    assert "localhost" in kept(session).url

    asked = admin.post("/connections/connectwise", typed(sandbox))

    assert asked.status_code == 422
    assert wrong(admin, asked) == {"moved_ok"}
    assert "mapped by the ids of the old one" in asked.get_data(as_text=True)
    after(admin, work, typed(sandbox, moved_ok="1"))
    assert kept(session).url.startswith(sandbox)


def test_two_presses_are_one_test(signed_in_as: SignedInAs, sandbox: str) -> None:
    admin = signed_in_as("admin")

    first, second = (admin.post("/connections/connectwise", typed(sandbox)).headers["Location"] for _ in range(2))

    assert first == second
    assert "Testing the connection" in admin.get("/connections/connectwise").get_data(as_text=True)


def test_a_connection_that_was_changed_meanwhile_is_not_overwritten(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed(sandbox))
    where = admin.post("/connections/connectwise", typed(sandbox)).headers["Location"]
    connection = kept(session)
    connection.set_at = NOW - timedelta(days=1)
    session.commit()

    work()

    assert "Somebody changed the connection meanwhile." in admin.get(where).get_data(as_text=True)


def test_who_is_no_admin_any_more_stores_nothing(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    admin.post("/connections/connectwise", typed(sandbox))
    session.execute(sa.update(Person).values(role="biller"))
    session.commit()

    work()

    assert stored(session) is None
    session.rollback()
    assert "A biller may not set connections" in str(session.scalars(sa.select(PsaQuestion.error)).one())


def test_without_a_worker_the_page_says_so(session: Session, signed_in_as: SignedInAs, sandbox: str) -> None:
    admin = signed_in_as("admin")
    where = admin.post("/connections/connectwise", typed(sandbox)).headers["Location"]
    session.rollback()
    question = session.scalars(sa.select(PsaQuestion)).one()
    question.asked_at -= timedelta(minutes=1)
    session.commit()

    page = admin.get(where).get_data(as_text=True)

    assert "No worker has taken this question yet." in page
    assert "Look again" in page  # without scripts


def test_certificates_come_as_text_or_file_and_are_shown_by_name(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    one, two = signed("Own authority"), signed("Second authority")
    file = (io.BytesIO(two.pem.encode()), "two.pem")

    page = after(admin, work, typed(sandbox, ca_certificates=one.pem, ca_file=file)).get_data(as_text=True)

    assert kept(session).ca_certificates == one.pem + two.pem
    assert "Own authority, until" in page
    assert "Second authority, until" in page
    leaked = admin.post("/connections/connectwise", typed(sandbox, ca_certificates=one.pem + one.key_pem))
    assert leaked.status_code == 422
    assert one.key_pem.splitlines()[1] not in leaked.get_data(as_text=True)


def test_limits_are_saved_without_a_test(session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed(sandbox))
    good = {"requests_a_minute": "300", "parallel": "4", "bundle_size": "0"}

    answer = admin.post("/connections/connectwise/limits", good)
    bad = admin.post("/connections/connectwise/limits", good | {"parallel": "many", "bundle_size": "1"})

    assert answer.status_code == 303
    assert (kept(session).requests_a_minute, kept(session).parallel) == (300, 4)
    assert bad.status_code == 422
    assert wrong(admin, bad) == {"parallel", "bundle_size"}
    assert admin.page(bad).select_one("input[name=parallel][value=many]") is not None


@pytest.mark.parametrize("role", ["viewer", "biller", "manager"])
def test_only_an_admin_sets_connections(signed_in_as: SignedInAs, sandbox: str, role: str) -> None:
    visitor = signed_in_as(role)

    assert visitor.get("/connections/connectwise").status_code == 403
    assert visitor.post("/connections/connectwise", typed(sandbox)).status_code == 403
    assert visitor.post("/connections/connectwise/limits", {}).status_code == 403


def test_a_test_that_is_forgotten_by_now_shows_the_settings(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    page = admin.page(admin.get("/connections/connectwise?test=404"))

    assert page.select_one("input[name=url]") is not None
    assert page.select_one("#trial[hx-trigger]") is None


def test_the_private_key_stands_nowhere_in_clear(
    session: Session,
    settings: Settings,
    signed_in_as: SignedInAs,
    sandbox: str,
    work: Work,
    app: Flask,
    engine: sa.Engine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    marker = "private-marker-7d1e"
    admin = signed_in_as("admin")
    pages = [admin.post("/connections/connectwise", typed(sandbox, private_key=marker))]
    waiting = pages[0].headers["Location"]
    dumps = [dump(engine)]
    pages += [admin.get(waiting), admin.get(waiting, swapping="trial")]
    work()
    pages += [
        admin.get(waiting),
        admin.post("/connections/connectwise", typed(sandbox, private_key=marker, company="")),
    ]
    after(admin, work, typed(sandbox))
    connection = kept(session)
    connection.sealed_private_key = Sealer(settings.secret_keys).seal(marker)
    session.commit()

    pages += [
        admin.get(path)
        for path in ("/connections", "/connections/connectwise", waiting, "/audit", "/audit/1", "/", "/tape")
    ]
    runner = app.test_cli_runner()
    said = [
        runner.invoke(args=list(args)).output for args in (["connections", "show"], ["audit", "export"], ["doctor"])
    ]
    dumps.append(dump(engine))

    for page in pages:
        assert marker not in page.get_data(as_text=True)
        assert marker not in str(page.headers)
    assert marker not in "".join(dumps)
    assert marker not in "".join(said)
    assert marker not in caplog.text
    session.rollback()
    assert set(session.scalars(sa.select(PsaQuestion.sealed))) == {None}
    assert session.scalars(sa.select(AuditEvent)).first() is not None
