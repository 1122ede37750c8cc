"""Passwords: argon2, a floor of twelve characters, and none that is soon guessed.

There are no rules about capitals, digits and signs, and passwords do not expire: length and being hard to guess are
what counts (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5, section 6.2). How hard one is to guess is estimated by
zxcvbn, which brings lists of the passwords, words and names that are tried first, and knows runs on the keyboard,
repetitions, sequences, dates and letters written as digits. What a guesser knows of the person and the portal counts
as guessed.
"""

import re
from collections.abc import Iterable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from zxcvbn import zxcvbn  # type: ignore[import-untyped] # it brings no types

from portal.services.errors import Invalid

SHORTEST = 12
LONGEST = 1000  # characters: more would only cost time
GUESSES = 10**10  # fewer, and it is refused: at a hundred an hour nobody gets there, nor soon with a stolen hash
_LOOKED_AT = 72  # characters of which the strength is estimated
_PORTAL_WORDS = ("countersign", "connectwise", "reconcile", "billing", "invoice", "vendor", "manage")
_PIECES = re.compile(r"[^\W\d_]{3,}")
_FAMOUS = frozenset({"countersigndemo", "correcthorsebatterystaple", "correcthorsebatterystaple1"})


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


def check_new(password: str, *, email: str, known: Iterable[str] = ()) -> None:
    """Refuse a password that is short or soon guessed.

    Args:
        password: As typed; every character counts, blanks too.
        email: Of the person.
        known: What else a guesser knows: the person's name, the company's.

    Raises:
        Invalid: With the sentence under `password`.
    """
    if len(password) < SHORTEST:
        sentence = f"A password has {SHORTEST} characters or more; this one has {len(password)}. Four words will do."
    elif len(password) > LONGEST:
        sentence = f"A password has at most {LONGEST} characters."
    elif _is_famous(password) or guesses(password, email=email, known=known) < GUESSES:
        sentence = (
            "This password would soon be guessed: it is a known one, or made of a name, a year, or keys side by side. "
            "Choose four words that only you would put together."
        )
    else:
        return
    raise Invalid(sentence, {"password": sentence})


def guesses(password: str, *, email: str = "", known: Iterable[str] = ()) -> int:
    """Estimate how many guesses a password needs.

    Args:
        password: As typed.
        email: Of the person.
        known: What else a guesser knows.
    """
    facts = {email, *known, *_PORTAL_WORDS}
    pieces = {piece for fact in facts for piece in _PIECES.findall(fact.lower())}
    words = sorted(each.lower()[:_LOOKED_AT] for each in facts | pieces if each)
    shorter = "".join(password[:_LOOKED_AT].split())  # blanks between known words make nothing harder
    if not shorter:
        return 1
    return min(
        int(zxcvbn(text, user_inputs=words, max_length=_LOOKED_AT)["guesses"])
        for text in {shorter, password[:_LOOKED_AT]}
    )


def _is_famous(password: str) -> bool:
    return "".join(each for each in password.lower() if each.isalnum()) in _FAMOUS
