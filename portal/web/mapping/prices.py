"""What vendor services feed, and what that is worth at catalogue prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, ServiceMapping
from portal.domain.quantities import plus, times
from portal.services.service_maps import service_mappings


@dataclass(frozen=True, slots=True)
class Feeds:
    """What each vendor service is mapped to, and the catalogue's prices.

    Args:
        services: By vendor, service id and term.
        prices: By product; a product without a price is not among them.
    """

    services: Mapping[tuple[int, str, str], ServiceMapping]
    prices: Mapping[str, Decimal]

    def units(self, vendor_id: int, counts: Iterable[tuple[str, str, Decimal]]) -> Decimal:
        """Sum the units of an account's services (service id, term, units); excluded services do not count."""
        total = Decimal(0)
        for service, term, units in counts:
            mapping = self.services.get((vendor_id, service, term))
            if mapping is None or mapping.state != "excluded":
                total = plus(total, units)
        return total

    def money(self, vendor_id: int, counts: Iterable[tuple[str, str, Decimal]]) -> Decimal | None:
        """Give about how much those units are worth a month; none where no service is mapped to a priced product."""
        total: Decimal | None = None
        for service, term, units in counts:
            mapping = self.services.get((vendor_id, service, term))
            for target in mapping.products if mapping is not None else ():
                price = self.prices.get(target.product)
                if price is not None:
                    total = plus(total or Decimal(0), times(times(units, target.factor), price))
        return total


def read_feeds(session: Session, day: date | None = None) -> Feeds:
    """Read what speaks for each service on a day (none: any), and the prices of the products that they name."""
    mappings = service_mappings(session, day)
    wanted = {target.product for mapping in mappings.values() for target in mapping.products}
    found = session.execute(
        sa.select(PsaProduct.identifier, PsaProduct.price)
        .where(PsaProduct.price.is_not(None), PsaProduct.gone_at.is_(None))
        .order_by(PsaProduct.id.desc())  # of items with the same Product ID the oldest one holds
    )
    return Feeds(
        services=mappings,
        prices={product: price for product, price in found if product in wanted and price is not None},
    )
