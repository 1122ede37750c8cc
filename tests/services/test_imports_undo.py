"""Taking files back: counts, names and statuses are what they were, also of files that others superseded."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageAccount, VendorAccount, VendorService
from portal.services import imports
from portal.services.import_staging import NEVER
from tests.services.usage_desk import BILLER, ZONE, Desk, october


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    return Desk(session, tmp_path / "uploads")


def undo(desk: Desk, import_id: int) -> None:
    imports.undo(desk.session, import_id, by=BILLER, now=desk.now, zone=ZONE)


def names(desk: Desk) -> dict[str, tuple[str, str]]:
    query = sa.select(VendorAccount).execution_options(populate_existing=True)
    return {one.external_id: (one.name, one.status) for one in desk.session.scalars(query)}


def test_names_and_statuses_of_accounts_and_services_come_back(desk: Desk) -> None:
    desk.take([("A-1", 3, "Acme", "active", "S-1"), ("A-2", 1, "Birch", "active", "S-1")], counted_at=october(5))
    later = desk.take(
        "Account,Account name,State,SKU,SKU name,Term,Units\nA-1,Acme Ltd,closed,S-1,Seat anew,,4\n"
        "A-3,Cedar,active,S-9,Other,,1\n",
        counted_at=october(9),
        complete=False,
    )
    assert names(desk)["A-1"] == ("Acme Ltd", "closed")
    assert desk.service().name == "Seat anew"

    undo(desk, later.id)

    assert names(desk) == {"A-1": ("Acme", "active"), "A-2": ("Birch", "active"), "A-3": ("Cedar", "active")}
    assert desk.service().name == "Seat"
    assert desk.account("A-3").seen_at == NEVER  # nothing that counts names it
    assert desk.standing() == {"A-1/S-1": "3", "A-2/S-1": "1"}
    assert desk.look([("A-3", 1)]).notes["effects"]["new_accounts"] == 1


def test_a_superseded_file_is_taken_back_without_a_change_to_what_holds(desk: Desk) -> None:
    first = desk.take([("A-1", 3, "Old name")], counted_at=october(5))
    desk.take([("A-1", 4, "New name")], counted_at=october(9))
    standing, called = desk.standing(), names(desk)

    undo(desk, first.id)

    assert (desk.standing(), names(desk)) == (standing, called)


def test_an_older_file_committed_late_gives_no_names(desk: Desk) -> None:
    desk.take([("A-1", 4, "New name")], counted_at=october(9))
    late = desk.take([("A-1", 3, "Old name")], counted_at=october(5), complete=False)
    assert names(desk)["A-1"][0] == "New name"

    undo(desk, late.id)

    assert names(desk)["A-1"][0] == "New name"


def test_a_file_without_a_status_gives_none_and_takes_none_away(desk: Desk) -> None:
    first = desk.take([("A-1", 4, "Acme", "suspended")], counted_at=october(5))
    plain = {"account_id": "Account", "service_id": "SKU", "count": "Units"}
    desk.take("Account,SKU,Units\nA-1,S-1,5\n", counted_at=october(9), columns=plain)
    assert names(desk)["A-1"] == ("Acme", "suspended")

    undo(desk, first.id)

    assert names(desk)["A-1"] == ("Acme", "")
    said = sa.select(UsageAccount.status).where(UsageAccount.import_id != first.id)
    assert desk.session.scalars(said).all() == [None]


def test_undone_in_any_order_nothing_is_left(desk: Desk) -> None:
    files = [desk.take([("A-1", units)], counted_at=october(units)) for units in (3, 9, 6)]

    for found, expected in zip((files[0], files[2], files[1]), ("9", "9", None), strict=True):
        undo(desk, found.id)
        assert desk.standing().get("A-1/S-1") == expected

    assert desk.vendor.last_commit_at is None
    assert desk.service().seen_at == NEVER
    assert desk.session.scalar(sa.select(sa.func.count(VendorService.id))) == 1


def test_partial_files_complete_each_other_and_months_may_come_in_any_order(desk: Desk) -> None:
    september = [("A-1", 7), ("A-2", 7)]
    desk.take([("A-1", 1), ("A-2", 1)], counted_at=october(20))
    desk.take(september, counted_at=october(1, 0), period="2026-09")
    desk.take([("A-2", 2)], counted_at=october(21), complete=False)
    last = desk.take([("A-3", 3)], counted_at=october(22), complete=False)

    assert desk.standing() == {"A-1/S-1": "1", "A-2/S-1": "2", "A-3/S-1": "3"}
    undo(desk, last.id)
    assert desk.standing() == {"A-1/S-1": "1", "A-2/S-1": "2"}


def test_a_corrected_file_supersedes_and_says_what_moves(desk: Desk) -> None:
    desk.take([("A-1", 5), ("A-2", 5), ("A-3", 5), ("A-4", 5)], counted_at=october(5))

    found = desk.look([("A-1", 5), ("A-2", 9), ("A-5", 100), ("A-4", 4)], counted_at=october(6))

    effects = found.notes["effects"]
    assert {name: effects[name] for name in ("new", "changed", "unchanged", "gone")} == {
        "new": 1,
        "changed": 2,
        "unchanged": 1,
        "gone": 1,
    }
    assert [(one["account"], one["before"], one["after"], one["units"]) for one in effects["movements"]] == [
        ("A-5", None, "100", "100"),
        ("A-3", "5", None, "-5"),
        ("A-2", "5", "9", "4"),
        ("A-4", "5", "4", "-1"),
    ]


def test_movements_are_against_last_month_where_there_is_one(desk: Desk) -> None:
    desk.take([("A-1", 5)], counted_at=october(1, 0), period="2026-09")
    desk.take([("A-1", 50)], counted_at=october(5))

    effects = desk.look([("A-1", 51)], counted_at=october(6)).notes["effects"]

    assert (effects["against"], effects["changed"]) == ("2026-09", 1)
    assert [(one["before"], one["after"]) for one in effects["movements"]] == [("5", "51")]
