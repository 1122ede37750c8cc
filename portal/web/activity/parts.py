"""How far the parts of a run are: rates, the time that is left, what was skipped by reason. Values in, values out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from portal.web.filters import quantity

SURE_SECONDS = 3  # of work, before which a rate says little
SURE_DONE = 5  # records, likewise
LISTED = 10  # ids of one reason that are written out
_MINUTE = 60
_HOUR = 3600
_UNITS = {"additions": "agreements"}  # additions are read agreement by agreement
_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?![\w.]*[0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a run.

    Args:
        state: waiting, working or done.
        unit: What is counted, where the title does not say so.
        total: None where it is not known.
        seconds: That it took so far; none before it began.
    """

    title: str
    state: str
    done: int
    unit: str = ""
    total: int | None
    seconds: int | None

    @property
    def rate(self) -> Decimal | None:
        """Records a second; none while that says little."""
        if self.seconds is None or self.seconds < SURE_SECONDS or self.done < SURE_DONE:
            return None
        return Decimal(self.done) / self.seconds

    @property
    def left(self) -> int | None:
        """Seconds that are left at the part's own rate; none while that is unknown, or for one that is over."""
        if self.state != "working" or self.total is None or self.rate is None or self.done >= self.total:
            return None
        return int(((self.total - self.done) / self.rate).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What was skipped for one reason.

    Args:
        what: Of which sort the records are.
        reason: A sentence, of the first of them.
        ids: The first of them.
        more: How many there are beside these.
    """

    what: str
    reason: str
    ids: tuple[str, ...]
    more: int

    @property
    def count(self) -> int:
        """How many were skipped for this reason."""
        return len(self.ids) + self.more


def parts_of(told: Iterable[Mapping[str, Any]]) -> list[Part]:
    """Read the parts as a run keeps them; one without a title is left out."""
    return [
        Part(
            title=str(each["title"]),
            unit=_UNITS.get(str(each.get("name")), ""),
            state=str(each.get("state") or "waiting"),
            done=_whole(each.get("done")) or 0,
            total=_whole(each.get("total")),
            seconds=_whole(each.get("seconds")),
        )
        for each in told
        if each.get("title")
    ]


def by_reason(skipped: Iterable[Mapping[str, Any]]) -> list[Skipped]:
    """Group what was skipped by its reason, most first. Reasons that differ by a number alone are one."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in skipped:
        groups.setdefault((str(each["what"]), _NUMBER.sub("#", str(each["reason"]))), []).append(each)
    found = [
        Skipped(
            what=what,
            reason=str(each[0]["reason"]),
            ids=tuple(str(one["id"]) for one in each[:LISTED] if one.get("id") is not None),
            more=len(each) - sum(one.get("id") is not None for one in each[:LISTED]),
        )
        for (what, _), each in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.what, one.reason))


def rate_words(rate: Decimal | None) -> str:
    """Write a rate: 12 a second, 2.5 a second, 30 a minute; unknown is empty."""
    if rate is None:
        return ""
    if rate >= 10:  # noqa: PLR2004 - from here on tenths say nothing
        return f"{quantity(rate.quantize(Decimal(1)))} a second"
    if rate >= 1:
        return f"{quantity(rate.quantize(Decimal('0.1')))} a second"
    return f"{max(Decimal(1), (rate * _MINUTE).quantize(Decimal(1)))} a minute"


def about_words(seconds: int | None) -> str:
    """Write how long something will take: about 20 s, about 2 min; unknown is empty."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"about {max(10, -(-seconds // 10) * 10)} s"
    if seconds < _HOUR:
        return f"about {-(-seconds // _MINUTE)} min"
    hours, minutes = divmod(-(-seconds // _MINUTE), _MINUTE)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"


def took_words(seconds: int | None) -> str:
    """Write how long something took: under 1 s, 8 s, 2 min 5 s, 1 h 4 min; unknown is a dash."""
    if seconds is None:
        return "—"
    if not seconds:
        return "under 1 s"
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        minutes, rest = divmod(seconds, _MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(seconds, _HOUR)
    return f"{hours} h {rest // _MINUTE} min"


def _whole(value: object) -> int | None:
    """Give a number of 0 or more as a whole one; anything else is unknown."""
    try:
        return max(0, int(Decimal(str(value)))) if value is not None else None
    except (ArithmeticError, ValueError):
        return None
