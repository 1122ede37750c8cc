from typing import Any

import pytest

from portal.sandbox import fields
from portal.sandbox.fields import Kind
from tests.sandbox.definition import definition

SCHEMAS = (
    "Addition",
    "Agreement",
    "AgreementType",
    "AuditTrailEntry",
    "BillingCycle",
    "Board",
    "CallbackEntry",
    "CatalogItem",
    "Company",
    "CompanyStatus",
    "CompanyType",
    "Invoice",
    "Ticket",
)


def expected(schema: dict[str, Any], depth: int) -> Kind:  # noqa: PLR0911 - a table of cases
    """What ``fields.json`` says of a schema of the definition; references are followed once."""
    if "$ref" in schema:
        target = definition()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return "object" if depth else inside(target, depth + 1)
    if "enum" in schema:
        return " ".join(["choice", *(word for word in schema["enum"] if word)])
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return "date"
        case "string" if schema.get("format") == "uuid":
            return "uuid"
        case "string":
            return f"text {schema['maxLength']}" if "maxLength" in schema else "text"
        case "boolean":
            return "flag"
        case "array":
            return [expected(schema["items"], depth)]
        case "number" | "integer" as word:
            return str(word)
        case _:
            return "object"


def inside(schema: dict[str, Any], depth: int) -> dict[str, Kind]:
    return {name: "info" if name == "_info" else expected(field, depth) for name, field in schema["properties"].items()}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_fields_are_those_of_the_published_definition(schema: str) -> None:
    published = definition()["components"]["schemas"][schema]

    assert fields.fields(schema) == inside(published, 0)
    assert fields.required(schema) == tuple(published.get("required", ()))
