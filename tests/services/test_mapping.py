from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Card, PsaAddition, PsaAgreement, PsaCompany, PsaProduct
from portal.domain.accounts import AccountVisibility
from portal.domain.quantities import plain
from portal.services import mapping, statuses
from portal.services.errors import Invalid, NotAllowed, NotFound
from tests.services.usage_desk import ADMIN, BILLER, NOW, OCTOBER, VIEWER, ZONE, Desk, october


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    desk = Desk(session, tmp_path / "uploads")
    for company_id, name in ((1, "Alder Dental"), (2, "Birch Legal")):
        session.add(PsaCompany(id=company_id, identifier=name, name=name, in_scope=True))
    session.add(PsaCompany(id=3, identifier="old", name="Cobalt", deleted=True, in_scope=False))
    for product_id, product, price in ((1, "SEAT", "12"), (2, "GUARD", "3.50")):
        session.add(PsaProduct(id=product_id, identifier=product, price=Decimal(price)))
    session.flush()
    return desk


def listed(desk: Desk) -> dict[str, tuple[str, str]]:
    """Unmapped accounts and services: units and money."""
    found = mapping.missing(desk.session, OCTOBER, ZONE)
    accounts = {one.external_id: (plain(one.units), str(one.money)) for one in found.accounts}
    return accounts | {one.external_id: (plain(one.units), "") for one in found.services}


def last_event(desk: Desk) -> AuditEvent:
    return desk.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n.desc()).limit(1)).one()


def test_an_account_is_mapped_moved_excluded_and_unmapped_again(desk: Desk) -> None:
    desk.take([("A-1", 5)])
    account_id = desk.account("A-1").id

    mapping.map_account(desk.session, account_id, 1, by=BILLER, now=NOW)
    assert (last_event(desk).before, last_event(desk).after) == (None, "Alder Dental")
    assert "A-1" not in listed(desk)
    mapping.map_account(desk.session, account_id, 2, by=BILLER, now=NOW)
    assert (last_event(desk).before, last_event(desk).after) == ("Alder Dental", "Birch Legal")
    mapping.exclude_account(desk.session, account_id, reason=" our own  tenant ", by=BILLER, now=NOW)
    assert last_event(desk).reason == "our own tenant"
    assert "A-1" not in listed(desk)
    mapping.unmap_account(desk.session, account_id, by=BILLER, now=NOW)
    assert listed(desk)["A-1"] == ("5", "0.00")
    assert last_event(desk).sentence == "Took back the mapping of the account “Name A-1” of Haven Backup."


def test_a_mapping_may_name_a_company_that_was_never_synced_but_no_deleted_one(desk: Desk) -> None:
    desk.take([("A-1", 5)])
    account_id = desk.account("A-1").id

    assert mapping.map_account(desk.session, account_id, 777, by=BILLER, now=NOW).company_id == 777
    with pytest.raises(Invalid, match="Cobalt was deleted"):
        mapping.map_account(desk.session, account_id, 3, by=BILLER, now=NOW)


def test_mapping_the_same_again_is_no_event(desk: Desk) -> None:
    desk.take([("A-1", 5)])
    mapping.map_account(desk.session, desk.account("A-1").id, 1, by=BILLER, now=NOW)
    before = last_event(desk).n

    mapping.map_account(desk.session, desk.account("A-1").id, 1, by=BILLER, now=NOW)

    assert last_event(desk).n == before


def test_a_service_feeds_products_with_factors(desk: Desk) -> None:
    desk.take([("A-1", 4)])
    found = mapping.map_service(
        desk.session, desk.service().id, [("SEAT", Decimal(1)), ("GUARD", Decimal("0.5"))], by=BILLER, now=NOW
    )

    assert mapping.service_words(found) == "SEAT, GUARD x 0.5"
    assert listed(desk) == {"A-1": ("4", "55.00")}
    again = mapping.map_service(desk.session, desk.service().id, [("GUARD", Decimal(2))], by=BILLER, now=NOW)
    assert (mapping.service_words(again), last_event(desk).before) == ("GUARD x 2", "SEAT, GUARD x 0.5")


@pytest.mark.parametrize(
    ("products", "words"),
    [
        ([], "at least one product"),
        ([("SEAT", Decimal(1)), ("SEAT", Decimal(2))], "once"),
        ([("SEAT", Decimal(0))], "above zero"),
        ([("SEAT", Decimal("0.0000000001"))], "at most 9 decimals"),
        ([("SEAT", Decimal("NaN"))], "above zero"),
        ([("NOTHING", Decimal(1))], "no product “NOTHING”"),
    ],
)
def test_what_a_service_cannot_feed_is_refused(desk: Desk, products: list[tuple[str, Decimal]], words: str) -> None:
    desk.take([("A-1", 4)])

    with pytest.raises(Invalid, match=words):
        mapping.map_service(desk.session, desk.service().id, products, by=BILLER, now=NOW)


def test_an_excluded_service_carries_nothing(desk: Desk) -> None:
    desk.take([("A-1", 4), ("A-1", 6, "", "active", "S-2")])

    mapping.exclude_service(desk.session, desk.service("S-2").id, reason="free trial", by=BILLER, now=NOW)
    assert listed(desk) == {"A-1": ("4", "0.00"), "S-1": ("4", "")}
    mapping.unmap_service(desk.session, desk.service("S-2").id, by=BILLER, now=NOW)
    assert listed(desk) == {"A-1": ("10", "0.00"), "S-1": ("4", ""), "S-2": ("6", "")}


def test_units_that_stand_under_both_lists_are_counted_once(desk: Desk) -> None:
    desk.take([("A-1", 4)])

    found = mapping.missing(desk.session, OCTOBER, ZONE)

    assert (len(found.accounts), len(found.services), plain(found.units), found.money) == (1, 1, "4", {})


def test_reasons_are_asked_for_and_roles_are_held(desk: Desk) -> None:
    desk.take([("A-1", 4)])
    account_id = desk.account("A-1").id

    with pytest.raises(Invalid, match="reason is missing"):
        mapping.exclude_account(desk.session, account_id, reason="  ", by=BILLER, now=NOW)
    with pytest.raises(NotAllowed):
        mapping.map_account(desk.session, account_id, 1, by=VIEWER, now=NOW)
    with pytest.raises(NotAllowed):
        mapping.unmap_service(desk.session, desk.service().id, by=VIEWER, now=NOW)
    with pytest.raises(NotFound):
        mapping.map_account(desk.session, 999, 1, by=BILLER, now=NOW)


def test_given_the_zone_the_cards_are_made_anew_at_once(desk: Desk) -> None:
    desk.session.add(PsaAgreement(id=5, name="Managed", company_id=1, status="Active"))
    desk.session.add(PsaAddition(id=6, agreement_id=5, product="SEAT", quantity=Decimal(2)))
    desk.take([("A-1", 4)])
    mapping.map_service(desk.session, desk.service().id, [("SEAT", Decimal(1))], by=BILLER, now=NOW, zone=ZONE)

    mapping.map_account(desk.session, desk.account("A-1").id, 1, by=BILLER, now=NOW, zone=ZONE)

    cards = desk.session.scalars(sa.select(Card).where(Card.company_id == 1)).all()
    assert [(card.product, card.vendor_quantity) for card in cards] == [("SEAT", Decimal(4))]


def test_inactive_accounts_are_hidden_shown_or_a_warning_by_what_they_count(desk: Desk) -> None:
    for word, meaning in (("active", "active"), ("gone", "inactive")):
        statuses.set_vendor_word(desk.session, desk.vendor.id, word, meaning, by=ADMIN, now=NOW)
    september = october(28).replace(month=9)
    accounts = {"HIDE": (0, 0), "SHOW": (4, 0), "WARN": (3, 3)}
    desk.take([(name, units[0], "", "gone") for name, units in accounts.items()], counted_at=september)
    desk.take(
        [
            *((name, units[1], "", " Gone") for name, units in accounts.items()),
            ("ODD", 2, "", "migrating"),
            ("NONE", 0, "", ""),
            ("IDLE", 0, "", "ACTIVE"),
        ]
    )

    found = {one.account.external_id: one.result for one in mapping.inactive(desk.session, OCTOBER, ZONE)}

    assert found == {
        "HIDE": AccountVisibility.HIDDEN,
        "SHOW": AccountVisibility.SHOWN,
        "WARN": AccountVisibility.WARNING,
        "ODD": AccountVisibility.NEEDS_DECISION,
    }
    assert set(listed(desk)) == {"SHOW", "WARN", "ODD", "NONE", "IDLE", "S-1"}
