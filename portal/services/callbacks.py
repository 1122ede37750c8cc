"""Callbacks: what ConnectWise posts is a hint to read an agreement again, never data, and only where it is signed.

A request never waits on ConnectWise: where the signing key is known, a post is verified at once; else it is kept, and
a worker reads the key and verifies. A post that is refused leaves nothing behind but a count. Real time throughout.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise
from portal.connectwise.address import normalise
from portal.connectwise.errors import ConnectWiseError, Unreachable
from portal.db.records import (
    CallbackHook,
    CallbackKey,
    CallbackPost,
    CallbackRefusal,
    Connection,
    PsaAddition,
    PsaAgreement,
)
from portal.services import sync_wanted
from portal.services.callbacks_signing import LONGEST_URL, ForeignKey, key_path, matches
from portal.services.errors import Refused
from portal.services.sealing import Sealer

NAME = "connectwise"
LARGEST = 64 * 1024  # bytes of a post
WINDOW = timedelta(days=7)  # in which the same post again is a replay; a body carries no moment of its own
KEY_IS_NEW = timedelta(minutes=10)  # a key is not read anew sooner, whatever does not match it
KEY_WAIT = timedelta(minutes=10)  # after which a post whose key cannot be read is refused
MOST_WAITING = 500  # posts whose key is not known yet
_MOST_OF_COMPANY = 100  # agreements that one company's post makes read again
_ACTIONS = ("added", "updated", "deleted")
_TYPES = ("agreement", "addition", "company")
_LARGEST_ID = 2**31 - 1
_LONGEST_SIGNATURE = 200
_COUNTS_KEPT = timedelta(days=60)

REFUSALS: Mapping[str, tuple[int, str]] = {
    "wrong_token": (404, "There is nothing at this address."),
    "too_big": (413, "This is larger than 64 KiB."),
    "too_many": (429, "Too many posts. Send them again later."),
    "malformed": (400, "This is no callback of ConnectWise."),
    "unsigned": (401, "The signature is missing."),
    "foreign_key": (403, "The signing key has to be one of the connected ConnectWise."),
    "forged": (401, "The signature does not match."),
    "replayed": (409, "This was posted before."),
    "no_key": (401, "The signing key could not be read."),
}
"""What is refused, with the status and the sentence that the caller gets."""

OpenSession = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a post.

    Args:
        reason: A key of `REFUSALS`; empty where it was taken.
        agreements: What is read again because of it.
        waits: Whether a worker has to verify it first.
    """

    reason: str = ""
    agreements: tuple[int, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    action: str
    type: str
    record_id: int
    key_url: str
    agreement_id: int | None


class _NotTaken(Exception):
    """A post is refused.

    Args:
        reason: A key of `REFUSALS`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def token_hash(token: str) -> str:
    """Give what is compared of a token. Tokens are long and random, so that a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def knows(session: Session, token: str) -> bool:
    """Tell whether a token is the one that ConnectWise was given; compared in constant time."""
    hook = session.get(CallbackHook, NAME)
    expected = hook.token_hash if hook is not None and hook.token_hash is not None else "0" * 64
    return hmac.compare_digest(token_hash(token), expected)


def receive(session: Session, *, body: bytes, signature: str, sealer: Sealer, real_now: datetime) -> Outcome:
    """Take a post that came to the right address, or refuse it; a refusal is counted.

    Args:
        session: A writing session.
        body: The body, byte for byte.
        signature: The header `x-content-signature`.
        sealer: Opens the keys that are known.
        real_now: Real time.
    """
    session.execute(sa.delete(CallbackPost).where(CallbackPost.received_at < real_now - WINDOW))
    try:
        posted = _checked(session, body, signature)
        served = _known_key(session, posted.key_url, sealer)
        if served is not None:
            _hold_against(session, served, posted.key_url, body, signature, real_now)
        _keep(session, posted, body, signature, waits=served is None, real_now=real_now)
    except _NotTaken as refused:
        count(session, refused.reason, real_now=real_now)
        return Outcome(refused.reason)
    if served is None:
        return Outcome(waits=True)
    return Outcome(agreements=_want(session, posted, real_now))


def count(session: Session, reason: str, *, real_now: datetime, times: int = 1) -> None:
    """Count refused posts by reason and day (UTC)."""
    day = real_now.date()
    found = session.get(CallbackRefusal, (day, reason), populate_existing=True)
    if found is None:
        session.execute(sa.delete(CallbackRefusal).where(CallbackRefusal.day < day - _COUNTS_KEPT))
        found = CallbackRefusal(day=day, reason=reason, times=0, last_at=real_now)
        session.add(found)
    found.times += times
    found.last_at = real_now
    session.flush()


def work_waits(session: Session, real_now: datetime) -> bool:
    """Tell whether posts wait for their key, or a key is to be read anew; reads only."""
    waiting = sa.select(sa.exists().where(CallbackPost.state == "waiting"))
    doubted = sa.select(
        sa.exists().where(CallbackKey.doubted.is_(True), CallbackKey.fetched_at < real_now - KEY_IS_NEW)
    )
    return bool(session.scalar(waiting) or session.scalar(doubted))


def verify_waiting(
    open_session: OpenSession, client: ConnectWise, *, sealer: Sealer, real_now: Callable[[], datetime]
) -> tuple[int, bool]:
    """Read the keys that are missing, with no transaction open, and verify what waits for them.

    Returns:
        How many posts were believed, and whether ConnectWise answered as it should.
    """
    with open_session() as session:
        missing = sa.select(CallbackPost.key_url).where(CallbackPost.state == "waiting").distinct()
        urls = set(session.scalars(missing))
        doubted = sa.select(CallbackKey.url).where(
            CallbackKey.doubted.is_(True), CallbackKey.fetched_at < real_now() - KEY_IS_NEW
        )
        urls |= set(session.scalars(doubted))
    believed, answered = 0, True
    for url in sorted(urls):
        served, for_good = _fetched(client, url)
        answered = answered and served is not None
        with open_session() as session:
            if served is not None:
                session.merge(
                    CallbackKey(url=url, sealed_key=sealer.seal(served), fetched_at=real_now(), doubted=False)
                )
                session.flush()
            believed += _verify(session, url, served, for_good=for_good, real_now=real_now())
    return believed, answered


def _checked(session: Session, body: bytes, signature: str) -> _Posted:
    """Read a post as far as that takes no key."""
    if len(body) > LARGEST:
        raise _NotTaken("too_big")
    posted = _read(body)
    if not signature.strip():
        raise _NotTaken("unsigned")
    connection = session.get(Connection, NAME)
    if connection is None:
        raise _NotTaken("foreign_key")
    try:
        key_path(posted.key_url, normalise(connection.url, allow_private=True))
    except ForeignKey:
        raise _NotTaken("foreign_key") from None
    return posted


def _hold_against(session: Session, served: str, url: str, body: bytes, signature: str, real_now: datetime) -> None:
    """Refuse a signature that does not match. ConnectWise may sign with another key by now, so a worker looks."""
    if matches(served, body, signature):
        return
    known = sa.update(CallbackKey).where(CallbackKey.url == url, CallbackKey.fetched_at < real_now - KEY_IS_NEW)
    session.execute(known.values(doubted=True))
    raise _NotTaken("forged")


def _keep(session: Session, posted: _Posted, body: bytes, signature: str, *, waits: bool, real_now: datetime) -> None:
    """Keep a post by its digest, and its body where a worker has to verify it.

    The signature is part of the digest: whoever cannot sign cannot make a true post look like a replay.
    """
    digest = hashlib.sha256(signature.strip().encode("utf-8", "replace") + b"\n" + body).hexdigest()
    if session.scalar(sa.select(sa.exists().where(CallbackPost.digest == digest))):
        raise _NotTaken("replayed")
    waiting = sa.select(sa.func.count()).select_from(CallbackPost).where(CallbackPost.state == "waiting")
    if waits and (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise _NotTaken("too_many")
    session.add(
        CallbackPost(
            digest=digest,
            action=posted.action,
            type=posted.type,
            record_id=posted.record_id,
            key_url=posted.key_url,
            signature=signature.strip()[:_LONGEST_SIGNATURE],
            body=body if waits else None,
            state="waiting" if waits else "accepted",
            received_at=real_now,
            verified_at=None if waits else real_now,
        )
    )
    session.flush()


def _read(body: bytes) -> _Posted:
    """Read what a post is about. Nothing else of it is used: what changed is read from ConnectWise itself."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # also bytes that are no text, and numbers of thousands of digits
        raise _NotTaken("malformed") from None
    if not isinstance(found, dict):
        raise _NotTaken("malformed")
    action, kind = str(found.get("Action", "")).lower(), str(found.get("Type", "")).lower()
    metadata = found.get("Metadata")
    key_url = metadata.get("key_url") if isinstance(metadata, dict) else None
    record_id = _id(found.get("ID"))
    well = action in _ACTIONS and kind in _TYPES and isinstance(key_url, str) and 0 < len(key_url) <= LONGEST_URL
    if not well or record_id is None or not isinstance(key_url, str) or not key_url.isascii() or "\0" in key_url:
        raise _NotTaken("malformed")
    agreement_id = _agreement_in(found.get("Entity")) if kind == "addition" else None
    return _Posted(action=action, type=kind, record_id=record_id, key_url=key_url, agreement_id=agreement_id)


def _agreement_in(entity: object) -> int | None:
    """Find which agreement an addition says it hangs under; nothing where that cannot be read."""
    try:
        found = json.loads(entity) if isinstance(entity, str) else entity
    except (ValueError, RecursionError):
        return None
    return _id(found.get("agreementId")) if isinstance(found, dict) else None


def _id(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_ID else None


def _known_key(session: Session, url: str, sealer: Sealer) -> str | None:
    found = session.get(CallbackKey, url)
    if found is None:
        return None
    try:
        return sealer.open(found.sealed_key)
    except Refused:  # the portal's own key changed: it is read anew
        return None


def _want(session: Session, posted: _Posted, real_now: datetime) -> tuple[int, ...]:
    """Ask for what a post is about to be read again, and note that one was believed."""
    agreements = _agreements_of(session, posted)
    for agreement_id in agreements:
        sync_wanted.want_agreement(session, agreement_id, cause="callback", real_now=real_now)
    hook = session.get(CallbackHook, NAME, populate_existing=True)
    if hook is not None:
        hook.accepted += 1
        hook.accepted_at = real_now
    session.flush()
    return agreements


def _agreements_of(session: Session, posted: _Posted) -> tuple[int, ...]:
    if posted.type == "agreement":
        return (posted.record_id,)
    if posted.type == "addition":
        known = session.scalar(sa.select(PsaAddition.agreement_id).where(PsaAddition.id == posted.record_id))
        return tuple(sorted({each for each in (known, posted.agreement_id) if each is not None}))
    of_company = sa.select(PsaAgreement.id).where(
        PsaAgreement.company_id == posted.record_id, PsaAgreement.gone_at.is_(None)
    )
    return tuple(session.scalars(of_company.order_by(PsaAgreement.id).limit(_MOST_OF_COMPANY)))


def _fetched(client: ConnectWise, url: str) -> tuple[str | None, bool]:
    """Read a key from the connected ConnectWise, without showing ours.

    Returns:
        The key, or none; and whether asking again would change nothing.
    """
    try:
        path = key_path(url, client.address)
        answer = client.transport.get_open(path).value
    except Unreachable:
        return None, False
    except (ForeignKey, ConnectWiseError):
        return None, True
    served = answer.get("signing_key") if isinstance(answer, dict) else None
    return (served, False) if isinstance(served, str) and served else (None, True)


def _verify(session: Session, url: str, served: str | None, *, for_good: bool, real_now: datetime) -> int:
    """Settle the posts that wait for a key."""
    believed = 0
    waiting = sa.select(CallbackPost).where(CallbackPost.state == "waiting", CallbackPost.key_url == url)
    for post in session.scalars(waiting.order_by(CallbackPost.id)):
        if served is not None and post.body is not None and matches(served, post.body, post.signature):
            posted = _read(post.body)
            post.state, post.body, post.verified_at = "accepted", None, real_now
            _want(session, posted, real_now)
            believed += 1
        elif served is not None or for_good or post.received_at < real_now - KEY_WAIT:
            reason = "forged" if served is not None else "no_key"
            post.state, post.reason, post.body, post.verified_at = "refused", reason, None, real_now
            count(session, reason, real_now=real_now)
    session.flush()
    return believed
