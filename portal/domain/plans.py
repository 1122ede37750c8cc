"""Turn a decision into a plan of PSA writes: pure, so that it can be shown before anything is sent."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from portal.domain.effective_dates import EARLIEST, LATEST, date_bounds
from portal.domain.invoicing import InvoiceEffect, Move, already_invoiced, invoice_effect, invoiced_period
from portal.domain.lines import LineChange, line_changes, newest_first, revenue, total
from portal.domain.money import money_text
from portal.domain.periods import day_before, day_text
from portal.domain.psa import BilledAgreement, CatalogItem, Line
from portal.domain.quantities import MAX_QUANTITY, bring_to_places, plain
from portal.domain.steps import Effect, Plan, Step, StepAction, Warned, effect_words, lines_after
from portal.domain.undo import DoneStep, plan_undo

__all__ = [
    "EARLIEST",
    "LATEST",
    "DoneStep",
    "Effect",
    "Plan",
    "Step",
    "StepAction",
    "Warned",
    "lines_after",
    "plan_add",
    "plan_change",
    "plan_undo",
]


def plan_change(
    agreement: BilledAgreement,
    lines: Iterable[Line],
    item: CatalogItem | None,
    quantity: Decimal,
    day: date | None,
    today: date,
    dated: bool,
) -> Plan:
    """Plan Approve or Adjust.

    Args:
        agreement: With what it takes from its parent.
        lines: All lines of the product on the agreement, ended and scheduled ones too.
        item: The catalogue item, whose price stands in for a line's missing one.
        quantity: What the lines sum to afterwards, on the day or today if that is later.
        day: The effective date that the person picked.
        today: In the portal's time zone.
        dated: The decision is Adjust, which takes a date if, and only if, the agreement prorates. Approve never does.

    Returns:
        The writes, or a refusal. No steps where the quantity stands already.
    """
    refused = (
        agreement.why_not
        or _bad_quantity(quantity)
        or _bad_day(agreement, day, takes=dated and agreement.agreement.prorates, needs=dated)
    )
    if refused is not None:
        return Plan(refused=refused)
    known = newest_first(lines)
    reference = today if day is None else max(day, today)
    active = [line for line in known if line.active(reference)]
    if not active:
        return Plan(refused=f"No line of this product is active on {day_text(reference)}. Add one instead.")
    changes = line_changes(active, quantity)
    by_id = {line.addition_id: line for line in active}
    touched = [by_id[change.addition_id] for change in changes]
    too_early = None if day is None else date_bounds(agreement, touched).why_not(day)
    if too_early is not None:
        return Plan(refused=too_early)
    steps = tuple(step for line, change in zip(touched, changes, strict=True) for step in _steps(line, change, day))
    moves = [
        Move(
            amount=revenue(line, item, _units(line, change, day)),
            begins=None if line.effective == day else day,
            ends=line.cancelled,
        )
        for line, change in zip(touched, changes, strict=True)
    ]
    effect = invoice_effect(agreement, moves)
    warnings = []
    if day is not None and steps and already_invoiced(agreement, day):
        warnings.append(_invoiced(agreement, day, effect, dated=any(move.begins is not None for move in moves)))
    if not dated and steps:
        warnings += _scheduled(known, today, quantity)
    return Plan(
        steps=steps,
        effect=Effect.of(effect),
        warnings=tuple(warnings),
        sentences=(
            *(step.words() for step in steps),
            *_included_words(touched, changes),
            *_open_period_words(agreement, day, steps),
            *(_later_words(known, reference) if dated else []),
            *effect_words(effect, steps),
        ),
    )


def _bad_quantity(quantity: Decimal) -> str | None:
    """Say why a quantity cannot be written."""
    if not quantity.is_finite() or quantity < 0:
        return "A quantity is 0 or more."
    if quantity > MAX_QUANTITY:
        return f"{plain(quantity)} is too large. The largest quantity is {plain(MAX_QUANTITY)}."
    if bring_to_places(quantity) != quantity:
        return f"{plain(quantity)} has more than 4 decimals."
    return None


def _bad_day(agreement: BilledAgreement, day: date | None, *, takes: bool, needs: bool) -> str | None:
    """Say why a date, or its lack, cannot be accepted.

    Args:
        agreement: Its start, end, and whether it prorates.
        day: The date that was sent.
        takes: The decision takes a date on this agreement.
        needs: Where it does, it needs one.
    """
    own = agreement.agreement
    if day is None:
        missing = "This agreement prorates. Pick the day from which the quantity holds."
        return missing if takes and needs else None
    if not takes:
        return (
            "Approve takes no date: it holds at once. To bill from a day on, Adjust."
            if own.prorates
            else "This agreement does not prorate, so no date can be picked: a change holds at once."
        )
    return date_bounds(agreement).why_not(day)


def _steps(line: Line, change: LineChange, day: date | None) -> list[Step]:
    """Write one line's change: at once, or from a day on with dated lines."""
    if day is None or line.effective == day:
        return [
            Step(
                action=StepAction.SET,
                addition_id=line.addition_id,
                expected=change.before,
                quantity=change.after,
            )
        ]
    grows = change.after > change.before
    steps = []
    if grows or change.after > 0:
        steps.append(
            Step(
                action=StepAction.CREATE,
                like=line.addition_id,
                quantity=change.after - change.before if grows else change.after,
                effective=day,
                cancelled=line.cancelled,
                product=line.product,
                # A line that replaces another takes its included units along; an increase has none of its own.
                less_included=Decimal(0) if grows else line.less_included,
            )
        )
    if not grows:
        steps.append(
            Step(
                action=StepAction.END,
                addition_id=line.addition_id,
                expected=line.cancelled,
                cancelled=day_before(day),
            )
        )
    return steps


def _units(line: Line, change: LineChange, day: date | None) -> Decimal:
    """Give how many billed units a change moves: of a line that just ends, included ones were never billed."""
    if change.after == 0 and day is not None and line.effective != day:
        return -line.billed_units
    return change.after - change.before


def _invoiced(agreement: BilledAgreement, day: date, effect: InvoiceEffect, *, dated: bool) -> Warned:
    """Spell out that a date lies in a period that was already invoiced."""
    period = invoiced_period(agreement)
    since = "" if period is None else f" (all days before {day_text(period.first)} are)"
    known = effect.next_invoice is not None
    if dated and known:
        what = f"The rest of that period comes on top of the next invoice: {money_text(effect.on_top)}."
    elif dated:
        what = "The rest of that period comes on top of the next invoice."
    else:
        what = "What was invoiced stays as it is; the change begins with the next invoice."
    return Warned(code="invoiced_ok", sentence=f"{day_text(day)} was already invoiced{since}. {what}")


def _scheduled(lines: Sequence[Line], today: date, quantity: Decimal) -> list[Warned]:
    """Spell out that a line begins later, so that both would bill."""
    later = [line for line in lines if line.begins_after(today)]
    return [
        Warned(
            code="scheduled_ok",
            sentence=f"{_begins(line)} Beside the {plain(quantity)} of this change, both would bill.",
        )
        for line in later
    ]


def _begins(line: Line) -> str:
    """Say when a scheduled line begins."""
    since = "" if line.effective is None else f" on {day_text(line.effective)}"
    return f"Line {line.addition_id} with {plain(line.quantity)} begins{since}."


def _later_words(lines: Sequence[Line], reference: date) -> list[str]:
    """Name the lines that begin after the change."""
    return [_begins(line) for line in lines if line.begins_after(reference)]


def _included_words(touched: Sequence[Line], changes: Sequence[LineChange]) -> list[str]:
    """Say where a line would hold fewer units than are included in it."""
    return [
        f"Line {line.addition_id} includes {plain(line.less_included)} units, more than the {plain(change.after)} left."
        for line, change in zip(touched, changes, strict=True)
        if change.after < line.less_included
    ]


def _open_period_words(agreement: BilledAgreement, day: date | None, steps: Sequence[Step]) -> list[str]:
    """Say that a quantity that is set holds for the whole open period."""
    if not any(step.action is StepAction.SET for step in steps):
        return []
    if agreement.agreement.prorates and day is None:
        return ["This holds for the whole open period. To bill from a day on, Adjust."]
    return ["This holds at once, for the whole open period."]


def plan_add(
    agreement: BilledAgreement,
    item: CatalogItem | None,
    quantity: Decimal,
    day: date | None,
    today: date,
    price: Decimal | None = None,
    cost: Decimal | None = None,
    lines: Iterable[Line] = (),
) -> Plan:
    """Plan Add: a new line for usage that nothing bills.

    Args:
        agreement: The one that the person chose.
        item: The catalogue item; none: the PSA does not have the product.
        quantity: Above 0.
        day: The effective date, taken only where the agreement prorates; none: today.
        today: In the portal's time zone.
        price: For one unit and billing cycle; none: the catalogue's.
        cost: Likewise.
        lines: All lines of the product on the agreement, ended and scheduled ones too.

    Returns:
        The write, or a refusal.
    """
    own = agreement.agreement
    known = newest_first(lines)
    refused = (
        agreement.why_not
        or _bad_product(item)
        or _bad_quantity(quantity)
        or ("An added line needs a quantity above 0." if quantity == 0 else None)
        or ("A price or cost is 0 or more." if min(price or Decimal(0), cost or Decimal(0)) < 0 else None)
        or _bad_day(agreement, day, takes=own.prorates, needs=False)
        or _stands_already(known, today if day is None else day)
    )
    if item is None or refused is not None:
        return Plan(refused=refused)
    first_day = today if day is None else day
    step = Step(
        action=StepAction.CREATE,
        quantity=quantity,
        effective=first_day,
        product=item.product,
        unit_price=item.price if price is None else price,
        unit_cost=item.cost if cost is None else cost,
    )
    fresh = Line(
        addition_id=0, agreement_id=own.id, product=item.product, quantity=quantity, unit_price=step.unit_price
    )
    begins = first_day if own.prorates else None
    effect = invoice_effect(agreement, [Move(amount=revenue(fresh, item, quantity), begins=begins)])
    warnings = _scheduled(known, first_day, quantity)
    if day is not None and already_invoiced(agreement, day):
        warnings.insert(0, _invoiced(agreement, day, effect, dated=True))
    sold = ["The catalogue marks this product as inactive; the PSA may refuse it."] if item.inactive else []
    return Plan(
        steps=(step,),
        effect=Effect.of(effect),
        warnings=tuple(warnings),
        sentences=(step.words(), *sold, *effect_words(effect, (step,))),
    )


def _bad_product(item: CatalogItem | None) -> str | None:
    """Say why a product cannot be added."""
    if item is None:
        return "This product is not in the PSA's catalogue, so it cannot be added."
    if item.bundle:
        return f"{item.product} is a bundle: ConnectWise PSA refuses a bundle as an addition. Add its parts instead."
    return None


def _stands_already(lines: Sequence[Line], day: date) -> str | None:
    """Say that the product is billed already on a day."""
    active = [line for line in lines if line.active(day)]
    if not active:
        return None
    quantity, first = plain(total(active)), active[0].addition_id
    return f"This product stands on the agreement already, with {quantity} (line {first}). Adjust it instead."
