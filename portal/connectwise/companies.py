"""Companies: the customers of the MSP, among others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedId:
    """A reference: an id and the name it had when it was read."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencySign:
    """How ConnectWise writes a currency.

    Args:
        symbol: Its symbol, or "" where it has none or ConnectWise is set not to show it.
        places: Decimal places, or None where it does not say.
    """

    symbol: str
    places: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One company.

    Args:
        id: ConnectWise's id, the one thing that tells companies of equal name apart.
        identifier: The short name.
        name: The name.
        status: Its company status, if it has one.
        types: Its company types.
        deleted: Whether it lies in the recycle bin.
        currency: The ISO code of its currency, or "".
        sign: How ConnectWise writes that currency.
        website: Its web address, or "".
        last_updated: When ConnectWise last changed it.
        updated_by: By whom, or "".
    """

    id: int
    identifier: str
    name: str
    status: NamedId | None
    types: tuple[NamedId, ...]
    deleted: bool
    currency: str
    sign: CurrencySign
    website: str
    last_updated: datetime | None
    updated_by: str


class Companies(Resource[Company]):
    """``/company/companies``."""

    path = "/company/companies"
    kind = "company"
    fields = (
        "id", "identifier", "name", "status", "types", "deletedFlag", "currency", "website", "_info",
    )  # fmt: skip

    @classmethod
    def parse(cls, row: Row) -> Company:
        """Read one company."""
        status = row.integer_or_none("status/id")
        return Company(
            id=row.integer("id"),
            identifier=row.text("identifier"),
            name=row.text("name"),
            status=None if status is None else NamedId(id=status, name=row.text("status/name")),
            types=tuple(_type(each) for each in row.rows("types", "company type")),
            deleted=row.flag("deletedFlag"),
            currency=currency(row),
            sign=currency_sign(row),
            website=row.text("website"),
            last_updated=row.moment("_info/lastUpdated"),
            updated_by=row.text("_info/updatedBy"),
        )


def currency(row: Row) -> str:
    """Return the code of a record's currency, or ""."""
    code = row.text("currency/currencyCode") or row.text("currency/currencyIdentifier")
    return code.strip().upper()


def currency_sign(row: Row) -> CurrencySign:
    """Return how a record's currency is written."""
    shown = row.flag("currency/displaySymbolFlag", default=True)
    return CurrencySign(
        symbol=row.text("currency/symbol").strip() if shown else "",
        places=row.integer_or_none("currency/numberOfDecimals"),
    )


def _type(row: Row) -> NamedId:
    """Read a type, plain or, as newer releases send it, inside an association."""
    at = "type/" if row.value("type") is not None else ""
    return NamedId(id=row.integer(f"{at}id"), name=row.text(f"{at}name"))
