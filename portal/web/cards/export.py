"""The filtered board as CSV, safe to open in a spreadsheet: all that match, in the order of the board."""

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Note
from portal.domain.cards_csv import COLUMNS
from portal.domain.quantities import plain
from portal.domain.spreadsheets import safe
from portal.factory import clock
from portal.services import notes, tags
from portal.services.card_reading import csv_cells
from portal.web.cards.filters import BoardFilter
from portal.web.cards.queries import latest_decisions, ordered_ids
from portal.web.cards.words import STATES

MORE = ("state", "currency", "card_id")
BESIDE = (
    "state_words", "decision", "decided_quantity", "effective", "decided_by", "decided_at", "reason", "arithmetic",
    "rules", "company_tags", "product_tags", "notes",
)  # fmt: skip
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # before the first byte it tells a spreadsheet that the file is UTF-8
_NAMES = {"company", "agreement", "product"}  # what others typed; a figure below zero is no formula
_AT_A_TIME = 500  # cards that are held at once


def lines(session: Session, board: BoardFilter, *, bom: bool = False) -> Iterator[str]:
    """Write the cards of a filter, in the order of the board, whatever the page.

    The columns are those of `cards export`, three more, and then what stands beside the numbers: the decision, the
    arithmetic in words, tags and notes. Cards are read some at a time, with a fixed number of queries each time.

    Args:
        session: For reading.
        board: The filter.
        bom: Begin with a mark by which spreadsheets know UTF-8.
    """
    yield (BOM if bom else "") + _line([*COLUMNS, *MORE, *BESIDE])
    ids = ordered_ids(session, board)
    for start in range(0, len(ids), _AT_A_TIME):
        yield from _part(session, ids[start : start + _AT_A_TIME])


def _part(session: Session, ids: Sequence[int]) -> Iterator[str]:
    found = {card.id: card for card in session.scalars(sa.select(Card).where(Card.id.in_(ids)))}
    cards = [found[one] for one in ids if one in found]
    decided = latest_decisions(session, cards)
    written = notes.of_pairs(session, cards)
    of_companies = tags.of_companies(session, {card.company_id for card in cards})
    of_products = tags.of_products(session, {card.product for card in cards})
    for card in cards:
        cells = (safe(cell) if name in _NAMES else cell for name, cell in zip(COLUMNS, csv_cells(card), strict=True))
        beside = (
            *_decision(card, decided.get(card.id)),
            "; ".join(card.facts.get("arithmetic") or ()),
            "; ".join(card.facts.get("rules") or ()),
            "; ".join(of_companies.get(card.company_id, ())),
            "; ".join(of_products.get(card.product, ())),
            "\n".join(_note(note) for note in written.get(card.id, ())),
        )
        yield _line([*cells, card.state, safe(card.currency), str(card.id), *(safe(cell) for cell in beside)])


def _decision(card: Card, decision: Decision | None) -> tuple[str, ...]:
    """Write what was decided: state, verb, quantity, from when, by whom, when, why."""
    if decision is None:
        ignored = card.facts.get("ignored") if card.state == "dismissed" else None
        return ("Left alone by a rule" if ignored else STATES[card.state].word, "", "", "", "", "", ignored or "")
    return (
        STATES[card.state].word,
        decision.action,
        "" if decision.quantity is None else plain(decision.quantity),
        "" if decision.effective is None else decision.effective.isoformat(),
        decision.by,
        f"{decision.at.astimezone(clock().zone):%Y-%m-%d %H:%M}",
        decision.reason or "",
    )


def _note(note: Note) -> str:
    """Write a note with its day and who wrote it."""
    on = "" if note.addition_id is None else f", line {note.addition_id}"
    return f"{note.made_at.astimezone(clock().zone):%Y-%m-%d} {note.made_by}{on}: {note.text}"


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
