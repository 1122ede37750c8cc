"""Whether a record that a caller sent has the shape of its kind: known fields, fitting values, all that is required."""

import re
from decimal import Decimal

from portal.sandbox.clock import parse_moment, written, written_day
from portal.sandbox.errors import Fault, fault, missing_field
from portal.sandbox.fields import Kind, fields, required
from portal.sandbox.jsontext import JsonValue, Record, plain
from portal.sandbox.resources import Resource

_DAYS = frozenset({"Addition", "Agreement"})  # their dates are calendar days: the time beside them is dropped


_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

LARGEST = Decimal(10**15)
"""Numbers stay below it, either way."""

INTEGERS = range(-(2**31), 2**31)
"""The whole numbers of a field that the definition calls ``int32``."""

FIRST_YEAR = 1753
"""The first year that ConnectWise's database can keep in a date (an assumption: it is SQL Server's ``datetime``)."""


def shaped(resource: Resource, record: Record) -> tuple[Record, list[Fault]]:
    """The record with values in the PSA's own form, and what is wrong with it.

    Null values are left out, numbers lose trailing zeros, and the dates of agreements and additions
    become ``2026-10-15T00:00:00Z``.
    """
    kinds, faults, kept = fields(resource.schema), [], {}
    for name, value in record.items():
        if value is None:
            continue
        if name not in kinds:
            faults.append(fault(resource.word, name[:80], f"{name[:80]} is not a recognized name.", "InvalidName"))
            continue
        problem = _problem(kinds[name], value)
        if problem:
            faults.append(fault(resource.word, name, f"The {name} field {problem}."))
        kept[name] = _in_form(kinds[name], value, days=resource.schema in _DAYS)
    faults.extend(missing_field(resource.word, name) for name in required(resource.schema) if _empty(kept.get(name)))
    return kept, faults


def _empty(value: JsonValue) -> bool:
    return value is None or value in ("", {})


def _problem(kind: Kind, value: JsonValue) -> str:
    """What is wrong with a value, to follow 'The ... field'; empty: nothing."""
    if kind == "object":
        return ""
    if isinstance(kind, list):
        good = isinstance(value, list) and not any(_problem(kind[0], item) for item in value)
        return "" if good else "must be a list of the right kind"
    if isinstance(kind, dict) or kind == "info":
        return _inner_problem(kind, value)
    return _plain_problem(kind, value)


def _inner_problem(kind: Kind, value: JsonValue) -> str:
    """What is wrong with a reference, or with what a record says of itself."""
    if not isinstance(value, dict):
        return "must be an object"
    for name, item in value.items():
        inner = kind.get(name) if isinstance(kind, dict) else "text"
        if inner is None:
            return f"has no {name[:80]}"
        if item is not None and (problem := _problem(inner, item)):
            return f"has a wrong {name}: it {problem}"
    return ""


def _plain_problem(kind: str, value: JsonValue) -> str:
    word, *rest = kind.split(" ")
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    text = value if isinstance(value, str) else None
    match word:
        case "number":
            good, wanted = is_number and abs(Decimal(value)) < LARGEST, "a number below 1,000,000,000,000,000"  # type: ignore[arg-type]
        case "integer":
            good, wanted = is_number and value == int(value) and int(value) in INTEGERS, "a whole number"  # type: ignore[arg-type]
        case "flag":
            good, wanted = isinstance(value, bool), "true or false"
        case "date":
            moment = parse_moment(text) if text is not None else None
            good, wanted = moment is not None and moment.year >= FIRST_YEAR, "a date such as 2026-10-15T00:00:00Z"
        case "uuid":
            good, wanted = text is not None and _GUID.fullmatch(text) is not None, "a GUID"
        case "choice":
            good, wanted = text in rest, f"one of {', '.join(rest)}"
        case _:
            longest = int(rest[0]) if rest else None
            good = text is not None and (longest is None or len(text) <= longest)
            wanted = f"text of at most {longest} characters" if longest else "text"
    return "" if good else f"must be {wanted}"


def _in_form(kind: Kind, value: JsonValue, *, days: bool) -> JsonValue:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, list):
        inner = kind[0] if isinstance(kind, list) else "object"
        return [_in_form(inner, item, days=days) for item in value]
    if isinstance(value, dict) and isinstance(kind, dict):
        return {
            name: _in_form(kind.get(name, "object"), item, days=days)
            for name, item in value.items()
            if item is not None
        }
    if kind == "date" and isinstance(value, str) and (moment := parse_moment(value)):
        return written_day(value) if days else written(moment)
    return value
