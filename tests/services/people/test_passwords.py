"""Which passwords are refused: those that somebody who knows people, the portal and the lists would soon guess."""

import pytest

from portal.services import passwords
from portal.services.errors import Invalid

EMAIL = "dana.winter@fennimore-managed.example"


@pytest.mark.parametrize(
    "weak",
    [
        "passwordpassword", "Password12345!", "P@ssw0rd2026!", "letmeinletmein", "qwertyuiop123", "1qaz2wsx3edc4rfv",
        "123456789012", "111111111111", "aaaabbbbcccc", "abcdefghijklmn", "abcabcabcabc", "Winter2026Winter",
        "november2026", "28.10.2026 28.10.2026", "iloveyou1234", "dragonmonkey12",
        "Countersign2026!", "connectwise1234", "fennimore-2026!", "DanaWinter2026",
        "dana.winter@fennimore-managed.example",
        "correct horse battery staple", "countersign-demo", "elevenchars", "",
    ],
)  # fmt: skip
def test_what_would_soon_be_guessed_is_refused(weak: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.check_new(weak, email=EMAIL, known=["Dana Winter"])

    assert "password" in refused.value.fields
    assert weak == "" or weak not in str(refused.value)


@pytest.mark.parametrize(
    "strong",
    [
        "four words side by side", "kQ7v2LmX9aTp", "ungainly pelican tax office", "Страхование в пятницу утром",
        "a very long one that is typed by somebody with much time on their hands, " * 12,
    ],
)  # fmt: skip
def test_length_and_being_hard_to_guess_are_all_that_counts(strong: str) -> None:
    passwords.check_new(strong, email=EMAIL, known=["Dana Winter"])

    assert passwords.guesses(strong, email=EMAIL) >= passwords.GUESSES


def test_every_character_counts_blanks_and_case_too() -> None:
    stored = passwords.hashed("four words side by side ")

    assert not passwords.fits("four words side by side", stored)
    assert not passwords.fits("Four words side by side ", stored)
    assert passwords.fits("four words side by side ", stored)
