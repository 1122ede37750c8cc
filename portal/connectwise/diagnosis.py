"""What went wrong while a connection was set up: each of the common mistakes in a sentence of its own.

A sentence says what happened and what to do, and names the field to look at. It never holds a key.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from portal.connectwise.address import Address
from portal.connectwise.errors import AddressRefused, ConnectWiseError, Rejected, UnexpectedPayload, Unreachable

Field = Literal["", "url", "company", "public_key", "private_key", "client_id", "ca_certificates"]
Mistake = Literal[
    "wrong site", "wrong company", "swapped keys", "wrong keys", "client id", "missing right", "certificate expired",
    "certificate unknown", "certificate for another name", "http for https", "https for http", "trailing path",
    "inactive member", "wrong clock", "address refused", "busy", "other",
]  # fmt: skip

CLOCK_MAY_DIFFER = timedelta(minutes=5)
_BAD_REQUEST = 400  # HTTP
_CLIENT_ID = re.compile(r"client[\s_-]*id", re.IGNORECASE)
_INACTIVE = re.compile(r"inactive|not active|disabled|deactivated|locked", re.IGNORECASE)
_NO_CONNECTWISE = frozenset({"web-page", "not-json", "other-shape", "empty", "field", "error-in-answer", "garbled"})
_PATH = re.compile(r"\bpath\b|what follows the")

_TYPING = (
    " Check the site for typing mistakes; in the cloud it is such as na.myconnectwise.net. If it is right, ask whether "
    "this machine may reach it."
)
_SILENCES: dict[str, tuple[Mistake, Field, str]] = {
    "dns": ("wrong site", "url", "There is no machine named {host}." + _TYPING),
    "refused": ("wrong site", "url", "Nothing answers at {host}, port {port}." + _TYPING),
    "timeout": ("wrong site", "url", "{host} did not answer in time." + _TYPING),
    "reset": ("wrong site", "url", "{host} closed the connection without an answer." + _TYPING),
    "tls-expired": (
        "certificate expired",
        "url",
        (
            "The certificate of {host} has expired, so no key was sent. Have it renewed on that server. If it is said "
            "to be valid, this machine's clock is wrong: it shows {clock}."
        ),
    ),
    "tls-not-yet-valid": (
        "wrong clock",
        "",
        (
            "The certificate of {host} is not valid yet by this machine's clock, which shows {clock}; no key was sent. "
            "Set the clock right, then test again."
        ),
    ),
    "tls-unknown-authority": (
        "certificate unknown",
        "ca_certificates",
        (
            "The certificate of {host} is from an authority that is not known here, so no key was sent. If it is your "
            "own authority, add its certificate below; otherwise do not trust this address."
        ),
    ),
    "tls-host": (
        "certificate for another name",
        "url",
        (
            "What answers at {host} shows a certificate for another name, so no key was sent. Type the name for which "
            "the certificate was made."
        ),
    ),
    "tls-plain": (
        "https for http",
        "url",
        (
            "{host} answers port {port} without encryption (http). Check the port: ConnectWise answers by https, on "
            "port 443 unless it was set up otherwise."
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What went wrong, for people and for the form.

    Args:
        mistake: Which mistake it is.
        sentence: What happened and what to do.
        field: The field of the form to look at; none: it is not in the form.
    """

    mistake: Mistake
    sentence: str
    field: Field = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was tried when an error came, and what is known from before.

    Args:
        address: Where; none: what was typed is no address.
        company: The company id, as typed.
        company_known: Whether the site knows this company; none: it did not tell.
        exchanged: Whether the keys were accepted the other way round.
        real_now: This machine's clock.
    """

    address: Address | None
    company: str
    company_known: bool | None = None
    exchanged: bool = False
    real_now: datetime


def diagnose(error: ConnectWiseError, tried: Tried) -> Diagnosis:
    """Say which mistake an error most likely comes from, and what to do.

    Args:
        error: What the client raised.
        tried: What was tried.
    """
    if isinstance(error, AddressRefused) or tried.address is None:
        return _refused_address(error)
    found = None
    if isinstance(error, Unreachable):
        found = _silent(error, tried.address, tried.real_now)
    elif isinstance(error, Rejected):
        found = _rejected(error, tried, tried.address)
    elif isinstance(error, UnexpectedPayload):
        found = _unreadable(error, tried.address)
    return found or Diagnosis(mistake="other", sentence=str(error))


def looks_wrong(*, public_key: str, private_key: str, client_id: str) -> Diagnosis | None:
    """Say what is wrong with keys by their looks, before they are sent anywhere; none: nothing is.

    Args:
        public_key: As typed.
        private_key: As typed; empty: the stored one.
        client_id: As typed.
    """
    if public_key and public_key == private_key:
        return Diagnosis(
            mistake="swapped keys",
            field="public_key",
            sentence="The same key stands in both fields. Put the public key here and the private key below; "
            "ConnectWise shows both when a key is made.",
        )
    try:
        plain = str(uuid.UUID(client_id))
    except ValueError:
        plain = ""
    if plain != client_id.strip("{}").lower():
        return Diagnosis(
            mistake="client id",
            field="client_id",
            sentence="This is no client ID: one looks like 5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11. It is made at "
            "developer.connectwise.com, and is neither of the two keys.",
        )
    return None


def clock_off(ahead: float | None, ours: datetime) -> Diagnosis | None:
    """Say that the two clocks differ by more than five minutes; none: they agree, or ConnectWise's is not known.

    Args:
        ahead: Seconds by which ConnectWise's clock is ahead of this machine's.
        ours: This machine's clock now.
    """
    if ahead is None or abs(ahead) <= CLOCK_MAY_DIFFER.total_seconds():
        return None
    theirs = ours + timedelta(seconds=round(ahead))
    side = "behind" if ahead > 0 else "ahead of"
    return Diagnosis(
        mistake="wrong clock",
        sentence=f"This machine's clock is {int(abs(ahead) // 60)} min {side} ConnectWise's: it shows {_moment(ours)}, "
        f"ConnectWise {_moment(theirs)}. Set the clocks right, or changes may be read late or twice.",
    )


def _refused_address(error: ConnectWiseError) -> Diagnosis:
    said = str(error)
    if "over http the keys" in said:
        return Diagnosis(mistake="http for https", sentence=said, field="url")
    if _PATH.search(said):
        return Diagnosis(mistake="trailing path", sentence=said, field="url")
    if "certificate" in said:
        return Diagnosis(mistake="certificate unknown", sentence=said, field="ca_certificates")
    return Diagnosis(mistake="address refused", sentence=said, field="url")


def _silent(error: Unreachable, address: Address, real_now: datetime) -> Diagnosis | None:
    situation = error.situation
    if address.scheme == "http" and situation in {"reset", "truncated", "empty"}:
        return _http_for_https(address.host)
    if situation in {"throttled", "out-of-order"}:
        return Diagnosis(mistake="busy", sentence=str(error))
    if situation not in _SILENCES:
        return None
    mistake, field, sentence = _SILENCES[situation]
    values = {"host": address.host, "port": address.port, "clock": _moment(real_now)}
    return Diagnosis(mistake=mistake, field=field, sentence=sentence.format_map(values))


def _unreadable(error: UnexpectedPayload, address: Address) -> Diagnosis | None:
    if error.situation == "redirect" and address.scheme == "http":
        return _http_for_https(address.host)
    if error.situation == "redirect":
        return Diagnosis(
            mistake="wrong site",
            field="url",
            sentence=f"{address.host} sends calls elsewhere, where no key is sent. Type the address that it leads to.",
        )
    return _no_connectwise(address) if error.situation in _NO_CONNECTWISE else None


def _rejected(error: Rejected, tried: Tried, address: Address) -> Diagnosis | None:
    said = " ".join(error.reasons)
    if error.unauthorized or error.forbidden or error.status == _BAD_REQUEST:
        if _CLIENT_ID.search(said):
            return Diagnosis(
                mistake="client id",
                field="client_id",
                sentence="ConnectWise does not accept the client ID. Copy it anew from developer.connectwise.com: it "
                f"belongs to your integration, not to the API member. It said: {said}",
            )
        if _INACTIVE.search(said):
            return Diagnosis(
                mistake="inactive member",
                field="public_key",
                sentence="The keys belong to an API member that is inactive. Make it active in ConnectWise under "
                f"System, Members, API Members, or take the keys of another one. It said: {said}",
            )
    if error.situation == "web-page" or error.missing:
        mistyped = address.scheme == "http" and error.situation == "web-page"
        return _http_for_https(address.host) if mistyped else _no_connectwise(address)
    if error.unauthorized:
        return _unauthorized(tried)
    return Diagnosis(mistake="missing right", sentence=str(error)) if error.forbidden else None


def _unauthorized(tried: Tried) -> Diagnosis:
    if tried.exchanged:
        return Diagnosis(
            mistake="swapped keys",
            field="public_key",
            sentence="The two keys are exchanged: ConnectWise accepts them the other way round. Put the public key "
            "into the upper field and the private key into the lower one.",
        )
    if tried.company_known is False:
        return Diagnosis(
            mistake="wrong company",
            field="company",
            sentence=f"This ConnectWise knows no company “{tried.company[:60]}”. Type the company id with which you "
            "sign in to ConnectWise, not the company's name; also check that it lives at this site.",
        )
    return Diagnosis(
        mistake="wrong keys",
        field="private_key",
        sentence="ConnectWise refused the keys (401). Check that both belong to one API member of the company "
        f"“{tried.company[:60]}” and that the member is active; if in doubt, make a new key and put it in.",
    )


def _no_connectwise(address: Address) -> Diagnosis:
    return Diagnosis(
        mistake="wrong site",
        field="url",
        sentence=f"What answers at {address.site} is no ConnectWise API: it sent something else, such as a web page or "
        "a proxy's sign-in. Check the site; for a cloud tenant it is such as na.myconnectwise.net.",
    )


def _http_for_https(host: str) -> Diagnosis:
    return Diagnosis(
        mistake="http for https",
        field="url",
        sentence=f"{host} was called by http and does not answer that way. Begin the address with https://.",
    )


def _moment(moment: datetime) -> str:
    """Write a moment with its zone, since clocks are compared."""
    return f"{moment.day} {moment:%b %Y, %H:%M} {moment.tzname() or ''}".strip()
