"""What nobody should bill: an account or a service that a person left out, under a name or in free words.

A named exclusion can have an end. It holds up to and including that day; after it the row counts as unmapped again,
so that nobody forgets it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ExclusionKind(StrEnum):
    """Why a count is billed to nobody."""

    NOT_FOR_RESALE = "not_for_resale"
    INTERNAL = "internal"
    TRIAL = "trial"
    TEST = "test"

    def words(self) -> str:
        """Say it: "internal use"."""
        return _WORDS[self]


_WORDS = {
    ExclusionKind.NOT_FOR_RESALE: "not for resale",
    ExclusionKind.INTERNAL: "internal use",
    ExclusionKind.TRIAL: "trial",
    ExclusionKind.TEST: "test or demo",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Why a row is left out, and how long.

    Args:
        reason: In words, never empty; of a named exclusion its name or a note beside it.
        kind: Its name; none: the reason alone.
        until: The last day on which it holds; none: for good.
    """

    reason: str
    kind: ExclusionKind | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether the row is still left out on a day."""
        return self.until is None or day <= self.until

    def words(self) -> str:
        """Say why: "internal use (our own office)"."""
        if self.kind is None:
            return self.reason
        name = self.kind.words()
        return name if self.reason in ("", name) else f"{name} ({self.reason})"


def kind_of(word: str | None) -> ExclusionKind | None:
    """Read a kept name; one that we do not know leaves the reason to speak alone."""
    return ExclusionKind(word) if word in set(ExclusionKind) else None
