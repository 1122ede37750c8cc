"""Catalogue items: the products that additions bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.connectwise.payload import Row
from portal.connectwise.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogItem:
    """One product.

    Args:
        id: ConnectWise's id.
        identifier: The Product ID that people know it by.
        description: What it is.
        product_class: ConnectWise's word: Agreement, Bundle (no addition can be made of it), Inventory,
            NonInventory, Service, or another.
        inactive: Whether it is no longer sold.
        unit: The unit of measure, or "".
        price: Of one unit for one billing period, if set.
        cost: The same for its cost.
        last_updated: When ConnectWise last changed it.
    """

    id: int
    identifier: str
    description: str
    product_class: str
    inactive: bool
    unit: str
    price: Decimal | None
    cost: Decimal | None
    last_updated: datetime | None


class Catalog(Resource[CatalogItem]):
    """``/procurement/catalog``."""

    path = "/procurement/catalog"
    kind = "catalogue item"
    fields = (
        "id", "identifier", "description", "productClass", "inactiveFlag", "unitOfMeasure/name", "price", "cost",
        "_info",
    )  # fmt: skip

    @classmethod
    def parse(cls, row: Row) -> CatalogItem:
        """Read one catalogue item."""
        return CatalogItem(
            id=row.integer("id"),
            identifier=row.text("identifier"),
            description=row.text("description"),
            product_class=row.text("productClass"),
            inactive=row.flag("inactiveFlag"),
            unit=row.text("unitOfMeasure/name"),
            price=row.number_or_none("price"),
            cost=row.number_or_none("cost"),
            last_updated=row.moment("_info/lastUpdated"),
        )
