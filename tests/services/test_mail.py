"""Mails: handed over once, or given up with a sentence; never blindly, and never in the clear unless told."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.config import BadSetting, MailServer, read_settings, shown
from portal.db.engine import WRITES
from portal.db.records import Mail
from portal.services import mail, push_leases
from tests.support.post_office import PASSWORD, USER, PostOffice, open_office, self_signed

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
OpenSession = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def open_session(engine: sa.Engine) -> OpenSession:
    """Opens one writing transaction."""

    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session, session.begin():
            yield session

    return opened


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server without TLS."""
    with open_office() as office:
        yield office


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def server_at(port: int, *, tls: str = "none", user: str | None = None, password: str = PASSWORD) -> MailServer:
    return MailServer(
        host="127.0.0.1", port=port, tls=tls, user=user, password=password, sender="countersign@msp.example"
    )


def a_mail(
    open_session: OpenSession, *, cause: str = "run 1", recipient: str = "dana@msp.example", **other: str
) -> None:
    given = {"subject": "The full sync is done", "body": "It is done.\n"} | other
    with open_session() as session:
        mail.queue(session, recipient=recipient, cause=cause, real_now=NOW, **given)


def kept(open_session: OpenSession) -> Mail:
    with open_session() as session:
        return session.scalars(sa.select(Mail)).one()


def test_a_mail_is_handed_over_once(open_session: OpenSession, office: PostOffice) -> None:
    a_mail(open_session)
    a_mail(open_session)  # the same cause for the same person

    assert mail.send_due(open_session, server_at(office.port), real_now=at(NOW)) == 1
    assert mail.send_due(open_session, server_at(office.port), real_now=at(NOW)) == 0

    (taken,) = office.mails()
    assert taken["To"] == "dana@msp.example"
    assert taken["From"] == "Countersign <countersign@msp.example>"
    assert taken["Subject"] == "The full sync is done"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken.get_content_type() == "text/plain"
    assert taken.get_content() == "It is done.\n"
    assert kept(open_session).state == "sent"


@pytest.mark.parametrize(
    "subject",
    ["Done\r\nBcc: all@evil.example", "Done\nX: y", "Done\r\n\r\nbody", "Done\u2028Bcc: all@evil.example", "D\0"],
)
def test_a_subject_never_becomes_another_header(open_session: OpenSession, office: PostOffice, subject: str) -> None:
    a_mail(open_session, subject=subject)

    mail.send_due(open_session, server_at(office.port), real_now=at(NOW))

    (taken,) = office.mails()
    assert taken["Bcc"] is None
    assert taken["X"] is None
    assert str(taken["Subject"]).startswith("D")
    assert office.recipients == ["dana@msp.example"]


@pytest.mark.parametrize(
    "recipient", ["a@b\r\nBcc: c@d", "a@b>\r\nRCPT TO:<c@d", "a,b@c,d@e", "ünfug@msp.example", "@", "a@"]
)
def test_an_address_that_is_none_is_given_up(open_session: OpenSession, office: PostOffice, recipient: str) -> None:
    a_mail(open_session, recipient=recipient)

    assert mail.send_due(open_session, server_at(office.port), real_now=at(NOW)) == 0

    assert office.recipients == []
    assert kept(open_session).state == "failed"
    assert "cannot be written to" in (kept(open_session).error or "")


def test_text_beyond_ascii_and_lone_dots_arrive_as_they_are(open_session: OpenSession, office: PostOffice) -> None:
    a_mail(open_session, subject="Größe: 12 → 13", body="Zeile\n.\n..\nfrüher\n")

    mail.send_due(open_session, server_at(office.port), real_now=at(NOW))

    (taken,) = office.mails()
    assert taken["Subject"] == "Größe: 12 → 13"
    assert taken.get_content() == "Zeile\n.\n..\nfrüher\n"


@pytest.mark.parametrize("tls", ["starttls", "whole"])
def test_over_tls_it_signs_in_and_believes_only_trusted_certificates(
    open_session: OpenSession, tmp_path: Path, tls: str
) -> None:
    certificate = self_signed(tmp_path)
    trust = ssl.create_default_context(cafile=certificate)
    with open_office(tls, certificate) as office:
        server = server_at(office.port, tls=tls, user=USER)
        a_mail(open_session)
        assert mail.send_due(open_session, server, real_now=at(NOW)) == 0
        assert "certificate" in (kept(open_session).error or "")
        assert office.signed_in == []

        later = NOW + timedelta(hours=1)
        assert mail.send_due(open_session, server, real_now=at(later), trust=trust) == 1

        assert office.signed_in == [(USER, PASSWORD)]
        assert office.encrypted == [True]


def test_a_server_without_starttls_gets_nothing_where_it_was_asked_for(
    open_session: OpenSession, office: PostOffice
) -> None:
    a_mail(open_session)

    assert mail.send_due(open_session, server_at(office.port, tls="starttls", user=USER), real_now=at(NOW)) == 0

    assert office.taken == []
    assert office.signed_in == []
    assert "STARTTLS" in (kept(open_session).error or "")


def test_a_wrong_password_is_told_without_the_password(open_session: OpenSession, office: PostOffice) -> None:
    a_mail(open_session)

    mail.send_due(open_session, server_at(office.port, user=USER, password="hush-hush"), real_now=at(NOW))

    found = kept(open_session)
    assert found.state == "queued"
    assert "COUNTERSIGN_SMTP_URL" in (found.error or "")
    assert "hush-hush" not in (found.error or "")


def test_a_server_that_is_away_is_tried_again_later_and_not_for_ever(open_session: OpenSession) -> None:
    with open_office() as closed:
        port = closed.port
    a_mail(open_session)
    moment, tries = NOW, 0
    while kept(open_session).state == "queued" and tries < 20:
        moment = max(moment, kept(open_session).next_try_at or moment)
        mail.send_due(open_session, server_at(port), real_now=at(moment))
        tries += 1

    found = kept(open_session)
    assert found.state == "failed"
    assert found.tries == len(mail.WAITS) + 1
    assert timedelta(hours=1) < moment - NOW < timedelta(hours=4)
    assert "cannot be reached" in (found.error or "")
    with open_session() as session:
        assert mail.state(session).failed == 1


def test_a_refusal_for_now_is_tried_again_one_for_good_is_not(open_session: OpenSession, office: PostOffice) -> None:
    office.answers["RCPT"] = ["451 greylisted", "550 no such person"]
    a_mail(open_session)

    mail.send_due(open_session, server_at(office.port), real_now=at(NOW))
    assert (kept(open_session).state, kept(open_session).tries) == ("queued", 1)
    assert mail.send_due(open_session, server_at(office.port), real_now=at(NOW)) == 0  # it waits
    mail.send_due(open_session, server_at(office.port), real_now=at(NOW + timedelta(minutes=5)))

    found = kept(open_session)
    assert found.state == "failed"
    assert "550" in (found.error or "")
    assert "no such person" in (found.error or "")


def test_an_answer_that_was_lost_makes_one_double_at_most(open_session: OpenSession, office: PostOffice) -> None:
    office.dies_after_text = 9
    a_mail(open_session)

    for hour in range(6):
        later = NOW + timedelta(hours=hour)
        mail.send_due(open_session, server_at(office.port), real_now=at(later))

    assert len(office.taken) == 2
    assert {each["Message-ID"] for each in office.mails()} == {office.mails()[0]["Message-ID"]}
    assert kept(open_session).state == "failed"
    assert "not sent a third time" in (kept(open_session).error or "")


def test_what_a_dead_worker_was_sending_is_sent_once_more_and_no_more(
    open_session: OpenSession, office: PostOffice
) -> None:
    a_mail(open_session)
    for _ in range(2):
        with open_session() as session:
            found = session.scalars(sa.select(Mail)).one()
            found.state, found.worker, found.leased_until = "sending", "elsewhere/1/x", NOW - timedelta(seconds=1)
        mail.send_due(open_session, server_at(office.port), real_now=at(NOW))

    assert len(office.taken) == 1
    assert kept(open_session).state == "failed"
    assert kept(open_session).doubts == 2


def test_what_another_worker_is_sending_is_left_alone(open_session: OpenSession, office: PostOffice) -> None:
    a_mail(open_session)
    with open_session() as session:
        found = session.scalars(sa.select(Mail)).one()
        found.state, found.worker, found.leased_until = "sending", push_leases.worker_name(), NOW + mail.LEASE

    assert mail.send_due(open_session, server_at(office.port), real_now=at(NOW)) == 0
    assert office.taken == []


def test_what_is_long_over_is_forgotten(open_session: OpenSession, office: PostOffice) -> None:
    a_mail(open_session)
    mail.send_due(open_session, server_at(office.port), real_now=at(NOW))

    mail.send_due(open_session, server_at(office.port), real_now=at(NOW + mail.KEPT + timedelta(days=1)))

    with open_session() as session:
        assert session.scalars(sa.select(Mail)).all() == []


def settings_of(tmp_path: Path, url: str, sender: str = "c@msp.example") -> dict[str, str]:
    env = {"COUNTERSIGN_SMTP_URL": url, "COUNTERSIGN_MAIL_FROM": sender}
    return shown(read_settings(env, instance=tmp_path))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "not set, so no mail is sent"),
        ("smtps://u:hush@mail.example", "smtps://…@mail.example:465"),
        ("smtp://u:hush@mail.example?starttls=1", "smtp://…@mail.example:587?starttls=1"),
        ("smtp://mail.example:2525?plain=1", "smtp://mail.example:2525"),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
        ("smtp://localhost", "smtp://localhost:25"),
    ],
)
def test_a_server_is_a_setting_and_shown_without_its_password(tmp_path: Path, url: str, said: str) -> None:
    assert settings_of(tmp_path, url)["smtp_url"] == said
    assert "hush" not in repr(
        read_settings({"COUNTERSIGN_SMTP_URL": url, "COUNTERSIGN_MAIL_FROM": "c@msp.example"}, instance=tmp_path)
    )


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "smtp://", "smtp://mail.example", "smtp://u:hush@10.0.0.1", "smtp://h:99999", "smtps://h/x",
     "smtps://h?tls=1", "smtp://h?starttls=yes", "smtp://[::1"],
)  # fmt: skip
def test_a_server_that_cannot_be_used_ends_the_start_with_a_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSetting, match="COUNTERSIGN_SMTP_URL") as refused:
        settings_of(tmp_path, url)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "sender", ["", "nobody", "a@b@c", "Countersign <c@msp.example>", "c@msp.example\nBcc: x@y", "ü@msp.example"]
)
def test_a_server_needs_a_sender(tmp_path: Path, sender: str) -> None:
    with pytest.raises(BadSetting, match="COUNTERSIGN_MAIL_FROM"):
        settings_of(tmp_path, "smtps://mail.example", sender)
