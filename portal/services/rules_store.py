"""The stored rules and split rules. A changed one ends and a new one begins, so history stays."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import PsaAgreement, Rule, SplitPart, SplitRule
from portal.domain import rules as domain
from portal.domain.quantities import MAX_QUANTITY, plain
from portal.domain.splits import Split, in_words
from portal.services import audit, rule_numbers
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound

KINDS = ("rounding", "minimum", "floor", "tolerance", "ignore")
_NEEDS = {"minimum": "quantity", "floor": "quantity", "rounding": "mode", "ignore": "reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleValues:
    """What a rule says; which fields count depends on its kind.

    Args:
        quantity: Minimum and floor: units.
        until: The last day on which it holds, itself included; none: for good.
        mode: Rounding: up, down or nearest.
        to: Rounding: the size of a step, above zero.
        units: Tolerance, in units of the product.
        percent: Tolerance, of the PSA quantity.
        money: Tolerance, size of the monthly revenue change.
        vendor_quantity: Ignore: the count it was set for, of a pair.
        numbers: Ignore: all counts and quantities it was set for, see `rule_numbers`.
        reference: Where it is agreed.
        reason: Why.
    """

    quantity: Decimal | None = None
    until: date | None = None
    mode: str | None = None
    to: Decimal | None = None
    units: Decimal | None = None
    percent: Decimal | None = None
    money: Decimal | None = None
    vendor_quantity: Decimal | None = None
    numbers: rule_numbers.Numbers | None = None
    reference: str | None = None
    reason: str | None = None


def rule_book(
    session: Session, today: date, *, without: Collection[int] = (), plus: Iterable[Rule] = ()
) -> domain.RuleBook:
    """Give the rules in force, in the order in which they were given.

    Args:
        session: For reading.
        today: The day looked at; rules whose last day is past are left out.
        without: Ids of rules that are left out, to see what would be without them.
        plus: Rules that are not stored, as if they were given last.
    """
    rows = session.scalars(sa.select(Rule).where(Rule.ended_at.is_(None)).order_by(Rule.id))
    return domain.RuleBook(
        domain.Rule(body=body_of(row, today), company_id=row.company_id, product=row.product)
        for row in (*(one for one in rows if one.id not in without), *plus)
        if domain.holds(row.until, today)
    )


def split_of(row: SplitRule) -> Split:
    """Read a stored split rule as the rules see it."""
    fixed = {part.agreement_id: part.quantity for part in row.parts}
    return Split(all_to=row.all_to, fixed=fixed, rest_to=row.rest_to)


def splits(session: Session) -> dict[tuple[int, str], Split]:
    """Give the split rules by (company, product)."""
    rows = session.scalars(
        sa.select(SplitRule).where(SplitRule.ended_at.is_(None)).options(selectinload(SplitRule.parts))
    )
    return {(row.company_id, row.product): split_of(row) for row in rows}


def add_rule(
    session: Session,
    *,
    kind: str,
    company_id: int | None,
    product: str | None,
    values: RuleValues,
    by: Actor,
    now: datetime,
) -> Rule:
    """Set a rule on a product, a company or the pair; one of the same kind on the same thing ends.

    Args:
        session: A writing session.
        kind: One of `KINDS`.
        company_id: The company; none: all of them.
        product: The product; none: all of the company's.
        values: What it says.
        by: Who sets it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: A value is missing or makes no sense.
    """
    require(by, "admin", "set rules")
    row = new_rule(kind=kind, company_id=company_id, product=product, values=values, by=by, now=now)
    standing = standing_on(session, kind=kind, company_id=company_id, product=product)
    same = next((one for one in standing if _says(one) == _says(row)), None)
    if same is not None:
        return same
    for one in standing:
        one.ended_by, one.ended_at = by.name, now
    session.add(row)
    session.flush()
    audit.record(
        session,
        what="setting",
        action="rule.set",
        by=by,
        now=now,
        sentence=f"Set a rule: {words(row)}.",
        company_id=company_id,
        product=product,
        before="; ".join(words(one) for one in standing) or None,
        after=words(row),
        reason=values.reason,
    )
    return row


def new_rule(
    *, kind: str, company_id: int | None, product: str | None, values: RuleValues, by: Actor, now: datetime
) -> Rule:
    """Make a rule that is not stored yet.

    Raises:
        Invalid: A value is missing or makes no sense.
    """
    _refuse_nonsense(kind, company_id, product, values)
    return Rule(
        kind=kind,
        company_id=company_id,
        product=product,
        quantity=values.quantity,
        until=values.until,
        mode=values.mode,
        to=values.to or Decimal(1) if kind == "rounding" else None,
        units=values.units,
        percent=values.percent,
        money=values.money,
        vendor_quantity=values.vendor_quantity,
        numbers=values.numbers,
        reference=values.reference,
        reason=values.reason,
        set_by=by.name,
        set_at=now,
    )


def standing_on(session: Session, *, kind: str, company_id: int | None, product: str | None) -> list[Rule]:
    """Give the rules of a kind that nobody ended on exactly this thing: one, as a rule."""
    query = sa.select(Rule).where(
        Rule.kind == kind, Rule.company_id == company_id, Rule.product == product, Rule.ended_at.is_(None)
    )
    return list(session.scalars(query.order_by(Rule.id)))


def end_rule(session: Session, rule_id: int, *, by: Actor, now: datetime, reason: str | None = None) -> Rule:
    """End a rule at once; it stays in the history.

    Args:
        session: A writing session.
        rule_id: The rule.
        by: Who ends it; an admin.
        now: By the business clock.
        reason: Why, if the person says so.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such rule.
        Conflict: It was ended already.
    """
    require(by, "admin", "end rules")
    row = session.get(Rule, rule_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no rule {rule_id}. Nothing was changed.")
    if row.ended_at is not None:
        raise Conflict(f"{row.ended_by} has ended this rule already. Nothing was changed.")
    row.ended_by, row.ended_at = by.name, now
    session.flush()
    audit.record(
        session,
        what="setting",
        action="rule.end",
        by=by,
        now=now,
        sentence=f"Ended a rule: {words(row)}.",
        company_id=row.company_id,
        product=row.product,
        before=words(row),
        reason=reason,
    )
    return row


_SAYS = ("quantity", "until", "mode", "to", "units", "percent", "money", "vendor_quantity", "numbers")


def _says(row: Rule) -> tuple[object, ...]:
    """Give all that a rule says, to tell whether two say the same."""
    return (*(getattr(row, name) for name in _SAYS), row.reference or "", row.reason or "")


def words(row: Rule) -> str:
    """Say what a stored rule does."""
    body = body_of(row)
    match body:
        case domain.Rounding() | domain.Tolerance():
            said = f"{row.kind}: {body.words()}"
        case domain.Minimum() | domain.Floor():
            said = f"{row.kind} {plain(body.quantity)}"
        case _:
            said = row.kind
    until = "" if row.until is None else f" until {row.until.isoformat()}"
    because = "; ".join(one for one in (row.reference, row.reason) if one)
    return f"{said}{until}{f' ({because})' if because else ''}"


def set_split(
    session: Session,
    *,
    company_id: int,
    product: str,
    all_to: int | None = None,
    fixed: Mapping[int, Decimal] | None = None,
    rest_to: int | None = None,
    by: Actor,
    now: datetime,
) -> SplitRule:
    """Say how a company's count of a product is shared by its agreements.

    Args:
        session: A writing session.
        company_id: The company.
        product: The product.
        all_to: The agreement that takes everything; or:
        fixed: Quantity by agreement, 0 or more, at most 4 decimals.
        rest_to: The agreement that takes what the fixed parts leave.
        by: Who sets it; a biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: Neither form was given, or both; or an agreement is named twice.
    """
    require(by, "biller", "set a split rule")
    parts = dict(fixed or {})
    if (all_to is None) == (rest_to is None) or (all_to is not None and parts):
        raise Invalid("A split gives all to one agreement, or fixed parts to some and the rest to one.")
    if rest_to is not None and (not parts or rest_to in parts):
        raise Invalid("A split with fixed parts needs one agreement beside them that takes the rest.")
    for quantity in parts.values():
        _refuse_quantity(quantity)
    standing = session.scalars(
        sa.select(SplitRule).where(
            SplitRule.company_id == company_id, SplitRule.product == product, SplitRule.ended_at.is_(None)
        )
    ).one_or_none()
    row = SplitRule(
        company_id=company_id,
        product=product,
        all_to=all_to,
        rest_to=rest_to,
        set_by=by.name,
        set_at=now,
        parts=[SplitPart(agreement_id=one, quantity=quantity) for one, quantity in sorted(parts.items())],
    )
    if standing is not None:
        if split_of(standing) == split_of(row):
            return standing
        standing.ended_by, standing.ended_at = by.name, now
        session.flush()
    session.add(row)
    session.flush()
    told = split_words(session, row)
    audit.record(
        session,
        what="setting",
        action="split.set",
        by=by,
        now=now,
        sentence=f"Shares the count of {product}: {told}.",
        company_id=company_id,
        product=product,
        before=None if standing is None else split_words(session, standing),
        after=told,
    )
    return row


def split_words(session: Session, row: SplitRule) -> str:
    """Say what a split rule does, see `words_of_splits`."""
    return words_of_splits(session, [row])[0]


def words_of_splits(session: Session, rows: Iterable[SplitRule]) -> list[str]:
    """Say what split rules do, in their order, with the names that their agreements have now: one query."""
    every = [split_of(row) for row in rows]
    wanted = {one for split in every for one in (split.all_to, *split.fixed, split.rest_to) if one is not None}
    query = sa.select(PsaAgreement.id, PsaAgreement.name).where(PsaAgreement.id.in_(sorted(wanted)))
    names = dict(session.execute(query).all())
    return [in_words(split, names) for split in every]


def body_of(row: Rule, day: date | None = None) -> domain.RuleBody:
    """Read a stored rule as the rules see it; the database holds that its fields fit its kind.

    Args:
        row: The rule.
        day: The day looked at; an ignore rule then knows the numbers of that day's month. None: no numbers.
    """
    quantity = row.quantity or Decimal(0)
    match row.kind:
        case "rounding":
            return domain.Rounding(mode=domain.RoundingMode(row.mode or "nearest"), to=row.to or Decimal(1))
        case "minimum":
            return domain.Minimum(quantity=quantity, until=row.until, reference=row.reference or row.reason or "")
        case "floor":
            return domain.Floor(quantity=quantity, until=row.until, reason=row.reason or row.reference or "")
        case "tolerance":
            return domain.Tolerance(units=row.units, percent=row.percent, money=row.money, reason=row.reason or "")
        case _:
            numbers = None if day is None or row.numbers is None else rule_numbers.of_day(row.numbers, day)
            return domain.Ignore(reason=row.reason or "", until=row.until, seen=row.vendor_quantity, numbers=numbers)


def _refuse_nonsense(kind: str, company_id: int | None, product: str | None, values: RuleValues) -> None:
    """Refuse a rule that says nothing or too much.

    Raises:
        Invalid: With the field.
    """
    if kind not in KINDS:
        raise Invalid(f"A rule is one of {', '.join(KINDS)}, not “{kind}”.", {"kind": "Choose one of them."})
    if company_id is None and not product:
        raise Invalid("A rule needs a company, a product or both.", {"product": "Choose a product or a company."})
    needed = _NEEDS.get(kind)
    if needed is not None and not getattr(values, needed):
        raise Invalid(f"A rule of the kind “{kind}” needs its {needed}.", {needed: "This is missing."})
    if kind == "rounding" and values.mode not in {one.value for one in domain.RoundingMode}:
        raise Invalid("Rounding goes up, down or to the nearest.", {"mode": "Choose up, down or nearest."})
    limits = [one for one in (values.units, values.percent, values.money) if one is not None]
    if kind == "tolerance" and len(limits) != 1:
        raise Invalid("A tolerance is in units, percent or money: one of the three.", {"units": "Give one of them."})
    if values.to is not None and values.to <= 0:
        raise Invalid("A rounding step has to be above zero.", {"to": "Give a number above zero."})
    for value in (values.quantity, values.to, values.units, values.percent, values.vendor_quantity):
        _refuse_quantity(value)
    if values.money is not None and not 0 <= values.money <= MAX_QUANTITY:
        raise Invalid("A tolerance in money is 0 or more.", {"money": "Give an amount of 0 or more."})


def _refuse_quantity(value: Decimal | None) -> None:
    if value is not None and (not 0 <= value <= MAX_QUANTITY or value != round(value, 4)):
        raise Invalid(f"{plain(value)} cannot be used: 0 or more, with at most 4 decimals.")
