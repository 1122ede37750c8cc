"""How people may sign in: with passwords or not, and which roles need a second step."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.db.records.people import ROLES
from portal.services import settings_store
from portal.services.actors import Actor

NAME = "sign_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRules:
    """How people may sign in.

    Args:
        passwords: Whether a password is taken at all.
        two_step_for: Roles that need a second step after a password.
    """

    passwords: bool = True
    two_step_for: frozenset[str] = frozenset()


def of_value(value: object) -> SignInRules:
    """Read the rules as the store keeps them; what is missing is as on a new installation."""
    found = value if isinstance(value, dict) else {}
    roles = found.get("two_step_for") or []
    return SignInRules(
        passwords=found.get("passwords") is not False, two_step_for=frozenset(each for each in roles if each in ROLES)
    )


def stored() -> sa.ScalarSelect[object]:
    """Give the stored value as a part of another query."""
    return sa.select(Setting.value).where(Setting.name == NAME).scalar_subquery()


def read(session: Session) -> SignInRules:
    """Give the rules."""
    return of_value(settings_store.get(session, NAME, {}))


def require_two_step(session: Session, roles: Iterable[str], *, by: Actor, now: datetime) -> SignInRules:
    """Say which roles need a second step. Who has none yet is led to it at the next click."""
    before = read(session)
    wanted = SignInRules(passwords=before.passwords, two_step_for=frozenset(each for each in roles if each in ROLES))
    named = ", ".join(each for each in ROLES if each in wanted.two_step_for)
    _put(
        session, wanted, by, now, f"A second step is needed for: {named}." if named else "No role needs a second step."
    )
    return wanted


def allow_passwords(session: Session, allowed: bool, *, by: Actor, now: datetime) -> SignInRules:
    """Take passwords or not. Whoever calls this has seen to it that an admin can still sign in."""
    before = read(session)
    wanted = SignInRules(passwords=allowed, two_step_for=before.two_step_for)
    _put(session, wanted, by, now, "Passwords are taken." if allowed else "Passwords are taken no more.")
    return wanted


def _put(session: Session, rules: SignInRules, by: Actor, now: datetime, sentence: str) -> None:
    value = {"passwords": rules.passwords, "two_step_for": [each for each in ROLES if each in rules.two_step_for]}
    before = read(session)
    if before != rules:
        settings_store.put(session, NAME, value, by=by, now=now, sentence=sentence)
