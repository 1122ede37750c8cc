"""Leaving accounts and services out: by a name or in free words, for good or up to a day."""

from datetime import date
from typing import Protocol

from portal.domain.exclusions import Exclusion, ExclusionKind, kind_of
from portal.services.errors import Invalid
from portal.services.mapping_common import reason_of

LAST_YEAR = 2999


class Kept(Protocol):
    """The columns of a record that can be excluded."""

    reason: str | None
    excluded_as: str | None
    excluded_until: date | None


def exclusion_of(row: Kept) -> Exclusion:
    """Give what an excluded record says."""
    return Exclusion(reason=row.reason or "", kind=kind_of(row.excluded_as), until=row.excluded_until)


def keep_exclusion(row: Kept, exclusion: Exclusion | None) -> None:
    """Write an exclusion into a record; none: it is left out no more."""
    row.reason = None if exclusion is None else exclusion.reason
    row.excluded_as = None if exclusion is None or exclusion.kind is None else exclusion.kind.value
    row.excluded_until = None if exclusion is None else exclusion.until


def read_exclusion(
    *, reason: str, kind: str = "", until: str | date | None = None, today: date | None = None
) -> Exclusion:
    """Read what a person chose or typed.

    Args:
        reason: Free words; may be empty beside a name, which then is the reason.
        kind: One of `ExclusionKind`, or empty.
        until: The last day on which it holds, as a date or as it is typed (2026-12-31); empty: for good.
        today: Given, an end before it is refused.

    Raises:
        Invalid: The reason is missing or too long, the name unknown, or the day none or past.
    """
    if kind and kind not in set(ExclusionKind):
        raise Invalid(
            "There is no such exclusion. Choose one from the list.", {"excluded_as": "Choose one of the list."}
        )
    name = ExclusionKind(kind) if kind else None
    said = " ".join(reason.split()) or (name.words() if name is not None else "")
    return Exclusion(reason=reason_of(said), kind=name, until=_end(until, today))


def words_of(row: Kept) -> str:
    """Say of an excluded record what it is: "excluded (internal use, until 2026-12-31)"."""
    found = exclusion_of(row)
    end = "" if found.until is None else f", until {found.until.isoformat()}"
    return f"excluded ({found.words()}{end})"


def _end(until: str | date | None, today: date | None) -> date | None:
    """Read the last day."""
    if isinstance(until, str):
        text = until.strip()
        if not text:
            return None
        try:
            until = date.fromisoformat(text)
        except ValueError:
            sentence = f"“{text[:40]}” is not a day. Write it as 2026-12-31."
            raise Invalid(sentence, {"until": sentence}) from None
    if until is not None and until.year > LAST_YEAR:
        raise Invalid("That day lies too far away.", {"until": "That day lies too far away."})
    if until is not None and today is not None and until < today:
        sentence = "The last day lies in the past, so nothing would be left out. Choose a later one, or none."
        raise Invalid(sentence, {"until": sentence})
    return until
