"""Which counts stand: complete and partial files of a period, and feeds that must wait for a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

HELD_AT_LEAST = 10
HELD_SHARE = Fraction(1, 5)


class CountKey(NamedTuple):
    """One vendor service of one vendor account, in one term ("" where the vendor has none)."""

    account: str
    service: str
    term: str = ""


class UsageKey(NamedTuple):
    """A count's place among all vendors."""

    vendor: str
    account: str
    service: str
    term: str = ""


Counts = Mapping[CountKey, Decimal] | Mapping[tuple[str, str, str], Decimal]
"""Quantities by (account, service, term)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFile:
    """One accepted file, or one pull from a vendor's API.

    Args:
        counted_at: When the vendor counted; aware. It decides which file is later.
        complete: It tells of every account; a partial one says nothing about what it leaves out.
        sequence: The order of import, which decides only between equal moments.
        counts: By (account, service, term). Zero is a count.
    """

    id: int
    vendor: str
    counted_at: datetime
    complete: bool
    sequence: int
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingCount:
    """The count that holds, and the file it comes from."""

    file_id: int
    quantity: Decimal
    counted_at: datetime


def standing_counts(files: Iterable[UsageFile]) -> dict[UsageKey, StandingCount]:
    """Tell which counts of a period hold.

    Of a vendor's files the latest complete one holds, by the moment of counting and not of import, overlaid by
    later partial ones in order. Without a complete one, the partial ones in order.

    Args:
        files: The accepted files of one period, of one vendor or of several, in any order. Held files and those
            that were undone are not among them.
    """
    standing: dict[UsageKey, StandingCount] = {}
    for file in files_in_force(files):
        for (account, service, term), quantity in file.counts.items():
            standing[UsageKey(file.vendor, account, service, term)] = StandingCount(
                file_id=file.id, quantity=quantity, counted_at=file.counted_at
            )
    return standing


def files_in_force(files: Iterable[UsageFile]) -> list[UsageFile]:
    """Give the files whose counts hold, by vendor; of a count that several have, the last one's holds.

    Args:
        files: As for `standing_counts`.
    """
    by_vendor: dict[str, list[UsageFile]] = {}
    for file in files:
        by_vendor.setdefault(file.vendor, []).append(file)
    found = []
    for vendor in sorted(by_vendor):
        ordered = sorted(by_vendor[vendor], key=_lateness)
        found += ordered[max((place for place, file in enumerate(ordered) if file.complete), default=0) :]
    return found


def _lateness(file: UsageFile) -> tuple[datetime, int, int]:
    """Order files by the moment of counting, then by import."""
    return (file.counted_at, file.sequence, file.id)


def fallen_accounts(
    previous_counts: Counts,
    new_counts: Counts,
    complete: bool,
) -> list[str]:
    """List the accounts that have fallen, sorted.

    An account has fallen when each service that the vendor's last accepted file had for it is now at zero, below
    half, or missing from a complete file. A service that was at zero before cannot fall.

    Args:
        previous_counts: By (account, service, term), of the vendor's last accepted file.
        new_counts: Likewise, of the new file.
        complete: The new file tells of every account.
    """
    new = {tuple(key): quantity for key, quantity in new_counts.items()}
    fallen: dict[str, bool] = {}
    for key, before in previous_counts.items():
        if before <= 0:
            continue
        after = new.get(key)
        fell = complete if after is None else after <= 0 or 2 * after < before
        fallen[key[0]] = fallen.get(key[0], True) and fell
    return sorted(account for account, fell in fallen.items() if fell)


def is_held(fallen: int, accounts_total: int, *, at_least: int = HELD_AT_LEAST, share: Fraction = HELD_SHARE) -> bool:
    """Tell whether a feed waits for a person before it may change a card.

    Args:
        fallen: How many accounts have fallen.
        accounts_total: How many accounts the vendor's last accepted file had.
        at_least: Fewer never hold a feed.
        share: Of the vendor's accounts, 0 to 1; a smaller part never holds a feed.
    """
    return fallen >= at_least and fallen >= share * accounts_total


def held_reason(fallen: int) -> str:
    """Say why a feed is held."""
    return f"held: {fallen} accounts at zero, below half of last time, or gone"
