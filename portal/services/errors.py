"""Refusals: each text is a sentence that a user may read; each class names the HTTP status of its page."""

from collections.abc import Mapping
from typing import ClassVar


class Refused(Exception):
    """What was asked for is not done, and nothing was changed. `str` gives the sentence for people."""

    status: ClassVar[int] = 422


class NotFound(Refused):
    """There is no such thing."""

    status = 404


class Conflict(Refused):
    """The world moved since the person looked, or somebody was quicker."""

    status = 409


class NotAllowed(Refused):
    """The person's role does not allow it."""

    status = 403


class Invalid(Refused):
    """A value cannot be used, or a warning was not ticked.

    Args:
        sentence: What is wrong and what to do.
        fields: The same for each form field, by the field's name (`quantity`, `date`, `invoiced_ok`, ...).
    """

    status = 422

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.fields: dict[str, str] = dict(fields or {})


class TooOften(Refused):
    """Somebody asks too often; nothing is wrong with what they ask.

    Args:
        sentence: What was too often, and what became of it.
        seconds: After which they may ask again.
    """

    status = 429

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds
