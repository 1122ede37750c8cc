"""Rules on a product, a company or the pair: rounding, minimum, floor, tolerance, ignore."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from portal.domain.money import two_places
from portal.domain.periods import day_text
from portal.domain.quantities import bring_to_places, plain


class RoundingMode(StrEnum):
    """Where a count between two steps goes; `nearest` takes the even step in the middle."""

    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """Bill in whole steps.

    Args:
        to: The size of a step, above zero; 1 rounds to whole units.

    Raises:
        ValueError: The step has no size.
    """

    mode: RoundingMode
    to: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if self.to <= 0:
            msg = f"A rounding step of {plain(self.to)} cannot be."
            raise ValueError(msg)

    def apply(self, value: Decimal) -> Decimal:
        """Round a count."""
        steps = Fraction(value) / Fraction(self.to)
        if self.mode is RoundingMode.NEAREST:
            whole = round(steps)
        else:
            whole = -(-steps // 1) if self.mode is RoundingMode.UP else steps // 1
        return bring_to_places(whole * Fraction(self.to))

    def words(self) -> str:
        """Say what the rule does: "rounded up", "rounded up to steps of 5"."""
        mode = "to the nearest" if self.mode is RoundingMode.NEAREST else self.mode.value
        return f"rounded {mode}" + ("" if self.to == 1 else f" in steps of {plain(self.to)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """At least so many units are billed.

    Args:
        until: The last day on which the rule holds; none: for good.
        reference: Where it is agreed, such as a contract.
    """

    quantity: Decimal
    until: date | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A commitment: the quantity does not fall below so many units; it is never raised to them.

    Args:
        until: The last day on which the rule holds; none: for good.
    """

    quantity: Decimal
    until: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A difference up to so much, itself included, is no change; one of the three is given.

    Args:
        units: Of the product.
        percent: Of the PSA quantity.
        money: Size of the monthly revenue change, in the card's currency.
    """

    units: Decimal | None = None
    percent: Decimal | None = None
    money: Decimal | None = None
    reason: str = ""

    def covers(self, difference: Decimal, psa: Decimal, revenue_month: Fraction | None) -> bool:
        """Tell whether a difference lies within the tolerance."""
        size = abs(Fraction(difference))
        if self.units is not None and size <= self.units:
            return True
        if self.percent is not None and size * 100 <= abs(Fraction(psa)) * Fraction(self.percent):
            return True
        return self.money is not None and revenue_month is not None and abs(revenue_month) <= self.money

    def words(self) -> str:
        """Say how large a difference may be."""
        parts = []
        if self.units is not None:
            parts.append(f"{plain(self.units)} unit" + ("" if self.units == 1 else "s"))
        if self.percent is not None:
            parts.append(f"{plain(self.percent)} percent")
        if self.money is not None:
            parts.append(f"{two_places(self.money)} a month")
        return " or ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The two numbers of a company and product that a person looked at; none: there was no count."""

    vendor: Decimal | None
    psa: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Leave a card alone while its numbers stand still.

    Args:
        until: The last day on which the rule holds; none: for good.
        seen: The vendor quantity that the person saw; another one brings the card back.
        numbers: By company and product what the person saw. Others than these are not left alone, so that what
            came later shows. None: the rule knows of no numbers but `seen`.
    """

    reason: str
    until: date | None = None
    seen: Decimal | None = None
    numbers: Mapping[tuple[int, str], Seen] | None = None

    def leaves_alone(self, company_id: int, product: str, now: Seen) -> bool:
        """Tell whether the numbers of a company and product are those that the rule was set for."""
        if self.numbers is not None:
            return self.numbers.get((company_id, product)) == now
        return now.vendor is not None and (self.seen is None or self.seen == now.vendor)

    def words(self, company_id: int, product: str, now: Seen) -> str:
        """Say whether the rule holds for these numbers, and what ends it."""
        because = _because(self.reason)
        if self.leaves_alone(company_id, product, now):
            if self.numbers is None and self.seen is None:
                return f"Left alone{_until(self.until)}{because}"
            same = now if self.numbers is not None else Seen(vendor=now.vendor)
            return f"Left alone while {_numbers(same)}{_until(self.until)}{because}"
        was = self.numbers.get((company_id, product)) if self.numbers is not None else Seen(vendor=self.seen)
        if was is None:
            return f"Not left alone: it came after the rule was set{because}"
        return f"Left alone no more: a number moved since {_numbers(was, past=True)}{because}"


RuleBody = Rounding | Minimum | Floor | Tolerance | Ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and what it hangs on: a pair, a company (no product) or a product (no company)."""

    body: RuleBody
    company_id: int | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesInForce:
    """The rules of one company and product on one day, at most one of each sort."""

    rounding: Rounding | None = None
    minimum: Minimum | None = None
    floor: Floor | None = None
    tolerance: Tolerance | None = None
    ignore: Ignore | None = None


class RuleBook:
    """All rules; of one sort the pair's wins, then the company's, then the product's.

    A rule whose last day is past is no rule, so that a wider one holds again. Of two rules on the same thing the
    one given last holds.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules: dict[tuple[int | None, str | None], list[RuleBody]] = {}
        for rule in rules:
            self._rules.setdefault((rule.company_id, rule.product), []).append(rule.body)

    def in_force(self, company_id: int, product: str, today: date) -> RulesInForce:
        """Choose the rules of a company and product on a day."""
        rounding, minimum, floor, tolerance, ignore = None, None, None, None, None
        for key in ((None, None), (None, product), (company_id, None), (company_id, product)):
            for body in self._rules.get(key, ()):
                match body:
                    case Rounding():
                        rounding = body
                    case Tolerance():
                        tolerance = body
                    case Minimum() if holds(body.until, today):
                        minimum = body
                    case Floor() if holds(body.until, today):
                        floor = body
                    case Ignore() if holds(body.until, today):
                        ignore = body
                    case _:
                        continue
        return RulesInForce(rounding=rounding, minimum=minimum, floor=floor, tolerance=tolerance, ignore=ignore)


def holds(until: date | None, today: date) -> bool:
    """Tell whether a rule still holds; its last day counts."""
    return until is None or today <= until


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The quantity that the rules make of a count.

    Args:
        steps: How, in sentences.
        applied: Which rules bent it: "rounding", "minimum", "floor".
    """

    quantity: Decimal
    steps: tuple[str, ...]
    applied: tuple[str, ...] = ()


def propose(vendor: Decimal, psa: Decimal, rules: RulesInForce, today: date) -> Proposal:
    """Bend a vendor's count by rounding, minimum and floor, in this order.

    Args:
        vendor: The company's whole count.
        psa: The company's whole PSA quantity, for the floor: `max(proposed, min(psa, floor))`.
        rules: Those of the company and product.
        today: Rules whose last day is past do nothing.
    """
    quantity = vendor
    words = [f"Counted {plain(vendor)}"]
    applied = []
    if quantity < 0:
        quantity = Decimal(0)
        words.append("below zero is taken as 0")
    if rules.rounding is not None and (rounded := rules.rounding.apply(quantity)) != quantity:
        quantity = rounded
        applied.append("rounding")
        words.append(f"{rules.rounding.words()} to {plain(quantity)}")
    minimum = rules.minimum
    if minimum is not None and holds(minimum.until, today) and quantity < minimum.quantity:
        quantity = minimum.quantity
        applied.append("minimum")
        words.append(f"minimum {plain(quantity)}{_until(minimum.until)}{_because(minimum.reference)}")
    floor = rules.floor
    if floor is not None and holds(floor.until, today) and quantity < (kept := min(psa, floor.quantity)):
        quantity = kept
        applied.append("floor")
        below = f"not below {plain(floor.quantity)}{_until(floor.until)}{_because(floor.reason)}"
        words.append(below if kept == floor.quantity else f"{below}, and the PSA has {plain(psa)}")
    sentence = f"{', '.join(words)}: proposes {plain(quantity)}"
    return Proposal(quantity=quantity, steps=(sentence,), applied=tuple(applied))


def _until(day: date | None) -> str:
    """Say how long a rule holds."""
    return "" if day is None else f" until {day_text(day)}"


def _numbers(seen: Seen, *, past: bool = False) -> str:
    """Say what the vendors count and what ConnectWise bills, or did."""
    verb, has = ("was", "had") if past else ("is", "has")
    counted = f"nothing {verb} counted" if seen.vendor is None else f"the count {verb} {plain(seen.vendor)}"
    return counted if seen.psa is None else f"{counted} and the PSA {has} {plain(seen.psa)}"


def _because(reason: str) -> str:
    """Say where a rule comes from."""
    return f" ({reason})" if reason else ""
