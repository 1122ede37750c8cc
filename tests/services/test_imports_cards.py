"""A file that begins or ceases to count makes the cards anew of those whom it concerns, and of nobody else."""

from collections.abc import Collection
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, Card, UsageCount, UsageImport, VendorAccount, VendorService
from portal.services import card_making, card_remaking, cards, imports, remaking
from portal.services.actors import COMMAND_LINE
from portal.vendors.profiles import FileProfile
from tests.support.desk import OCTOBER, PERIOD, TODAY, ZONE, Desk

COLUMNS = {"account_id": "Account", "service_id": "SKU", "term": "Term", "count": "Units"}


@pytest.fixture
def made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[set[int] | None]:
    """The companies whose cards were made, at each making; none: all. Everybody's were made today already."""
    remaking.begin_day(desk.open_session, now=desk.now, zone=ZONE)
    noted: list[set[int] | None] = []

    def counted(
        session: Session, *, company_ids: Collection[int] | None = None, **named: object
    ) -> card_making.MadeCards:
        noted.append(None if company_ids is None else set(company_ids))
        return card_making.make_cards(session, company_ids=company_ids, **named)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(card_remaking, "make_cards", counted)
    return noted


def nothing_is_left_to_make(desk: Desk) -> bool:
    """Tell whether making all cards would change none."""
    with desk.open_session() as session:
        left = cards.make_cards(session, period=OCTOBER, today=TODAY, now=desk.now, zone=ZONE)
    return (left.new, left.changed, left.stale, left.reopened, left.gone) == (0, 0, 0, 0, 0)


def test_a_partial_file_makes_the_cards_of_the_companies_that_it_names(
    desk: Desk, made: list[set[int] | None], tmp_path: Path
) -> None:
    card = desk.card(1001)
    with desk.open_session() as session:
        count = session.scalars(
            sa.select(UsageCount)
            .join(VendorAccount, VendorAccount.id == UsageCount.account_id)
            .join(UsageImport, UsageImport.id == UsageCount.import_id)
            .join(AccountMapping, AccountMapping.account_external_id == VendorAccount.external_id)
            .where(AccountMapping.company_id == 1001, AccountMapping.vendor_id == VendorAccount.vendor_id)
            .where(UsageImport.state == "committed", UsageImport.period == PERIOD, UsageCount.quantity == 21)
        ).one()
        account = session.get_one(VendorAccount, count.account_id)
        service = session.get_one(VendorService, count.service_id)
        line = f"{account.external_id},{service.external_id},{service.term},29"
        found = imports.preview(
            session, vendor=account.vendor, profile=FileProfile.from_spec({"columns": COLUMNS}), filename="more.csv",
            content=f"Account,SKU,Term,Units\n{line}\nNobody,{service.external_id},{service.term},3\n".encode(),
            uploads=tmp_path, period=PERIOD, complete=False, by=COMMAND_LINE, now=desk.now, zone=ZONE,
        )  # fmt: skip
        imports.commit(session, found.id, by=COMMAND_LINE, now=desk.now, zone=ZONE)

    assert found.state == "committed", found.message
    assert desk.again(card).vendor_quantity == 29
    assert made
    assert all(one == {1001} for one in made)
    assert nothing_is_left_to_make(desk)


def test_a_complete_file_makes_the_cards_of_all_companies_of_its_vendor(
    desk: Desk, made: list[set[int] | None]
) -> None:
    with desk.open_session() as session:
        query = sa.select(UsageImport).where(UsageImport.state == "committed", UsageImport.period == PERIOD)
        files = session.scalars(query.where(UsageImport.complete.is_(True)).order_by(UsageImport.id)).all()
        everybody = set(session.scalars(sa.select(Card.company_id)))
    assert files
    for file in files:
        made.clear()
        with desk.open_session() as session:
            imports.undo(session, file.id, by=COMMAND_LINE, now=desk.now, zone=ZONE)
            whose = sa.select(AccountMapping.company_id).where(AccountMapping.vendor_id == file.vendor_id)
            mapped = set(session.scalars(whose.where(AccountMapping.company_id.is_not(None))))

        assert made
        assert all(one == mapped for one in made)
        assert everybody - mapped
        assert nothing_is_left_to_make(desk)


def test_before_the_day_has_begun_everybodys_cards_are_made(desk: Desk, made: list[set[int] | None]) -> None:
    del made[:]
    with desk.open_session() as session:
        file = session.scalars(sa.select(UsageImport).where(UsageImport.state == "committed")).first()
        assert file is not None
        desk.now = desk.now.replace(day=30)
        imports.undo(session, file.id, by=COMMAND_LINE, now=desk.now, zone=ZONE)

    assert None in made
