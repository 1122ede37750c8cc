"""The company's own sign-in (OpenID Connect): where it is, and what it may do here. An admin sets it up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import CompanyProvider
from portal.db.records.people import ROLES
from portal.services import audit, company_asking, people_admins, sign_in_rules
from portal.services.actors import Actor, require
from portal.services.company_asking import Facts
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.sealing import Sealer

LONGEST_TITLE = 40
LONGEST_FIELD = 500
KEYS_LIVE = timedelta(hours=24)  # after which they are asked for again
KEYS_REST = timedelta(minutes=1)  # between two questions for keys, however many tokens name unknown ones
_NO_WAY = "No admin could sign in any more. Let passwords be taken first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin enters.

    Args:
        title: What the button says, after "Sign in with".
        issuer: The provider's address, exactly as its discovery names itself.
        client_id: The portal's name there.
        client_secret: Empty keeps the one of before; where there is none, the portal is a public client.
        allow_private: Whether the provider may stand inside a private network.
        link_by_email: Whether somebody who is here is known by a verified e-mail at their first sign-in.
        role_claim: The claim that roles are read from; empty: roles are given here alone.
        role_map: The claim's values, and the role that each gives.
    """

    title: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    allow_private: bool = False
    link_by_email: bool = False
    role_claim: str = ""
    role_map: Mapping[str, str] = field(default_factory=dict)


def found(session: Session) -> CompanyProvider | None:
    """Give the company's sign-in as it is set up, switched on or not."""
    return session.get(CompanyProvider, 1)


def active(session: Session) -> CompanyProvider | None:
    """Give the company's sign-in, if people may use it."""
    return session.scalar(sa.select(CompanyProvider).where(CompanyProvider.active.is_(True)))


def facts_of(provider: CompanyProvider) -> Facts:
    """Give what its discovery told when it was set up."""
    return company_asking.read_facts(provider.facts, issuer=provider.issuer, allow_private=provider.allow_private)


def checked(wanted: Wanted) -> Wanted:
    """Refuse what cannot be used, before anything is asked.

    Raises:
        Invalid: With a sentence under each field's name.
    """
    wrong: dict[str, str] = {}
    for name, label in (("title", "a name for the button"), ("issuer", "the issuer"), ("client_id", "the client ID")):
        value = getattr(wanted, name)
        if not value.strip():
            wrong[name] = f"Enter {label}."
        elif len(value) > (LONGEST_TITLE if name == "title" else LONGEST_FIELD) or not value.isprintable():
            wrong[name] = "This is too long, or holds characters that cannot be used."
    if wanted.issuer.strip() and not wanted.issuer.strip().startswith(("https://", "http://")):
        wrong["issuer"] = "The issuer is an address, like https://login.example.com."
    unknown = sorted(set(wanted.role_map.values()) - set(ROLES))
    if unknown:
        wrong["role_map"] = f"There is no role “{unknown[0][:40]}”. There are {', '.join(ROLES[:-1])} and {ROLES[-1]}."
    elif bool(wanted.role_claim.strip()) != bool(wanted.role_map):
        wrong["role_map"] = "Roles need both: the claim, and what its values give."
    if wrong:
        raise Invalid(next(iter(wrong.values())), wrong)
    return Wanted(
        title=wanted.title.strip(),
        issuer=wanted.issuer.strip(),
        client_id=wanted.client_id.strip(),
        client_secret=wanted.client_secret.strip(),
        allow_private=wanted.allow_private,
        link_by_email=wanted.link_by_email,
        role_claim=wanted.role_claim.strip(),
        role_map=dict(wanted.role_map),
    )


def save(
    session: Session,
    wanted: Wanted,
    *,
    facts: Mapping[str, Any],
    keys: Mapping[str, Any],
    sealer: Sealer,
    by: Actor,
    now: datetime,
    real_now: datetime,
) -> CompanyProvider:
    """Keep the company's sign-in, whose discovery and keys were asked for just now, and switch it on.

    Raises:
        NotAllowed: Only admins may.
        Conflict: It is another provider, and the admins who can sign in by the one of before could no more.
    """
    require(by, "admin", "set up the company's sign-in")
    provider = found(session)
    before = "" if provider is None else _words(provider)
    if provider is not None and provider.issuer != wanted.issuer and not sign_in_rules.read(session).passwords:
        raise Conflict(f"This is another provider. {_NO_WAY}")
    values: dict[str, Any] = {
        "title": wanted.title,
        "issuer": wanted.issuer,
        "client_id": wanted.client_id,
        "allow_private": wanted.allow_private,
        "link_by_email": wanted.link_by_email,
        "role_claim": wanted.role_claim,
        "role_map": dict(wanted.role_map),
        "active": True,
        "facts": dict(facts),
        "facts_at": real_now,
        "keys": dict(keys),
        "keys_at": real_now,
    }
    if provider is None or provider.issuer != wanted.issuer or wanted.client_secret:
        values["client_secret"] = sealer.seal(wanted.client_secret) if wanted.client_secret else None
    if provider is None:
        provider = CompanyProvider(id=1, **values)
        session.add(provider)
    else:
        for name, value in values.items():
            setattr(provider, name, value)
    session.flush()
    _record(
        session,
        "Set up the company's sign-in.",
        by,
        now,
        before=before,
        after=_words(provider),
        details={"secret_changed": bool(wanted.client_secret)},
    )
    return provider


def switch(session: Session, *, on: bool, by: Actor, now: datetime) -> CompanyProvider:
    """Let people use the company's sign-in, or not.

    Raises:
        NotFound: There is none.
        Conflict: No admin could sign in any more.
    """
    require(by, "admin", "set up the company's sign-in")
    provider = found(session)
    if provider is None:
        raise NotFound("No company's sign-in is set up.")
    if provider.active == on:
        return provider
    if not on:
        people_admins.keep_a_way(
            session, passwords=sign_in_rules.read(session).passwords, company=False, sentence=_NO_WAY
        )
    provider.active = on
    session.flush()
    what = "Let people use the company's sign-in." if on else "Switched the company's sign-in off."
    _record(session, what, by, now, before="off" if on else "on", after="on" if on else "off")
    return provider


def allow_passwords(session: Session, allowed: bool, *, by: Actor, now: datetime) -> None:
    """Take passwords, or none: then only the company's sign-in is left.

    Raises:
        Conflict: No admin has signed in by the company's sign-in yet.
    """
    require(by, "admin", "say how people sign in")
    if not allowed:
        people_admins.keep_a_way(
            session,
            passwords=False,
            company=True,
            sentence="No admin has signed in by the company's sign-in yet. Link it on your profile and sign in with it "
            "once; then passwords can be switched off.",
        )
    sign_in_rules.allow_passwords(session, allowed, by=by, now=now)


def keep_keys(session: Session, keys: Mapping[str, Any], *, issuer: str, real_now: datetime) -> None:
    """Keep the provider's newest keys, if it is still the same provider."""
    provider = found(session)
    if provider is not None and provider.issuer == issuer:
        provider.keys, provider.keys_at = dict(keys), real_now
        session.flush()


def role_map_of(text: str) -> dict[str, str]:
    """Read what values of a claim give, a line each: `billing-team = biller`.

    Raises:
        Invalid: A line is not of that form.
    """
    result: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        value, sign, role = line.rpartition("=")
        if not sign or not value.strip() or not role.strip():
            sentence = f"“{line.strip()[:60]}” is not of the form billing-team = biller."
            raise Invalid(sentence, {"role_map": sentence})
        result[value.strip()] = role.strip().lower()
    return result


def role_map_text(role_map: Mapping[str, str]) -> str:
    """Write it back, a line each."""
    return "\n".join(f"{value} = {role}" for value, role in role_map.items())


def _words(provider: CompanyProvider) -> str:
    roles = f", roles by {provider.role_claim}: {dict(provider.role_map)}" if provider.role_claim else ""
    email = ", linked by e-mail" if provider.link_by_email else ""
    private = ", private addresses allowed" if provider.allow_private else ""
    return f"{provider.title}, {provider.issuer}, client {provider.client_id}{email}{private}{roles}"


def _record(
    session: Session,
    sentence: str,
    by: Actor,
    now: datetime,
    *,
    before: str,
    after: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        what="setting",
        action="company-sign-in",
        by=by,
        now=now,
        sentence=sentence,
        before=before or None,
        after=after,
        details=details,
    )
