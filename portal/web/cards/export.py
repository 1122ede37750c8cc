"""The filtered board as CSV, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.domain.cards_csv import COLUMNS
from portal.services.card_reading import csv_cells
from portal.web.cards.filters import BoardFilter
from portal.web.cards.queries import ordered_ids

MORE = ("state", "currency", "card_id")
_NAMES = {"company", "agreement", "product"}  # what others typed; a figure below zero is no formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(session: Session, board: BoardFilter) -> Iterator[str]:
    """Write the cards of a filter, in the order of the board, with the columns of `cards export` and three more."""
    yield _line([*COLUMNS, *MORE])
    cards = {card.id: card for card in session.scalars(sa.select(Card).where(*board.where()))}
    for card in (cards[one] for one in ordered_ids(session, board) if one in cards):
        cells = (safe(cell) if name in _NAMES else cell for name, cell in zip(COLUMNS, csv_cells(card), strict=True))
        yield _line([*cells, card.state, card.currency, str(card.id)])


def safe(text: str) -> str:
    """Keep a text from being read as a formula: an apostrophe before its first character says it is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
