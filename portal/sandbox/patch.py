"""JSON Patch as ConnectWise takes it: ``add``, ``replace`` and ``remove``, several at once, whole or not at all."""

from http import HTTPStatus

from portal.sandbox.conditions import ConditionError
from portal.sandbox.errors import Refusal
from portal.sandbox.fields import Kind
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.matching import find


def _refused(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "InvalidPatchOperation", message)


def patched(record: Record, operations: JsonValue, kinds: dict[str, Kind]) -> Record:
    """A record after all operations; the one given is left as it is.

    Args:
        record: As it stands.
        operations: A list of ``{"op", "path", "value"}``; paths with or without a leading slash.
        kinds: The fields that the record may have.

    Raises:
        Refusal: 400, the operations are not such a list, or one of them cannot be done.
    """
    if not isinstance(operations, list) or not operations:
        raise _refused("A list of patch operations is expected.")
    for operation in operations:
        if not isinstance(operation, dict):
            raise _refused("A patch operation is an object with op, path and value.")
        word, path = operation.get("op"), operation.get("path")
        if word not in {"add", "replace", "remove"}:
            raise _refused(f"The operation {_short(word)} is none of add, replace, remove.")
        if not isinstance(path, str) or not path.strip("/"):
            raise _refused("A patch operation needs a path.")
        if word != "remove" and "value" not in operation:
            raise _refused(f"The operation on {path[:80]} needs a value.")
        record = _set_in(record, _spelled(path.strip("/").split("/"), kinds), str(word), operation.get("value"))
    return record


def _spelled(parts: list[str], kinds: dict[str, Kind]) -> list[str]:
    """The path as the fields spell it; places in lists are left as they are."""
    here: Kind = kinds
    spelled = []
    for part in parts:
        if isinstance(here, dict):
            try:
                (name,), here = find((part,), here)
            except (ConditionError, ValueError) as error:
                raise _refused(f"{part[:80]} is not a recognized name.") from error
            spelled.append(name)
        else:
            spelled.append(part)
            here = here[0] if isinstance(here, list) else "object"
    return spelled


def _short(value: JsonValue) -> str:
    return str(value)[:40]


def _set_in(record: Record, parts: list[str], word: str, value: JsonValue) -> Record:
    name, *rest = parts
    if rest:
        inner = record.get(name)
        if inner is None and (rest[0] == "-" or rest[0].isdecimal()):
            inner = []
        if isinstance(inner, list):
            return record | {name: _set_in_list(inner, rest, word, value)}
        if inner is not None and not isinstance(inner, dict):
            raise _refused(f"{name} has no fields.")
        return record | {name: _set_in(inner or {}, rest, word, value)}
    if word == "remove" or value is None:
        return {key: item for key, item in record.items() if key != name}
    return record | {name: value}


def _set_in_list(items: list[JsonValue], parts: list[str], word: str, value: JsonValue) -> list[JsonValue]:
    mark, *rest = parts
    if mark == "-" and word == "add" and not rest:
        return [*items, value]
    if not mark.isdecimal() or len(mark) > len("1000000") or int(mark) >= len(items):
        raise _refused(f"There is no element {mark[:40]}.")
    position = int(mark)
    if rest:
        inner = items[position]
        if not isinstance(inner, dict):
            raise _refused(f"Element {mark} has no fields.")
        return [*items[:position], _set_in(inner, rest, word, value), *items[position + 1 :]]
    if word == "add":
        return [*items[:position], value, *items[position:]]
    return [*items[:position], *([] if word == "remove" else [value]), *items[position + 1 :]]
