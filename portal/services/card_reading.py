"""Read cards: as CSV, as totals, and how many stand under each tab of the board."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.cards_csv import COLUMNS, card_cells
from portal.domain.periods import Period
from portal.services.card_making import DECIDABLE, TO_DECIDE_KINDS

STANDING = Card.gone_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Money a month, in one currency."""

    revenue: Decimal
    profit: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A period's cards counted and summed; currencies are never added up across.

    Args:
        by_kind: How many cards of each kind.
        money: By currency, then by kind: what approving all would change a month.
    """

    cards: int
    by_kind: Mapping[str, int]
    money: Mapping[str, Mapping[str, Sums]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCounts:
    """How many cards stand under each tab of the board."""

    decide: int
    equal: int
    uncompared: int
    decided: int
    stale: int
    all: int


def export_csv(session: Session, period: Period) -> Iterator[str]:
    """Write a period's cards as CSV, line by line, by company, agreement (none first), then product."""
    yield _line(COLUMNS)
    query = (
        sa.select(Card)
        .where(Card.period == str(period), STANDING)
        .order_by(Card.company_id, sa.func.coalesce(Card.agreement_id, 0), Card.product)
        .execution_options(yield_per=500)
    )
    for card in session.scalars(query):
        yield _line(csv_cells(card))


def csv_cells(card: Card) -> list[str]:
    """Write a stored card as the cells of a CSV file."""
    return card_cells(
        company_id=card.company_id,
        company=card.company,
        agreement_id=card.agreement_id,
        agreement=card.agreement,
        product=card.product,
        kind=card.kind,
        quantities=(card.psa_quantity, card.vendor_quantity, card.proposed_quantity, card.difference),
        prices=(card.unit_price, card.unit_cost),
        money=(card.revenue_change, card.profit_change),
        prorates=card.prorates,
    )


def totals(session: Session, period: Period) -> Totals:
    """Count and sum a period's cards by kind and currency."""
    query = (
        sa.select(
            Card.kind,
            Card.currency,
            sa.func.count(),
            sa.func.sum(Card.revenue_change),
            sa.func.sum(Card.profit_change),
        )
        .where(Card.period == str(period), STANDING)
        .group_by(Card.kind, Card.currency)
    )
    by_kind: dict[str, int] = {}
    money: dict[str, dict[str, Sums]] = {}
    for kind, currency, count, revenue, profit in session.execute(query):
        by_kind[kind] = by_kind.get(kind, 0) + count
        if kind in {"increase", "decrease", "new_revenue"}:
            money.setdefault(currency, {})[kind] = Sums(revenue=revenue or Decimal(0), profit=profit or Decimal(0))
    return Totals(cards=sum(by_kind.values()), by_kind=by_kind, money=money)


def board_counts(session: Session, period: Period) -> BoardCounts:
    """Count a period's cards by tab: to decide, equal, not compared, decided, stale."""
    decidable = Card.state.in_(sorted(DECIDABLE))
    count = sa.func.count

    def of(*where: sa.ColumnElement[bool]) -> sa.Function[int]:
        return count(sa.case((sa.and_(*where), 1)))

    row = session.execute(
        sa.select(
            of(decidable, STANDING, Card.kind.in_(sorted(TO_DECIDE_KINDS))),
            of(decidable, STANDING, Card.kind == "no_change"),
            of(decidable, STANDING, Card.kind == "psa_only"),
            of(~decidable, Card.state != "stale"),
            of(Card.state == "stale"),
            of(STANDING),
        ).where(Card.period == str(period))
    ).one()
    return BoardCounts(decide=row[0], equal=row[1], uncompared=row[2], decided=row[3], stale=row[4], all=row[5])


def _line(cells: Sequence[str]) -> str:
    """Write one row of CSV, line end included."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
