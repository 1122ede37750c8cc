"""Asking the company's sign-in over HTTP: its discovery, its keys, and the exchange of a code. No transaction is open.

An admin types the address, so it could point into the portal's own network: private addresses are refused unless the
admin allows them, redirects are not followed, and answers are short, in size and in time.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from requests.auth import AuthBase

from portal.connectwise.adapters import CarefulAdapter
from portal.connectwise.address import Address, check
from portal.connectwise.errors import AddressRefused, Unreachable
from portal.services.errors import Refused

SECONDS = 5.0  # to connect, and again until something comes
LONGEST = 12.0  # seconds of a whole answer
LARGEST = 512 * 1024  # bytes
DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that are taken: with a private key that only the provider has. Never `none`, never a shared secret."""
SCOPES = ("openid", "email", "profile")
_PORTS = {"https": 443, "http": 80}


class CompanyAway(Refused):
    """The company's sign-in cannot be asked, or answers something else than it should."""

    status = 422


class ClientRefused(CompanyAway):
    """The portal's own name and secret are not taken there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the discovery of a provider tells.

    Args:
        says_who: Whether it names itself on the way back (RFC 9207).
        secret_in_form: Whether the client's secret goes in the form, since it is not taken in the header.
        scopes: What can be asked for.
    """

    issuer: str
    authorization: str
    token: str
    keys: str
    algorithms: tuple[str, ...]
    says_who: bool
    secret_in_form: bool
    scopes: tuple[str, ...] = ()

    def scope(self, role_claim: str) -> str:
        """Give what to ask for: who somebody is, and their roles where the provider has a scope of that claim's name.

        Many give `groups` only to whom asks for it. A scope that is not offered would be refused, so none is guessed.
        """
        roles = [role_claim] if role_claim in self.scopes and role_claim not in SCOPES else []
        return " ".join([*SCOPES, *roles])


def read_facts(value: Mapping[str, Any], *, issuer: str, allow_private: bool) -> Facts:
    """Read a discovery document.

    Raises:
        CompanyAway: It is another issuer's, or lacks what is needed.
    """
    if value.get("issuer") != issuer:
        raise CompanyAway(
            f"The address says that its issuer is “{str(value.get('issuer', ''))[:200]}”. Enter exactly that, or the "
            "address of your own tenant where the provider has many."
        )
    found = {name: str(value.get(name) or "") for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, url in found.items():
        if not _is_address(url, allow_private=allow_private):
            raise CompanyAway(f"The provider's discovery names no usable {name.replace('_', ' ')}. Check the issuer.")
    told = _texts(value.get("id_token_signing_alg_values_supported")) or ("RS256",)
    algorithms = tuple(each for each in ALGORITHMS if each in told)
    if not algorithms:
        raise CompanyAway("The provider signs in no way that is taken here. Let it sign with RS256.")
    methods = _texts(value.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",)
    return Facts(
        issuer=issuer,
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        keys=found["jwks_uri"],
        algorithms=algorithms,
        says_who=value.get("authorization_response_iss_parameter_supported") is True,
        secret_in_form="client_secret_basic" not in methods,
        scopes=_texts(value.get("scopes_supported")),
    )


def discover(issuer: str, *, allow_private: bool) -> dict[str, Any]:
    """Ask for a provider's discovery document.

    Raises:
        CompanyAway: It cannot be had.
    """
    value = _ask("GET", issuer.rstrip("/") + DISCOVERY, allow_private=allow_private)
    read_facts(value, issuer=issuer, allow_private=allow_private)
    return value


def fetch_keys(facts: Facts, *, allow_private: bool) -> dict[str, Any]:
    """Ask for a provider's public keys.

    Raises:
        CompanyAway: They cannot be had.
    """
    value = _ask("GET", facts.keys, allow_private=allow_private)
    keys = value.get("keys")
    if not isinstance(keys, list) or not all(isinstance(each, dict) for each in keys):
        raise CompanyAway("The provider's keys cannot be read. Check the issuer.")
    return {"keys": keys}


def exchange(
    facts: Facts, *, client_id: str, secret: str | None, code: str, verifier: str, back: str, allow_private: bool
) -> str:
    """Exchange the code of a way back for an ID token.

    Args:
        facts: Of the provider.
        client_id: The portal's name there.
        secret: The portal's secret there; none for a public client.
        code: As it came.
        verifier: Of the proof key (RFC 7636) whose challenge was sent along.
        back: The address to which the code came.
        allow_private: Whether private addresses may be asked.

    Raises:
        CompanyAway: The code was not taken.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    if secret is None or facts.secret_in_form:
        form |= {"client_id": client_id} if secret is None else {"client_id": client_id, "client_secret": secret}
        value = _ask("POST", facts.token, form=form, allow_private=allow_private)
    else:
        value = _with_header(facts.token, form, client_id, secret, allow_private=allow_private)
    token = value.get("id_token")
    if not isinstance(token, str):
        raise CompanyAway("The company's sign-in gave no ID token. Ask its admin whether OpenID Connect is on.")
    return token


def _with_header(url: str, form: Mapping[str, str], name: str, secret: str, *, allow_private: bool) -> dict[str, Any]:
    """Ask with the client's name and secret in the header, written as RFC 6749 (section 2.3.1) wants them.

    Some providers read them as they stand. Where it makes a difference, one that refuses is asked so once more: who the
    client is, is looked at before the code, which is not used up by it.
    """
    written = (quote_plus(name), quote_plus(secret))
    try:
        return _ask("POST", url, form=form, auth=_Basic(*written), allow_private=allow_private)
    except ClientRefused:
        if written == (name, secret):
            raise
        return _ask("POST", url, form=form, auth=_Basic(name, secret), allow_private=allow_private)


class _Basic(AuthBase):
    """A name and a secret in the header."""

    def __init__(self, name: str, secret: str) -> None:
        self._pair = (name.encode(), secret.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed: requests.PreparedRequest = requests.auth.HTTPBasicAuth(*self._pair)(request)
        return signed


class _Nobody(AuthBase):
    """Nobody's name: keeps what a file of the machine may hold for a host out of the request."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _ask(
    method: str,
    url: str,
    *,
    allow_private: bool,
    form: Mapping[str, str] | None = None,
    auth: AuthBase | None = None,
) -> dict[str, Any]:
    """Ask once.

    Raises:
        CompanyAway: No answer came, or none that is JSON of the right form.
    """
    where = _checked(url, allow_private=allow_private)
    try:
        with _line(guarded=not allow_private) as line:
            answer = line.request(
                method, url, data=form, auth=auth or _Nobody(), timeout=SECONDS, allow_redirects=False, stream=True,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            )  # fmt: skip
            body = _body(answer, where.host, time.monotonic)
            status = answer.status_code
    except AddressRefused as refused:
        raise _inside(where.host) from refused
    except requests.exceptions.SSLError as error:
        raise CompanyAway(f"The certificate of {where.host} is not trusted. Check the address.") from error
    except (requests.RequestException, OSError) as error:
        raise CompanyAway(f"{where.host} did not answer. Try again in a minute.") from error
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and status == requests.codes.ok:
        return value
    told = value.get("error") if isinstance(value, dict) else None
    said = f" and said “{told[:60]}”" if isinstance(told, str) and told.isprintable() else ""
    kind = ClientRefused if told == "invalid_client" else CompanyAway
    raise kind(f"{where.host} answered {status}{said}. Begin again; if it stays so, tell an admin.")


@contextmanager
def _line(*, guarded: bool) -> Iterator[requests.Session]:
    with requests.Session() as line:
        adapter = CarefulAdapter(tls=ssl.create_default_context(), guarded=guarded, size=1, longest_rest=0)
        line.mount("https://", adapter)
        line.mount("http://", adapter)
        yield line


def _body(answer: requests.Response, host: str, clock: Callable[[], float]) -> bytes:
    until, body = clock() + LONGEST, b""
    for piece in answer.iter_content(8192):
        body += piece
        if len(body) > LARGEST or clock() > until:
            raise CompanyAway(f"{host} sent far more than it should, or too slowly. Check the address.")
    return body


def _checked(url: str, *, allow_private: bool) -> Address:
    if not _is_address(url, allow_private=allow_private):
        raise CompanyAway("The address of the company's sign-in begins with https:// and names a host.")
    parts = urlsplit(url)
    where = Address(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
    try:
        check(where, allow_private=allow_private)
    except AddressRefused as refused:
        raise _inside(where.host) from refused
    except Unreachable as error:
        raise CompanyAway(f"No machine named {where.host} was found. Check the address.") from error
    return where


def _inside(host: str) -> CompanyAway:
    return CompanyAway(
        f"{host} leads into a private network. If your company's sign-in stands there, allow private addresses."
    )


def _is_address(url: str, *, allow_private: bool) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    well = plain and bool(parts.hostname) and parts.username is None and not parts.fragment
    return well and (parts.scheme == "https" or (parts.scheme == "http" and allow_private))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
