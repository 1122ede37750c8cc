"""What ConnectWise posts: taken as a hint, or refused with a fitting status and counted; never a failure of ours."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import (
    AgreementWanted,
    CallbackHook,
    CallbackPost,
    CallbackRefusal,
    Connection,
    PsaAddition,
    PsaAgreement,
    SyncRun,
)
from portal.services.sealing import Sealer
from portal.web.callbacks.limits import KNOWN, STRANGERS
from tests.support.callbacks import TOKEN, body_of, post, signed, switched_on
from tests.support.visitor import Visitor

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
KEY_URL = "https://psa.example.com/login/callbackkey/1"


@pytest.fixture
def ready(session: Session, settings: Settings) -> Session:
    """A connected portal that takes callbacks and knows the key."""
    session.add(
        Connection(
            name="connectwise", url="https://psa.example.com/v4_6_release/apis/3.0", company="sandbox",
            public_key="portal", sealed_private_key=Sealer(settings.secret_keys).seal("portal-secret"),
            key_tail="cret", client_id="i", set_by="x", set_at=NOW, last_read_at=NOW, last_full_at=NOW,
        )
    )  # fmt: skip
    switched_on(session, key_url=KEY_URL)
    return session


def wanted(session: Session) -> list[int]:
    session.rollback()
    found = list(session.scalars(sa.select(AgreementWanted.agreement_id).order_by(AgreementWanted.agreement_id)))
    session.rollback()  # the test's session writes, and would keep the app from writing
    return found


def refusals(session: Session) -> dict[str, int]:
    session.rollback()
    found = {row.reason: row.times for row in session.scalars(sa.select(CallbackRefusal))}
    session.rollback()
    return found


def test_a_signed_post_makes_its_agreement_wanted_and_a_run_for_it(app: Flask, ready: Session) -> None:
    answer = post(app, body_of(501, key_url=KEY_URL))

    assert answer.status_code == 202
    assert wanted(ready) == [501]
    assert [run.kind for run in ready.scalars(sa.select(SyncRun))] == ["wanted"]
    assert ready.get_one(CallbackHook, "connectwise").accepted == 1
    assert refusals(ready) == {}


def test_nothing_of_the_body_is_kept_once_it_was_verified(app: Flask, ready: Session) -> None:
    post(app, body_of(501, key_url=KEY_URL))

    ready.rollback()
    kept = ready.scalars(sa.select(CallbackPost)).one()
    assert kept.body is None
    assert (kept.type, kept.action, kept.record_id, kept.state) == ("agreement", "updated", 501, "accepted")


def test_an_addition_leads_to_its_agreement(app: Flask, ready: Session) -> None:
    ready.add(PsaAddition(id=9001, agreement_id=77, product="SEAT", quantity=1, less_included=0))
    ready.commit()

    body = body_of(9001, key_url=KEY_URL, Type="addition", Entity=json.dumps({"agreementId": 78}))

    assert post(app, body).status_code == 202
    assert wanted(ready) == [77, 78]


def test_a_company_leads_to_its_agreements(app: Flask, ready: Session) -> None:
    for agreement_id, company_id, gone_at in ((1, 40, None), (2, 40, None), (3, 40, NOW), (4, 41, None)):
        ready.add(PsaAgreement(id=agreement_id, name="A", company_id=company_id, gone_at=gone_at))
    ready.commit()

    assert post(app, body_of(40, key_url=KEY_URL, Type="company")).status_code == 202
    assert wanted(ready) == [1, 2]


def test_a_forged_post_is_refused_and_counted(app: Flask, ready: Session) -> None:
    body = body_of(501, key_url=KEY_URL)
    for signature in (signed(body, "another key"), signed(body + b" "), "AAAA", "ünfug"):
        answer = post(app, body, signature)
        assert answer.status_code == 401
        assert "signature" in answer.get_data(as_text=True)

    assert refusals(ready) == {"forged": 4}
    assert wanted(ready) == []
    assert post(app, body).status_code == 202  # a forger does not make a true post look like a replay


def test_a_post_without_a_signature_is_refused(app: Flask, ready: Session) -> None:
    assert post(app, body_of(501, key_url=KEY_URL), "").status_code == 401
    assert refusals(ready) == {"unsigned": 1}


def test_the_same_post_again_is_a_replay(app: Flask, ready: Session) -> None:
    body = body_of(501, key_url=KEY_URL)
    assert post(app, body).status_code == 202

    assert [post(app, body).status_code for _ in range(2)] == [409, 409]
    assert refusals(ready) == {"replayed": 2}
    assert ready.get_one(CallbackHook, "connectwise").accepted == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 60_000,
        b'{"ID": ' + b"9" * 9_000 + b"}",
        body_of("501", key_url=KEY_URL),
        body_of(None, key_url=KEY_URL),
        body_of(True, key_url=KEY_URL),
        body_of(0, key_url=KEY_URL),
        body_of(-5, key_url=KEY_URL),
        body_of(2**40, key_url=KEY_URL),
        body_of(1.5, key_url=KEY_URL),
        body_of(501, key_url=KEY_URL, action="exploded"),
        body_of(501, key_url=KEY_URL, action=["updated"]),
        body_of(501, key_url=KEY_URL, Type="ticket"),
        body_of(501, key_url=None),
        body_of(501, key_url=7),
        body_of(501, key_url="https://psa.example.com/" + "a" * 600),
        body_of(501, key_url="https://psa.example.com/\0"),
        body_of(501, key_url=KEY_URL, Metadata="x"),
    ],
)  # fmt: skip
def test_what_is_no_callback_is_refused(app: Flask, ready: Session, body: bytes) -> None:
    answer = post(app, body)

    assert answer.status_code == 400
    assert refusals(ready) == {"malformed": 1}
    assert wanted(ready) == []


@pytest.mark.parametrize(
    "key_url",
    [
        "https://evil.example.com/login/callbackkey/1",
        "http://psa.example.com/login/callbackkey/1",
        "https://psa.example.com:8443/login/callbackkey/1",
        "https://psa.example.com.evil.example/login/callbackkey/1",
        "https://psa.example.com@evil.example/login/callbackkey/1",
        "https://user:pass@psa.example.com/login/callbackkey/1",
        "https://psa.example.com/../internal",
        "https://psa.example.com/a/%2e%2e/internal",
        "https://psa.example.com",
        "file:///etc/passwd",
        "//psa.example.com/x",
        "https://[::1/x",
    ],
)
def test_a_key_from_anywhere_else_is_never_asked_for(app: Flask, ready: Session, key_url: str) -> None:
    body = body_of(501, key_url=key_url)

    assert post(app, body).status_code == 403
    assert refusals(ready) == {"foreign_key": 1}
    ready.rollback()
    assert ready.scalars(sa.select(CallbackPost)).all() == []


def test_a_wrong_address_says_nothing_and_is_counted(app: Flask, ready: Session) -> None:
    answer = post(app, body_of(501, key_url=KEY_URL), token="another")

    assert answer.status_code == 404
    assert TOKEN not in answer.get_data(as_text=True)
    assert refusals(ready) == {"wrong_token": 1}


def test_switched_off_the_old_address_is_a_wrong_one(app: Flask, ready: Session) -> None:
    hook = ready.get_one(CallbackHook, "connectwise")
    hook.state, hook.token_hash, hook.sealed_token = "off", None, None
    ready.commit()

    assert post(app, body_of(501, key_url=KEY_URL)).status_code == 404


def test_a_portal_that_never_had_callbacks_refuses_them(app: Flask, session: Session) -> None:
    assert post(app, body_of(501, key_url=KEY_URL)).status_code == 404
    assert refusals(session) == {"wrong_token": 1}


def test_a_body_larger_than_64_kib_is_not_read(app: Flask, ready: Session) -> None:
    body = body_of(501, key_url=KEY_URL, Entity="x" * 70_000)

    assert post(app, body).status_code == 413
    assert refusals(ready) == {"too_big": 1}


def test_too_many_from_a_stranger_wait_while_connectwise_goes_on(app: Flask, ready: Session) -> None:
    statuses = [post(app, b"{}", token="guess").status_code for _ in range(STRANGERS + 3)]

    assert set(statuses[:STRANGERS]) == {404}
    assert set(statuses[STRANGERS:]) == {429}
    assert refusals(ready)["too_many"] == 3
    assert post(app, body_of(501, key_url=KEY_URL)).status_code == 202


def test_a_flood_of_known_posts_is_told_to_wait(app: Flask, ready: Session) -> None:
    app.extensions["callbacks_known"].most = 2
    answers = [post(app, body_of(number, key_url=KEY_URL)) for number in (1, 2, 3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert KNOWN > 2
    assert wanted(ready) == [1, 2]


def test_a_post_whose_key_is_not_known_waits_for_a_worker(app: Flask, ready: Session) -> None:
    body = body_of(501, key_url="https://psa.example.com/login/callbackkey/2")

    answer = post(app, body)

    assert answer.status_code == 202
    ready.rollback()
    assert ready.scalars(sa.select(CallbackPost)).one().body == body
    assert wanted(ready) == []
    assert post(app, body).status_code == 409


def test_it_takes_posts_alone(app: Flask, ready: Session) -> None:
    assert app.test_client().get(f"/callbacks/connectwise/{TOKEN}").status_code == 405
    assert refusals(ready) == {}


def test_only_an_admin_switches_callbacks(ready: Session, signed_in_as: Callable[[str], Visitor]) -> None:
    page = signed_in_as("viewer").get("/connections").get_data(as_text=True)
    assert "Switch callbacks" not in page
    assert "Last received" in page
    assert signed_in_as("manager").post("/connections/connectwise/callbacks", {"callbacks": "off"}).status_code == 403
    ready.rollback()
    assert ready.get_one(CallbackHook, "connectwise").state == "registered"


def test_an_admin_switches_them_off_and_is_told_what_stays_in_connectwise(
    ready: Session, app: Flask, signed_in_as: Callable[[str], Visitor]
) -> None:
    hook = ready.get_one(CallbackHook, "connectwise")
    hook.registered = [{"id": 5, "type": "agreement"}, {"id": 6, "type": "company"}]
    ready.commit()
    admin = signed_in_as("admin")
    post(app, body_of(501, key_url=KEY_URL), "AAAA")
    assert "Signature does not match" in admin.get("/connections").get_data(as_text=True)

    assert admin.post("/connections/connectwise/callbacks", {"callbacks": "off"}).status_code == 303

    text = admin.page(admin.get("/connections")).get_text(" ")
    assert "2 old callbacks stand in ConnectWise still." in text
    assert post(app, body_of(502, key_url=KEY_URL)).status_code == 404
    admin.post("/connections/connectwise/callbacks", {"callbacks": "deleted"})
    assert "old callbacks" not in admin.get("/connections").get_data(as_text=True)
    assert admin.post("/connections/connectwise/callbacks", {"callbacks": "off"}).status_code == 409
    assert admin.post("/connections/connectwise/callbacks", {"callbacks": "sideways"}).status_code == 422


def test_an_address_that_only_this_machine_reaches_is_spoken_of(
    ready: Session, signed_in_as: Callable[[str], Visitor]
) -> None:
    admin = signed_in_as("admin")
    admin.post("/connections/connectwise/callbacks", {"callbacks": "on"})

    page = admin.get("/connections").get_data(as_text=True)

    assert "ConnectWise cannot reach" in page
    assert "COUNTERSIGN_BASE_URL" in page
    ready.rollback()
    hook = ready.get_one(CallbackHook, "connectwise")
    assert hook.state == "wanted"
    assert hook.sealed_token is not None
    assert hook.sealed_token not in page
