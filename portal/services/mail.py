"""Mails: an outbox in our own tables that a worker empties. Off unless a server is set. Real time throughout.

What is guaranteed: a mail that is queued is handed over at least once, unless the server refuses it for good or cannot
be had for about two hours; then it is given up, and the portal says so. It is never handed over knowingly twice. Where
a worker dies, or the line does, between the handing over and the answer, the mail is handed over once more and no third
time, under the same Message-ID, by which mailboxes may tell that it is the same.
"""

import hashlib
import random
import smtplib
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.config import MailServer
from portal.db.records import Mail
from portal.services import push_leases
from portal.services.errors import Refused
from portal.services.mail_line import Line, TlsLine
from portal.services.sealing import Sealer

SECONDS = 20  # for each step of the talk with the server
LEASE = timedelta(minutes=5)  # longer than a whole talk
WAITS = (30, 120, 480, 1800, 3600)  # seconds after each failed try; after the last one it is given up
SEALED = "sealed:"  # begins a body that holds a secret: what follows is sealed until it is handed over
DOUBTS = 2  # a mail that may have been handed over twice is not handed over again
KEPT = timedelta(days=30)
_LONGEST_SUBJECT = 150
_REFUSED_FOR_GOOD = 500
_SIGN_IN = {530, 534, 535, 538}  # somebody may mend the password meanwhile (RFC 4954)

OpenSession = Callable[[], AbstractContextManager[Session]]


class _NotNow(Exception):
    """It was surely not handed over; another try may work."""


class _Never(Exception):
    """It was surely not handed over, and never will be."""


class _InDoubt(Exception):
    """It was handed over, and no answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailState:
    """How mails are doing.

    Args:
        waiting: How many wait or are tried again.
        last_sent_at: When one was last taken.
        failed: How many were given up in the last 30 days.
        error: Why the newest try did not work, as long as no later mail was taken.
    """

    waiting: int
    failed: int
    last_sent_at: datetime | None
    error: str


def queue(session: Session, *, recipient: str, cause: str, subject: str, body: str, real_now: datetime) -> None:
    """Put a mail into the outbox; the same cause for the same person only once.

    Args:
        session: A writing session.
        recipient: The bare address.
        cause: What it is about, at most 64 characters.
        subject: A line; what would end it is taken out.
        body: Plain text.
        real_now: Real time.
    """
    known = sa.select(sa.exists().where(Mail.recipient == recipient, Mail.cause == cause))
    if session.scalar(known):
        return
    line = " ".join("".join(each if each.isprintable() else " " for each in subject).split())[:_LONGEST_SUBJECT]
    session.add(Mail(recipient=recipient, cause=cause, subject=line, body=body, state="queued", made_at=real_now))
    session.flush()


def send_due(
    open_session: OpenSession,
    server: MailServer,
    *,
    real_now: Callable[[], datetime],
    trust: ssl.SSLContext | None = None,
    most: int = 50,
    sealer: Sealer | None = None,
) -> int:
    """Hand over what is due, one mail after the other; no transaction is open meanwhile.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        server: Where to.
        real_now: Real time.
        trust: Whose certificates are believed; by default the system's authorities.
        most: At most so many.
        sealer: Opens the bodies that hold a secret.

    Returns:
        How many were taken.
    """
    worker = push_leases.worker_name()
    taken = 0
    for _ in range(most):
        with open_session() as session:
            found = _claim(session, worker=worker, real_now=real_now())
        if found is None:
            break
        try:
            found.body = _opened(found.body, sealer)  # it is no part of a session any more: nothing is written back
            _hand_over(found, server, trust or ssl.create_default_context())
        except (_NotNow, _Never, _InDoubt) as failed:
            with open_session() as session:
                _note_failure(session, found.id, worker, failed, real_now=real_now())
        else:
            taken += 1
            with open_session() as session:
                _settle(session, found.id, worker, state="sent", over_at=real_now(), error=None)
    return taken


def state(session: Session) -> MailState:
    """Tell how mails are doing."""
    counts: dict[str, int] = {
        row[0]: row[1] for row in session.execute(sa.select(Mail.state, sa.func.count()).group_by(Mail.state))
    }
    last_sent = session.scalar(sa.select(sa.func.max(Mail.over_at)).where(Mail.state == "sent"))
    newest = session.scalars(sa.select(Mail).where(Mail.error.is_not(None)).order_by(Mail.id.desc()).limit(1)).first()
    newest_sent = session.scalar(sa.select(sa.func.max(Mail.id)).where(Mail.state == "sent")) or 0
    return MailState(
        waiting=counts.get("queued", 0) + counts.get("sending", 0),
        failed=counts.get("failed", 0),
        last_sent_at=last_sent,
        error=newest.error or "" if newest is not None and newest.id > newest_sent else "",
    )


def is_due(session: Session, real_now: datetime) -> bool:
    """Tell whether a worker has anything to do; reads only."""
    return bool(session.scalar(sa.select(sa.exists().where(sa.or_(_ready(real_now), Mail.state == "sending")))))


def _ready(real_now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Mail.state == "queued", sa.or_(Mail.next_try_at.is_(None), Mail.next_try_at <= real_now))


def _claim(session: Session, *, worker: str, real_now: datetime) -> Mail | None:
    """Take the oldest mail that is due; what a dead worker was sending is in doubt first."""
    session.execute(sa.delete(Mail).where(Mail.over_at < real_now - KEPT))
    for held in session.scalars(sa.select(Mail).where(Mail.state == "sending")):
        if held.leased_until is None or held.leased_until < real_now or push_leases.is_gone(held.worker or ""):
            _doubt(held, "The worker stopped while it was sent.", real_now)
    session.flush()
    mail = session.scalars(sa.select(Mail).where(_ready(real_now)).order_by(Mail.id).limit(1)).first()
    if mail is None:
        return None
    mail.state, mail.worker, mail.leased_until = "sending", worker, real_now + LEASE
    mail.tries += 1
    session.flush()
    session.expunge(mail)
    return mail


def _note_failure(session: Session, mail_id: int, worker: str, failed: Exception, *, real_now: datetime) -> None:
    mail = session.get_one(Mail, mail_id, populate_existing=True)
    if mail.state != "sending" or mail.worker != worker:
        return  # it took so long that another worker has it by now
    if isinstance(failed, _InDoubt):
        _doubt(mail, str(failed), real_now)
    elif isinstance(failed, _Never) or mail.tries > len(WAITS):
        mail.state, mail.over_at, mail.error, mail.worker, mail.leased_until = (
            "failed",
            real_now,
            str(failed),
            None,
            None,
        )
    else:
        wait = WAITS[mail.tries - 1] * random.uniform(1, 1.2)  # noqa: S311 - spreads the tries of several workers
        mail.state, mail.next_try_at, mail.error = "queued", real_now + timedelta(seconds=wait), str(failed)
        mail.worker = mail.leased_until = None
    session.flush()


def _doubt(mail: Mail, why: str, real_now: datetime) -> None:
    """Note that nobody knows whether a mail was taken: once more, then no more."""
    mail.doubts += 1
    mail.worker = mail.leased_until = None
    if mail.doubts >= DOUBTS:
        mail.state, mail.over_at = "failed", real_now
        mail.error = f"{why} It is not known whether it was taken; it is not sent a third time."
    else:
        mail.state, mail.next_try_at, mail.error = "queued", real_now, f"{why} It is sent once more."


def _settle(session: Session, mail_id: int, worker: str, **values: object) -> None:
    held = sa.update(Mail).where(Mail.id == mail_id, Mail.state == "sending", Mail.worker == worker)
    session.execute(held.values(worker=None, leased_until=None, **values))


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Write a mail as it goes over the line.

    Raises:
        ValueError: Its recipient is no address that mails can go to.
    """
    try:
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(display_name="Countersign", addr_spec=sender)
        message["To"] = Address(addr_spec=mail.recipient)
        message["Subject"] = mail.subject
        message["Date"] = mail.made_at
        mark = hashlib.sha256(f"{mail.id} {mail.cause} {mail.recipient}".encode()).hexdigest()[:24]
        message["Message-ID"] = f"<{mark}@{sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday answers
        message.set_content(mail.body)
        message.as_bytes()
    except (ValueError, UnicodeError, IndexError, AttributeError, MessageError) as error:
        raise ValueError("The address cannot be written to.") from error
    return message


def _hand_over(mail: Mail, server: MailServer, trust: ssl.SSLContext) -> None:
    try:
        text = message_of(mail, server.sender).as_bytes()
        mail.recipient.encode("ascii")
    except ValueError:
        raise _Never("The address cannot be written to. An admin can correct it under People.") from None
    try:
        line = _connected(server, trust)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise _NotNow(_sentence(server, error)) from error
    try:
        _talk(line, server.sender, mail.recipient, text, server)
    finally:
        _hang_up(line)


def _opened(body: str, sealer: Sealer | None) -> str:
    if not body.startswith(SEALED):
        return body
    try:
        if sealer is None:
            raise _NotNow("The mail is sealed, and this worker cannot open it.")
        return sealer.open(body.removeprefix(SEALED))
    except Refused as error:
        raise _Never("The mail cannot be opened with the portal's secret key any more.") from error


def _connected(server: MailServer, trust: ssl.SSLContext) -> smtplib.SMTP:
    """Open the line and sign in."""
    line: smtplib.SMTP
    if server.tls == "whole":
        line = TlsLine(server.host, server.port, timeout=SECONDS, context=trust)
    else:
        line = Line(server.host, server.port, timeout=SECONDS)
    try:
        line.ehlo_or_helo_if_needed()
        if server.tls == "starttls":
            line.starttls(context=trust)  # refuses to go on where the server has none
            line.ehlo()
        if server.user is not None:
            line.login(server.user, server.password)
    except BaseException:
        _hang_up(line)
        raise
    return line


def _talk(line: smtplib.SMTP, sender: str, recipient: str, text: bytes, server: MailServer) -> None:
    """Say from whom, to whom, and what; a loss before the text is told apart from one after it."""
    try:
        _accepted(*line.mail(sender))
        _accepted(*line.rcpt(recipient))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise _NotNow(_sentence(server, error)) from error
    try:
        code, said = line.data(text)
    except smtplib.SMTPDataError as error:  # the server did not want the text at all
        code, said = error.smtp_code, _bytes(error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        raise _InDoubt(f"The line to {server.host} was lost before an answer came.") from error
    _accepted(code, said)


def _accepted(code: int, said: bytes) -> None:
    if code < 400:  # noqa: PLR2004 - from 400 on it is a refusal (RFC 5321)
        return
    words = _words(said)
    if code >= _REFUSED_FOR_GOOD and code not in _SIGN_IN:
        raise _Never(f"The mail server refused it ({code}): {words}")
    raise _NotNow(f"The mail server asks to try again later ({code}): {words}")


def _sentence(server: MailServer, error: Exception) -> str:
    """Say why the line could not be used; never with the password."""
    where = f"{server.host}:{server.port}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server {where} refused the sign-in ({error.smtp_code}). Correct COUNTERSIGN_SMTP_URL."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the mail server {where} is not trusted: {error.verify_message}."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"The mail server {where} lacks what COUNTERSIGN_SMTP_URL asks for (STARTTLS or a sign-in)."
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:  # else it said nothing whole
        return f"The mail server {where} asks to try again later ({error.smtp_code}): {_words(error.smtp_error)}"
    if isinstance(error, TimeoutError):
        return f"The mail server {where} did not answer within {SECONDS} s."
    return f"The mail server {where} cannot be reached. Look at COUNTERSIGN_SMTP_URL and the network."


def _words(said: bytes | str) -> str:
    text = _bytes(said).decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:200]


def _bytes(said: bytes | str) -> bytes:
    return said.encode() if isinstance(said, str) else said


def _hang_up(line: smtplib.SMTP) -> None:
    try:
        line.quit()
    except (OSError, smtplib.SMTPException):
        line.close()
