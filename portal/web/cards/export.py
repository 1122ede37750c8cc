"""The filtered board as CSV, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.cards_csv import COLUMNS, money_cell, price_cell, quantity_cell, yes_no
from portal.web.cards.filters import BoardFilter
from portal.web.cards.queries import ordered_ids

MORE = ("state", "currency", "card_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(session: Session, board: BoardFilter) -> Iterator[str]:
    """Write the cards of a filter, in the order of the board, with the columns of `cards export` and three more."""
    yield _line([*COLUMNS, *MORE])
    cards = {card.id: card for card in session.scalars(sa.select(Card).where(*board.where()))}
    for card in (cards[one] for one in ordered_ids(session, board) if one in cards):
        yield _line(
            [
                str(card.company_id),
                safe(card.company),
                "" if card.agreement_id is None else str(card.agreement_id),
                safe(card.agreement),
                safe(card.product),
                card.kind,
                quantity_cell(card.psa_quantity),
                quantity_cell(card.vendor_quantity),
                quantity_cell(card.proposed_quantity),
                quantity_cell(card.difference),
                price_cell(card.unit_price),
                price_cell(card.unit_cost),
                money_cell(card.revenue_change),
                money_cell(card.profit_change),
                "" if card.prorates is None else yes_no(answer=card.prorates),
                card.state,
                card.currency,
                str(card.id),
            ]
        )


def safe(text: str) -> str:
    """Keep a text from being read as a formula: an apostrophe before its first character says it is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
