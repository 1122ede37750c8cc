"""A cell that holds a list of objects, of which each is a row of its own."""

import json
from typing import Any

from portal.vendors.cells import Cell, as_text
from portal.vendors.row_values import BadValue, Cells

MOST = 500  # entries of one cell
_LONGEST = 100_000  # characters


def split_cell(cells: Cells, header: str, name: str) -> list[dict[str, Cell]]:
    """Give the rows that a cell holds, with its fields as further columns `name.field`; none where it is empty.

    Raises:
        BadValue: It holds something else.
    """
    text = as_text(cells.get(header, ""))
    if not text:
        return []
    found: Any = None
    if len(text) <= _LONGEST:
        try:
            found = json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            found = None
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(one, dict) for one in found):
        raise BadValue(f"{header} holds no list of entries that can be read (JSON).", header)
    return [{**cells, **{f"{name}.{key}": _text(value) for key, value in one.items()}} for one in found]


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str | bool) else json.dumps(value)
