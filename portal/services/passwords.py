"""Passwords: argon2, a floor of twelve characters, and no password that everybody tries first."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from portal.services.errors import Invalid

SHORTEST = 12
LONGEST = 1000  # characters: more would only cost time
# What people and attackers type first once twelve characters are asked for. Compared in lower case, blanks left out.
KNOWN = frozenset(
    """
    123456789012 1234567890123 12345678901234 012345678901 098765432109 123123123123 111111111111 000000000000
    abcdefghijkl abc123abc123 qwertyuiop12 qwertyuiop123 qwerty123456 qwertyuiopas qwertzuiop12 1q2w3e4r5t6y
    1qaz2wsx3edc asdfghjkl123 zaq12wsxcde3 passwordpassword password1234 password12345 password123456 password2025
    password2026 password!123 passw0rd1234 p@ssw0rd1234 p@ssword1234 letmeinletmein letmein12345 letmein123456
    welcome12345 welcome123456 welcome2026! iloveyou1234 administrator admin1234567 adminadmin12 admin12345678
    changeme1234 changemenow1 connectwise1 connectwise123 connectwise2026 countersign-demo countersign1
    countersign123 countersign2026 correcthorsebatterystaple1 trustno1trustno1 superman1234 football1234 monkeymonkey
    dragondragon sunshine1234 princess1234 summer2026!! winter2026!! autumn2026!! october2026! november2026
    """.split()  # noqa: SIM905 - a list of words is easier to read and to extend than a list of literals
)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """A hash that no password fits, so that an unknown e-mail takes as long as a wrong password."""
    return _hasher().hash("nobody's")


def hashed(password: str) -> str:
    """Hash a password with argon2id and a salt of its own."""
    return _hasher().hash(password)


def fits(password: str, password_hash: str | None) -> bool:
    """Tell whether a password is the one behind a hash. Without a hash it takes as long and is never so."""
    try:
        _hasher().verify(password_hash or _nobodys_hash(), password[:LONGEST])
    except (Argon2Error, InvalidHashError):
        return False
    return password_hash is not None


def check_new(password: str, *, email: str) -> None:
    """Refuse a password that is short or that everybody tries first.

    Args:
        password: As typed; every character counts, blanks too.
        email: Of the person, who may not use it as the password.

    Raises:
        Invalid: With the sentence under `password`.
    """
    folded = "".join(password.lower().split())
    if len(password) < SHORTEST:
        sentence = f"A password has {SHORTEST} characters or more; this one has {len(password)}. Four words will do."
    elif len(password) > LONGEST:
        sentence = f"A password has at most {LONGEST} characters."
    elif folded in KNOWN or len(set(folded)) < 4 or folded == email.lower():  # noqa: PLR2004 - "aaaabbbbcccc" is none
        sentence = "This password is among the first that anybody tries. Choose one that only you would think of."
    else:
        return
    raise Invalid(sentence, {"password": sentence})
