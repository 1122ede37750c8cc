"""Whether an ID token is one that the company's sign-in gave for this very sign-in (OpenID Connect Core, 3.1.3.7)."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jws import extract_compact

from portal.services.errors import Refused

LEEWAY = timedelta(seconds=60)  # that the clocks of the portal and the provider may lie apart
OLDEST = timedelta(minutes=15)  # since a token was made, for a sign-in that began just now
LONGEST_TOKEN = 64 * 1024  # characters
_LONGEST_SUBJECT = 255


class NotBelieved(Refused):
    """A token is not one to be believed. The text says which check it failed."""

    status = 422


class UnknownKey(NotBelieved):
    """It is signed with a key that is not known yet: the provider may have new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of a person.

    Args:
        subject: Who they are there, for good.
        email: In lower case; empty where it is not said, or not verified.
        name: As the provider knows them.
        rest: All claims, for roles that an admin has mapped.
    """

    subject: str
    email: str
    name: str
    rest: Mapping[str, Any] = field(default_factory=dict)


def check(
    token: str,
    *,
    keys: Mapping[str, Any],
    algorithms: Sequence[str],
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
) -> Claims:
    """Check a token.

    Args:
        token: As the provider gave it.
        keys: The provider's public keys, as a JWK set.
        algorithms: Signatures that are taken; none of them works with a shared secret.
        issuer: Who must have made it.
        client_id: Whom it must be for.
        nonce: What was sent along for this sign-in.
        now: Real time.

    Raises:
        UnknownKey: Its key is not among these.
        NotBelieved: It fails a check.
    """
    if len(token) > LONGEST_TOKEN:
        raise NotBelieved("The ID token is too long.")
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise NotBelieved("The ID token cannot be read.") from error
    if header.get("alg") not in algorithms:
        raise NotBelieved("The ID token is signed in a way that is not taken.")
    key = _key_of(header, keys)
    try:
        claims = dict(jwt.decode(token, key, algorithms=list(algorithms)).claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved("The signature of the ID token is wrong.") from error
    _check_whose(claims, issuer=issuer, client_id=client_id, nonce=nonce)
    _check_when(claims, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > _LONGEST_SUBJECT:
        raise NotBelieved("The ID token does not say who it is about.")
    email = claims.get("email")
    verified = claims.get("email_verified") in (True, "true")
    return Claims(
        subject=subject,
        email=email.strip().lower() if isinstance(email, str) and verified else "",
        name=str(claims.get("name") or "")[:80],
        rest=claims,
    )


def _key_of(header: Mapping[str, Any], keys: Mapping[str, Any]) -> Key:
    """Choose the key by its id; without one only where there is no choice."""
    fit = [each for each in keys.get("keys", []) if each.get("use", "sig") == "sig" and each.get("kty") != "oct"]
    if "kid" in header:
        fit = [each for each in fit if each.get("kid") == header["kid"]]
    if not fit:
        raise UnknownKey("The ID token is signed with a key that the provider does not name.")
    if len(fit) > 1:
        raise NotBelieved("The ID token does not say with which key it is signed.")
    try:
        return KeySet.import_key_set({"keys": fit}).keys[0]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved("The provider's key cannot be used.") from error


def _check_whose(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str) -> None:
    if claims.get("iss") != issuer:
        raise NotBelieved("The ID token was made by somebody else.")
    audience = claims.get("aud")
    whom = audience if isinstance(audience, list) else [audience]
    if client_id not in whom:
        raise NotBelieved("The ID token is for somebody else.")
    party = claims.get("azp")
    if (party is not None and party != client_id) or (len(whom) > 1 and party is None):
        raise NotBelieved("The ID token was asked for by somebody else.")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise NotBelieved("The ID token is not for this sign-in.")


def _check_when(claims: Mapping[str, Any], now: datetime) -> None:
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    ends, made = _number(claims.get("exp")), _number(claims.get("iat"))
    begins = _number(claims["nbf"]) if "nbf" in claims else made
    if ends is None or made is None or begins is None:
        raise NotBelieved("The ID token does not say from when to when it holds.")
    if moment - leeway >= ends:
        raise NotBelieved("The ID token is over.")
    if made > moment + leeway or begins > moment + leeway:
        raise NotBelieved("The ID token is from the future: the clocks lie apart. Set the portal's clock.")
    if made < moment - OLDEST.total_seconds() - leeway:
        raise NotBelieved("The ID token is an old one.")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
