"""What the import pages show: the history, a file as it was understood, its problems, and the cards behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import Card, UsageImport, UsageRow, Vendor
from portal.domain.quantities import plus
from portal.services.cards import DECIDABLE
from portal.services.import_uploads import kept_file
from portal.vendors.readers import loose
from portal.web.imports.fields import roles_of
from portal.web.imports.layout import Looked, look

PER_PAGE = 50
PROBLEMS = 100  # that a page lists; the file has all
_PROBLEMS_SHOWN = 6  # in the preview of the file
_SHOWN_STATES = ("reading", "ready", "failed", "committed", "held", "same", "rejected", "undone")
_GRAVE = ("problem", "counted", "zero", "left_out")  # of a row of several services the gravest part is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One page of imports, the latest first."""

    rows: Sequence[UsageImport]
    total: int
    pages: int
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """One line of the preview.

    Args:
        kind: counted, zero, left_out, problem, other (no data), or unread.
        cells: By the place of their column.
        why: What is wrong with it, or why it is left out.
        column: The place of the cell that is wrong.
        units: What it adds.
        parts: How many services it holds.
    """

    line: int
    kind: str
    cells: Sequence[str]
    why: str = ""
    column: int | None = None
    units: Decimal | None = None
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A file as it was understood.

    Args:
        looked: What stands in it; none: the file is no longer kept.
        lines: Under the headers: the first ones, then those with a problem, then those that are no data.
        roles: What each column means, by its place.
    """

    looked: Looked | None
    lines: Sequence[FileLine]
    roles: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """One page of rows with a problem."""

    rows: Sequence[UsageRow]
    page: int
    pages: int


def history(session: Session, *, vendor: str, period: str, page: int) -> History:
    """Give a page of imports; those that were dropped without ever counting are left out."""
    where: list[sa.ColumnElement[bool]] = [UsageImport.state.in_(_SHOWN_STATES)]
    if vendor:
        where.append(UsageImport.vendor_id.in_(sa.select(Vendor.id).where(Vendor.slug == vendor)))
    if period:
        where.append(UsageImport.period == period)
    total = session.scalar(sa.select(sa.func.count()).select_from(UsageImport).where(*where)) or 0
    pages = max(1, -(-total // PER_PAGE))
    at = min(page, pages)
    query = (
        sa.select(UsageImport)
        .where(*where)
        .options(selectinload(UsageImport.vendor))
        .order_by(UsageImport.imported_at.desc(), UsageImport.id.desc())
        .limit(PER_PAGE)
        .offset((at - 1) * PER_PAGE)
    )
    return History(rows=session.scalars(query).all(), total=total, pages=pages, page=at)


def periods(session: Session) -> list[str]:
    """List the months that have imports, the latest first."""
    query = sa.select(UsageImport.period).where(UsageImport.period.is_not(None)).distinct()
    return sorted((period for period in session.scalars(query) if period), reverse=True)


def preview_of(session: Session, found: UsageImport, uploads: Path) -> Preview:
    """Show the beginning of a file, its first lines with a problem, and lines that are no data."""
    path = kept_file(uploads, found.sha256)
    if path is None:
        return Preview(looked=None, lines=(), roles=())
    looked = look(path, found.spec)
    places = {loose(header): place for place, header in reversed(list(enumerate(looked.headers)))}
    lines = _first_lines(session, found, looked, places)
    lines += _further_lines(session, found, looked, places, {line.line for line in lines})
    lines.sort(key=lambda line: line.line)
    return Preview(looked=looked, lines=lines, roles=roles_of(found.spec, looked.headers))


def _first_lines(session: Session, found: UsageImport, looked: Looked, places: Mapping[str, int]) -> list[FileLine]:
    """Give the lines right under the headers, each with what became of it; blank ones are not shown."""
    query = sa.select(UsageRow).where(
        UsageRow.import_id == found.id, UsageRow.line.in_([line for line, _cells in looked.rows])
    )
    outcomes: dict[int, list[UsageRow]] = {}
    for row in session.scalars(query.order_by(UsageRow.id)) if found.state != "reading" else ():
        outcomes.setdefault(row.line, []).append(row)
    others = {one["line"]: one["what"] for one in found.notes.get("not_data", [])}
    return [
        _data_line(outcomes[line], cells, places)
        if line in outcomes
        else FileLine(line=line, kind="other" if found.rows_read else "unread", cells=cells, why=others.get(line, ""))
        for line, cells in looked.rows
        if line in outcomes or any(cells)
    ]


def _further_lines(
    session: Session, found: UsageImport, looked: Looked, places: Mapping[str, int], shown: set[int]
) -> list[FileLine]:
    """Give the first lines with a problem and those that are no data, wherever they stand."""
    if found.state == "reading":
        return []
    more = sa.select(UsageRow).where(UsageRow.import_id == found.id, UsageRow.outcome == "problem")
    lines = [
        _data_line([row], _in_places(row.cells, looked.headers), places)
        for row in session.scalars(more.order_by(UsageRow.line).limit(_PROBLEMS_SHOWN))
        if row.line not in shown
    ]
    lines += [
        FileLine(line=one["line"], kind="other", cells=_in_places(one["cells"], looked.headers), why=one["what"])
        for one in found.notes.get("not_data", [])[:_PROBLEMS_SHOWN]
        if one["line"] not in shown
    ]
    return lines


def problems(session: Session, found: UsageImport, page: int = 1) -> Problems:
    """Give a page of rows with a problem."""
    query = sa.select(UsageRow).where(UsageRow.import_id == found.id, UsageRow.outcome == "problem")
    pages = max(1, -(-found.rows_with_problem // PROBLEMS))
    at = min(max(page, 1), pages)
    ordered = query.order_by(UsageRow.line, UsageRow.id).limit(PROBLEMS).offset((at - 1) * PROBLEMS)
    return Problems(rows=session.scalars(ordered).all(), page=at, pages=pages)


def cards_behind(session: Session, found: UsageImport) -> tuple[int, int, int]:
    """Count the cards of a vendor in the month of an import: still to decide or equal, decided, and stale."""
    rows = session.execute(sa.select(Card.state, sa.func.count()).where(*_behind(found)).group_by(Card.state)).all()
    undecided = sum(count for state, count in rows if state in DECIDABLE)
    stale = sum(count for state, count in rows if state == "stale")
    return undecided, sum(count for _state, count in rows) - undecided - stale, stale


def _behind(found: UsageImport) -> list[sa.ColumnElement[bool]]:
    return [
        Card.period == (found.period or ""),
        Card.vendors.contains(f"|{found.vendor.slug}|", autoescape=True),
        Card.gone_at.is_(None),
    ]


def earlier_of(session: Session, found: UsageImport) -> UsageImport | None:
    """Give the import of the same content that counts or is held."""
    query = sa.select(UsageImport).where(
        UsageImport.vendor_id == found.vendor_id,
        UsageImport.sha256 == found.sha256,
        UsageImport.period == found.period,
        UsageImport.state.in_(("committed", "held")),
        UsageImport.id != found.id,
    )
    return session.scalars(query.limit(1)).first()


def _data_line(rows: Sequence[UsageRow], cells: Sequence[str], places: Mapping[str, int]) -> FileLine:
    """Make a line of the preview from a row of data; of several services the gravest says what it is."""
    row = min(rows, key=lambda one: _GRAVE.index(one.outcome))
    column = places.get(loose(row.column)) if row.column else None
    units: Decimal | None = None
    for one in rows:
        if one.units is not None and one.outcome == "counted":
            units = plus(units or Decimal(0), one.units)
    return FileLine(
        line=row.line, kind=row.outcome, cells=cells, why=row.reason or "", column=column, units=units, parts=len(rows)
    )


def _in_places(cells: Mapping[str, Any], headers: Sequence[str]) -> list[str]:
    """Bring cells that are kept by header into the order of the columns."""
    return [str(cells.get(header, "")) for header in headers]
