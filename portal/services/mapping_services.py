"""What vendor services are: products with factors, or excluded. Every change is audited."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, ServiceMapping, ServiceProduct, VendorService
from portal.domain.periods import local_day
from portal.domain.quantities import MAX_QUANTITY, plain
from portal.services.actors import Actor, require
from portal.services.errors import Invalid, NotFound
from portal.services.exclusions import keep_exclusion, read_exclusion, words_of
from portal.services.mapping_common import anew, record
from portal.services.service_lines import forget, learned, remember_items

FACTOR_PLACES = 9


def map_service(
    session: Session,
    service_id: int,
    products: Sequence[tuple[str, Decimal]],
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    every_term: bool | None = None,
) -> ServiceMapping:
    """Say which products a vendor service feeds.

    Args:
        session: A writing session.
        service_id: Our id of the vendor service.
        products: Product ID and factor: units of the product for one of the service, above zero.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone; given, the cards are made anew at once.
        every_term: Whether the same holds for every term of the service, also for terms first seen later: what was
            said about its other terms is taken back, and named in the event. None: as it was.

    Raises:
        NotFound: There is no such service.
        Invalid: No product, one twice, one that the catalogue does not have, or a factor that cannot be.
    """
    service = _service(session, service_id, by)
    _refuse_products(session, products)
    row, wide = _mapping_of_service(session, service), _wide_mapping(session, service)
    spoke = row or wide
    before = None if spoke is None else service_words(spoke)
    every = (spoke is not None and spoke.every_term) if every_term is None else every_term
    wanted = [(product, factor) for product, factor in products]
    if every_term is None and row is None and wide is not None:
        row = wide  # a term that another one speaks for: the change is made where it stands
    if row is not None and (row.state, row.every_term, _targets(row)) == ("mapped", every, wanted):
        return row
    replaced = _join_terms(session, service, row) if every else ""
    if not every:
        _part_terms(session, service, row, wide, by=by, now=now)
    row = _emptied(session, service, row)
    row.products = _products(products)
    row.state, row.every_term = "mapped", every
    keep_exclusion(row, None)
    row.service_name, row.decided_by, row.decided_at = service.name, by.name, now
    session.flush()
    remember_items(session)
    record(
        session,
        "mapping.service",
        f"Mapped {_service_title(service)}{' in every term' if every else ''}: {service_words(row)}.{replaced}",
        by=by,
        now=now,
        before=before,
        after=service_words(row),
        product=products[0][0] if len(products) == 1 else None,
    )
    _settle(session, service, now, zone)
    return row


def exclude_service(
    session: Session,
    service_id: int,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    kind: str = "",
    until: str | date | None = None,
) -> ServiceMapping:
    """Leave a vendor service in its term out, with a reason. Arguments as for `map_service`.

    Args:
        session: A writing session.
        service_id: Our id of the vendor service.
        reason: Why; may be empty beside a kind.
        by: Who says so.
        now: By the business clock.
        zone: As for `map_service`.
        kind: One of `ExclusionKind`, or empty.
        until: The last day on which it is left out; after it the service is unmapped again. None: for good.

    Raises:
        NotFound: There is no such service.
        Invalid: The reason is missing or too long, or the end cannot be.
    """
    service = _service(session, service_id, by)
    said = read_exclusion(reason=reason, kind=kind, until=until, today=local_day(now, zone) if zone else None)
    row, wide = _mapping_of_service(session, service), _wide_mapping(session, service)
    spoke = row or wide
    before = None if spoke is None else service_words(spoke)
    _part_terms(session, service, row, wide, by=by, now=now)
    row = _emptied(session, service, row)
    row.state, row.every_term = "excluded", False
    keep_exclusion(row, said)
    row.service_name, row.decided_by, row.decided_at = service.name, by.name, now
    session.flush()
    record(
        session,
        "mapping.service",
        f"Excluded {_service_title(service)}.",
        by=by,
        now=now,
        before=before,
        after=words_of(row) if said.kind is not None or said.until is not None else "excluded",
        reason=said.reason,
    )
    _settle(session, service, now, zone)
    return row


def unmap_service(session: Session, service_id: int, *, by: Actor, now: datetime, zone: ZoneInfo | None = None) -> None:
    """Take back what was said about a vendor service; it is unmapped again. Arguments as for `map_service`.

    Raises:
        NotFound: There is no such service.
    """
    service = _service(session, service_id, by)
    row, wide = _mapping_of_service(session, service), _wide_mapping(session, service)
    spoke = row or wide
    if spoke is None:
        return
    before = service_words(spoke)
    _part_terms(session, service, row, wide, by=by, now=now)
    if row is not None:
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
    _settle(session, service, now, zone)


def service_words(row: ServiceMapping) -> str:
    """Say what a service feeds: "PACK-A x 1, PACK-B x 0.5"."""
    if row.state == "excluded":
        return words_of(row) if row.excluded_as is not None or row.excluded_until is not None else "excluded"
    return ", ".join(one.product if one.factor == 1 else f"{one.product} x {plain(one.factor)}" for one in row.products)


def _settle(session: Session, service: VendorService, now: datetime, zone: ZoneInfo | None) -> None:
    """Let a change reach suggestions and cards: at once, or later where the caller makes many changes."""
    if zone is None:
        forget(session)
        return
    learned(session, service)
    anew(session, now, zone)


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


def _wide_mapping(session: Session, service: VendorService) -> ServiceMapping | None:
    """Give the mapping that speaks for every term of a service, whichever term it was made for."""
    return session.scalars(
        sa.select(ServiceMapping).where(
            ServiceMapping.vendor_id == service.vendor_id,
            ServiceMapping.service_external_id == service.external_id,
            ServiceMapping.every_term.is_(True),
        )
    ).first()


def _join_terms(session: Session, service: VendorService, row: ServiceMapping | None) -> str:
    """Take back what is said about the other terms of a service, and name it for the event."""
    others = session.scalars(
        sa.select(ServiceMapping)
        .where(
            ServiceMapping.vendor_id == service.vendor_id,
            ServiceMapping.service_external_id == service.external_id,
            ServiceMapping.id != (row.id if row is not None else 0),
        )
        .order_by(ServiceMapping.term)
    ).all()
    said = ", ".join(f"{one.term or 'without a term'}: {service_words(one)}" for one in others)
    for one in others:
        session.delete(one)
    session.flush()
    return f" Before, apart: {said}." if said else ""


def _part_terms(
    session: Session,
    service: VendorService,
    row: ServiceMapping | None,
    wide: ServiceMapping | None,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Let every known term of a service speak for itself, as it was, before one of them is changed alone."""
    if wide is None:
        return
    terms = session.scalars(
        sa.select(VendorService).where(
            VendorService.vendor_id == service.vendor_id, VendorService.external_id == service.external_id
        )
    ).all()
    own = set(
        session.scalars(
            sa.select(ServiceMapping.term).where(
                ServiceMapping.vendor_id == service.vendor_id,
                ServiceMapping.service_external_id == service.external_id,
            )
        )
    )
    for one in terms:
        if one.term in own or (row is None and one.term == service.term):
            continue
        kept = ServiceMapping(
            vendor_id=one.vendor_id, service_external_id=one.external_id, term=one.term, service_name=one.name
        )
        kept.state, kept.decided_by, kept.decided_at = wide.state, by.name, now
        kept.reason, kept.excluded_as, kept.excluded_until = wide.reason, wide.excluded_as, wide.excluded_until
        kept.products = _products(_targets(wide))
        session.add(kept)
    wide.every_term = False
    session.flush()


def _targets(row: ServiceMapping) -> list[tuple[str, Decimal]]:
    """Give the products of a mapping with their factors."""
    return [(one.product, one.factor) for one in row.products]


def _products(targets: Sequence[tuple[str, Decimal]]) -> list[ServiceProduct]:
    """Make the records of products with factors, in their order."""
    return [
        ServiceProduct(position=place, product=product, factor=factor)
        for place, (product, factor) in enumerate(targets)
    ]


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
