"""Certificates of authorities that are trusted for one host beside the usual ones: read, shown, or refused."""

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from portal.services.errors import Invalid

FIELD = "ca_certificates"
LONGEST = 60_000  # characters of all of them together
MOST = 20
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate, as people know it.

    Args:
        subject: Whose it is.
        expires: Until when it holds.
    """

    subject: str
    expires: datetime


def read_authorities(text: str, *, real_now: datetime) -> tuple[str, tuple[Authority, ...]]:
    """Read certificates as PEM text.

    Args:
        text: One or more certificates; what stands between them is left out. Blank: none.
        real_now: Real time, by which certificates end.

    Returns:
        The certificates alone, as PEM, and what each is.

    Raises:
        Invalid: It holds none, something else such as a private key, or one that has ended.
    """
    if not text.strip():
        return "", ()
    if "PRIVATE KEY" in text:
        # not read any further, and never shown again
        raise _no("This holds a private key, which belongs to nobody but its owner. Paste the certificate alone.")
    if len(text) > LONGEST:
        raise _no(f"This is longer than {LONGEST} characters. Paste the certificates of your authority alone.")
    blocks = [found for found in _BLOCK.finditer(text) if found.group(1) in _CERTIFICATE]
    if not blocks:
        raise _no(
            "This is no certificate in the PEM form. It begins with -----BEGIN CERTIFICATE-----; a .der or .cer file "
            "in another form has to be exported as “Base-64” first."
        )
    if len(blocks) > MOST:
        raise _no(f"These are {len(blocks)} certificates; {MOST} are the most. Paste those of your authority alone.")
    kept, found = [], []
    for number, block in enumerate(blocks, 1):
        pem = block.group().replace("\r\n", "\n")
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            authority = Authority(subject=_name(certificate), expires=certificate.not_valid_after_utc)
        except ValueError:
            raise _no(
                f"Certificate {number} cannot be read. Copy it again, whole, with its first and last line."
            ) from None
        if authority.expires <= real_now:
            raise _no(f"“{authority.subject}” ended on {authority.expires:%Y-%m-%d}. Paste the one that followed it.")
        kept.append(pem + "\n")
        found.append(authority)
    return "".join(kept), tuple(found)


def _name(certificate: x509.Certificate) -> str:
    """Give the name of whose certificate it is: the common name, else the organisation, else the whole subject."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        names = certificate.subject.get_attributes_for_oid(kind)
        if names:
            return str(names[0].value)[:120]
    return certificate.subject.rfc4514_string()[:120] or "a certificate without a name"


def _no(sentence: str) -> Invalid:
    return Invalid(sentence, {FIELD: sentence})
