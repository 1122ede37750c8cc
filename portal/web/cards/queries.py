"""Reads for the board. Their number does not depend on how many cards there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Card, Decision, Push, Vendor
from portal.web.cards.filters import SHOWS, BoardFilter, shown

PAGE_SIZE = 50  # cards
WHOLE_UP_TO = 100  # a group of more cards is cut inside
SUMMED = ("increase", "decrease", "new_revenue")  # kinds whose revenue change adds up


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many cards stand where.

    Args:
        tabs: By tab, under the same search as the list.
        matching: Cards of the list.
        without: Cards of the same tab without the search.
        to_decide: Cards of the period that wait for a decision, whatever is searched for.
        states: Cards of the tab "decided", by state.
    """

    tabs: dict[str, int]
    matching: int
    without: int
    to_decide: int
    period: int


@dataclass(slots=True)
class Totals:
    """Money a month of the cards of a list, by currency; never added across currencies."""

    revenue: dict[str, Decimal] = field(default_factory=dict)
    profit: dict[str, Decimal] = field(default_factory=dict)
    unproved: dict[str, Decimal] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Group:
    """Cards under one heading.

    Args:
        cards: Those of this page.
        count: All of the group.
        sums: Signed revenue change a month, by currency.
        begins: Place of the first card shown inside its group, from 0; only a cut group begins later.
    """

    key: Any
    title: str
    count: int
    sums: dict[str, Decimal]
    cards: list[Card] = field(default_factory=list)
    begins: int = 0

    @property
    def cut(self) -> bool:
        """Tell whether the group goes on at another page."""
        return len(self.cards) < self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the list. `first` and `last` count cards from 1."""

    groups: list[Group]
    number: int
    pages: int
    first: int
    last: int
    total: int

    @property
    def cards(self) -> list[Card]:
        """All cards of the page, in order."""
        return [card for group in self.groups for card in group.cards]


@dataclass(slots=True)
class _Tally:
    count: int = 0
    title: str = ""
    stake: Decimal = Decimal(0)
    difference: int = 0
    oldest: datetime | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)


def vendor_titles(session: Session) -> dict[str, str]:
    """Give the vendors' titles by slug."""
    return dict(session.execute(sa.select(Vendor.slug, Vendor.title).order_by(Vendor.title)).all())


def count(session: Session, board: BoardFilter) -> Counts:
    """Count the cards of every tab, in one query."""
    searched = sa.and_(*board.where_any_tab())
    columns = {name: sa.and_(shown(name), searched) for name in SHOWS}
    columns["_matching"] = sa.and_(*board.where())
    columns["_without"] = shown(board.show)
    columns["_to_decide"] = shown("decide")
    columns["_period"] = sa.true()
    row = session.execute(
        sa.select(*(sa.func.count(sa.case((where, 1))).label(name) for name, where in columns.items())).where(
            Card.period == str(board.period)
        )
    ).one()
    found = dict(zip(columns, row, strict=True))
    return Counts(
        tabs={name: found[name] for name in SHOWS},
        matching=found["_matching"],
        without=found["_without"],
        to_decide=found["_to_decide"],
        period=found["_period"],
    )


def total(session: Session, board: BoardFilter) -> Totals:
    """Sum the money of a list by currency, in one query."""
    totals = Totals()
    rows = session.execute(
        sa.select(
            Card.currency,
            Card.kind,
            sa.func.count(),
            sa.func.sum(Card.revenue_change),
            sa.func.sum(Card.profit_change),
            sa.func.sum(Card.at_stake),
        )
        .where(*board.where())
        .group_by(Card.currency, Card.kind)
    )
    for currency, kind, cards, revenue, profit, stake in rows:
        totals.by_kind[kind] = totals.by_kind.get(kind, 0) + cards
        if kind in SUMMED:
            add(totals.revenue, currency, revenue)
            add(totals.profit, currency, profit)
        else:
            add(totals.unproved, currency, stake)
    return totals


def state_counts(session: Session, board: BoardFilter) -> dict[str, int]:
    """Count the decided cards of the period by state."""
    rows = session.execute(
        sa.select(Card.state, sa.func.count())
        .where(Card.period == str(board.period), shown("decided"))
        .group_by(Card.state)
    )
    return dict(rows.all())


def page_of_cards(session: Session, board: BoardFilter, titles: dict[str, str]) -> Page:
    """Give one page of the list: two queries.

    Groups come by the sum of absolute money (or as sorted), cards inside likewise. A page is cut between groups; a
    group of more than `WHOLE_UP_TO` cards has pages of its own.
    """
    tallies = _tallies(session, board, titles)
    pages = _paged(
        [(key, tally.count) for key, tally in tallies], whole=WHOLE_UP_TO if board.group != "none" else PAGE_SIZE
    )
    number = min(board.page, max(len(pages), 1))
    slices = pages[number - 1] if pages else []
    before = sum(size for page in pages[: number - 1] for _, _, size in page)
    by_key = dict(tallies)
    groups = {
        key: Group(key=key, title=by_key[key].title, count=by_key[key].count, sums=by_key[key].sums, begins=begins)
        for key, begins, _ in slices
    }
    shown_now = sum(size for _, _, size in slices)
    if slices:
        statement = sa.select(Card).where(*board.where()).order_by(*_order(board))
        if board.group != "none":
            statement = statement.where(_key(board).in_([key for key, _, _ in slices]))
        if len(slices) == 1:
            statement = statement.offset(slices[0][1]).limit(slices[0][2])
        for card in session.scalars(statement):
            groups[board.key_of(card)].cards.append(card)
    return Page(
        groups=list(groups.values()),
        number=number,
        pages=max(len(pages), 1),
        first=before + 1 if shown_now else 0,
        last=before + shown_now,
        total=sum(tally.count for _, tally in tallies),
    )


def page_holding(session: Session, board: BoardFilter, card_id: int) -> int | None:
    """Give the number of the page on which a card stands in a list; none where the list does not hold it."""
    ids = ordered_ids(session, board)
    if card_id not in ids:
        return None
    place, whole = ids.index(card_id), WHOLE_UP_TO if board.group != "none" else PAGE_SIZE
    pages = _paged([(key, tally.count) for key, tally in _tallies(session, board, vendor_titles(session))], whole=whole)
    for number, page in enumerate(pages, start=1):
        place -= sum(size for _, _, size in page)
        if place < 0:
            return number
    return None


def ordered_ids(session: Session, board: BoardFilter) -> list[int]:
    """Give the ids of all cards of a list in the order of the board."""
    titles = vendor_titles(session) if board.group == "vendor" else {}
    tallies = _tallies(session, board, titles)
    place = {key: index for index, (key, _) in enumerate(tallies)}
    rows = session.execute(sa.select(Card.id, _key(board)).where(*board.where()).order_by(*_order(board))).all()
    if board.group != "none":
        rows = sorted(rows, key=lambda row: place.get(row[1], 0))
    return [row[0] for row in rows]


def latest_decisions(session: Session, cards: Sequence[Card]) -> dict[int, Decision]:
    """Give each card's latest decision with its push, by card id: two queries."""
    ids = [card.decision_id for card in cards if card.decision_id is not None]
    if not ids:
        return {}
    found = session.scalars(
        sa.select(Decision)
        .where(Decision.id.in_(ids))
        .options(joinedload(Decision.push).options(selectinload(Push.steps)))
    )
    return {one.card_id: one for one in found}


def choices_of_tab(session: Session, board: BoardFilter) -> tuple[dict[str, int], dict[str, int]]:
    """Count what the list would show under each kind, and each vendor, all other filters kept: one query.

    Every kind and vendor of the tab has a number; one that the other filters leave nothing of has 0.
    """
    kinds: dict[str, int] = {}
    vendors: dict[str, int] = {}
    others = replace(board, kind="", vendor="").narrowing()
    rows = session.execute(
        sa.select(Card.kind, Card.vendors, sa.func.count(sa.case((sa.and_(sa.true(), *others), 1))))
        .where(Card.period == str(board.period), shown(board.show))
        .group_by(Card.kind, Card.vendors)
    )
    for kind, slugs, number in rows:
        feeding = [slug for slug in slugs.strip("|").split("|") if slug]
        kinds[kind] = kinds.get(kind, 0) + (number if not board.vendor or board.vendor in feeding else 0)
        for slug in feeding:
            vendors[slug] = vendors.get(slug, 0) + (number if board.kind in {"", kind} else 0)
    return kinds, vendors


def names_of(session: Session, board: BoardFilter, titles: dict[str, str]) -> dict[str, str]:
    """Give names for the ids a filter holds: one query at most."""
    names = {"vendor": titles.get(board.vendor, board.vendor), "product": board.product}
    if board.company is None and board.agreement is None:
        return names
    row = session.execute(
        sa.select(sa.func.max(Card.company), sa.func.max(Card.agreement)).where(*board.where_any_tab())
    ).one()
    names["company"] = row[0] or str(board.company)
    names["agreement"] = row[1] or str(board.agreement)
    return names


def add(sums: dict[str, Decimal], currency: str, amount: Decimal | None) -> None:
    """Add an amount to the sum of its currency."""
    sums[currency] = sums.get(currency, Decimal(0)) + (amount or Decimal(0))


def _key(board: BoardFilter) -> sa.ColumnElement[Any]:
    """Give what groups are told apart by, as `BoardFilter.key_of` reads it from a card."""
    keys: dict[str, sa.ColumnElement[Any]] = {
        "company": sa.type_coerce(Card.company_id, sa.Integer),
        "product": sa.type_coerce(Card.product, sa.String),
        "vendor": sa.type_coerce(Card.vendors, sa.String),
        "agreement": sa.func.coalesce(Card.agreement_id, 0),
    }
    return keys.get(board.group, sa.literal(""))


def _tallies(session: Session, board: BoardFilter, titles: dict[str, str]) -> list[tuple[Any, _Tally]]:
    """Count and sum each group, in the order of the list."""
    key = _key(board)
    titles_of: dict[str, sa.ColumnElement[Any]] = {
        "company": sa.func.max(Card.company),
        "product": sa.func.max(Card.product_name),
        "agreement": sa.func.max(Card.agreement),
    }
    title = titles_of.get(board.group, sa.literal(""))
    statement = sa.select(
        key,
        Card.currency,
        sa.func.count(),
        title,
        sa.func.sum(Card.at_stake),
        sa.func.sum(sa.case((Card.kind.in_(SUMMED), Card.revenue_change))),
        sa.func.max(sa.func.abs(Card.difference)),
        sa.func.min(Card.oldest_count_at),
    ).where(*board.where())
    statement = statement.group_by(Card.currency) if board.group == "none" else statement.group_by(key, Card.currency)
    tallies: dict[Any, _Tally] = {}
    for group, currency, number, name, stake, revenue, difference, oldest in session.execute(statement):
        tally = tallies.setdefault(group, _Tally())
        tally.count += number
        tally.title = name or str(group)
        tally.stake += stake or Decimal(0)
        tally.difference = max(tally.difference, int(difference or 0))
        if oldest is not None and (tally.oldest is None or oldest < tally.oldest):
            tally.oldest = oldest
        if revenue is not None:
            add(tally.sums, currency, revenue)
    if board.group == "agreement" and 0 in tallies:
        tallies[0].title = "On no agreement yet"
    if board.group == "vendor":
        for group, tally in tallies.items():
            slugs = [slug for slug in str(group).split("|") if slug]
            tally.title = " and ".join(titles.get(slug, slug) for slug in slugs) or "No vendor"
    return sorted(tallies.items(), key=lambda item: _rank(board, *item))


def _rank(board: BoardFilter, key: Any, tally: _Tally) -> tuple[Any, ...]:  # noqa: ANN401 - ids and slugs alike
    """Order groups; the name, then the key, decide between equals."""
    name = (tally.title.casefold(), str(key))
    if board.sort == "difference":
        return (-tally.difference, *name)
    if board.sort == "name":
        return name
    if board.sort == "age":
        return (tally.oldest is None, tally.oldest.timestamp() if tally.oldest else 0, *name)
    return (-tally.stake, *name)


def _order(board: BoardFilter) -> list[sa.ColumnElement[Any]]:
    """Order cards inside their group; the id decides between equals, so that nothing moves between two pages."""
    by_name: list[sa.ColumnElement[Any]] = [
        sa.func.lower(Card.company),
        sa.func.lower(Card.product_name),
        sa.func.lower(Card.agreement),
    ]
    orders: dict[str, list[sa.ColumnElement[Any]]] = {
        "difference": [sa.func.abs(Card.difference).desc().nulls_last()],
        "name": by_name,
        "age": [Card.oldest_count_at.asc().nulls_last()],
        "money": [Card.at_stake.desc().nulls_last()],
    }
    return [*orders[board.sort], Card.id.asc()]


def _paged(sizes: list[tuple[Any, int]], *, whole: int) -> list[list[tuple[Any, int, int]]]:
    """Cut groups into pages: (key, place of the first card in its group, number of cards) a slice."""
    pages: list[list[tuple[Any, int, int]]] = []
    now: list[tuple[Any, int, int]] = []
    filled = 0
    for key, size in sizes:
        if now and (filled + size > PAGE_SIZE or size > whole):
            pages.append(now)
            now, filled = [], 0
        if size > whole:
            pages += [[(key, begin, min(PAGE_SIZE, size - begin))] for begin in range(0, size, PAGE_SIZE)]
            continue
        now.append((key, 0, size))
        filled += size
    if now:
        pages.append(now)
    return pages
