"""The next invoice, counted anew: each day of each period is billed before and after a plan's writes, and compared."""

import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pytest

from portal.domain.lines import total
from portal.domain.plans import StepAction, lines_after, plan_change
from portal.domain.psa import Agreement, BilledAgreement, Billing, Line, PeriodType, live_agreements
from tests.domain.build import SEAT, TODAY, agreement, line

ANY_DAY = [date(2026, 6, 1) + timedelta(days=number) for number in range(300)]
TRIALS = 500


def some_agreement(dice: random.Random) -> Agreement:
    return agreement(
        start=date(2023, 1, 1),
        end=dice.choice([None, None, date(2026, 10, 31), dice.choice(ANY_DAY[160:])]),
        bills=dice.choice(list(PeriodType)),
        cycle=dice.choice([1, 1, 2, 3, 6, 12]),
        invoice=dice.choice([date(2026, 11, 1), date(2026, 11, 30), date(2027, 1, 31), dice.choice(ANY_DAY)]),
        prorates=True,
    )


def some_line(dice: random.Random, number: int) -> Line:
    return line(
        dice.choice(["0", "1", "5", "7.5", "10", "0.25"]),
        id=number,
        price=dice.choice(["10", "3.333333", "0", "12.5", None]),
        since=dice.choice([None, date(2024, 3, 1), date(2026, 10, 20), dice.choice(ANY_DAY)]),
        until=dice.choice([None, None, None, dice.choice(ANY_DAY)]),
        included=dice.choice(["0", "0", "2"]),
        billing=dice.choice([Billing.BILLABLE, Billing.BILLABLE, Billing.NO_CHARGE]),
    )


def months_on(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    for number in range(day.day, 0, -1):
        try:
            return date(day.year + years, month + 1, number)
        except ValueError:
            continue
    raise AssertionError(day)


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def billed(lines: Iterable[Line], first: date, last: date, ends: date | None) -> Fraction:
    """What a period comes to: each line's days, as a share of the period's, at its price; included units are free."""
    whole = (last - first).days + 1
    amount = Fraction(0)
    for one in lines:
        price = SEAT.price if one.unit_price is None else one.unit_price
        if one.billing is not Billing.BILLABLE or price is None:
            continue
        begins, stops = one.effective or date.min, min(one.cancelled or date.max, ends or date.max)
        amount += (
            Fraction(one.quantity - one.less_included)
            * Fraction(price)
            * sum(begins <= day <= stops for day in days(first, last))
            / whole
        )
    return amount


def period_of(on: BilledAgreement, number: int) -> tuple[date, date]:
    """What an invoice bills: 0 the next one's, -1 the one's before it."""
    assert on.next_invoice is not None
    assert on.cycle_months is not None
    ahead = number + (on.period_type is PeriodType.FUTURE)
    first = months_on(on.next_invoice, on.cycle_months * (ahead - 1))
    return first, months_on(on.next_invoice, on.cycle_months * ahead) - timedelta(days=1)


@pytest.mark.parametrize("seed", range(4))
def test_a_dated_change_moves_the_next_invoice_by_what_its_days_come_to(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - trials, no secret
    compared = 0
    for _ in range(TRIALS):
        one = some_agreement(dice)
        on = live_agreements([one], TODAY)[one.id]
        lines = [some_line(dice, number) for number in range(1, dice.randint(2, 5))]
        wanted, day = dice.choice([Decimal(0), Decimal(3), Decimal("12.25"), Decimal(40)]), dice.choice(ANY_DAY)
        plan = plan_change(on, lines, SEAT, wanted, day, TODAY, dated=True)
        if plan.refused is not None:
            continue
        after = lines_after(lines, plan.steps)
        reference = max(day, TODAY)
        assert total(one for one in after if one.active(reference)) == wanted
        if any(step.action is StepAction.SET for step in plan.steps):
            continue  # it holds for the whole open period, so days do not tell
        moved, number = Fraction(0), 0
        while (period := period_of(on, number))[1] >= day:
            moved += billed(after, *period, one.last_day) - billed(lines, *period, one.last_day)
            number -= 1
        exact = Decimal(moved.numerator) / Decimal(moved.denominator)
        assert plan.effect.next_invoice == exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN, Context(prec=40))
        assert any(warned.code == "invoiced_ok" for warned in plan.warnings) == bool(
            plan.steps and day < period_of(on, 0)[0]
        )
        compared += 1
    assert compared > TRIALS / 10
