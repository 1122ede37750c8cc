"""The stored rules for people: a list with an example each, the rules of a pair and which one wins, history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import Card, PsaCompany, PsaProduct, Rule, SplitRule
from portal.domain.periods import Period
from portal.domain.rules import holds
from portal.services import rules_store
from portal.services.errors import NotFound

SOON = timedelta(days=30)  # a rule whose last day is nearer is about to expire
PAGE = 50
State = Literal["in_force", "expiring", "expired", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """A rule with its names.

    Args:
        company: The company's name; "" for a rule on every company.
        state: Whether it holds; `expiring`: it holds, and its last day is near.
        example: A card of the current month on which it holds, with arithmetic.
    """

    rule: Rule
    company: str
    product_name: str
    state: State
    example: Card | None = None

    @property
    def level(self) -> str:
        """What it hangs on: `pair`, `company` or `product`."""
        return level_of(self.rule)

    @property
    def stands(self) -> bool:
        """Tell whether it holds today."""
        return self.state in {"in_force", "expiring"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the list, with how many rules of the search are in each state."""

    rules: tuple[RuleShown, ...]
    total: int
    number: int
    pages: int
    by_state: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindShown:
    """The rules of one kind that are about a company and product, the winner first.

    Args:
        wins: The rule that holds; none: no rule of this kind does.
        beaten: Rules that hold elsewhere but not here, since a closer one does.
    """

    kind: str
    wins: RuleShown | None
    beaten: tuple[RuleShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairShown:
    """All rules about a company and product.

    Args:
        history: All rules on exactly this pair, the newest first, ended ones too.
        splits: Its split rules, the newest first, ended ones too, each with what it does in words.
    """

    kinds: tuple[KindShown, ...]
    history: tuple[RuleShown, ...]
    splits: tuple[tuple[SplitRule, str], ...]


def level_of(rule: Rule) -> str:
    """Say what a rule hangs on."""
    if rule.company_id is not None and rule.product is not None:
        return "pair"
    return "company" if rule.company_id is not None else "product"


def state_of(rule: Rule, today: date) -> State:
    """Say whether a rule holds on a day."""
    if rule.ended_at is not None:
        return "ended"
    if not holds(rule.until, today):
        return "expired"
    return "expiring" if rule.until is not None and rule.until - today <= SOON else "in_force"


def rule_shown(session: Session, rule_id: int, today: date) -> RuleShown:
    """Give one rule with its names and an example.

    Raises:
        NotFound: There is no such rule.
    """
    rule = session.get(Rule, rule_id)
    if rule is None:
        raise NotFound(f"There is no rule {rule_id}.")
    return _shown(session, [rule], today)[0]


def list_rules(
    session: Session,
    *,
    today: date,
    q: str = "",
    kind: str = "",
    state: str = "in_force",
    company_id: int | None = None,
    product: str = "",
    page: int = 1,
    size: int = PAGE,
) -> Page:
    """Give a page of the rules: those with a last day first, by it, then by company and product.

    Args:
        session: For reading.
        today: In the portal's time zone.
        q: Parts of a company's name, a product, a reference or a reason.
        kind: One of `rules_store.KINDS`; "": all.
        state: `in_force` (those that expire soon too), `expiring`, `ended` (those that expired too), or `all`.
        company_id: Rules that name this company; none: any.
        product: Rules that name this product; "": any.
        page: From 1.
        size: Rules a page.
    """
    where = _searched(q, kind, company_id, product)
    states = {name: _in_state(name, today) for name in ("in_force", "expiring", "ended", "all")}
    base = sa.select(Rule).outerjoin(PsaCompany, PsaCompany.id == Rule.company_id).where(*where)
    counts = session.execute(
        sa.select(*(sa.func.count(sa.case((condition, 1))) for condition in states.values()))
        .select_from(Rule)
        .outerjoin(PsaCompany, PsaCompany.id == Rule.company_id)
        .where(*where)
    ).one()
    by_state = dict(zip(states, counts, strict=True))
    chosen = states.get(state, states["in_force"])
    total = by_state.get(state, by_state["in_force"])
    pages = max(1, -(-total // size))
    number = min(max(page, 1), pages)
    order: list[sa.ColumnElement[Any]] = [
        Rule.ended_at.is_not(None).asc(),
        Rule.until.asc().nulls_last(),
        sa.func.lower(sa.func.coalesce(PsaCompany.name, "")).asc(),
        Rule.product.asc().nulls_first(),
        Rule.id.desc(),
    ]
    rows = session.scalars(base.where(chosen).order_by(*order).offset((number - 1) * size).limit(size)).all()
    return Page(rules=tuple(_shown(session, rows, today)), total=total, number=number, pages=pages, by_state=by_state)


def history_of(session: Session, rule: Rule, today: date) -> list[RuleShown]:
    """Give all rules of a kind that were ever set on the same thing, the newest first."""
    query = sa.select(Rule).where(
        Rule.kind == rule.kind, Rule.company_id == rule.company_id, Rule.product == rule.product
    )
    return _shown(session, session.scalars(query.order_by(Rule.id.desc())).all(), today)


def of_pair(session: Session, company_id: int, product: str, today: date) -> PairShown:
    """Give the rules about a company and product: of each kind which one wins, and what it beats.

    Args:
        session: For reading.
        company_id: The company.
        product: The product.
        today: In the portal's time zone.
    """
    query = sa.select(Rule).where(
        sa.or_(
            sa.and_(Rule.company_id == company_id, sa.or_(Rule.product == product, Rule.product.is_(None))),
            sa.and_(Rule.company_id.is_(None), Rule.product == product),
        )
    )
    every = _shown(session, session.scalars(query.order_by(Rule.id.desc())).all(), today)
    rank = {"pair": 0, "company": 1, "product": 2}
    standing = sorted((one for one in every if one.stands), key=lambda one: rank[one.level])
    kinds = []
    for kind in rules_store.KINDS:
        of_kind = [one for one in standing if one.rule.kind == kind]
        kinds.append(KindShown(kind=kind, wins=of_kind[0] if of_kind else None, beaten=tuple(of_kind[1:])))
    splits = session.scalars(
        sa.select(SplitRule)
        .where(SplitRule.company_id == company_id, SplitRule.product == product)
        .options(selectinload(SplitRule.parts))
        .order_by(SplitRule.id.desc())
    ).all()
    return PairShown(
        kinds=tuple(kinds),
        history=tuple(one for one in every if one.level == "pair"),
        splits=tuple(zip(splits, rules_store.words_of_splits(session, splits), strict=True)),
    )


def _searched(q: str, kind: str, company_id: int | None, product: str) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = []
    for word in q.split():
        columns = (PsaCompany.name, Rule.product, Rule.reference, Rule.reason)
        found: list[sa.ColumnElement[bool]] = [column.icontains(word, autoescape=True) for column in columns]
        if word.isascii() and word.isdigit() and len(word) < len(str(2**31)):
            found.append(Rule.company_id == int(word))
        where.append(sa.or_(*found))
    if kind:
        where.append(Rule.kind == kind)
    if company_id is not None:
        where.append(Rule.company_id == company_id)
    if product:
        where.append(Rule.product == product)
    return where


def _in_state(state: str, today: date) -> sa.ColumnElement[bool]:
    stands = sa.and_(Rule.ended_at.is_(None), sa.or_(Rule.until.is_(None), Rule.until >= today))
    match state:
        case "all":
            return sa.true()
        case "ended":
            return sa.not_(stands)
        case "expiring":
            return sa.and_(stands, Rule.until.is_not(None), Rule.until <= today + SOON)
        case _:
            return stands


def _shown(session: Session, rules: Sequence[Rule], today: date) -> list[RuleShown]:
    """Give rules with names and examples: three queries, however many they are."""
    companies = {rule.company_id for rule in rules if rule.company_id is not None}
    products = {rule.product for rule in rules if rule.product is not None}
    names = dict(
        session.execute(sa.select(PsaCompany.id, PsaCompany.name).where(PsaCompany.id.in_(sorted(companies)))).all()
    )
    titles = dict(
        session.execute(
            sa.select(PsaProduct.identifier, PsaProduct.description)
            .where(PsaProduct.identifier.in_(sorted(products)))
            .order_by(PsaProduct.id.desc())
        ).all()
    )
    states = {rule.id: state_of(rule, today) for rule in rules}
    standing = [rule.id for rule in rules if states[rule.id] in {"in_force", "expiring"}]
    examples = _examples(session, standing, str(Period.holding(today)))
    return [
        RuleShown(
            rule=rule,
            company="" if rule.company_id is None else names.get(rule.company_id, f"company {rule.company_id}"),
            product_name="" if rule.product is None else titles.get(rule.product, ""),
            state=states[rule.id],
            example=examples.get(rule.id),
        )
        for rule in rules
    ]


def _examples(session: Session, rule_ids: Iterable[int], period: str) -> dict[int, Card]:
    """Give each rule a card that it is about: one that its rules bend before others, then the one with most money."""
    bent = sa.or_(
        Card.proposed_quantity != Card.vendor_quantity,
        sa.and_(Card.state == "dismissed", Card.decision_id.is_(None)),
    )
    place = sa.func.row_number().over(
        partition_by=Rule.id,
        order_by=[sa.case((bent, 0), else_=1), Card.at_stake.desc().nulls_last(), Card.id],
    )
    about = sa.and_(
        sa.or_(Rule.company_id.is_(None), Rule.company_id == Card.company_id),
        sa.or_(Rule.product.is_(None), Rule.product == Card.product),
    )
    ranked = (
        sa.select(Rule.id.label("rule_id"), Card.id.label("card_id"), place.label("place"))
        .select_from(Rule)
        .join(Card, about)
        .where(
            Rule.id.in_(list(rule_ids)),
            Card.period == period,
            Card.gone_at.is_(None),
            Card.vendor_quantity.is_not(None),
            Card.state != "stale",
        )
        .subquery()
    )
    rows = session.execute(
        sa.select(ranked.c.rule_id, Card).join(Card, Card.id == ranked.c.card_id).where(ranked.c.place == 1)
    )
    return dict(rows.all())
