"""The second step: a code of an app, or a recovery code. Real time, but for the audit trail.

The app's secret is sealed at rest. A code is taken once, also by several workers: taking it moves the last step on,
and only one of two can do that. Recovery codes are kept as scrypt hashes with a salt of their own, and used once.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import HalfSignIn, Person, RecoveryCode, TwoStep
from portal.domain import one_time_codes
from portal.services import audit, people_telling, sessions, sign_in_rules
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid
from portal.services.notices import Post
from portal.services.sealing import Sealer

HALF_LIVES = timedelta(minutes=10)  # from the password to the code
HALF_TRIES = 5  # codes for one password that was right
CODES = 10  # recovery codes in a set
CODE = "code"  # how somebody passed the second step
RECOVERY = "recovery"
ISSUER = "Countersign"
WRONG = "This code is not the one of now, or was used already. Wait for the next one in the app."
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letters and digits that look alike
_LENGTH = 10  # of a recovery code: 31 ** 10 of them, about 49 bits, behind scrypt
_SALT = 16  # hexadecimal digits, 64 bits
_DIGEST = 24  # bytes


def is_on(session: Session, person_id: int) -> bool:
    """Tell whether a person signs in with a second step."""
    found = session.get(TwoStep, person_id)
    return found is not None and found.confirmed_at is not None


def who_has_it(session: Session) -> set[int]:
    """Find everybody who signs in with a second step, by id."""
    return set(session.scalars(sa.select(TwoStep.person_id).where(TwoStep.confirmed_at.is_not(None))))


def recovery_left(session: Session, person_id: int) -> int:
    """Count the recovery codes that a person has not used."""
    mine = sa.select(sa.func.count()).select_from(RecoveryCode)
    return session.scalar(mine.where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))) or 0


def begin(session: Session, person_id: int, *, sealer: Sealer, real_now: datetime) -> None:
    """Make a secret. Nothing is asked for until the app has shown a code of it.

    Raises:
        Conflict: The second step is on already.
    """
    found = session.get(TwoStep, person_id)
    if found is not None and found.confirmed_at is not None:
        raise Conflict("The second step is on already. Switch it off first to use another app.")
    secret = sealer.seal(one_time_codes.as_text(secrets.token_bytes(one_time_codes.SECRET_BYTES)))
    if found is None:
        session.add(TwoStep(person_id=person_id, secret=secret, made_at=real_now, confirmed_at=None, last_step=0))
    else:
        found.secret, found.made_at, found.last_step = secret, real_now, 0
    session.flush()


def pending_secret(session: Session, person_id: int, *, sealer: Sealer) -> bytes | None:
    """Give the secret that waits for its first code, or none."""
    found = session.get(TwoStep, person_id)
    if found is None or found.confirmed_at is not None:
        return None
    return one_time_codes.from_text(sealer.open(found.secret))


def confirm(
    session: Session,
    person: Person,
    *,
    code: str,
    keep_sign_in: int,
    sealer: Sealer,
    by: Actor,
    now: datetime,
    real_now: datetime,
    post: Post | None = None,
) -> list[str]:
    """Switch the second step on, once the app has shown a right code. All other sessions end.

    Returns:
        The recovery codes, which are kept nowhere else.

    Raises:
        Conflict: No secret waits.
        Invalid: The code is wrong; the secret still waits.
    """
    secret = pending_secret(session, person.id, sealer=sealer)
    if secret is None:
        raise Conflict("There is nothing to confirm: the set-up was ended, or is done already. Begin it again.")
    step = one_time_codes.matching_step(secret, code, real_now)
    if step is None:
        sentence = "This is not the code that the app shows now. Check that the telephone's clock is right."
        raise Invalid(sentence, {"code": sentence})
    found = session.get_one(TwoStep, person.id)
    found.confirmed_at, found.last_step = real_now, step
    ended = sessions.end_sessions(session, person.id, now=real_now, but=keep_sign_in)
    _record(session, "person.two-step-on", "Switched the second step on.", by, now, ended=ended)
    _tell(session, person, "A second step at sign-in was switched on", now=now, post=post, real_now=real_now)
    return _new_codes(session, person.id)


def new_recovery_codes(
    session: Session, person: Person, *, code: str, sealer: Sealer, by: Actor, now: datetime, real_now: datetime
) -> list[str]:
    """Make new recovery codes; the earlier ones work no more.

    Raises:
        Conflict: The second step is off.
        Invalid: The app's code is wrong.
    """
    _need_code(session, person.id, code, sealer=sealer, real_now=real_now)
    _record(session, "person.recovery-codes", "Made new recovery codes.", by, now)
    return _new_codes(session, person.id)


def switch_off(
    session: Session,
    person: Person,
    *,
    code: str,
    keep_sign_in: int,
    sealer: Sealer,
    by: Actor,
    now: datetime,
    real_now: datetime,
    post: Post | None = None,
) -> None:
    """Switch one's own second step off. All other sessions end.

    Raises:
        Conflict: It is off already, or the person's role needs it.
        Invalid: The code is wrong.
    """
    if person.role in sign_in_rules.read(session).two_step_for:
        raise Conflict(f"An admin has set that every {person.role} needs a second step. It stays on.")
    _need_code(session, person.id, code, sealer=sealer, real_now=real_now)
    _forget(session, person.id)
    ended = sessions.end_sessions(session, person.id, now=real_now, but=keep_sign_in)
    _record(session, "person.two-step-off", "Switched the second step off.", by, now, ended=ended)
    _tell(session, person, "The second step at sign-in was switched off", now=now, post=post, real_now=real_now)


def reset(
    session: Session, person: Person, *, by: Actor, now: datetime, real_now: datetime, post: Post | None = None
) -> None:
    """Take the second step off a person who has lost the app and the recovery codes. All their sessions end.

    Raises:
        Conflict: They have none.
    """
    if not is_on(session, person.id):
        raise Conflict(f"{person.name} has no second step.")
    _forget(session, person.id)
    ended = sessions.end_sessions(session, person.id, now=real_now)
    sentence = f"Took the second step off {person.name} ({person.email})."
    _record(session, "person.two-step-reset", sentence, by, now, ended=ended)
    _tell(session, person, f"{by.name} took the second step off your sign-in", now=now, post=post, real_now=real_now)


def take(
    session: Session, person: Person, code: str, *, sealer: Sealer, now: datetime, real_now: datetime
) -> str | None:
    """Take a code of the app, or a recovery code. Either works once.

    Returns:
        `CODE`, `RECOVERY`, or none where it is neither.
    """
    if _take_code(session, person.id, code, sealer=sealer, real_now=real_now):
        return CODE
    if not _take_recovery(session, person.id, code, real_now=real_now):
        return None
    left = recovery_left(session, person.id)
    by = Actor(name=person.name, person_id=person.id, role=person.role)
    _record(session, "person.recovery-used", f"Used a recovery code; {left} are left.", by, now)
    return RECOVERY


def start_half(session: Session, person_id: int, *, real_now: datetime) -> str:
    """Note that a password was right and the second step is still to come.

    Returns:
        The token by which the second step finds it.
    """
    session.execute(sa.delete(HalfSignIn).where(HalfSignIn.started_at < real_now - sessions.LIFE))
    token = secrets.token_urlsafe(32)
    session.add(HalfSignIn(person_id=person_id, token_hash=sessions.token_hash(token), started_at=real_now, tries=0))
    session.flush()
    return token


def half_owner(session: Session, token: str, *, real_now: datetime) -> tuple[HalfSignIn, Person] | None:
    """Give a sign-in that waits for its second step, and whose it is; none where it waits no more."""
    row = session.execute(
        sa.select(HalfSignIn, Person)
        .join(Person, Person.id == HalfSignIn.person_id)
        .where(
            HalfSignIn.token_hash == sessions.token_hash(token),
            HalfSignIn.over_at.is_(None),
            HalfSignIn.tries < HALF_TRIES,
            HalfSignIn.started_at > real_now - HALF_LIVES,
            Person.active.is_(True),
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def _take_code(session: Session, person_id: int, code: str, *, sealer: Sealer, real_now: datetime) -> bool:
    found = session.get(TwoStep, person_id, populate_existing=True)
    if found is None or found.confirmed_at is None:
        return False
    step = one_time_codes.matching_step(one_time_codes.from_text(sealer.open(found.secret)), code, real_now)
    if step is None:
        return False
    moved = sa.update(TwoStep).where(TwoStep.person_id == person_id, TwoStep.last_step < step)
    return session.scalar(moved.values(last_step=step).returning(TwoStep.person_id)) is not None


def _take_recovery(session: Session, person_id: int, code: str, *, real_now: datetime) -> bool:
    typed = "".join(each for each in code.lower() if each.isalnum())
    salt = session.scalar(
        sa.select(sa.func.substr(RecoveryCode.code_hash, 1, _SALT)).where(RecoveryCode.person_id == person_id).limit(1)
    )
    if len(typed) != _LENGTH or salt is None:
        return False
    used = sa.update(RecoveryCode).where(
        RecoveryCode.person_id == person_id,
        RecoveryCode.code_hash == _hashed(typed, salt),
        RecoveryCode.used_at.is_(None),
    )
    return session.scalar(used.values(used_at=real_now).returning(RecoveryCode.id)) is not None


def _need_code(session: Session, person_id: int, code: str, *, sealer: Sealer, real_now: datetime) -> None:
    if not is_on(session, person_id):
        raise Conflict("The second step is off already.")
    if not _take_code(session, person_id, code, sealer=sealer, real_now=real_now):
        raise Invalid(WRONG, {"code": WRONG})


def _new_codes(session: Session, person_id: int) -> list[str]:
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    salt = secrets.token_hex(_SALT // 2)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(CODES)]
    session.add_all(RecoveryCode(person_id=person_id, code_hash=_hashed(code, salt)) for code in codes)
    session.flush()
    return [f"{code[: _LENGTH // 2]}-{code[_LENGTH // 2 :]}" for code in codes]


def _hashed(code: str, salt: str) -> str:
    digest = hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=_DIGEST)
    return salt + digest.hex()


def _forget(session: Session, person_id: int) -> None:
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    session.execute(sa.delete(TwoStep).where(TwoStep.person_id == person_id))


def _record(
    session: Session, action: str, sentence: str, by: Actor, now: datetime, *, ended: int | None = None
) -> None:
    details = None if ended is None else {"sessions_ended": ended}
    audit.record(session, what="sign-in", action=action, by=by, now=now, sentence=sentence, details=details)


def _tell(session: Session, person: Person, what: str, *, now: datetime, post: Post | None, real_now: datetime) -> None:
    people_telling.tell(
        session,
        person,
        f"{what}. If it was not you, change your password and tell an admin.",
        subject="your second step was changed",
        now=now,
        post=post,
        real_now=real_now,
    )
