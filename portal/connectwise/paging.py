"""Lists of ConnectWise's, page by page.

The address of the next page is never taken from the answer's ``Link``: that could lead in circles, or to
another host, and the keys would go along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from portal.connectwise.answers import unexpected
from portal.connectwise.payload import dumps
from portal.connectwise.transport import Answer, Transport


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Args:
        rows: Its records.
        request_id: ConnectWise's id of the request.
    """

    rows: list[Mapping[str, object]]
    request_id: str | None


def forward(transport: Transport, path: str, params: Mapping[str, str], *, beyond: int = 0) -> Iterator[Page]:
    """Read all pages forward by ``pageId``: rows that come or go meanwhile shift nothing.

    Args:
        transport: Sends the requests.
        path: The list.
        params: The query.
        beyond: Only records with a higher id.

    Raises:
        UnexpectedPayload: A page without ids, or one that repeats.
    """
    seen = beyond
    while True:
        query = {**params, "pageSize": str(transport.page_size)} | ({"pageId": str(seen)} if seen else {})
        answer = transport.get(path, query, forward=True)
        rows = rows_of(answer, path)
        ids = [row.get("id") for row in rows]
        whole = [found for found in ids if isinstance(found, int) and not isinstance(found, bool)]
        if len(whole) != len(ids):
            raise unexpected(path, answer.request_id, "a row of the list has no id", "other-shape")
        if whole and (min(whole) <= seen or len(set(whole)) != len(whole)):
            raise unexpected(path, answer.request_id, "a page came twice", "repeated")
        yield Page(rows, answer.request_id)
        if not whole or not (answer.more or len(whole) >= transport.page_size):
            return
        seen = max(whole)


def numbered(transport: Transport, path: str, params: Mapping[str, str]) -> Iterator[Page]:
    """Read all pages by their number, for lists without ids and for sorted ones.

    Raises:
        UnexpectedPayload: A page that came before, whether just before or earlier.
    """
    seen: set[bytes] = set()
    for number in count(1):
        answer = transport.get(path, {**params, "page": str(number), "pageSize": str(transport.page_size)})
        rows = rows_of(answer, path)
        mark = hashlib.sha256(dumps(rows).encode()).digest()
        if rows and mark in seen:
            raise unexpected(path, answer.request_id, "a page came twice", "repeated")
        seen.add(mark)
        yield Page(rows, answer.request_id)
        if not rows or not (answer.more or len(rows) >= transport.page_size):
            return


def rows_of(answer: Answer, path: str) -> list[Mapping[str, object]]:
    """Take an answer as a list of records.

    Raises:
        UnexpectedPayload: It is none.
    """
    if not isinstance(answer.value, list) or not all(isinstance(row, dict) for row in answer.value):
        raise unexpected(path, answer.request_id, "the answer is no list of records", "other-shape")
    return answer.value
