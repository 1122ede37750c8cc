"""How often somebody may try: wrong passwords and codes make one place wait, never a person who sits elsewhere.

Attempts are counted for an e-mail together with where they come from: a browser in which that person signed in
before, or else the address (with IPv6 its /64, which one visitor has as a whole). So a stranger cannot lock anybody
out. Two wider limits stop those who guess from one place for many e-mails, and from many places for one e-mail; both
leave known browsers alone, and a link from an admin always works. Real time throughout.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import SignInAttempt
from portal.services.errors import Refused

TRIES = 5  # wrong ones in a row, until this place waits for this e-mail
WAIT = timedelta(minutes=15)  # the first time; twice as long each time after
LONGEST_WAIT = timedelta(hours=4)
TRIES_OF_ADDRESS = 50  # within WAIT, from an address for whatever e-mail
TRIES_OF_EMAIL = {"password": 100, "code": 20, "mail": 5}  # within an hour, for an e-mail from unknown browsers
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)  # how long an attempt is remembered


class Throttled(Refused):
    """Too many wrong tries from one place."""

    status = 429


@dataclass(frozen=True, slots=True)
class Left:
    """What is left after an attempt.

    Args:
        tries: How many more may be wrong.
        minutes: How long this place waits after those.
    """

    tries: int
    minutes: int


def place(address: str | None) -> str | None:
    """Give what counts of an address: an IPv4 address whole, of an IPv6 address the first half."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


def note_attempt(
    session: Session,
    *,
    email: str,
    address: str | None,
    now: datetime,
    browser_id: int | None = None,
    kind: str = "password",
) -> Left:
    """Count an attempt before it is looked at, so that many at once do not slip through.

    Args:
        session: A writing session.
        email: As typed, in lower case; one that nobody has counts alike.
        address: Where from.
        now: Real time.
        browser_id: The known browser of that person, if it is one.
        kind: password, code, or mail (somebody asks for one).

    Raises:
        Throttled: This place has to wait.
    """
    session.execute(sa.delete(SignInAttempt).where(SignInAttempt.at < now - KEPT))
    here, stored_kind = place(address), None if kind == "password" else kind
    times = session.scalars(
        sa.select(SignInAttempt.at).where(_same(email, here, browser_id), _kind(kind)).order_by(SignInAttempt.at)
    ).all()
    rounds, over = divmod(len(times), TRIES)
    if rounds and not over:
        until = times[-1] + _wait(rounds)
        if until > now:
            raise Throttled(_sentence(kind, until - now))
    if browser_id is None:
        _check_wide(session, email, here, kind, now)
    session.add(SignInAttempt(email=email, address=here, at=now, browser_id=browser_id, kind=stored_kind))
    session.flush()
    return Left(TRIES - over - 1, _minutes(_wait(rounds + 1)))


def forget_attempts(
    session: Session, *, email: str, address: str | None, browser_id: int | None = None, kind: str = "password"
) -> None:
    """Forget the wrong tries of a place for an e-mail: the right one was given."""
    session.execute(sa.delete(SignInAttempt).where(_same(email, place(address), browser_id), _kind(kind)))


def _same(email: str, here: str | None, browser_id: int | None) -> sa.ColumnElement[bool]:
    where = (
        SignInAttempt.browser_id == browser_id
        if browser_id is not None
        else sa.and_(SignInAttempt.browser_id.is_(None), SignInAttempt.address.is_not_distinct_from(here))
    )
    return sa.and_(SignInAttempt.email == email, where)


def _kind(kind: str) -> sa.ColumnElement[bool]:
    return SignInAttempt.kind.is_(None) if kind == "password" else SignInAttempt.kind == kind


def _check_wide(session: Session, email: str, here: str | None, kind: str, now: datetime) -> None:
    """Hold up those who try many e-mails from one place, or one e-mail from many places."""
    strangers = sa.select(sa.func.count()).select_from(SignInAttempt).where(SignInAttempt.browser_id.is_(None))
    of_address = session.scalar(
        strangers.where(SignInAttempt.address.is_not_distinct_from(here), SignInAttempt.at > now - WAIT)
    )
    if (of_address or 0) >= TRIES_OF_ADDRESS:
        raise Throttled(_sentence(kind, WAIT))
    of_email = session.scalar(strangers.where(SignInAttempt.email == email, _kind(kind), SignInAttempt.at > now - HOUR))
    if (of_email or 0) >= TRIES_OF_EMAIL[kind]:
        raise Throttled(
            "This e-mail is tried from many places just now. Use a browser in which you signed in before, "
            "ask an admin for a new link, or try again in an hour."
        )


def _wait(rounds: int) -> timedelta:
    longer: int = 2 ** min(rounds - 1, 10)
    return min(WAIT * longer, LONGEST_WAIT)


def _minutes(wait: timedelta) -> int:
    return max(1, -(-int(wait.total_seconds()) // 60))


def _sentence(kind: str, wait: timedelta) -> str:
    what = {"password": "Too many wrong passwords", "code": "Too many wrong codes", "mail": "Too many requests"}[kind]
    return f"{what} from your address. Try again in {_minutes(wait)} min, or ask an admin for a new link."
