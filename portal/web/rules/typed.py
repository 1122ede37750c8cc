"""A rule as somebody types it: read from a form or from an address, and put back into the form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, Rule
from portal.domain.quantities import BadQuantity, parse_quantity
from portal.services import decisions
from portal.services.errors import Invalid, Refused
from portal.services.rules_store import KINDS, RuleValues
from portal.web.filters import typed as written
from portal.web.forms import day, text
from portal.web.locale_choice import current_marks

FIELDS = (
    "kind", "company", "product", "quantity", "until", "mode", "to", "limit", "size", "reference", "reason",
)  # fmt: skip
LIMITS = {"units": "units of the product", "percent": "percent of the PSA quantity", "money": "money a month"}
_NAMED = re.compile(r"\(([0-9]{1,10})\)\s*$")


@dataclass(slots=True, kw_only=True)
class Typed:
    """A rule as it was typed.

    Args:
        values: The fields as texts.
        errors: A sentence for each field that cannot be used.
    """

    values: dict[str, str]
    company_id: int | None = None
    product: str | None = None
    rule: RuleValues = field(default_factory=RuleValues)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of rule; a minimum where none is named."""
        return self.values["kind"]

    def value(self, name: str) -> str:
        """Give a field as it was typed."""
        return self.values.get(name, "")

    def query(self) -> dict[str, str]:
        """Give the fields for an address."""
        return {name: value for name, value in self.values.items() if value}


def read(session: Session, form: Mapping[str, str]) -> Typed:
    """Read a rule; what cannot be used is named in `errors`."""
    values = {name: form.get(name, "").replace("\0", "").strip()[:300] for name in FIELDS}
    if values["kind"] not in KINDS:
        values["kind"] = "minimum"
    typed = Typed(values=values)
    _company(session, typed)
    typed.product = values["product"] or None
    given: dict[str, Any] = {}
    kind = typed.kind
    if kind in {"minimum", "floor"}:
        given["quantity"] = _number(typed, "quantity")
    if kind in {"minimum", "floor", "ignore"}:
        given["until"] = _safely(typed, "until", lambda: day(values, "until"))
    if kind == "rounding":
        given["mode"] = values["mode"] or None
        given["to"] = _number(typed, "to") if values["to"] else None
    if kind == "tolerance":
        limit = values["limit"] if values["limit"] in LIMITS else "units"
        values["limit"] = limit
        given[limit] = _number(typed, "size")
    given["reference"] = _safely(typed, "reference", lambda: text(values, "reference", longest=200)) or None
    given["reason"] = _safely(typed, "reason", lambda: text(values, "reason", longest=200)) or None
    typed.rule = RuleValues(**given)
    return typed


def of_rule(session: Session, rule: Rule) -> Typed:
    """Give a stored rule as its form shows it."""
    company = None if rule.company_id is None else session.get(PsaCompany, rule.company_id)
    limit = next((name for name in LIMITS if getattr(rule, name) is not None), "units")
    size: Decimal | None = getattr(rule, limit)
    values = {
        "kind": rule.kind,
        "company": "" if rule.company_id is None else company_text(rule.company_id, company),
        "product": rule.product or "",
        "quantity": written(rule.quantity),
        "until": "" if rule.until is None else rule.until.isoformat(),
        "mode": rule.mode or "",
        "to": "" if rule.to is None or rule.to == 1 else written(rule.to),
        "limit": limit if rule.kind == "tolerance" else "",
        "size": written(size),
        "reference": rule.reference or "",
        "reason": rule.reason or "",
    }
    return read(session, values)


def company_text(company_id: int, company: PsaCompany | None) -> str:
    """Write a company as the field holds it: its name, and its id in brackets, since names may be equal."""
    return str(company_id) if company is None else f"{company.name} ({company_id})"


def take_fields(typed: Typed, error: Invalid) -> None:
    """Put what a use case refuses beside the fields that it names."""
    names = {"units": "size", "percent": "size", "money": "size", "company_id": "company"}
    for name, sentence in error.fields.items():
        typed.errors.setdefault(names.get(name, name), sentence)
    if not error.fields:
        typed.errors.setdefault("", str(error))


def _company(session: Session, typed: Typed) -> None:
    said = typed.values["company"]
    if not said:
        return
    named = _NAMED.search(said)
    try:
        typed.company_id = decisions.company_of(session, named[1] if named else said)
    except Refused as error:
        typed.errors["company"] = f"{error} Choose one of the list, or write its id in ConnectWise."
        return
    if typed.company_id > 2**31 - 1:
        typed.company_id, typed.errors["company"] = None, "There is no company with such an id."
        return
    company = session.get(PsaCompany, typed.company_id)
    if company is not None:
        typed.values["company"] = company_text(company.id, company)


def _number(typed: Typed, name: str) -> Decimal | None:
    try:
        return parse_quantity(typed.values[name], current_marks())
    except BadQuantity as error:
        typed.errors[name] = str(error)
        return None


def _safely(typed: Typed, name: str, read_field: Any) -> Any:  # noqa: ANN401 - a day or a text
    try:
        return read_field()
    except Invalid as error:
        typed.errors[name] = str(error)
        return None
