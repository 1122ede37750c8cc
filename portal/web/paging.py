"""Pages of a list: the page stands in the address, and one that is not there is the last one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.web.forms import whole

PER_PAGE = 100
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list.

    Args:
        rows: What stands on it.
        number: Which one it is, from 1.
        pages: How many there are, at least 1.
        total: How many rows they have together.
    """

    rows: Sequence[Row]
    number: int
    pages: int
    total: int


def cut(rows: Sequence[Row], args: Mapping[str, str]) -> Page[Row]:
    """Give the page that an address asks for, of a list that is at hand."""
    number, pages = _place(len(rows), args)
    return Page(rows[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages, len(rows))


def fetched(session: Session, query: sa.Select[Row], args: Mapping[str, str]) -> Page[Row]:
    """Give the page that an address asks for, of a query, in two queries.

    Args:
        session: For reading.
        query: Gives one thing a row, in an order without ties.
        args: The address's parameters.
    """
    total = session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
    number, pages = _place(total, args)
    rows = session.scalars(query.offset((number - 1) * PER_PAGE).limit(PER_PAGE)).all()
    return Page(rows, number, pages, total)


def _place(total: int, args: Mapping[str, str]) -> tuple[int, int]:
    pages = max(1, -(-total // PER_PAGE))
    return min(whole(args, "page") or 1, pages), pages


def around(page: Page[Any], address: Callable[[int], str]) -> dict[str, Any]:
    """Give what a template needs to lead to the other pages.

    Args:
        page: The page that is shown.
        address: Gives the address of the page with a number.
    """
    return {"number": page.number, "pages": page.pages, "total": page.total, "page_url": address}
