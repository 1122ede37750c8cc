"""What moves when a file counts: new, changed, unchanged and gone counts, the biggest movements first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from heapq import nsmallest
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, VendorAccount
from portal.domain.quantities import plain, plus, times
from portal.domain.usage import CountKey
from portal.services.service_maps import service_mappings

SHOWN = 50  # movements that are kept with an import
_ZERO = Decimal(0)
Counts = Mapping[CountKey, Decimal]
Worth = Callable[[CountKey, Decimal], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One count that moves.

    Args:
        before: None: it is new.
        after: None: it is gone.
        money: What the difference is worth a month at catalogue prices; none: the service feeds no priced product.
    """

    key: CountKey
    before: Decimal | None
    after: Decimal | None
    money: Decimal | None

    @property
    def units(self) -> Decimal:
        """The difference."""
        return plus(self.after or _ZERO, (self.before or _ZERO).copy_negate())


def compared(before: Counts, after: Counts) -> dict[str, int]:
    """Count what is new, changed, unchanged and gone."""
    both = before.keys() & after.keys()
    unchanged = sum(before[key] == after[key] for key in both)
    return {
        "new": len(after) - len(both),
        "changed": len(both) - unchanged,
        "unchanged": unchanged,
        "gone": len(before) - len(both),
    }


def movements(before: Counts, after: Counts, worth: Worth) -> list[Movement]:
    """List the biggest movements: by money where it is known, then by units."""

    def moving() -> Any:  # noqa: ANN401 - a generator of Movement, which is not kept
        for key in before.keys() | after.keys():
            old, new = before.get(key), after.get(key)
            if old == new or not (old or new):
                continue
            units = plus(new or _ZERO, (old or _ZERO).copy_negate())
            yield Movement(key=key, before=old, after=new, money=worth(key, units))

    return nsmallest(SHOWN, moving(), key=_size)


def worth_of(session: Session, vendor_id: int, day: date) -> Worth:
    """Give what units of a service are worth a month, at the catalogue's prices of the products that it feeds."""
    mappings = service_mappings(session, day)
    wanted = {target.product for mapping in mappings.values() for target in mapping.products}
    query = sa.select(PsaProduct.identifier, PsaProduct.price).where(
        PsaProduct.price.is_not(None), PsaProduct.gone_at.is_(None)
    )
    # of items with the same Product ID the oldest one holds
    prices = {
        product: price for product, price in session.execute(query.order_by(PsaProduct.id.desc())) if product in wanted
    }

    def worth(key: CountKey, units: Decimal) -> Decimal | None:
        mapping = mappings.get((vendor_id, key.service, key.term))
        total: Decimal | None = None
        for target in mapping.products if mapping is not None else ():
            price = prices.get(target.product)
            if price is not None:
                total = plus(total or _ZERO, times(times(units, target.factor), price))
        return total

    return worth


def movements_json(session: Session, vendor_id: int, found: list[Movement]) -> list[dict[str, str | None]]:
    """Write movements for the import's notes, with the names of their accounts."""
    wanted = {one.key.account for one in found}
    query = sa.select(VendorAccount.external_id, VendorAccount.name).where(
        VendorAccount.vendor_id == vendor_id, VendorAccount.external_id.in_(wanted)
    )
    names = dict(session.execute(query).all())
    return [
        {
            "account": one.key.account,
            "account_name": names.get(one.key.account, ""),
            "service": one.key.service,
            "term": one.key.term,
            "before": None if one.before is None else plain(one.before),
            "after": None if one.after is None else plain(one.after),
            "units": plain(one.units),
            "money": None if one.money is None else plain(one.money),
        }
        for one in found
    ]


def _size(one: Movement) -> tuple[bool, Decimal, Decimal, CountKey]:
    money = one.money.copy_abs() if one.money is not None else _ZERO
    return one.money is None, money.copy_negate(), one.units.copy_abs().copy_negate(), one.key
