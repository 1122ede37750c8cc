"""What is asked for is what is read: no field too many, none missing."""

from collections.abc import Iterator
from typing import Any

import pytest

from portal.connectwise.addition_lines import FIELDS, read_addition
from portal.connectwise.agreement_types import AgreementTypes
from portal.connectwise.agreements import Agreements
from portal.connectwise.billing_cycles import BillingCycles
from portal.connectwise.callbacks import Callbacks
from portal.connectwise.catalog import Catalog
from portal.connectwise.companies import Companies
from portal.connectwise.company_statuses import CompanyStatuses
from portal.connectwise.company_types import CompanyTypes
from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource

RESOURCES: list[type[Resource[Any]]] = [
    Companies,
    CompanyStatuses,
    CompanyTypes,
    Agreements,
    AgreementTypes,
    Catalog,
    BillingCycles,
    Callbacks,
]


class Watched(dict[str, Any]):
    """A record that notes which of its fields were read, and how deep."""

    def __init__(self, read: set[str], path: str = "", *, flat: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._flat = flat
        self._read = read
        self._path = path

    def get(self, name: str, default: Any = None) -> Any:
        path = f"{self._path}{name}"
        self._read.add(path)
        if name in {"id", "agreementId"}:
            return 1
        if name in {"quantity", "lessIncluded"}:
            return 1
        if name == "identifier":
            return "X"
        nested = {"status", "company", "parentAgreement", "billingCycle", "product", "unitOfMeasure"}
        if name in (nested | {"type", "currency", "_info"}) - self._flat and "/" not in path:
            return Watched(self._read, f"{path}/")
        return default


def read_by(parse: Any) -> set[str]:
    read: set[str] = set()
    flat = frozenset({"type"}) if parse == Callbacks.parse else frozenset()
    parse(Row(Watched(read, flat=flat), "record"))
    return {path for path in read if not any(other.startswith(f"{path}/") for other in read)}


def cases() -> Iterator[tuple[tuple[str, ...], Any]]:
    for resource in RESOURCES:
        yield resource.fields, resource.parse
    yield FIELDS, lambda row: read_addition(row, 1)


@pytest.mark.parametrize(("fields", "parse"), list(cases()), ids=[*(each.__name__ for each in RESOURCES), "Additions"])
def test_each_field_asked_for_is_read_and_each_that_is_read_is_asked_for(fields: tuple[str, ...], parse: Any) -> None:
    read = read_by(parse)

    for field in fields:
        assert any(path == field or path.startswith(f"{field}/") for path in read), field
    for path in read:
        assert any(path == field or path.startswith(f"{field}/") for field in fields), path
