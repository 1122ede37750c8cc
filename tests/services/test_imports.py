from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, UsageCount, UsageImport, UsageRow, VendorAccount
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.services import audit, imports
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.services.usage_desk import BILLER, HEADER, NOW, VIEWER, ZONE, Desk, october


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    return Desk(session, tmp_path / "uploads")


def rows_of(desk: Desk, found: UsageImport) -> list[UsageRow]:
    return list(desk.session.scalars(sa.select(UsageRow).where(UsageRow.import_id == found.id).order_by(UsageRow.line)))


def test_a_preview_counts_nothing(desk: Desk) -> None:
    found = desk.look([("A-1", 3), ("A-2", 0)])

    assert (found.state, found.rows_read, found.rows_counted, found.counts) == ("ready", 2, 2, 2)
    assert desk.standing() == {}
    assert desk.session.scalars(sa.select(VendorAccount.status)).all() == ["", ""]  # no word of it is taken over
    assert found.notes["effects"]["new_accounts"] == 2
    assert found.notes["effects"]["newer_counts"] == 2


def test_a_commit_counts_once(desk: Desk) -> None:
    found = desk.take([("A-1", 3), ("A-2", 0)])

    assert (found.state, found.committed_at) == ("committed", NOW)
    assert desk.standing() == {"A-1/S-1": "3", "A-2/S-1": "0"}
    with pytest.raises(Conflict, match="was committed"):
        desk.commit(found)
    assert desk.session.scalar(sa.select(sa.func.count()).select_from(UsageCount)) == 2


def test_each_row_leads_to_its_count(desk: Desk) -> None:
    found = desk.take([("A-1", 3), ("A-2", "x"), ("A-1", 4)])

    counts = desk.session.scalars(sa.select(UsageCount).where(UsageCount.import_id == found.id)).all()
    assert [(plain(one.quantity), one.rows) for one in counts] == [("7", 2)]
    assert [(row.line, row.outcome, row.count_id, row.units) for row in rows_of(desk, found)] == [
        (2, "counted", counts[0].id, Decimal(3)),
        (3, "problem", None, None),
        (4, "counted", counts[0].id, Decimal(4)),
    ]
    assert rows_of(desk, found)[1].cells["Units"] == "x"


def test_the_same_bytes_change_nothing_and_name_the_earlier_file(desk: Desk) -> None:
    desk.take([("A-1", 3)], filename="first.csv")
    again = desk.look([("A-1", 3)], filename="again.csv", counted_at=october(28, 8))

    assert again.state == "same"
    assert again.message == "Same content as first.csv, read on 28 Oct 2026: nothing changed."
    with pytest.raises(Conflict, match="was read before"):
        desk.commit(again)


def test_of_two_previews_of_the_same_bytes_one_counts(desk: Desk) -> None:
    one, two = desk.look([("A-1", 3)]), desk.look([("A-1", 3)])

    assert desk.commit(one).state == "committed"
    assert desk.commit(two).state == "same"
    assert desk.standing() == {"A-1/S-1": "3"}


def test_another_vendor_may_have_the_same_bytes(desk: Desk) -> None:
    other = desk.vendor_called("Skylark Cloud")
    desk.take([("A-1", 3)])

    assert desk.take([("A-1", 3)], vendor=other).state == "committed"
    assert desk.standing(vendor=other) == {"A-1/S-1": "3"}


def test_a_full_month_supersedes_a_part_month_without_doubles(desk: Desk) -> None:
    desk.take([("A-1", 9), ("A-2", 5), ("A-3", 4)], counted_at=october(14))
    second = desk.look([("A-1", 10), ("A-2", 5, "", "active", "S-2")], counted_at=october(27))

    assert second.notes["effects"]["gone_accounts"] == 1
    desk.commit(second)

    assert desk.standing() == {"A-1/S-1": "10", "A-2/S-2": "5"}


def test_a_file_that_was_counted_earlier_and_arrives_late_changes_nothing(desk: Desk) -> None:
    desk.take([("A-1", 10)], counted_at=october(27))
    late = desk.look([("A-1", 6)], counted_at=october(7))

    assert late.notes["effects"]["stands"] is False
    assert late.notes["effects"]["newer_counts"] == 0
    assert desk.commit(late).state == "committed"
    assert desk.standing() == {"A-1/S-1": "10"}


def test_a_partial_file_says_nothing_of_what_it_leaves_out(desk: Desk) -> None:
    desk.take([("A-1", 10), ("A-2", 4)], counted_at=october(20))
    desk.take([("A-2", 7)], counted_at=october(21), complete=False)

    assert desk.standing() == {"A-1/S-1": "10", "A-2/S-1": "7"}


def test_terms_of_one_sku_are_counted_beside_each_other(desk: Desk) -> None:
    desk.take([("A-1", 4, "", "active", "S-1", "Monthly"), ("A-1", 11, "", "active", "S-1", "Annual")])

    assert desk.standing() == {"A-1/S-1/Annual": "11", "A-1/S-1/Monthly": "4"}


def test_undo_takes_a_file_back_as_a_whole(desk: Desk) -> None:
    desk.take([("A-1", 9, "Old name", "trial"), ("A-2", 1)], counted_at=october(14))
    later = desk.take([("A-1", 10, "New name", "active")], counted_at=october(27))
    assert (desk.account("A-1").name, desk.account("A-1").status) == ("New name", "active")
    desk.later(hours=1)

    imports.undo(desk.session, later.id, reason="wrong month", by=BILLER, now=desk.now, zone=ZONE)

    assert later.state == "undone"
    assert desk.standing() == {"A-1/S-1": "9", "A-2/S-1": "1"}
    assert (desk.account("A-1").name, desk.account("A-1").status) == ("Old name", "trial")
    assert desk.take([("A-1", 10, "New name", "active")], counted_at=october(27)).state == "committed"
    assert desk.standing() == {"A-1/S-1": "10"}


def test_undo_of_the_only_file_leaves_nothing_and_no_age(desk: Desk) -> None:
    found = desk.take([("A-1", 9)])
    age_before = desk.vendor.last_commit_at

    imports.undo(desk.session, found.id, by=BILLER, now=NOW, zone=ZONE)

    assert desk.standing() == {}
    assert (age_before, desk.vendor.last_commit_at) == (NOW, None)
    with pytest.raises(Conflict, match="was undone"):
        imports.undo(desk.session, found.id, by=BILLER, now=NOW, zone=ZONE)


def test_a_new_name_under_an_old_id_is_a_rename_by_the_newest_count(desk: Desk) -> None:
    desk.take([("A-1", 1, "Second", "active")], counted_at=october(20))
    desk.take([("A-1", 2, "First", "trial")], counted_at=october(10))
    assert (desk.account("A-1").name, desk.account("A-1").status) == ("Second", "active")

    desk.take([("A-1", 3, "Third", "expired")], counted_at=october(25), complete=False)
    assert (desk.account("A-1").name, desk.account("A-1").status) == ("Third", "expired")


def test_a_file_without_a_status_column_leaves_the_status(desk: Desk) -> None:
    desk.take([("A-1", 1, "Alder", "expired")], counted_at=october(20))
    columns = {"account_id": "Account", "service_id": "SKU", "count": "Units"}
    desk.take([("A-1", 2, "Alder", "active")], counted_at=october(25), columns=columns)

    assert desk.account("A-1").status == "expired"


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        (datetime(2026, 10, 1, 3, 30, tzinfo=UTC), Period(2026, 9)),
        (datetime(2026, 10, 1, 4, 30, tzinfo=UTC), Period(2026, 10)),
        (datetime(2026, 3, 1, 4, 59, tzinfo=UTC), Period(2026, 2)),
    ],
)
def test_without_a_period_the_month_is_that_of_the_count_in_the_portals_zone(
    desk: Desk, moment: datetime, period: Period
) -> None:
    assert desk.take([("A-1", 9)], counted_at=moment).period == str(period)
    assert desk.standing(period) == {"A-1/S-1": "9"}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"counted_at": datetime(2026, 11, 20, tzinfo=UTC)}, "still to come"),
        ({"counted_at": datetime(2026, 10, 20)}, "time zone"),  # noqa: DTZ001 - the naive moment is the case
        ({"period": "October"}, "not a month"),
        ({"period": "2026-13"}, "month 13"),
    ],
)
def test_a_moment_or_month_that_cannot_be_is_refused(desk: Desk, how: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        desk.look([("A-1", 1)], **how)  # type: ignore[arg-type]


def test_a_file_with_missing_headers_fails_by_name_and_leaves_no_rows(desk: Desk) -> None:
    found = desk.look("Account,Units\nA-1,3\n")

    assert found.state == "failed"
    assert "“Account name”, “State”, “SKU”" in found.message
    assert rows_of(desk, found) == []
    with pytest.raises(Conflict, match="could not be read"):
        desk.commit(found)


def test_a_file_that_breaks_in_the_middle_leaves_no_rows(desk: Desk) -> None:
    good = "".join(f"A-{n},Name,active,S-1,Seat,,1\n" for n in range(3000))
    found = desk.look(f'{HEADER}\n{good}A-9999,"Never closed,active,S-1,Seat,,1\n')

    assert found.state == "failed"
    assert "line 3002" in found.message
    assert (found.rows_read, found.counts, rows_of(desk, found)) == (0, 0, [])


def test_a_file_without_one_usable_line_cannot_be_committed_and_says_where_to_look(desk: Desk) -> None:
    found = desk.look([("A-1", "n/a"), ("A-2", "?")])

    assert (found.state, found.rows_read, found.rows_with_problem) == ("failed", 2, 2)
    assert "number marks" in found.message
    assert [row.reason for row in rows_of(desk, found)] == ["“n/a” is not a number.", "“?” is not a number."]
    assert desk.look(f"{HEADER}\n").message.startswith("The file has no line of data")


def test_the_row_sums_add_up(desk: Desk) -> None:
    net = {"column": "State", "plus": ["New"], "minus": ["Removed"], "ignore": ["Credit"]}
    found = desk.look(
        [
            ("A-1", 5, "", "New"),
            ("A-1", 2, "", "Removed"),
            ("A-1", 99, "", "Credit"),
            ("A-2", 1, "", "Gift"),
            ("A-3", 1, "", "New"),
            ("A-3", 4, "", "Removed"),
        ],
        net=net,
    )

    assert (found.rows_read, found.rows_counted, found.rows_left_out, found.rows_with_problem) == (6, 2, 1, 3)
    outcomes = [row.outcome for row in rows_of(desk, found)]
    assert outcomes == ["counted", "counted", "left_out", "problem", "problem", "problem"]
    assert "below zero" in (rows_of(desk, found)[4].reason or "")
    assert found.message == (
        "Checked, not committed: 6 lines - 1 left out - 3 with a problem = 2 that count, 1 count for 2026-10."
    )


def test_what_is_no_data_is_shown_and_counted_apart(desk: Desk) -> None:
    text = f"Made for us\n\n{HEADER}\nA-1,Alder,active,S-1,Seat,,1\n\n{HEADER}\n,Total,,,,,1\n"
    found = desk.look(text, header_row=3, skip_rows=[{"column": "Account name", "equals": ["Total"]}])

    assert found.rows_read == 1
    notes = found.notes
    assert (notes["blank"], notes["repeated_headers"], notes["totals"]) == (1, 1, 1)
    assert notes["preamble"] == [["Made for us"], []]
    assert [(row["line"], row["what"]) for row in notes["not_data"]] == [(6, "repeated header"), (7, "totals")]


def test_more_than_four_decimals_are_kept_as_four_and_said(desk: Desk) -> None:
    found = desk.take([("A-1", "1.00005"), ("A-1", "1.00005"), ("A-2", "2.00005")])

    assert desk.standing() == {"A-1/S-1": "2.0001", "A-2/S-1": "2"}
    assert found.notes["rounded"] == 1
    assert rows_of(desk, found)[2].reason == "2.00005 has more than 4 decimals; shown as 2."


def test_a_dropped_preview_can_never_count(desk: Desk) -> None:
    found = desk.look([("A-1", 1)])

    imports.drop(desk.session, found.id, by=BILLER, now=NOW, zone=ZONE)

    assert found.state == "dropped"
    with pytest.raises(Conflict, match="was dropped"):
        desk.commit(found)
    with pytest.raises(Conflict, match="undo it instead"):
        imports.drop(desk.session, desk.take([("A-2", 1)]).id, by=BILLER, now=NOW, zone=ZONE)


def test_a_viewer_may_not_import(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        desk.look([("A-1", 1)], by=VIEWER)
    found = desk.look([("A-1", 1)])
    with pytest.raises(NotAllowed):
        desk.commit(found, by=VIEWER)
    with pytest.raises(NotFound):
        imports.commit(desk.session, 999, by=BILLER, now=NOW, zone=ZONE)


def test_every_change_is_in_the_audit_trail(desk: Desk) -> None:
    found = desk.take([("A-1", 1)], filename="usage.csv")
    imports.undo(desk.session, found.id, reason="wrong file", by=BILLER, now=NOW, zone=ZONE)

    events = desk.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n)).all()
    assert [event.action for event in events] == ["vendor.new", "usage.commit", "usage.undo"]
    assert events[1].sentence == "Committed usage.csv of Haven Backup: 1 line, 1 count for 2026-10."
    assert events[2].reason == "wrong file"
    assert audit.verify(desk.session).ok


def test_a_kept_file_is_named_by_its_content_and_kept_once(desk: Desk) -> None:
    first, second = desk.look([("A-1", 1)]), desk.look([("A-1", 1)])

    assert first.sha256 == second.sha256
    assert [path.name for path in desk.uploads.iterdir()] == [first.sha256]


def test_a_file_of_seventy_thousand_rows(desk: Desk) -> None:
    rows = "".join(f"A-{n % 500},Name {n % 500},active,S-{n % 7},Seat,,1.5\n" for n in range(70_000))

    found = desk.take(f"{HEADER}\n{rows}")

    assert (found.state, found.rows_read, found.counts) == ("committed", 70_000, 3_500)
    assert sum(float(value) for value in desk.standing().values()) == 105_000
    tied = sa.select(sa.func.count()).select_from(UsageRow).where(UsageRow.count_id.is_not(None))
    assert desk.session.scalar(tied) == 70_000
