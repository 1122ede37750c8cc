"""Files that people edit as JSON: read exactly, refused with the place of the mistake."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from portal.services.errors import Invalid


def read_json(text: str) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Read JSON text; numbers stay exact.

    Raises:
        Invalid: It is no JSON; names the line.
    """
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_float=Decimal, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Invalid(
            f"The file is not JSON: line {error.lineno}, character {error.colno}. Nothing was changed."
        ) from error
    except (ValueError, RecursionError) as error:
        raise Invalid("The file is not JSON that can be read. Nothing was changed.") from error


def lists_text(data: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]) -> str:
    """Write an object of lists, an entry a line."""
    lists = []
    for name in names:
        entries = ",\n".join(json.dumps(one, ensure_ascii=False) for one in data[name])
        lists.append(f'"{name}": [\n{entries}\n]' if entries else f'"{name}": []')
    return "{" + ",\n".join(lists) + "}\n"


def _no_constant(name: str) -> Callable[[], None]:
    raise ValueError(name)
