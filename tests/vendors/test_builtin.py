from pathlib import Path
from typing import Any

import pytest

from portal.vendors.builtin import BUILTINS, builtin_named, nearest, recognise
from portal.vendors.counting import Outcome
from portal.vendors.detection import detect
from portal.vendors.profiles import FileProfile
from tests.vendors.conftest import Read, read

FILES = Path(__file__).parent / "files"
ALDER, BIRCH, COBALT = (
    "11111111-aaaa-4000-8000-000000000001",
    "22222222-bbbb-4000-8000-000000000002",
    "33333333-cccc-4000-8000-000000000003",
)
MONTHLY = "One-Month commitment for monthly billing / Monthly"
# file: (profile, counts, lines with a problem, rows left out)
EXPECTED: dict[str, tuple[str, dict[str, str], list[int], int]] = {
    "Efile_10_2026.csv": (
        "n-able-efile",
        {
            "Alder/Managed AV / Each": "2",
            "Alder / Branch/Managed AV / Each": "1",
            "Alder/Backup / Per GB": "120.5",
            "Birch/Managed AV / Each": "1",
        },
        [],
        0,
    ),
    "acronis-csv-v2.csv.gz": (
        "acronis-csv-v2",
        {
            "t-1/pw_base_storage / acronis": "6",
            "t-1/pw_base_workstations": "7",
            "t-2/pw_base_storage / acronis / advanced": "0",
        },
        [],
        2,
    ),
    "also-raw-charges.xlsx": (
        "also-raw-charges",
        {
            "Alder GmbH/g-1/Monthly (with 1-year commitment) - P1Y": "12",
            "Alder GmbH/g-1/Monthly - P1M": "2",
            "Birch AG/g-2/Prepaid - P1Y": "5",
        },
        [6],
        1,
    ),
    "cipp-licences.csv": (
        "cipp-licences",
        {"alder.example/sk-1/Monthly": "2", "alder.example/sk-1/Yearly": "10", "birch.example/sk-1": "5"},
        [],
        1,
    ),
    "cove-maximum-value.xlsx": (
        "cove-maximum-value",
        {"501/Backup / Server / SRV": "2", "501/M365 / Undefined": "41", "502/Backup / Workstation / WKS": "1"},
        [],
        1,
    ),
    "datto-rmm-sites.csv": ("datto-rmm-sites", {"1/Managed device": "14", "4/Managed device": "0"}, [], 2),
    "ingram-full.csv": (
        "ingram-full",
        {"00120/MPN-1/Monthly Pre-Paid": "8", "00121/RS-1/Monthly Pre-Paid": "6"},
        [],
        0,
    ),
    "knowbe4-accounts.csv": ("knowbe4-accounts", {"Alder/Gold": "1250", "Birch/Silver": "25"}, [], 0),
    "microsoft-daily-usage.csv": ("microsoft-daily-usage", {f"{ALDER}/m-1": "1.6235", f"{BIRCH}/m-2": "0"}, [], 0),
    "microsoft-legacy.csv": (
        "microsoft-legacy",
        {f"{ALDER}/DOID-1/Monthly": "10", f"{BIRCH}/DOID-1/Monthly": "7", f"{COBALT}/OID-1/Monthly": "4"},
        [],
        2,
    ),
    "microsoft-new-commerce.csv.gz": (
        "microsoft-new-commerce",
        {
            f"{ALDER}/CFQ7TTC0LF8S:0001/{MONTHLY}": "2",
            f"{BIRCH}/CFQ7TTC0LF8S:0001/{MONTHLY}": "12",
            f"{COBALT}/CFQ7TTC0LF8S:0001/One-Year commitment for monthly/yearly billing": "12",
            f"{COBALT}/CFQ7TTC0LF8S:000A/{MONTHLY}": "3",
        },
        [],
        5,
    ),
    "pax8-invoice-types.csv": (
        "pax8-invoice-types",
        {"pc-1/MST-EXO-1/Monthly": "4", "pc-2/MST-EXO-1/Monthly": "7"},
        [5],
        2,
    ),
    "pax8-invoice.csv": (
        "pax8-invoice",
        {"pc-1/MST-EXO-1/Monthly": "4", "Birch/ACR-1/Annual": "0", "pc-3/MST-EXO-1/Monthly": "3"},
        [],
        2,
    ),
    "sentinelone-endpoints.csv": ("sentinelone-endpoints", {"Alder/laptop": "2", "Birch/server": "1"}, [5], 0),
    "sophos-usage.csv": ("sophos-usage", {"acc-1/CIXA": "30", "acc-2/CIXA": "0"}, [4], 0),
}  # fmt: skip
every_file = pytest.mark.parametrize("name", sorted(EXPECTED))


def taken(name: str) -> Read:
    profile = detect(FILES / name, name).profile
    assert profile is not None
    return read(FILES / name, profile)


@every_file
def test_a_known_file_is_recognised_and_needs_no_question(name: str) -> None:
    found = detect(FILES / name, name)

    assert found.builtin is not None
    assert (found.builtin.name, found.questions, found.missing) == (EXPECTED[name][0], (), ())


@every_file
def test_a_known_file_gives_its_counts(name: str) -> None:
    _profile, counts, problems, left_out = EXPECTED[name]

    found = taken(name)

    assert found.counts == counts
    assert [line for line, _column, _reason in found.problems] == problems
    assert found.summary.left_out == left_out


def test_every_known_profile_has_a_file() -> None:
    assert {one.name for one in BUILTINS if one.verified} == {name for name, *_ in EXPECTED.values()}


@pytest.mark.parametrize("one", BUILTINS, ids=lambda one: one.name)
def test_a_ready_made_profile_fits_the_documented_headers_in_any_order_and_case(one: Any) -> None:
    changed = [header.upper().replace(" ", "_") for header in reversed(one.headers)] + ["A new column"]

    found = recognise(changed, verified=one.verified)

    assert found is not None
    assert found.name == one.name
    assert FileProfile.from_spec(one.profile().to_spec()) == one.profile()


def test_templates_are_never_taken_for_known_files() -> None:
    for one in BUILTINS:
        if not one.verified:
            assert recognise(one.headers) is None
            assert "Unverified" in one.notes[0]


def test_a_changed_header_is_not_recognised_and_the_difference_is_said() -> None:
    sophos = builtin_named("sophos-usage")
    assert sophos is not None
    headers = ["chargeableQuantity" if one == "billableQuantity" else one for one in sophos.headers]

    near = nearest(headers)

    assert recognise(headers) is None
    assert near is not None
    assert (near.missing, near.added) == (("billableQuantity",), ("chargeableQuantity",))
    assert "Missing: “billableQuantity”. New: “chargeableQuantity”" in near.sentence


def test_the_two_rules_of_charge_lines_are_compared() -> None:
    notices = [one.sentence for one in taken("microsoft-new-commerce.csv.gz").counted.notices]

    assert notices == [
        f"{COBALT}, CFQ7TTC0LF8S:0001: By the last charge it is 12, by the sum of charges and refunds 2."
    ]


def test_equal_rows_are_reported_and_counted() -> None:
    assert [one.line for one in taken("ingram-full.csv").counted.notices] == [5]


def test_an_account_that_could_not_be_read_is_not_zero() -> None:
    found = taken("cipp-licences.csv")

    assert list(found.counted.not_reported) == ["cobalt.example"]
    assert not any(key.account == "cobalt.example" for key in found.counted.counts)


def test_conversions_are_visible_as_arithmetic() -> None:
    notes = [one.note for one in taken("acronis-csv-v2.csv.gz").counted.counts.values() if one.note]

    assert notes == [
        "6442450944 bytes ÷ 1073741824 = 6 GB (1024³)",
        "1000 bytes ÷ 1073741824 ≈ (nearest, 4 decimals) 0 GB (1024³)",
    ]


def test_the_days_covered_are_known() -> None:
    covers = set(taken("sophos-usage.csv").counted.covers.values())

    assert [(first.isoformat(), last.isoformat()) for first, last in covers] == [("2026-10-01", "2026-10-31")]


def test_a_refund_of_a_whole_subscription_counts_zero() -> None:
    found = taken("microsoft-new-commerce.csv.gz")
    late = [one for one in found.counted.changed if one.outcome is Outcome.ZERO]

    assert [one.reason for one in late] == ["The subscription was refunded, and no charge follows."]


def test_a_ready_made_profile_says_whether_it_lists_every_account() -> None:
    complete = {one.name for one in BUILTINS if one.verified and one.complete}

    # invoices are partial by nature; lists of what is there are not
    assert complete == {"cipp-licences", "cove-maximum-value", "datto-rmm-sites", "sentinelone-endpoints"}
