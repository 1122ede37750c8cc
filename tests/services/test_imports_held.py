from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import VendorAccount
from portal.services import imports, mapping, settings_store
from portal.services.actors import Actor
from portal.services.errors import Conflict, NotAllowed
from tests.services.usage_desk import ADMIN, BILLER, NOW, OCTOBER, ZONE, Desk, many, october

MANAGER = Actor("Mo Manager", 8, "manager")


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    desk = Desk(session, tmp_path / "uploads")
    desk.take([*many(30, 2), ("B-1", 1), ("B-2", 1)], counted_at=october(19))
    desk.later(hours=1)
    return desk


ZEROS = [*many(30, 0), ("B-1", 1), ("B-2", 1)]


def test_thirty_accounts_that_drop_to_zero_hold_the_feed(desk: Desk) -> None:
    before = desk.standing()
    looked = desk.look(ZEROS)
    assert looked.notes["effects"]["would_hold"] == {"fallen": 30, "of": 32}

    held = desk.commit(looked)

    assert held.state == "held"
    assert held.message.startswith("Held: 30 accounts at zero, below half of last time, or gone.")
    assert held.fallen["A-000"] == ["2", "0"]
    assert len(held.fallen) == 30
    assert desk.standing() == before
    assert desk.vendor.last_commit_at == NOW


def test_one_account_at_zero_is_a_real_zero(desk: Desk) -> None:
    found = desk.take([*many(29, 2), ("A-029", 0), ("B-1", 1), ("B-2", 1)])

    assert found.state == "committed"
    assert desk.standing()["A-029/S-1"] == "0"


def test_a_released_feed_counts(desk: Desk) -> None:
    held = desk.take([*((account, 0, "Renamed") for account, _units in many(30, 0)), ("B-1", 1)])
    assert held.state == "held"
    assert desk.account("A-000").name == "Name A-000"

    imports.release_held(desk.session, held.id, reason="they moved away", by=MANAGER, now=desk.now, zone=ZONE)

    assert (held.state, held.committed_at) == ("committed", desk.now)
    assert desk.standing()["A-000/S-1"] == "0"
    assert "B-2/S-1" not in desk.standing()
    assert desk.account("A-000").name == "Renamed"
    assert desk.vendor.last_commit_at == desk.now
    with pytest.raises(Conflict, match="was committed"):
        imports.reject_held(desk.session, held.id, by=MANAGER, now=NOW, zone=ZONE)


def test_only_a_manager_settles_a_held_feed(desk: Desk) -> None:
    held = desk.take(ZEROS)

    for settle in (imports.release_held, imports.reject_held):
        with pytest.raises(NotAllowed, match="A biller may not settle a held file"):
            settle(desk.session, held.id, reason="I know them", by=BILLER, now=desk.now, zone=ZONE)

    assert held.state == "held"


def test_a_rejected_feed_never_counts_and_may_be_read_again(desk: Desk) -> None:
    before = desk.standing()
    held = desk.take(ZEROS)

    imports.reject_held(desk.session, held.id, reason="a broken export", by=MANAGER, now=desk.now, zone=ZONE)

    assert held.state == "rejected"
    assert desk.standing() == before
    assert desk.take(ZEROS).state == "held"


def test_the_same_bytes_as_a_held_feed_change_nothing(desk: Desk) -> None:
    desk.take(ZEROS, filename="held.csv")

    assert desk.look(ZEROS).message.startswith("Same content as held.csv")


def test_accounts_missing_from_a_complete_file_fall_too_and_from_a_partial_one_do_not(desk: Desk) -> None:
    assert desk.look([("B-1", 1), ("B-2", 1)], complete=False).notes["effects"]["would_hold"] is None
    assert desk.look([("B-1", 1), ("B-2", 1)]).notes["effects"]["would_hold"] == {"fallen": 30, "of": 32}


def test_what_holds_a_feed_can_be_set(desk: Desk) -> None:
    settings_store.put(desk.session, "held_feed", {"at_least": 2, "share": "0.05"}, by=ADMIN, now=NOW)

    assert desk.take([*many(28, 2), ("A-028", 0), ("A-029", 0), ("B-1", 1), ("B-2", 1)]).state == "held"


def test_a_small_correction_is_no_measure_for_the_next_whole_file(desk: Desk) -> None:
    desk.take([("B-1", 3)], counted_at=october(20), complete=False)

    assert desk.take(ZEROS).state == "held"


def test_last_month_is_the_measure_where_this_month_has_no_file(desk: Desk) -> None:
    other = desk.vendor_called("Skylark Cloud")
    desk.take(many(12, 5), counted_at=october(1).replace(month=9), vendor=other)

    assert desk.take(many(12, 2), vendor=other).state == "held"


def test_a_late_file_that_would_not_stand_is_not_held(desk: Desk) -> None:
    desk.take(many(30, 2), counted_at=october(26))

    assert desk.take(ZEROS, counted_at=october(20)).state == "committed"


def test_accounts_that_only_a_held_feed_names_are_not_listed(desk: Desk) -> None:

    held = desk.take([*ZEROS, ("NEW-1", 5)])
    assert held.state == "held"
    assert desk.session.scalar(sa.select(sa.func.count()).select_from(VendorAccount)) == 33

    listed = {one.external_id for one in mapping.missing(desk.session, OCTOBER, ZONE).accounts}
    assert "NEW-1" not in listed
    assert len(listed) == 32
