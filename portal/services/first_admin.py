"""The first admin of a bare installation, made by whoever can read what the portal's machine prints.

The set-up code follows from the portal's secret key, so every process knows it and nothing has to be kept. It opens
one thing, once: as soon as anybody has a place in the portal, it is of no use.
"""

import base64
import hmac
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db.records import Person, Setting
from portal.services import invitations, people
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid

CLAIM = "first_admin"  # the row that only one of two people at the same moment can add
CLOSED = "Somebody is here already, so the set-up code opens nothing any more. Sign in, or ask an admin for a link."
_PURPOSE = b"countersign set-up code"
_LETTERS = 12  # of 32 each: 60 bits
_GROUP = 4
_MISREAD = str.maketrans({"0": "O", "1": "I", "8": "B"})


def set_up_code(secret_key: str) -> str:
    """Give the set-up code of a portal, such as `K7QF-2MXD-QW4T`.

    Args:
        secret_key: The first of the portal's secret keys.
    """
    digest = hmac.digest(secret_key.encode(), _PURPOSE, "sha256")
    letters = base64.b32encode(digest).decode()[:_LETTERS]
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))


def is_code(typed: str, secret_key: str) -> bool:
    """Tell whether this is the set-up code, however it is written: case, blanks and dashes do not matter."""
    bare = "".join(each for each in typed.upper() if each.isalnum()).translate(_MISREAD)
    return hmac.compare_digest(bare.encode(), set_up_code(secret_key).replace("-", "").encode())


def make_first_admin(
    session: Session,
    *,
    code: str,
    secret_key: str,
    email: str,
    name: str,
    password: str,
    address: str | None,
    now: datetime,
    real_now: datetime,
) -> Person:
    """Make the first admin, with a password. Of two at the same moment, one wins.

    Args:
        session: A writing session.
        code: As typed.
        secret_key: The first of the portal's secret keys.
        email: Of the admin.
        name: Empty: taken from the address.
        password: As typed.
        address: Where the request came from.
        now: Business time, for the audit trail.
        real_now: Real time.

    Raises:
        Conflict: Somebody is here already.
        Invalid: The code is wrong, or a value cannot be used; `fields` names each.
    """
    if not people.nobody_yet(session):
        raise Conflict(CLOSED)
    if not is_code(code, secret_key):
        sentence = "This is not the set-up code. It stands where the portal was started; “flask setup-code” prints it."
        raise Invalid(sentence, {"code": sentence})
    by = Actor("set-up code", address=address)
    session.add(Setting(name=CLAIM, value={"email": people.folded_email(email)}, set_by=by.name, set_at=now))
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(CLOSED) from error
    token = invitations.create_person(session, email, name, "admin", by, now, real_now=real_now)
    return invitations.use_link(session, token, password=password, address=address, now=now, real_now=real_now)
