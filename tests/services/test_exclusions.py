"""Named exclusions with an end, and one mapping for every term of a service: kept, ended, written out and read back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaProduct, ServiceMapping, Vendor, VendorService
from portal.services import mapping
from portal.services.card_picture import mapping_maps
from portal.services.errors import Invalid
from portal.services.exclusions import read_exclusion
from tests.services.usage_desk import BILLER, NOW, ZONE

ANNUAL, MONTHLY = ("S-1", "Annual"), ("S-1", "Monthly")


@pytest.fixture
def store(session: Session) -> Session:
    session.add(Vendor(slug="haven", title="Haven", created_at=NOW))
    for product_id, product in ((1, "SEAT"), (2, "GUARD")):
        session.add(PsaProduct(id=product_id, identifier=product, price=Decimal(12)))
    session.flush()
    return session


def fed(session: Session, day: date | None = None) -> dict[tuple[str, str], Any]:
    """What each service and term feeds, as cards are made of it."""
    _accounts, services = mapping_maps(session, day=day)
    return {
        key[1:]: [one.product for one in value] if isinstance(value, tuple) else value.reason
        for key, value in services.items()
    }


def a_service(session: Session, term: str = "", external_id: str = "S-1") -> int:
    vendor = session.scalars(sa.select(Vendor.id)).one()
    found = VendorService(vendor_id=vendor, external_id=external_id, term=term, name="Seat", seen_at=NOW)
    session.add(found)
    session.flush()
    return found.id


def test_one_mapping_speaks_for_every_term_also_for_one_that_comes_later(store: Session) -> None:
    annual = a_service(store, "Annual")
    mapping.map_service(store, annual, [("SEAT", Decimal(1))], by=BILLER, now=NOW, every_term=True)

    later = a_service(store, "Monthly")

    assert fed(store) == {ANNUAL: ["SEAT"], MONTHLY: ["SEAT"]}
    mapping.map_service(store, later, [("GUARD", Decimal(1))], by=BILLER, now=NOW, every_term=False)
    assert fed(store) == {ANNUAL: ["SEAT"], MONTHLY: ["GUARD"]}


def test_joining_the_terms_takes_back_what_was_said_about_the_others(store: Session) -> None:
    annual, monthly = a_service(store, "Annual"), a_service(store, "Monthly")
    mapping.map_service(store, annual, [("SEAT", Decimal(1))], by=BILLER, now=NOW)
    mapping.map_service(store, monthly, [("GUARD", Decimal(1))], by=BILLER, now=NOW)

    mapping.map_service(store, annual, [("SEAT", Decimal(2))], by=BILLER, now=NOW, every_term=True)

    assert fed(store) == {ANNUAL: ["SEAT"], MONTHLY: ["SEAT"]}
    assert len(store.scalars(sa.select(ServiceMapping)).all()) == 1


def test_taking_one_term_back_leaves_the_others_as_they_were(store: Session) -> None:
    annual, monthly = a_service(store, "Annual"), a_service(store, "Monthly")
    mapping.map_service(store, annual, [("SEAT", Decimal(1))], by=BILLER, now=NOW, every_term=True)

    mapping.unmap_service(store, annual, by=BILLER, now=NOW)

    assert fed(store) == {MONTHLY: ["SEAT"]}
    mapping.unmap_service(store, monthly, by=BILLER, now=NOW)
    assert fed(store) == {}


def test_an_exclusion_holds_through_its_last_day_and_not_longer(store: Session) -> None:
    service = a_service(store, "")
    mapping.exclude_service(
        store, service, reason="", kind="internal", until="2026-12-31", by=BILLER, now=NOW, zone=ZONE
    )

    assert fed(store, date(2026, 12, 31)) == {("S-1", ""): "internal use"}
    assert fed(store, date(2027, 1, 1)) == {}
    assert fed(store) == {("S-1", ""): "internal use"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reason": "  "}, "A reason is missing"),
        ({"reason": "x" * 301}, "more than 300"),
        ({"reason": "x", "kind": "gift"}, "no such exclusion"),
        ({"reason": "x", "until": "31.12.2026"}, "not a day"),
        ({"reason": "x", "until": "3000-01-01"}, "too far away"),
        ({"reason": "x", "until": "2026-10-26"}, "lies in the past"),
    ],
)
def test_what_cannot_be_an_exclusion_is_refused_with_a_sentence(given: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_exclusion(today=date(2026, 10, 27), **given)


def test_names_ends_and_the_choice_of_terms_are_in_the_file_and_come_back(store: Session) -> None:
    first = a_service(store, "Annual")
    other = a_service(store, external_id="S-2")
    mapping.map_service(store, first, [("SEAT", Decimal(1))], by=BILLER, now=NOW, every_term=True)
    mapping.exclude_service(store, other, reason="", kind="trial", until="2026-12-31", by=BILLER, now=NOW)
    text = mapping.mapping_text(mapping.export_mapping(store))
    mapping.unmap_service(store, first, by=BILLER, now=NOW)
    mapping.unmap_service(store, other, by=BILLER, now=NOW)

    done = mapping.apply_mapping_file(store, mapping.read_mapping_text(text), by=BILLER, now=NOW)

    assert [one.entry.value() for one in done.changes] == ["SEAT, in every term", "excluded: trial, until 2026-12-31"]
    assert mapping.mapping_text(mapping.export_mapping(store)) == text
    assert '"terms": "all"' in text
    assert '"excluded_as": "trial", "until": "2026-12-31"' in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"terms": "some"}, "“terms” has to be “all”"),
        ({"state": "excluded", "products": None, "excluded_as": "gift"}, "“excluded_as” is “gift”"),
        ({"state": "excluded", "products": None, "reason": "x", "until": "soon"}, "“until” is “soon”"),
        ({"state": "excluded", "products": None, "reason": "x", "terms": "all"}, "cannot have terms"),
        ({"until": "2026-12-31"}, "cannot have until"),
    ],
)
def test_a_wrong_name_end_or_choice_of_terms_is_refused(session: Session, changes: dict[str, Any], words: str) -> None:
    entry: dict[str, Any] = {"vendor": "Haven", "service_id": "S-1", "service_name": "", "term": ""}
    entry |= {"state": "mapped", "products": [{"product": "SEAT", "factor": "1"}], **changes}

    diff = mapping.diff_mapping(session, {"services": [{k: v for k, v in entry.items() if v is not None}]})

    assert words in diff.refused[0].reason
