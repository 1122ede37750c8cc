"""Compare what vendors report with what agreements bill: one card a product and agreement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from portal.domain.cards import Card, CardKind, card_order
from portal.domain.lines import (
    LineChange,
    cost_of,
    line_changes,
    line_to_grow,
    newest_first,
    price_of,
    profit,
    revenue,
    total,
)
from portal.domain.mapping import MappedUsage
from portal.domain.money import per_month
from portal.domain.psa import Agreement, BilledAgreement, CatalogItem, Company, Line, live_agreements
from portal.domain.quantities import plain
from portal.domain.rules import Ignore, RuleBook, RulesInForce, Seen, propose
from portal.domain.splits import CannotSplit, Split, share
from portal.domain.stale import stale_cards, why_stale

__all__ = ["Card", "CardKind", "LineChange", "reconcile", "stale_cards", "why_stale"]


_TIMES = "\N{MULTIPLICATION SIGN}"
_TERMS = 8  # a longer sum is not written out: the sources stand beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    """All that is looked at, in the order in which it is asked for."""

    companies: Mapping[int, Company]
    billed: Mapping[int, BilledAgreement]
    catalog: Mapping[str, CatalogItem]
    usage: Mapping[tuple[int, str], MappedUsage]
    fed: Collection[str]
    rules: RuleBook
    splits: Mapping[tuple[int, str], Split]
    later: Mapping[tuple[int, str], tuple[Line, ...]]
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One agreement's part of a count and of its proposal."""

    vendor: Decimal
    proposed: Decimal
    steps: tuple[str, ...]
    rules: tuple[str, ...]


def reconcile(
    companies: Iterable[Company],
    agreements: Iterable[Agreement],
    lines: Iterable[Line],
    catalog: Iterable[CatalogItem],
    usage: Iterable[MappedUsage],
    fed_products: Collection[str],
    rules: RuleBook,
    splits: Mapping[tuple[int, str], Split],
    today: date,
) -> list[Card]:
    """Make the cards of a period; the order of rows never matters.

    Args:
        companies: All companies; one that is not given is out of scope.
        agreements: All agreements, parents too.
        lines: All additions; those that are not active on the day count for nothing.
        catalog: All catalogue items.
        usage: The period's mapped usage, each company and product once.
        fed_products: Products that some mapped vendor service feeds.
        rules: Rounding, minimum, floor, tolerance, ignore.
        splits: Split rules by company and product.
        today: The day looked at; for a past month its last day.

    Returns:
        Cards by company, agreement (none first), then product. A product on two agreements of one company without
        a split rule is a `TO_SPLIT` card on each: how to share the count is a person's decision.
    """
    billed = live_agreements(agreements, today)
    by_company = {company.id: company for company in companies}
    active: dict[tuple[int, str], dict[int, list[Line]]] = {}
    later: dict[tuple[int, str], list[Line]] = {}
    for line in lines:
        agreement = billed.get(line.agreement_id)
        if agreement is None or not _in_scope(by_company.get(agreement.agreement.company_id)):
            continue
        key = (agreement.agreement.company_id, line.product)
        if agreement.billed and line.active(today):
            active.setdefault(key, {}).setdefault(line.agreement_id, []).append(line)
        elif _comes_later(line, agreement, today):
            later.setdefault(key, []).append(line)
    books = _Books(
        companies=by_company,
        billed=billed,
        catalog={item.product: item for item in catalog},
        usage={(one.company_id, one.product): one for one in usage},
        fed=frozenset(fed_products),
        rules=rules,
        splits=splits,
        later={key: tuple(newest_first(found)) for key, found in later.items()},
        today=today,
    )
    cards = [card for key, found in active.items() for card in _cards_of(books, key, found)]
    cards += [
        _new_revenue(books, one)
        for key, one in books.usage.items()
        if key not in active and one.units > 0 and _in_scope(by_company.get(key[0]))
    ]
    return sorted(cards, key=card_order)


def _in_scope(company: Company | None) -> bool:
    """Tell whether a company makes cards; an unknown one does not."""
    return company is not None and company.in_scope


def _comes_later(line: Line, agreement: BilledAgreement, today: date) -> bool:
    """Tell whether a line is a scheduled change, by its own dates or by those of an agreement that has not begun."""
    start = agreement.agreement.start
    if agreement.live:
        return agreement.billed and line.begins_after(today)
    begins = not agreement.agreement.cancelled and start is not None and start > today
    return begins and (line.cancelled is None or line.cancelled > today)


def _cards_of(books: _Books, key: tuple[int, str], active: Mapping[int, Sequence[Line]]) -> list[Card]:
    """Make the cards of one product of one company, one for each agreement that has it."""
    company_id, product = key
    bases = {one: _base(books, company_id, product, one, active[one]) for one in sorted(active)}
    if product not in books.fed:
        return [replace(base, kind=CardKind.PSA_ONLY) for base in bases.values()]
    usage = books.usage.get(key)
    rules = books.rules.in_force(company_id, product, books.today)
    psa = total(line for lines in active.values() for line in lines)
    if usage is None:
        return [_not_reported(base, rules, psa) for base in bases.values()]
    parts = _parts(books, usage, psa, rules, sorted(active))
    if isinstance(parts, CannotSplit):
        reason = (*_sum_words(usage), parts.reason)
        return [
            replace(
                base,
                kind=CardKind.TO_SPLIT,
                vendor=usage.units,
                arithmetic=(*reason, *_ignore_words(rules, usage, psa)),
                sources=usage.sources,
                ignored=_ignored(rules, usage, psa),
            )
            for base in bases.values()
        ]
    # A minimum wins over a tolerance.
    below_minimum = rules.minimum is not None and psa < rules.minimum.quantity
    return [
        _compared(books, bases[one], part, usage, rules, psa, bend=not below_minimum)
        for one, part in sorted(parts.items())
    ]


def _base(books: _Books, company_id: int, product: str, agreement_id: int, active: Sequence[Line]) -> Card:
    """Start a card with what the PSA alone says."""
    billed = books.billed[agreement_id]
    company = books.companies[company_id]
    item = books.catalog.get(product)
    ordered = newest_first(active)
    first = line_to_grow(ordered) or ordered[0]
    return Card(
        company_id=company_id,
        agreement_id=agreement_id,
        product=product,
        kind=CardKind.NO_CHANGE,
        psa=total(ordered),
        unit_price=price_of(first, item),
        unit_cost=cost_of(first, item),
        prorates=billed.agreement.prorates,
        currency=billed.agreement.currency or company.currency,
        cycle_months=billed.cycle_months,
        lines=tuple(ordered),
        later_lines=tuple(
            line for line in books.later.get((company_id, product), ()) if line.agreement_id == agreement_id
        ),
    )


def _parts(
    books: _Books, usage: MappedUsage, psa: Decimal, rules: RulesInForce, agreements: Sequence[int]
) -> dict[int, _Part] | CannotSplit:
    """Share a count and its proposal between the agreements; the rules bend the whole, which is then shared."""
    proposal = propose(usage.units, psa, rules, books.today)
    steps = (*_sum_words(usage), *proposal.steps)
    if len(agreements) == 1:
        return {
            agreements[0]: _Part(vendor=usage.units, proposed=proposal.quantity, steps=steps, rules=proposal.applied)
        }
    split = books.splits.get((usage.company_id, usage.product))
    if split is None:
        names = " and ".join(str(one) for one in agreements)
        return CannotSplit(reason=f"The product stands on agreements {names}, and no rule says how to share it.")
    proposed = share(proposal.quantity, split, agreements)
    if isinstance(proposed, CannotSplit):
        return proposed
    counted = share(usage.units, split, agreements)
    if isinstance(counted, CannotSplit):  # a minimum lifted the whole above the fixed parts
        counted = _fill(usage.units, proposed)
    return {
        one: _Part(
            vendor=counted[one],
            proposed=proposed[one],
            steps=(
                *steps,
                f"Of {plain(proposal.quantity)}, the split rule gives this agreement {plain(proposed[one])}",
            ),
            rules=(*proposal.applied, "split"),
        )
        for one in agreements
    }


def _fill(units: Decimal, parts: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Share units along larger parts, first agreement first, so that they still sum to the whole."""
    filled = {}
    left = units
    for one, part in sorted(parts.items()):
        filled[one] = min(left, part)
        left -= filled[one]
    return filled


def _sum_words(usage: MappedUsage) -> tuple[str, ...]:
    """Say how several counts make one, and where decimals were dropped."""
    words = []
    if len(usage.sources) > 1 or any(source.factor != 1 for source in usage.sources):
        terms = (
            f"{len(usage.sources)} counts"
            if len(usage.sources) > _TERMS
            else " + ".join(
                plain(source.counted) + ("" if source.factor == 1 else f" {_TIMES} {plain(source.factor)}")
                for source in usage.sources
            )
        )
        words.append(f"{terms} = {plain(usage.units if usage.exact is None else usage.exact)}")
    if usage.exact is not None and usage.rounded:
        words.append(f"{plain(usage.exact)} is brought to 4 decimals, half to even: {plain(usage.units)}")
    return tuple(words)


def _not_reported(base: Card, rules: RulesInForce, psa: Decimal) -> Card:
    """Make the card of a product that is fed and was not counted; a rule may leave it alone while that is so."""
    ignore = rules.ignore
    if ignore is None or ignore.numbers is None:
        return replace(base, kind=CardKind.NOT_REPORTED)
    now = Seen(vendor=None, psa=psa)
    alone = ignore.leaves_alone(base.company_id, base.product, now)
    return replace(
        base,
        kind=CardKind.NOT_REPORTED,
        arithmetic=(ignore.words(base.company_id, base.product, now),),
        ignored=ignore if alone else None,
    )


def _compared(
    books: _Books, base: Card, part: _Part, usage: MappedUsage, rules: RulesInForce, whole: Decimal, *, bend: bool
) -> Card:
    """Compare one agreement's part with its PSA quantity; a tolerance holds only where `bend` lets it.

    `whole` is the PSA quantity of all the company's agreements.
    """
    psa = base.psa or Decimal(0)
    item = books.catalog.get(base.product)
    changing = line_changes(base.lines, part.proposed)
    revenue_month, profit_month = _money(base, changing, item)
    proposed, difference, steps = part.proposed, part.proposed - psa, part.steps
    tolerance = rules.tolerance
    covered = difference != 0 and tolerance is not None and tolerance.covers(difference, psa, revenue_month)
    within = bend and covered
    if within and tolerance is not None:
        because = f" ({tolerance.reason})" if tolerance.reason else ""
        steps = (*steps, f"A difference of {plain(difference)} is within {tolerance.words()}{because}: no change")
        proposed, difference, changing = psa, Decimal(0), ()
        revenue_month, profit_month = Fraction(0), Fraction(0)
    elif covered and tolerance is not None and rules.minimum is not None:
        least = plain(rules.minimum.quantity)
        steps = (*steps, f"The tolerance of {tolerance.words()} does not hold below the minimum {least}")
    first = next((line for line in base.lines if changing and line.addition_id == changing[0].addition_id), None)
    kind = CardKind.NO_CHANGE
    if difference:
        kind = CardKind.INCREASE if difference > 0 else CardKind.DECREASE
    return replace(
        base,
        kind=kind,
        vendor=part.vendor,
        proposed=proposed,
        difference=difference,
        unit_price=base.unit_price if first is None else price_of(first, item),
        unit_cost=base.unit_cost if first is None else cost_of(first, item),
        revenue_month=revenue_month,
        profit_month=profit_month,
        changing=changing,
        rules=(*part.rules, *(["tolerance"] if within else [])),
        arithmetic=(*steps, *(_ignore_words(rules, usage, whole) if difference else ())),
        sources=usage.sources,
        within_tolerance=within,
        ignored=_ignored(rules, usage, whole) if difference else None,  # what is equal asks for nothing
    )


def _money(
    base: Card, changing: Sequence[LineChange], item: CatalogItem | None
) -> tuple[Fraction | None, Fraction | None]:
    """Give the monthly revenue and profit change of the lines that change; none where a price is unknown."""
    cycle = base.cycle_months or 1
    by_id = {line.addition_id: line for line in base.lines}
    income: Fraction | None = Fraction(0)
    earned: Fraction | None = Fraction(0)
    for change in changing:
        line, units = by_id[change.addition_id], change.after - change.before
        more, gain = revenue(line, item, units), profit(line, item, units)
        income = None if income is None or more is None else income + per_month(more, cycle)
        earned = None if earned is None or gain is None else earned + per_month(gain, cycle)
    return income, earned


def _ignored(rules: RulesInForce, usage: MappedUsage, psa: Decimal) -> Ignore | None:
    """Give the rule that leaves a card alone, unless one of its numbers has moved."""
    ignore, now = rules.ignore, Seen(vendor=usage.units, psa=psa)
    return ignore if ignore is not None and ignore.leaves_alone(usage.company_id, usage.product, now) else None


def _ignore_words(rules: RulesInForce, usage: MappedUsage, psa: Decimal) -> tuple[str, ...]:
    """Say that a rule leaves a card alone, or why it does so no more."""
    if rules.ignore is None:
        return ()
    return (rules.ignore.words(usage.company_id, usage.product, Seen(vendor=usage.units, psa=psa)),)


def _new_revenue(books: _Books, usage: MappedUsage) -> Card:
    """Make the card of usage that no agreement bills; its money is the catalogue's."""
    rules = books.rules.in_force(usage.company_id, usage.product, books.today)
    proposal = propose(usage.units, Decimal(0), rules, books.today)
    item = books.catalog.get(usage.product)
    price, cost = (None, None) if item is None else (item.price, item.cost)
    income = None if price is None else Fraction(price) * Fraction(proposal.quantity)
    outlay = None if cost is None else Fraction(cost) * Fraction(proposal.quantity)
    return Card(
        company_id=usage.company_id,
        agreement_id=None,
        product=usage.product,
        kind=CardKind.NEW_REVENUE,
        psa=Decimal(0),
        vendor=usage.units,
        proposed=proposal.quantity,
        difference=proposal.quantity,
        unit_price=price,
        unit_cost=cost,
        revenue_month=income,
        profit_month=None if income is None or outlay is None else income - outlay,
        currency=books.companies[usage.company_id].currency,
        later_lines=books.later.get((usage.company_id, usage.product), ()),
        rules=proposal.applied,
        arithmetic=(*_sum_words(usage), *proposal.steps, *_ignore_words(rules, usage, Decimal(0))),
        sources=usage.sources,
        ignored=_ignored(rules, usage, Decimal(0)),
    )
