"""The entries of a mapping file: read one by one, each refused with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.domain.exclusions import Exclusion, ExclusionKind
from portal.domain.quantities import MAX_QUANTITY, plain
from portal.services.errors import Invalid

FACTOR_PLACES = 9
LARGEST_ID = 2**31 - 1
LONGEST = 300  # characters of an id, a name or a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the file.

    Args:
        where: Its line in the file as we write it, in words.
        what: `account` or `service`.
        key: Vendor's title, id, and for a service its term.
        state: `mapped` or `excluded`.
        company_id: Of a mapped account.
        products: Of a mapped service: product and factor.
        exclusion: Of an excluded one, why and how long.
        every_term: Whether a mapped service speaks for every term of it.
    """

    where: str
    what: str
    key: tuple[str, ...]
    name: str
    state: str
    company_id: int | None = None
    products: tuple[tuple[str, Decimal], ...] = ()
    exclusion: Exclusion | None = None
    every_term: bool = False

    @property
    def reason(self) -> str | None:
        """Why an excluded row is left out."""
        return None if self.exclusion is None else self.exclusion.reason

    def title(self) -> str:
        """Name what the entry is about."""
        term = f", {self.key[2]}" if len(self.key) > 2 and self.key[2] else ""  # noqa: PLR2004 - vendor, id, term
        name = f" “{self.name}”" if self.name else ""
        return f"{self.key[0]} {self.what} {self.key[1]}{term}{name}"

    def value(self) -> str:
        """Say what it is mapped to."""
        if self.exclusion is not None:
            end = "" if self.exclusion.until is None else f", until {self.exclusion.until.isoformat()}"
            return f"excluded: {self.exclusion.words()}{end}"
        if self.what == "account":
            return f"company {self.company_id}"
        fed = ", ".join(product if factor == 1 else f"{product} x {plain(factor)}" for product, factor in self.products)
        return f"{fed}, in every term" if self.every_term else fed


def read_entry(raw: object, what: str, where: str, titles: Mapping[str, str]) -> Entry:
    """Read one entry.

    Raises:
        Invalid: With the reason.
    """
    if not isinstance(raw, Mapping):
        raise Invalid("It is no object.")
    fields = {"vendor", f"{what}_id", f"{what}_name", "state", "reason", "excluded_as", "until"}
    fields |= {"company_id"} if what == "account" else {"term", "products", "terms"}
    strangers = sorted(set(raw) - fields)
    if strangers:
        raise Invalid(f"It has a field “{strangers[0]}”, which means nothing here.")
    said = _text(raw, "vendor")
    key = [titles.get(said.casefold(), said), _text(raw, f"{what}_id")]
    if what == "service":
        key.append(_text(raw, "term", needed=False))
    state = _text(raw, "state")
    if state not in {"mapped", "excluded"}:
        raise Invalid(f"Its state is “{state}”, not mapped or excluded.")
    mapped = state == "mapped"
    others = {"reason", "excluded_as", "until"} if mapped else {"company_id", "products", "terms"}
    wrong = sorted(name for name in others & fields if raw.get(name) not in (None, "", []))
    if wrong:
        raise Invalid(f"It is {state}, so it cannot have {' or '.join(wrong)}.")
    return Entry(
        where=where,
        what=what,
        key=tuple(key),
        name=_text(raw, f"{what}_name", needed=False),
        state=state,
        company_id=_company(raw.get("company_id")) if mapped and what == "account" else None,
        products=_products(raw.get("products")) if mapped and what == "service" else (),
        exclusion=None if mapped else _exclusion(raw),
        every_term=mapped and what == "service" and _every_term(raw.get("terms")),
    )


def _exclusion(raw: Mapping[str, Any]) -> Exclusion:
    kind, until = _text(raw, "excluded_as", needed=False), _text(raw, "until", needed=False)
    if kind and kind not in set(ExclusionKind):
        raise Invalid(f"Its “excluded_as” is “{kind[:40]}”, not {', '.join(ExclusionKind)}.")
    reason = _text(raw, "reason", needed=not kind)
    try:
        end = date.fromisoformat(until) if until else None
    except ValueError:
        raise Invalid(f"Its “until” is “{until[:40]}”, not a day such as 2026-12-31.") from None
    name = ExclusionKind(kind) if kind else None
    return Exclusion(reason=reason or (name.words() if name else ""), kind=name, until=end)


def _every_term(value: object) -> bool:
    if value not in (None, "", "apart", "all"):
        raise Invalid("Its “terms” has to be “all” (one mapping for every term) or “apart”.")
    return value == "all"


def _text(raw: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    value = raw.get(name)
    value = "" if value is None else value
    if not isinstance(value, str) or (needed and not value.strip()):
        raise Invalid(f"Its “{name}” has to be a text.")
    if len(value) > LONGEST or "\0" in value:
        raise Invalid(f"Its “{name}” has more than {LONGEST} characters.")
    return value.strip()


def _company(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST_ID:
        raise Invalid("Its “company_id” has to be the company's id in ConnectWise, a whole number.")
    return value


def _products(value: object) -> tuple[tuple[str, Decimal], ...]:
    if not isinstance(value, list) or not value:
        raise Invalid("It is mapped, but names no products.")
    found: list[tuple[str, Decimal]] = []
    for one in value:
        if not isinstance(one, Mapping) or set(one) - {"product", "factor"}:
            raise Invalid("Each of its products has a “product” and a “factor”, nothing else.")
        factor = _factor(one.get("factor", 1))
        found.append((_text(one, "product"), factor))
    if len({product for product, _factor in found}) < len(found):
        raise Invalid("It names a product twice.")
    return tuple(found)


def _factor(value: object) -> Decimal:
    try:
        factor = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        factor = None
    if factor is None or not factor.is_finite() or not 0 < factor <= MAX_QUANTITY:
        raise Invalid("A factor has to be a number above zero, such as 1 or 0.5.")
    if factor != round(factor, FACTOR_PLACES):
        raise Invalid(f"The factor {plain(factor)} has more than {FACTOR_PLACES} decimals.")
    return factor
