"""The picture of twelve months as numbers for SVG: step lines of used and billed, and the gap between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.domain.periods import Period
from portal.services.card_history import Month
from portal.web import filters as shown
from portal.web.locale_choice import current_locale

WIDTH, HEIGHT = 560, 168
LEFT, RIGHT, TOP, BOTTOM = 44, 96, 14, 26  # margins; the right one holds the labels of the lines
LABEL_APART = 13  # so that two labels never lie over each other
_NONE = Decimal(0)
_STEPS = (Decimal(1), Decimal(2), Decimal(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the grid."""

    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A month in which used and billed differ."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Words beside a line's end, or under a month."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlot:
    """What the template draws.

    Args:
        says: The finding as a sentence.
        scale: Said where the scale does not begin at zero; else empty.
    """

    says: str
    scale: str
    used: str
    billed: str
    grid: list[Line]
    gaps: list[Gap]
    months: list[Label]
    labels: list[tuple[str, Label]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


def step_plot(months: Sequence[Month]) -> StepPlot | None:
    """Draw months, oldest first; none where fewer than two of them are known."""
    if sum(1 for one in months if one.used is not None or one.billed is not None) < 2:  # noqa: PLR2004 - one is no course
        return None
    low, step = _scale([value for one in months for value in (one.used, one.billed) if value is not None])
    column = (WIDTH - LEFT - RIGHT) / len(months)
    room = HEIGHT - TOP - BOTTOM

    def y_of(value: Decimal) -> float:
        return round(HEIGHT - BOTTOM - float((value - low) / (2 * step)) * room, 1)

    def x_of(place: int) -> float:
        return round(LEFT + place * column, 1)

    gaps = [
        Gap(
            x=x_of(place),
            y=min(y_of(one.used), y_of(one.billed)),
            width=round(column, 1),
            height=round(abs(y_of(one.used) - y_of(one.billed)), 1),
        )
        for place, one in enumerate(months)
        if one.used is not None and one.billed is not None and one.used != one.billed
    ]
    return StepPlot(
        says=_says(months),
        scale=f"The scale starts at {shown.quantity(low)}." if low else "",
        used=_path([one.used for one in months], x_of, y_of),
        billed=_path([one.billed for one in months], x_of, y_of),
        grid=[Line(y=y_of(low + step * each), text=shown.quantity(low + step * each)) for each in range(3)],
        gaps=gaps,
        months=[
            Label(x=round(x_of(place) + column / 2, 1), y=HEIGHT - 8, text=_month(one.period, first=place == 0))
            for place, one in enumerate(months)
        ],
        labels=_labels(months, x_of, y_of),
    )


def _scale(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Give the lowest line and the distance of the three lines: whole 1, 2 or 5 of a power of ten.

    The scale begins at zero, unless everything lies in its upper half.
    """
    highest, lowest = max(values), min(values)
    from_zero = lowest * 2 < highest or highest <= 4  # noqa: PLR2004 - a few units are read from zero
    base = Decimal(0) if from_zero else lowest
    power = Decimal(1)
    span = max(highest - base, Decimal("0.0001"))
    while power * 2 > span:
        power /= 10
    while True:
        for each in _STEPS:
            step = each * power
            low = (base // step) * step
            if low + 2 * step >= highest:
                return low, step
        power *= 10


def _path(values: Sequence[Decimal | None], x_of: Callable[[int], float], y_of: Callable[[Decimal], float]) -> str:
    """Draw a step line; a month that nobody knows is a gap in it."""
    parts: list[str] = []
    going = False
    for place, value in enumerate(values):
        if value is None:
            going = False
            continue
        parts.append(f"V{y_of(value)}" if going else f"M{x_of(place)} {y_of(value)}")
        parts.append(f"H{x_of(place + 1)}")
        going = True
    return "".join(parts)


def _labels(
    months: Sequence[Month], x_of: Callable[[int], float], y_of: Callable[[Decimal], float]
) -> list[tuple[str, Label]]:
    """Write each line's name and last value beside its end; two ends that lie close are moved apart."""
    found: list[tuple[str, Label]] = []
    for name, values in (("Used", [one.used for one in months]), ("Billed", [one.billed for one in months])):
        known = [(place, value) for place, value in enumerate(values) if value is not None]
        if known:
            place, value = known[-1]
            found.append(
                (name, Label(x=x_of(place + 1) + 5, y=y_of(value) + 4, text=f"{name} {shown.quantity(value)}"))
            )
    if len(found) == 2 and abs(found[0][1].y - found[1][1].y) < LABEL_APART and found[0][1].x == found[1][1].x:  # noqa: PLR2004 - both lines
        upper = 0 if found[0][1].y <= found[1][1].y else 1
        middle = (found[0][1].y + found[1][1].y) / 2
        for place, (name, label) in enumerate(found):
            shift = -LABEL_APART / 2 if place == upper else LABEL_APART / 2
            found[place] = (name, Label(x=label.x, y=round(middle + shift, 1), text=label.text))
    return found


def _month(period: Period, *, first: bool) -> str:
    name = current_locale().short_month(period.first)
    return f"{name} {period.year % 100:02}" if first or period.month == 1 else name


def _says(months: Sequence[Month]) -> str:
    """State the finding: from when to when, how each line went, and how often they differ."""
    known = [one for one in months if one.used is not None or one.billed is not None]
    parts = [_went("used", [one.used for one in known]), _went("billed", [one.billed for one in known])]
    both = [one for one in months if one.used is not None and one.billed is not None]
    apart = [one for one in both if one.used != one.billed]
    span = f"{shown.period(known[0].period)} to {shown.period(known[-1].period)}"
    said = f"{span}: {' and '.join(part for part in parts if part)}."
    if not both:
        return said
    if not apart:
        return f"{said} They agree in every month that both are known."
    most = max(apart, key=lambda one: abs((one.used or _NONE) - (one.billed or _NONE)))
    by = (most.used or _NONE) - (most.billed or _NONE)
    where = f"{len(apart)} of {len(both)} {'month' if len(both) == 1 else 'months'}"
    return (
        f"{said} They differ in {where}, most in {shown.period(most.period)}: "
        f"{shown.quantity(abs(by))} {'used and not billed' if by > 0 else 'billed and not used'}."
    )


def _went(name: str, values: Sequence[Decimal | None]) -> str:
    found = [value for value in values if value is not None]
    if not found:
        return f"{name} is not known"
    first, last = found[0], found[-1]
    if first == last:
        moved = len(set(found)) > 1
        return (
            f"{name} {'is again' if moved else 'stayed'} {shown.quantity(last)}"
            if len(found) > 1
            else f"{name} is {shown.quantity(last)}"
        )
    return f"{name} {'rose' if last > first else 'fell'} from {shown.quantity(first)} to {shown.quantity(last)}"
