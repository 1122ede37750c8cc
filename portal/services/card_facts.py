"""What a made card becomes in the store: its numbers, and the facts its row shows besides."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from portal.domain.lines import newest_first, revenue, total
from portal.domain.money import per_month
from portal.domain.quantities import plain
from portal.domain.reconcile import Card as MadeCard
from portal.domain.reconcile import CardKind
from portal.domain.rules import RulesInForce
from portal.services.card_picture import Picture

_AMOUNT_PLACES = 8

CHANGES = frozenset({CardKind.INCREASE, CardKind.DECREASE, CardKind.NEW_REVENUE})


def values(made: MadeCard, seen: Picture, names: Mapping[int, str]) -> dict[str, Any]:
    """Give the columns of a card's record that follow from what the PSA and the vendors say.

    Args:
        made: The card.
        seen: What it was made of.
        names: Name of each agreement.
    """
    item = seen.catalog.get(made.product)
    slugs = {source.vendor for source in made.sources} or seen.feeders.get(made.product, frozenset())
    return {
        "company": seen.companies[made.company_id].name,
        "agreement": "" if made.agreement_id is None else names.get(made.agreement_id, ""),
        "product_name": "" if item is None else item.description,
        "kind": made.kind.value,
        "psa_quantity": made.psa,
        "vendor_quantity": made.vendor,
        "proposed_quantity": made.proposed,
        "difference": made.difference,
        "unit_price": made.unit_price,
        "unit_cost": made.unit_cost,
        "revenue_change": amount(made.revenue_month),
        "profit_change": amount(made.profit_month),
        "at_stake": amount(_at_stake(made, seen)),
        "currency": made.currency or "",
        "prorates": made.prorates,
        "vendors": f"|{'|'.join(sorted(slugs))}|" if slugs else "",
        "oldest_count_at": min((source.counted_at for source in made.sources), default=None),
        "facts": _facts(made, seen),
        "stale_reason": None,
        "stale_at": None,
    }


def amount(exact: Fraction | None) -> Decimal | None:
    """Bring an amount to the 8 places that are stored; rounding it again to fewer gives what the exact one would.

    What does not fit is cut, and its last digit made odd if it is even ("round to odd"): it can then never look like
    the middle between two cents when it is not.
    """
    if exact is None:
        return None
    shifted = exact * 10**_AMOUNT_PLACES
    whole = abs(shifted.numerator) // shifted.denominator
    if whole * shifted.denominator != abs(shifted.numerator) and whole % 2 == 0:
        whole += 1
    return Decimal(whole if exact >= 0 else -whole).scaleb(-_AMOUNT_PLACES)


def _at_stake(made: MadeCard, seen: Picture) -> Fraction | None:
    """Give the money a month that the board sorts by.

    Returns:
        The size of the change; of a card without a count what is billed without proof; of one to be split what the
        company's count and its lines differ by.
    """
    if made.kind in CHANGES:
        return None if made.revenue_month is None else abs(made.revenue_month)
    item, cycle = seen.catalog.get(made.product), made.cycle_months or 1
    if made.kind is CardKind.NOT_REPORTED:
        billed = [revenue(line, item, line.quantity) for line in made.lines]
        known = [one for one in billed if one is not None]
        return per_month(sum(known, Fraction(0)), cycle)
    if made.kind is CardKind.TO_SPLIT and made.vendor is not None and made.unit_price is not None:
        stands = total(
            line
            for line in seen.lines
            if line.product == made.product
            and line.active(seen.day)
            and (billed_on := seen.billed.get(line.agreement_id)) is not None
            and billed_on.billed
            and billed_on.agreement.company_id == made.company_id
        )
        return per_month(abs(Fraction(made.vendor) - Fraction(stands)) * Fraction(made.unit_price), cycle)
    return Fraction(0)


def _facts(made: MadeCard, seen: Picture) -> dict[str, Any]:
    """Give what the row shows besides its numbers; decimals as text."""
    rules = seen.rules.in_force(made.company_id, made.product, seen.day)
    included = sum((line.less_included for line in made.lines), Decimal(0))
    return {
        "lines": [{"id": line.addition_id, "quantity": plain(line.quantity)} for line in newest_first(made.lines)],
        "changing": [
            {"id": one.addition_id, "before": plain(one.before), "after": plain(one.after)} for one in made.changing
        ],
        "later": [
            {
                "id": line.addition_id,
                "quantity": plain(line.quantity),
                "effective": None if line.effective is None else line.effective.isoformat(),
            }
            for line in made.later_lines
        ],
        "sources": _sources(made, seen),
        "arithmetic": list(made.arithmetic),
        "rules": _tags(made, rules, seen),
        "included": plain(included),
        "cycle_months": made.cycle_months,
        "within_tolerance": made.within_tolerance,
        "nowhere": made.kind is CardKind.NEW_REVENUE and made.company_id not in seen.with_agreement,
        "ignored": None if made.ignored is None else made.ignored.reason,
        "one_step": made.kind in {CardKind.INCREASE, CardKind.DECREASE}
        and len(made.changing) == 1
        and not made.later_lines,
    }


def _sources(made: MadeCard, seen: Picture) -> list[dict[str, str]]:
    """Name the files behind a count, each once, oldest first."""
    found = {(source.counted_at, source.vendor, source.file_id) for source in made.sources}
    return [
        {
            "vendor": seen.titles.get(slug, slug),
            "slug": slug,
            "counted_at": counted_at.isoformat(),
            "file": seen.files.get(file_id, ""),
        }
        for counted_at, slug, file_id in sorted(found)
    ]


def _tags(made: MadeCard, rules: RulesInForce, seen: Picture) -> list[str]:
    """Name the rules that hold for the card, in a word or two."""
    tags = []
    if rules.rounding is not None:
        tags.append(rules.rounding.words())
    if rules.minimum is not None:
        tags.append(f"minimum {plain(rules.minimum.quantity)}")
    if rules.floor is not None:
        tags.append(f"floor {plain(rules.floor.quantity)}")
    if rules.tolerance is not None:
        tags.append(f"tolerance {rules.tolerance.words()}")
    if made.ignored is not None:
        tags.append("ignored")
    if made.kind is not CardKind.TO_SPLIT and (made.company_id, made.product) in seen.splits:
        tags.append("split rule")
    return tags
