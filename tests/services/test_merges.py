"""Mapped companies that are gone from ConnectWise: flagged, with where their agreements are."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, Card, PsaAgreement, PsaCompany, Vendor, VendorAccount
from portal.services import merges
from portal.services.errors import Conflict, NotAllowed
from tests.services.usage_desk import BILLER, NOW, VIEWER, ZONE


@pytest.fixture
def store(session: Session) -> Session:
    """Quarry is gone; one of its agreements is at Harbor now. One account is mapped to it."""
    session.add(Vendor(id=1, slug="haven", title="Haven", created_at=NOW))
    session.add(PsaCompany(id=402, identifier="quarry", name="Quarry", gone_at=NOW, in_scope=False))
    session.add(PsaCompany(id=500, identifier="harbor", name="Harbor", in_scope=True))
    session.add(PsaAgreement(id=9, company_id=500, name="Managed", start_date=date(2026, 1, 1)))
    session.add(
        Card(period="2026-10", company_id=402, company="Quarry", agreement_id=9, product="SEAT", kind="increase",
             state="open", made_at=NOW, changed_at=NOW)
    )  # fmt: skip
    session.add(VendorAccount(vendor_id=1, external_id="A-1", name="Quarry", seen_at=NOW))
    session.add(
        AccountMapping(vendor_id=1, account_external_id="A-1", account_name="Quarry", state="mapped", company_id=402,
                       decided_by="Dana", decided_at=NOW)
    )  # fmt: skip
    session.flush()
    return session


def test_a_company_that_is_gone_is_named_with_who_has_its_agreements(store: Session) -> None:
    (lost,) = merges.lost_companies(store)

    assert (lost.company_id, lost.name, lost.accounts) == (402, "Quarry", 1)
    assert lost.successors == (merges.Successor(company_id=500, name="Harbor", agreements=1),)


def test_nothing_is_moved_until_a_person_decides_and_then_every_account(store: Session) -> None:
    moved = merges.follow_merge(store, 402, 500, accounts=1, by=BILLER, now=NOW, zone=ZONE)

    assert moved == 1
    assert store.scalars(sa.select(AccountMapping.company_id)).all() == [500]
    assert merges.lost_companies(store) == []


@pytest.mark.parametrize(("heir", "accounts"), [(500, 2), (402, 1), (7, 1)])
def test_what_has_changed_since_it_was_shown_or_is_no_successor_moves_nothing(
    store: Session, heir: int, accounts: int
) -> None:
    with pytest.raises(Conflict, match="Nothing was moved"):
        merges.follow_merge(store, 402, heir, accounts=accounts, by=BILLER, now=NOW, zone=ZONE)


def test_a_viewer_moves_nothing(store: Session) -> None:
    with pytest.raises(NotAllowed):
        merges.follow_merge(store, 402, 500, accounts=1, by=VIEWER, now=NOW, zone=ZONE)
