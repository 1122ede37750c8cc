"""The fields of each kind of record and what they may hold.

``fields.json`` says it in short: ``number``, ``integer``, ``flag``, ``text 50`` (at most 50 characters),
``date``, ``uuid``, ``choice A B``, an object for a reference, a list of one kind. A test holds it against the
published definition.
"""

from functools import cache
from importlib import resources
from typing import TypeAlias

from portal.sandbox import jsontext

Kind: TypeAlias = str | dict[str, "Kind"] | list["Kind"]


@cache
def _definition() -> jsontext.Record:
    text = resources.files("portal.sandbox").joinpath("fields.json").read_text(encoding="utf-8")
    definition = jsontext.loads(text)
    if not isinstance(definition, dict):
        raise TypeError("fields.json holds an object.")
    return definition


def _kind(value: jsontext.JsonValue) -> Kind:
    if isinstance(value, dict):
        return {name: _kind(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_kind(item) for item in value]
    return str(value)


@cache
def fields(schema: str) -> dict[str, Kind]:
    """The fields of a kind of record by name."""
    entry = _definition()[schema]
    kinds = _kind(entry["fields"]) if isinstance(entry, dict) else None
    if not isinstance(kinds, dict):
        raise TypeError(f"fields.json does not describe {schema}.")
    return kinds


@cache
def required(schema: str) -> tuple[str, ...]:
    """The fields that a new record must have."""
    entry = _definition()[schema]
    names = entry["required"] if isinstance(entry, dict) else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
