"""What vendor services are: products with factors, or excluded. Every change is audited."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, ServiceMapping, ServiceProduct, VendorService
from portal.domain.quantities import MAX_QUANTITY, plain
from portal.services.actors import Actor, require
from portal.services.errors import Invalid, NotFound
from portal.services.mapping_common import anew, reason_of, record

FACTOR_PLACES = 9


def map_service(
    session: Session,
    service_id: int,
    products: Sequence[tuple[str, Decimal]],
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
) -> ServiceMapping:
    """Say which products a vendor service feeds.

    Args:
        session: A writing session.
        service_id: Our id of the vendor service.
        products: Product ID and factor: units of the product for one of the service, above zero.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone; given, the cards are made anew at once.

    Raises:
        NotFound: There is no such service.
        Invalid: No product, one twice, one that the catalogue does not have, or a factor that cannot be.
    """
    service = _service(session, service_id, by)
    _refuse_products(session, products)
    row = _mapping_of_service(session, service)
    before = None if row is None else service_words(row)
    wanted = [(product, factor) for product, factor in products]
    if row is not None and row.state == "mapped" and [(one.product, one.factor) for one in row.products] == wanted:
        return row
    row = _emptied(session, service, row)
    row.products = [
        ServiceProduct(position=place, product=product, factor=factor)
        for place, (product, factor) in enumerate(products)
    ]
    row.state, row.reason = "mapped", None
    row.service_name, row.decided_by, row.decided_at = service.name, by.name, now
    session.flush()
    record(
        session,
        "mapping.service",
        f"Mapped {_service_title(service)}: {service_words(row)}.",
        by=by,
        now=now,
        before=before,
        after=service_words(row),
        product=products[0][0] if len(products) == 1 else None,
    )
    anew(session, now, zone)
    return row


def exclude_service(
    session: Session, service_id: int, *, reason: str, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> ServiceMapping:
    """Leave a vendor service out, with a reason. Arguments as for `map_service`.

    Raises:
        NotFound: There is no such service.
        Invalid: The reason is missing or too long.
    """
    service = _service(session, service_id, by)
    said = reason_of(reason)
    row = _mapping_of_service(session, service)
    before = None if row is None else service_words(row)
    row = _emptied(session, service, row)
    row.state, row.reason = "excluded", said
    row.service_name, row.decided_by, row.decided_at = service.name, by.name, now
    session.flush()
    record(
        session,
        "mapping.service",
        f"Excluded {_service_title(service)}.",
        by=by,
        now=now,
        before=before,
        after="excluded",
        reason=said,
    )
    anew(session, now, zone)
    return row


def unmap_service(session: Session, service_id: int, *, by: Actor, now: datetime, zone: ZoneInfo | None = None) -> None:
    """Take back what was said about a vendor service; it is unmapped again. Arguments as for `map_service`.

    Raises:
        NotFound: There is no such service.
    """
    service = _service(session, service_id, by)
    row = _mapping_of_service(session, service)
    if row is None:
        return
    before = service_words(row)
    session.delete(row)
    session.flush()
    record(
        session,
        "mapping.service",
        f"Took back the mapping of {_service_title(service)}.",
        by=by,
        now=now,
        before=before,
        after="unmapped",
    )
    anew(session, now, zone)


def service_words(row: ServiceMapping) -> str:
    """Say what a service feeds: "PACK-A x 1, PACK-B x 0.5"."""
    if row.state == "excluded":
        return "excluded"
    return ", ".join(one.product if one.factor == 1 else f"{one.product} x {plain(one.factor)}" for one in row.products)


def _refuse_products(session: Session, products: Sequence[tuple[str, Decimal]]) -> None:
    """Refuse what a service cannot feed.

    Raises:
        Invalid: With the reason.
    """
    if not products:
        raise Invalid("Choose at least one product.", {"product": "Choose a product."})
    names = [product for product, _factor in products]
    if len(set(names)) < len(names):
        raise Invalid("A service feeds each product once.", {"product": "This product is named twice."})
    for _product, factor in products:
        if not factor.is_finite() or not 0 < factor <= MAX_QUANTITY or factor != round(factor, FACTOR_PLACES):
            sentence = f"The factor {factor} cannot be used: above zero, with at most {FACTOR_PLACES} decimals."
            raise Invalid(sentence, {"factor": "Give a number above zero, such as 1 or 0.5."})
    known = set(session.scalars(sa.select(PsaProduct.identifier).where(PsaProduct.identifier.in_(names))))
    strangers = [name for name in names if name not in known]
    if strangers and session.scalars(sa.select(PsaProduct.id).limit(1)).first() is not None:
        raise Invalid(
            f"The catalogue has no product “{strangers[0]}”. Choose one by its Product ID.",
            {"product": "There is no such product."},
        )


def _service(session: Session, service_id: int, by: Actor) -> VendorService:
    require(by, "biller", "map accounts and services")
    found = session.get(VendorService, service_id)
    if found is None:
        raise NotFound(f"There is no vendor service {service_id}.")
    return found


def _mapping_of_service(session: Session, service: VendorService) -> ServiceMapping | None:
    return session.scalars(
        sa.select(ServiceMapping).where(
            ServiceMapping.vendor_id == service.vendor_id,
            ServiceMapping.service_external_id == service.external_id,
            ServiceMapping.term == service.term,
        )
    ).one_or_none()


def _emptied(session: Session, service: VendorService, row: ServiceMapping | None) -> ServiceMapping:
    """Give the mapping of a service without products, made if there was none."""
    if row is None:
        row = ServiceMapping(vendor_id=service.vendor_id, service_external_id=service.external_id, term=service.term)
        session.add(row)
        return row
    row.products = []
    session.flush()  # the old products go before the same ones may come back
    return row


def _service_title(service: VendorService) -> str:
    term = f", {service.term}" if service.term else ""
    return f"the service “{service.name or service.external_id}{term}” of {service.vendor.title}"
