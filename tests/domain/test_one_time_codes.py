"""Codes of an app, against the numbers that RFC 4226 and RFC 6238 print."""

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.domain.one_time_codes import address_of, as_text, code_of, from_text, matching_step, step_at

SECRET = b"12345678901234567890"  # of the appendices of both


@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"])
    ),
)
def test_the_codes_are_those_of_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert code_of(SECRET, counter) == code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert code_of(SECRET, step_at(datetime.fromtimestamp(seconds, UTC)), digits=8) == code


@pytest.mark.parametrize(("off", "fits"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_the_clock_of_the_app_may_be_one_step_off(off: int, fits: bool) -> None:
    moment = datetime(2026, 10, 28, 13, 0, 15, tzinfo=UTC)
    step = step_at(moment) + off // 30 if off % 30 == 0 else step_at(moment) + (2 if off > 0 else -2)

    found = matching_step(SECRET, code_of(SECRET, step), moment)

    assert found == (step if fits else None)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "12345a", "-12345", "1e1000"])
def test_what_is_no_code_fits_nothing(typed: str) -> None:
    assert matching_step(SECRET, typed, datetime(2026, 10, 28, tzinfo=UTC)) is None


def test_blanks_between_the_digits_do_not_count() -> None:
    moment = datetime(2026, 10, 28, tzinfo=UTC)
    code = code_of(SECRET, step_at(moment))

    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", moment) == step_at(moment)


def test_a_secret_is_written_as_apps_take_it() -> None:
    assert as_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert from_text(as_text(b"seven b")) == b"seven b"
    assert base64.b32decode(as_text(SECRET)) == SECRET


def test_the_address_in_the_picture_names_whose_it_is() -> None:
    parts = urlsplit(address_of(SECRET, account="dana@fennimore.example", issuer="Countersign & Co"))

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/Countersign%20%26%20Co:dana@fennimore.example"
    assert parse_qs(parts.query) == {
        "secret": [as_text(SECRET)],
        "issuer": ["Countersign & Co"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
