"""The published definition of the API, as JSON Schema, to hold answers against."""

import json
import re
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

EXTRACT = Path(__file__).with_name("openapi-extract.json")
BASE = "/v4_6_release/apis/3.0"

FORMATS = FormatChecker(formats=[])
"""The formats that the definition names, as ConnectWise writes them."""


@FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None


@FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(uuid.UUID(value))


@cache
def definition() -> dict[str, Any]:
    text = EXTRACT.read_text(encoding="utf-8")
    whole: dict[str, Any] = json.loads(text)
    return whole


def _as_json_schema(schema: Any, *, whole: bool) -> Any:
    """Nullable becomes a type of its own; fields that the definition does not name are not allowed."""
    if isinstance(schema, list):
        return [_as_json_schema(item, whole=whole) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _as_json_schema(item, whole=whole) for name, item in schema.items() if name != "nullable"}
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        changed["type"] = [schema["type"], "null"]
    if "properties" in schema and isinstance(schema.get("type"), str):
        changed.setdefault("additionalProperties", False)
        if not whole:
            changed.pop("required", None)
    return changed


@cache
def _validator(name: str, *, many: bool, whole: bool) -> Draft202012Validator:
    schemas = _as_json_schema(definition()["components"]["schemas"], whole=whole)
    # the reference shows "errors": null, which the definition does not
    schemas["ErrorResponseMessage"]["properties"]["errors"]["type"] = ["array", "null"]
    schemas["ErrorResponseMessage"]["required"] = ["code", "message"]
    # the definition's "object" stands for any value here: a text, a number, a flag
    schemas["CustomFieldValue"]["properties"]["value"] = {}
    # a bundle carries whole records, of which the definition names no more than the id
    schemas["IRestIdentifiedItem"]["additionalProperties"] = True
    target = {"$ref": f"#/components/schemas/{name}"}
    return Draft202012Validator(
        {"components": {"schemas": schemas}, **({"type": "array", "items": target} if many else target)},
        format_checker=FORMATS,
    )


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    return [
        (re.compile(re.sub(r"\{\w+\}", r"\\d+", path) + "$"), operations)
        for path, operations in definition()["paths"].items()
    ]


def hold(method: str, path: str, status: int, body: Any, *, whole: bool = True) -> None:
    """Fail unless an answer is what the definition says for this address.

    Args:
        method: The request's method.
        path: Its path, with the base.
        status: The answer's.
        body: The answer's, parsed.
        whole: Whether required fields must be there; false where fields were chosen.
    """
    if status >= 400:
        _validator("ErrorResponseMessage", many=False, whole=True).validate(body)
        return
    tail = path.removeprefix(BASE)
    operations = next((found for pattern, found in _patterns() if pattern.fullmatch(tail)), None)
    if operations is None:
        return
    answer = operations[method.lower()]["responses"][str(status)]
    if "content" not in answer:
        assert body is None
        return
    schema = answer["content"]["application/json"]["schema"]
    many = schema.get("type") == "array"
    name = (schema["items"] if many else schema)["$ref"].rsplit("/", 1)[1]
    _validator(name, many=many, whole=whole).validate(body)
