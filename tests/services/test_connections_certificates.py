"""Certificates of one's own authority: read as people paste them, refused in a sentence."""

from datetime import UTC, datetime

import pytest

from portal.services.certificates import FIELD, MOST, read_authorities
from portal.services.errors import Invalid
from tests.support.tls import DAY, signed

NOW = datetime.now(UTC)


def test_certificates_are_read_and_shown_by_name_and_end() -> None:
    one, two = signed("Own authority"), signed("Second authority", ends=90 * DAY)

    pem, found = read_authorities(f"  Bag Attributes\n{one.pem}\r\n\r\nnoise{two.pem}", real_now=NOW)

    assert [each.subject for each in found] == ["Own authority", "Second authority"]
    assert found[1].expires == two.certificate.not_valid_after_utc
    assert pem == one.pem + two.pem
    assert read_authorities(pem, real_now=NOW) == (pem, found)
    assert read_authorities("  \n", real_now=NOW) == ("", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "no certificate in the PEM form"),
        ("\x30\x82\x01\x67", "no certificate in the PEM form"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "Certificate 1 cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----", "no certificate"),
        ("x" * 60_001, "longer than 60000 characters"),
    ],
)
def test_what_is_no_certificate_is_refused(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        read_authorities(text, real_now=NOW)

    assert set(refused.value.fields) == {FIELD}


def test_a_private_key_is_refused_and_not_repeated() -> None:
    made = signed("Own authority")

    with pytest.raises(Invalid, match="private key") as refused:
        read_authorities(made.pem + made.key_pem, real_now=NOW)

    assert made.key_pem.splitlines()[1] not in str(refused.value)


def test_one_that_has_ended_is_refused_by_name() -> None:
    old = signed("Old authority", begins=-9 * DAY, ends=-DAY)

    with pytest.raises(Invalid, match="“Old authority” ended on"):
        read_authorities(old.pem, real_now=NOW)


def test_only_so_many_are_taken() -> None:
    with pytest.raises(Invalid, match=f"{MOST} are the most"):
        read_authorities(signed("Own authority").pem * (MOST + 1), real_now=NOW)
