"""Whose certificates are trusted, and why one was not."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterator

from certifi import where
from urllib3.util import create_urllib3_context

from portal.connectwise.errors import AddressRefused

# OpenSSL's X509_V_ERR_… numbers, which Python gives as `verify_code`
_EXPIRED = 10
_NOT_YET_VALID = 9
_OTHER_HOST = frozenset({62, 64})
_SELF_SIGNED = 18
_UNKNOWN_AUTHORITY = frozenset({2, _SELF_SIGNED, 19, 20, 21})
# OpenSSL's reasons where the other side speaks no TLS at all
_PLAIN = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)


def context(ca_certificates: str | None = None) -> ssl.SSLContext:
    """Return what checks a server's certificate: the usual authorities, and those of one's own.

    Args:
        ca_certificates: Certificates of further authorities, as PEM text.

    Raises:
        AddressRefused: They cannot be read, or hold a private key.
    """
    made = create_urllib3_context()
    _trust_the_usual(made)
    if ca_certificates is None or not ca_certificates.strip():
        return made
    if "PRIVATE KEY" in ca_certificates:
        raise AddressRefused("A private key stands among the certificates. Paste the authority's certificate alone.")
    try:
        made.load_verify_locations(cadata=ca_certificates)
    except (ssl.SSLError, ValueError):
        raise AddressRefused(
            "The certificates of your own authority cannot be read. Paste them as PEM text, each from "
            "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
        ) from None
    if sys.version_info >= (3, 13):
        # from there on Python refuses authorities without key identifiers, as many a company's own is
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def _trust_the_usual(made: ssl.SSLContext) -> None:
    """Trust the authorities that requests would: those its variables name, or Mozilla's list."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or where()
    try:
        if os.path.isdir(named):  # noqa: PTH112 - as requests reads it
            made.load_verify_locations(capath=named)
        else:
            made.load_verify_locations(cafile=named)
    except (OSError, ssl.SSLError):
        made.load_verify_locations(cafile=where())


def mistrust(host: str, links: Iterator[BaseException]) -> tuple[str, str] | None:
    """Say in one word and in a sentence what was wrong with a server's certificate; none: nothing was."""
    found = list(links)
    for link in found:
        if isinstance(link, ssl.SSLCertVerificationError):
            return _not_verified(host, link.verify_code)
    if any(isinstance(link, ssl.SSLError) and link.reason in _PLAIN for link in found):
        return "tls-plain", (
            f"{host} answers there without encryption (http), though the address begins with https://. "
            "Check the port, or ask for a certificate."
        )
    if any(isinstance(link, ssl.SSLError) for link in found):
        return "tls-other", (
            f"No encrypted connection to {host} can be made. Its server or something on the way is set up wrongly."
        )
    return None


def _not_verified(host: str, code: int) -> tuple[str, str]:
    if code == _EXPIRED:
        return "tls-expired", f"{host}'s certificate has expired. It must be renewed there; nothing was sent."
    if code == _NOT_YET_VALID:
        return "tls-not-yet-valid", (
            f"{host}'s certificate is not valid yet. Check the clock of this server; nothing was sent."
        )
    if code in _OTHER_HOST:
        return "tls-host", (
            f"{host}'s certificate is for another name. Enter the address by the name on its certificate; "
            "nothing was sent."
        )
    if code in _UNKNOWN_AUTHORITY:
        signed = "signed by itself" if code == _SELF_SIGNED else "from an authority that is not known here"
        return "tls-unknown-authority", (
            f"{host}'s certificate is {signed}. If it is your own, add the authority's certificate to the "
            "connection; nothing was sent."
        )
    return "tls-other", f"{host} shows no certificate that can be trusted. Check the address or the certificate."
