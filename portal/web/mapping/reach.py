"""What a mapping does to the board, in words."""

from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.periods import Period
from portal.services.cards import DECIDABLE
from portal.web.filters import quantity
from portal.web.mapping.accounts import AccountRow
from portal.web.mapping.services import ServiceRow


def cards_of(session: Session, period: Period, vendor: str, *, company_id: int) -> int:
    """Count the cards of a company that this vendor's counts reach."""
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Card)
            .where(
                Card.period == str(period),
                Card.company_id == company_id,
                Card.vendors.contains(f"|{vendor}|", autoescape=True),
                Card.kind != "stale",
                Card.gone_at.is_(None),
            )
        )
        or 0
    )


def open_cards_of(session: Session, period: Period, vendor: str, *, company_id: int) -> int:
    """Count those of them that are not decided yet."""
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Card)
            .where(
                Card.period == str(period),
                Card.company_id == company_id,
                Card.vendors.contains(f"|{vendor}|", autoescape=True),
                Card.kind != "stale",
                Card.gone_at.is_(None),
                Card.state.in_(DECIDABLE),
            )
        )
        or 0
    )


def account_result(session: Session, period: Period, row: AccountRow) -> str:
    """Say what has become of an account: "Mapped to Halyard Freight. 34 units reach the board: 2 cards."."""
    if row.mapping is None:
        return f"{row.title} is unmapped. {_units(row.units)} on no card." if row.units else f"{row.title} is unmapped."
    if row.company is None:
        return f"Excluded. {_units(row.units)} on no card." if row.units else "Excluded."
    start = f"Mapped to {row.company.name}."
    if row.company.trouble:
        return f"{start} Its usage is on no card: {_lower(row.company.trouble)}"
    if row.units is None:
        return f"{start} Nothing was counted this month, so the board stays as it is."
    cards = cards_of(session, period, row.vendor.slug, company_id=row.company.id)
    if not cards:
        return f"{start} {_units(row.units)} on no card yet: no service of it is mapped to a product."
    return f"{start} {_units(row.units, reach=True)} the board: {_many(cards, 'card')}."


def service_result(session: Session, period: Period, row: ServiceRow) -> str:
    """Say what has become of a service."""
    if row.mapping is None:
        return f"{row.title} is unmapped. {_units(row.units)} on no card." if row.units else f"{row.title} is unmapped."
    if not row.feeds:
        return f"Excluded. {_units(row.units)} on no card." if row.units else "Excluded."
    start = f"Mapped to {_list([fed.product for fed in row.feeds])}."
    if row.units is None:
        return f"{start} Nothing was counted this month, so the board stays as it is."
    cards = session.scalar(
        sa.select(sa.func.count())
        .select_from(Card)
        .where(
            Card.period == str(period),
            Card.product.in_([fed.product for fed in row.feeds]),
            Card.vendors.contains(f"|{row.vendor.slug}|", autoescape=True),
            Card.kind != "stale",
            Card.gone_at.is_(None),
        )
    )
    return f"{start} {_units(row.units, reach=True)} the board: {_many(cards or 0, 'card')}."


def _units(units: Decimal | None, *, reach: bool = False) -> str:
    """Write units with the verb that follows."""
    one = units == 1
    verb = ("reaches" if one else "reach") if reach else ("is" if one else "are")
    return f"{quantity(units or Decimal(0))} {'unit' if one else 'units'} {verb}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
