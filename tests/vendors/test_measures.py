"""Ways to count, each from a few rows; the columns are Account, Service, Units, Day, and what a test adds."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.vendors.counting import Outcome, When, counted_on_of
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table
from tests.vendors.conftest import Read, read

COLUMNS = {"account_id": "Account", "service_id": "Service", "count": "Units"}
OCTOBER = When(day=date(2026, 10, 27), first=date(2026, 10, 1), last=date(2026, 10, 31))


@pytest.fixture
def count(tmp_path: Path) -> Any:
    def count_it(text: str, *, when: When | None = None, **spec: Any) -> Read:
        path = tmp_path / "usage.csv"
        path.write_text(text)
        profile = FileProfile.from_spec({"columns": COLUMNS} | spec)
        assert FileProfile.from_spec(profile.to_spec()) == profile
        found = read(path, profile, when)
        outcomes = found.summary
        assert outcomes.counted + outcomes.zero + outcomes.left_out + outcomes.problems == len(found.data())
        return found

    return count_it


def lines(found: Read, outcome: Outcome) -> list[int]:
    """The lines that came out so, with what only the end decides."""
    late = {line: one.outcome for one in (*found.counted.changed, *found.counted.late) for line in one.lines}
    return [one.line for one in found.results if late.get(one.line, one.outcome) is outcome]


def test_the_largest_row_counts_and_the_others_say_why_not(count: Any) -> None:
    found = count("Account,Service,Units\nA,S,4\nA,S,9\nA,S,7\n", measure={"how": "max"})

    assert (found.counts, lines(found, Outcome.LEFT_OUT)) == ({"A/S": "9"}, [2, 4])
    assert found.counted.changed[0].reason == "Line 3 has the largest count, 9."


def test_different_values_of_a_column_are_counted(count: Any) -> None:
    text = "Account,Service,User\nA,S,x@a.example\nA,S, X@A.example\nA,S,y@a.example\nA,S,\nB,S,x@a.example\n"

    found = count(
        text, columns={"account_id": "Account", "service_id": "Service"}, measure={"how": "distinct", "column": "User"}
    )

    assert (found.counts, lines(found, Outcome.LEFT_OUT), lines(found, Outcome.PROBLEM)) == (
        {"A/S": "2", "B/S": "1"},
        [3],
        [5],
    )


SNAPSHOTS = "Account,Service,Units,Day\nA,S,4,2026-10-01\nA,S,6,2026-10-31\nA,S,1,2026-10-31\nA,T,3,2026-10-01\n"


@pytest.mark.parametrize(("per", "counts"), [("count", {"A/S": "7", "A/T": "3"}), ("file", {"A/S": "7"})])
def test_the_latest_snapshot_counts(count: Any, per: str, counts: dict[str, str]) -> None:
    found = count(SNAPSHOTS, measure={"how": "latest", "column": "Day", "per": per})

    assert found.counts == counts


@pytest.mark.parametrize(
    ("take", "over", "quantity", "note"),
    [
        ("max", "named", "7", "the largest of 2 days: 7 on 2026-10-31"),
        ("last", "named", "7", "the last of 2 days: 7 on 2026-10-31"),
        ("mean", "named", "5.5", "the mean of 2 days: 11 ÷ 2 = 5.5"),
        ("mean", "month", "0.3548", "rounded, the mean of 31 days: 11 ÷ 31 = 0.3548"),
    ],
)
def test_days_are_added_up_and_then_compared(count: Any, take: str, over: str, quantity: str, note: str) -> None:
    found = count(SNAPSHOTS, measure={"how": "days", "column": "Day", "take": take, "over": over}, when=OCTOBER)

    assert found.counts["A/S"] == quantity
    assert found.counted.counts[next(key for key in found.counted.counts if key.service == "S")].note == note


def test_a_mean_over_the_month_needs_to_know_the_month(count: Any) -> None:
    with pytest.raises(Unreadable, match="needs the month"):
        count(SNAPSHOTS, measure={"how": "days", "column": "Day", "take": "mean", "over": "month"})


def test_an_ambiguous_day_is_a_problem_and_is_not_guessed(count: Any) -> None:
    text = "Account,Service,Units,Day\nA,S,4,03/10/2026\nA,S,6,14/10/2026\n"

    found = count(text, measure={"how": "latest", "column": "Day"})

    assert [(line, column) for line, column, _ in found.problems] == [(2, "Day")]
    assert "3 Oct 2026 or as 10 Mar 2026" in (found.problems[0][2] or "")
    assert count(text, measure={"how": "latest", "column": "Day"}, dates="dmy").problems == []


CHARGES = "Account,Service,Units,Sub,From,To,Money\n"
NETTED = {"group": ["Sub"], "start": "From", "end": "To", "amount": "Money"}


@pytest.mark.parametrize(("how", "quantity"), [("last_charge", "12"), ("signed_sum", "2")])
def test_both_rules_of_charge_lines_are_worked_out(count: Any, how: str, quantity: str) -> None:
    text = CHARGES + "A,S,10,s1,2026-10-05,2027-01-31,-100\nA,S,12,s1,2026-10-05,2027-01-31,120\n"

    found = count(text, measure={"how": how} | NETTED)

    assert found.counts == {"A/S": quantity}
    assert "By the last charge it is 12, by the sum of charges and refunds 2." in found.counted.notices[0].sentence


def test_only_lines_that_reach_the_latest_end_count(count: Any) -> None:
    text = CHARGES + "A,S,3,s1,2026-09-01,2026-09-30,$3.00\nA,S,5,s1,2026-10-01,2026-10-31,$5.00\n"

    found = count(text, measure={"how": "last_charge"} | NETTED)

    assert (found.counts, lines(found, Outcome.LEFT_OUT)) == ({"A/S": "5"}, [2])


def test_a_wide_file_has_a_service_in_each_column(count: Any) -> None:
    wide = [{"column": "Mail", "service": "M"}, {"column": "Archive", "service": "AR", "marks": ["x"]}]

    found = count("Account,Mail,Archive\nA,12,x\nB,n/a,\n", columns={"account_id": "Account"}, wide=wide)

    assert found.counts == {"A/M": "12", "A/AR": "1", "B/AR": "0"}
    assert (found.summary.read, found.summary.problems, found.problems[0][1]) == (2, 1, "Mail")
    assert found.counted.counts[next(iter(found.counted.counts))].parts == ["Mail"]


@pytest.mark.parametrize(
    ("unit", "quantity", "note"),
    [
        ({"divide": "1073741824", "from": "bytes", "to": "GiB"}, "5", "5368709120 bytes ÷ 1073741824 = 5 GiB"),
        ({"divide": "3600", "places": 0, "direction": "up"}, "1491309", "5368709120 ÷ 3600 ≈ (up, 0 decimals) 1491309"),
        (
            {"times": "0.0001", "places": 2},
            "536870.91",
            "5368709120 \N{MULTIPLICATION SIGN} 0.0001 ≈ (nearest, 2 decimals) 536870.91",
        ),
    ],
)
def test_units_are_turned_into_ours_and_the_arithmetic_is_kept(
    count: Any, unit: dict[str, Any], quantity: str, note: str
) -> None:
    found = count("Account,Service,Units\nA,S,5368709120\n", units=[unit])

    assert found.counts == {"A/S": quantity}
    assert next(iter(found.counted.counts.values())).note == note


def test_rows_of_one_count_in_two_units_are_a_problem(count: Any) -> None:
    units = [{"divide": "1024", "only": {"column": "Unit", "keep": ["MB"]}}]

    found = count("Account,Service,Units,Unit\nA,S,1024,MB\nA,S,3,GB\n", units=units)

    assert found.counts == {"A/S": "1"}
    assert [line for line, *_ in found.problems] == [3]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ({"test": "starts", "keep": ["AZ"], "not": True}, [3]),
        ({"test": "ends", "keep": ["-1"]}, [3, 4]),
        ({"test": "contains", "keep": ["z"]}, [2, 4]),
        ({"test": "blank", "not": True}, [4]),
        ({"test": "is", "keep": ["az-2", "ab-1"]}, [4]),
    ],
)
def test_conditions_leave_rows_out_with_the_reason(count: Any, condition: dict[str, Any], left: list[int]) -> None:
    text = "Account,Service,Units,Code\nA,S,1,AB-1\nA,S,2,AZ-2\nA,S,3,\n"

    found = count(text, filters=[{"column": "Code", "otherwise": "out"} | condition])

    assert lines(found, Outcome.LEFT_OUT) == left


def test_conditions_compare_numbers_and_days(count: Any) -> None:
    text = (
        "Account,Service,Units,Price,From,To\n"
        "A,S,1,$0.00,2026-10-01,\nA,S,2,3.5,2026-11-01,\nA,S,4,2,,2026-10-02\nA,S,8,9,,\n"
    )
    valid = [
        {"column": "Price", "test": "above", "keep": ["0"], "otherwise": "out"},
        {"column": "From", "test": "not_after", "keep": ["@day"], "otherwise": "out"},
        {"column": "To", "test": "not_before", "keep": ["@day"]},
    ]

    found = count(text, filters=valid, when=OCTOBER)

    assert (found.counts, lines(found, Outcome.LEFT_OUT), lines(found, Outcome.ZERO)) == ({"A/S": "8"}, [2, 3], [4])
    with pytest.raises(Unreadable, match="needs the day on which the vendor counted"):
        count(text, filters=valid)


def test_equal_rows_are_reported_or_dropped_by_choice(count: Any) -> None:
    text = "Account,Service,Units\nA,S,4\nA,S,4\nA,S,5\n"

    assert count(text).counts == {"A/S": "13"}
    assert [one.line for one in count(text, duplicates="report").counted.notices] == [3]
    assert count(text, duplicates="drop").counts == {"A/S": "9"}


def test_what_children_have_is_taken_out_of_their_parent(count: Any) -> None:
    text = "Account,Service,Units,Above\nP,S,10,\nC1,S,4,P\nC2,S,5,P\n"

    found = count(text, parent="Above")

    assert found.counts == {"P/S": "1", "C1/S": "4", "C2/S": "5"}
    assert found.counted.counts[next(iter(found.counted.counts))].note == "10 - 9 of the accounts below it = 1"


def test_a_second_table_below_is_not_counted_and_not_silent(count: Any) -> None:
    text = "Report\nAccount,Service,Units\nA,S,4\n\nEndpoint,Module\nPC-1,AV\n"

    found = count(text, find_header=True, ends_blank=True)

    assert (found.counts, [row.kind.value for row in found.rows[2:]]) == ({"A/S": "4"}, ["after the end"] * 2)


def test_comment_lines_and_other_names_of_headers_are_known(count: Any) -> None:
    text = '#key="value\nKunde;Produkt;Menge\n# a remark\nA;S;1.200,5\n'

    found = count(
        text, delimiter=";", comment="#", find_header=True, decimal=",", thousands=".",
        also={"Account": ["Kunde"], "Service": ["Produkt"], "Units": ["Menge"]},
    )  # fmt: skip

    assert (found.counts, found.data()[0].line) == ({"A/S": "1200.5"}, 4)


def test_spellings_of_a_term_are_one_service(count: Any) -> None:
    values = {"term": {"columns": ["Term"], "words": {"Monthly": ["P1M", "One-Month commitment"]}}}

    found = count("Account,Service,Units,Term\nA,S,1,P1M\nA,S,2,monthly\nA,S,4,P1Y\n", values=values)

    assert found.counts == {"A/S/Monthly": "3", "A/S/P1Y": "4"}


@pytest.mark.parametrize(("said", "counts"), [("problem", {}), ("zero", {"A/S": "0"}), ("out", {})])
def test_an_empty_count_is_what_the_profile_says(count: Any, said: str, counts: dict[str, str]) -> None:
    found = count("Account,Service,Units\nA,S,\n", empty_count=said)

    assert (found.counts, len(found.problems)) == (counts, int(said == "problem"))


def test_an_id_that_excel_rounded_is_pointed_out(count: Any) -> None:
    found = count("Account,Service,Units\n1.23E+15,S,4\n")

    assert "looks like a number that Excel rounded" in found.counted.notices[0].sentence


@pytest.mark.parametrize(
    ("said", "filename", "day"),
    [
        ({"filename": "usage-{date}"}, "usage-2026-10-27.csv", date(2026, 10, 27)),
        ({"filename": "_{month}"}, "Report_202610.csv", date(2026, 10, 31)),
        ({"above": "made on {date}"}, "usage.csv", date(2026, 10, 26)),
        ({"filename": "usage-{date}"}, "other.csv", None),
    ],
)
def test_the_day_of_counting_stands_in_a_name_or_above_the_headers(
    tmp_path: Path, said: dict[str, str], filename: str, day: date | None
) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("Report,made on 2026-10-26\nAccount,Service,Units\nA,S,1\n")
    profile = FileProfile.from_spec({"columns": COLUMNS, "find_header": True, "counted_on": said})

    assert counted_on_of(profile, open_table(path, profile), filename) == day


def test_the_day_of_counting_may_be_the_latest_in_a_column(count: Any) -> None:
    assert count(SNAPSHOTS, counted_on={"column": "Day"}).counted.counted_on == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"measure": {"how": "median"}}, "cannot be “median”"),
        ({"measure": {"how": "latest"}}, "needs a column"),
        ({"measure": {"how": "sum", "by": "x"}}, "no field “by”"),
        ({"filters": [{"column": "A", "keep": [], "when": "x"}]}, "no field “when”"),
        ({"values": {"term": {"columns": ["A"], "pattern": "(a+)+$"}}}, "has to hold one of"),
        ({"values": {"term": {"columns": []}}}, "names no column"),
        ({"units": [{"divide": "0"}]}, "above zero"),
        ({"units": [{"places": 9}]}, "0 to 4"),
        ({"spec_version": 3}, "of form 3"),
        ({"day_columns": ["x"]}, "need a measure of days"),
        ({"dates": "ydm"}, "cannot be “ydm”"),
        ({"wide": [{"column": "A", "service": "S"}, {"column": "B", "service": "S"}]}, "same service and term"),
    ],
)
def test_a_profile_whose_parts_make_no_sense_is_refused_by_name(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(BadProfile, match=words.replace("(", r"\(")):
        FileProfile.from_spec({"columns": COLUMNS} | spec)
