"""Reading a profile's JSON field by field; what is unknown or of another kind is refused by its name."""

from collections.abc import Mapping
from typing import Any

from portal.vendors.errors import BadProfile


def text_of(spec: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Read a text; a missing one is the default, or refused where there is none."""
    value = spec.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise BadProfile(f"The profile's “{name}” has to be a text.")
    return value


def whole_of(spec: Mapping[str, Any], name: str, default: int) -> int:
    """Read a whole number."""
    value = spec.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadProfile(f"The profile's “{name}” has to be a whole number.")
    return value


def flag_of(spec: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Read true or false."""
    value = spec.get(name, default)
    if not isinstance(value, bool):
        raise BadProfile(f"The profile's “{name}” has to be true or false.")
    return value


def texts_of(spec: Mapping[str, Any], name: str) -> dict[str, str]:
    """Read an object of texts."""
    value = spec.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise BadProfile(f"The profile's “{name}” has to give a text for each name.")
    return dict(value)


def lists_of(spec: Mapping[str, Any], name: str) -> dict[str, tuple[str, ...]]:
    """Read an object of lists of words."""
    value = spec.get(name) or {}
    if not isinstance(value, Mapping):
        raise BadProfile(f"The profile's “{name}” has to give a list of words for each name.")
    return {str(key): words_of(value, key) for key in value}


def objects_of(spec: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Read a list of objects."""
    value = spec.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise BadProfile(f"The profile's “{name}” has to be a list of objects.")
    return value


def object_of(spec: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Read an object, or none."""
    value = spec.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadProfile(f"The profile's “{name}” has to be an object or null.")
    return value


def words_of(spec: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Read a list of words."""
    value = spec.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadProfile(f"The profile's “{name}” has to be a list of words.")
    return tuple(value)


def only(spec: Mapping[str, Any], where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    """Refuse fields that nobody knows."""
    strangers = sorted(set(map(str, spec)) - set(known))
    if strangers:
        raise BadProfile(f"The profile's “{where}” has no field “{strangers[0]}”.")
    return spec


def one_of(value: str, where: str, known: tuple[str, ...]) -> str:
    """Refuse a word that is not among the known ones."""
    if value not in known:
        names = ", ".join(f"“{one}”" for one in known if one)
        raise BadProfile(f"The profile's “{where}” cannot be “{value}”. It is one of {names}.")
    return value
