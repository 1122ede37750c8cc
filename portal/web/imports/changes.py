"""What differs between two ways of reading a file, in words."""

from collections.abc import Mapping
from typing import Any

from portal.web.imports.fields import how_of, joined, marks_of
from portal.web.imports.words import (
    COUNTING,
    DATES,
    DELIMITER_TITLES,
    DELIMITER_WORDS,
    ENCODING_TITLES,
    MARKS,
    OTHERWISE,
    ROLE_TITLES,
    TESTS,
)

Spec = Mapping[str, Any]
_PLAIN = {"dates": "", "empty_count": "problem", "duplicates": ""}
_TITLES = {
    "sheet": "Sheet",
    "header_row": "Header in line",
    "encoding": "Encoding",
    "delimiter": "Columns by",
    "marks": "Numbers like",
    "dates": "Dates like",
    "how": "A count is",
    "filters": "Conditions",
    "skip_rows": "Totals lines",
    "net": "Charge lines",
    "measure": "How rows become a count",
    "wide": "Columns of a service each",
    "units": "Conversion",
    "constants": "The same in every line",
    "values": "Made-up values",
    "empty_count": "An empty count",
    "duplicates": "Equal lines",
    "days": "Days covered",
    "counted_on": "Day of counting",
    "also": "Other names of headers",
}


def differences(spec: Spec, saved: Spec | None) -> frozenset[str]:
    """Name the fields in which the reading differs from the saved profile."""
    if saved is None:
        return frozenset()
    names = {*spec, *saved, "columns"} - {"spec_version", "format"}
    return frozenset(name for name in names if _value(spec, name) != _value(saved, name))


def changes(old: Spec, new: Spec) -> list[str]:
    """Say what is different in a new way of reading, a sentence each."""
    found = []
    before, after = old.get("columns") or {}, new.get("columns") or {}
    for role in {**before, **after}:
        if before.get(role) != after.get(role):
            was = f" (was {_quoted(before.get(role))})"
            found.append(f"{ROLE_TITLES.get(role, role)} is {_quoted(after.get(role))}{was}.")
    found += [
        f"{title}: {_shown(new, name)} (was {_shown(old, name)})."
        for name, title in _TITLES.items()
        if _shown(old, name) != _shown(new, name)
    ]
    rest = sorted(differences(new, old) - {*_TITLES, "columns", "decimal", "thousands", "count_rows"})
    return found + ([f"Also changed: {', '.join(name.replace('_', ' ') for name in rest)}."] if rest else [])


def _value(spec: Spec, name: str) -> object:
    value = spec.get(name)
    if value in ("", [], {}, False, None):
        return None
    return None if _PLAIN.get(name) == value or (name == "measure" and value == {"how": "sum"}) else value


def _quoted(text: object) -> str:
    return "no column" if text is None else f"“{text}”"


def _shown(spec: Spec, name: str) -> str:
    """Give a field as people read it."""
    value = spec.get(name)
    shown = {
        "marks": lambda: MARKS[marks_of(spec)][2],
        "how": lambda: COUNTING.get(how_of(spec), how_of(spec)).lower(),
        "dates": lambda: DATES.get(str(value or ""), str(value)),
        "encoding": lambda: ENCODING_TITLES.get(str(value or ""), str(value or "as it is")),
        "delimiter": lambda: DELIMITER_TITLES.get(DELIMITER_WORDS.get(str(value), ""), str(value or "as it is")),
        "filters": lambda: "; ".join(map(condition, value or ())) or "every line counts",
        "skip_rows": lambda: (
            "; ".join(f"“{joined(one['equals'])}” under {one['column']}" for one in value or ()) or "none"
        ),
    }
    if name in shown:
        return shown[name]()
    if _value(spec, name) is None:
        return _PLAIN.get(name, "none") or "as it is"
    return _plain(value)


def condition(one: Mapping[str, Any]) -> str:
    """Say when a line counts, and what becomes of the others."""
    tests = {(test, turned): words for test, turned, words in TESTS.values()}
    shown = tests.get((one.get("test", "is"), bool(one.get("not"))), str(one.get("test", "is")))
    said = f"{one['column']} {shown} {joined(one.get('keep') or ())}".strip()
    return f"{said}: {OTHERWISE[one.get('otherwise', 'zero')]}"


def _plain(value: object) -> str:
    """Write a value of JSON without brackets and quotation marks, as well as that goes."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(one) for one in value)
    return str(value)
