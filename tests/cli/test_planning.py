"""`cards plan` as scripts read it: the five rows of the table, and what may go wrong."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.sandbox.server import running
from tests.cli.conftest import Shell
from tests.support.made_set import MadeSet

NOV, JAN = "2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z"


@pytest.fixture
def plan(app: Flask, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Plans on agreements that bill 10.00 a unit and month, or 30.00 a quarter."""
    made = MadeSet()
    made.status(1, "Customer", "customer")
    made.item("SEAT", 10, 4)
    made.company(1, status=1)
    for number, more in (
        (11, {"periodType": "Current", "nextInvoiceDate": NOV}),
        (12, {"periodType": "Future", "nextInvoiceDate": NOV}),
        (13, {"periodType": "Current", "nextInvoiceDate": NOV, "prorateFlag": True}),
        (14, {"periodType": "Future", "nextInvoiceDate": NOV, "prorateFlag": True}),
        (15, {"periodType": "Current", "nextInvoiceDate": JAN, "prorateFlag": True, "cycle": "Quarterly"}),
        (16, {"prorateFlag": True, "noEndingDateFlag": False, "endDate": "2026-12-15T00:00:00Z"}),
        (17, {"prorateFlag": True}),
        (18, {"prorateFlag": True, "nextInvoiceDate": None}),
    ):
        made.agreement(number, 1, **more)
        price = {"unitPrice": 30} if number == 15 else {}
        made.line(number * 10, number, "SEAT", 10, effectiveDate="2024-05-01T00:00:00Z", **price)
    made.line(171, 17, "SEAT", 3, effectiveDate="2026-10-10T00:00:00Z", lessIncluded=1)
    made.line(172, 17, "SEAT", 2, effectiveDate="2025-01-01T00:00:00Z", cancelledDate="2026-11-20T00:00:00Z")
    folder = made.write(tmp_path / "set")
    runner = app.test_cli_runner()
    with running(folder) as sandbox:
        loaded = runner.invoke(args=["samples", "load", str(folder), "--connectwise", sandbox.base_url])
    assert loaded.exit_code == 0, loaded.output

    def ask(agreement: int, quantity: str, day: str | None = None) -> dict[str, Any]:
        args = ["cards", "plan", "--agreement", str(agreement), "--product", "SEAT", f"--quantity={quantity}"]
        result = runner.invoke(args=[*args, *([] if day is None else ["--date", day])])
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        assert set(found) == {"steps", "effect", "refused"}
        return found

    return ask


def raised(agreement: int) -> list[dict[str, Any]]:
    return [{"action": "set", "addition": agreement * 10, "expected": "10", "quantity": "12"}]


def added(agreement: int, day: str) -> list[dict[str, Any]]:
    return [{"action": "create", "like": agreement * 10, "quantity": "2", "effective": day, "cancelled": None}]


def effect(next_invoice: str | None, per_month: str | None) -> dict[str, str | None]:
    return {"next_invoice": next_invoice, "per_month": per_month}


def test_the_five_rows_of_the_table_of_invoices(plan: Callable[..., dict[str, Any]]) -> None:
    assert plan(11, "12") == {"steps": raised(11), "effect": effect("20.00", "20.00"), "refused": None}
    assert plan(12, "12") == {"steps": raised(12), "effect": effect("20.00", "20.00"), "refused": None}
    assert plan(13, "12", "2026-10-20") == {
        "steps": added(13, "2026-10-20"), "effect": effect("7.74", "20.00"), "refused": None,
    }  # fmt: skip
    assert plan(14, "12", "2026-10-20") == {
        "steps": added(14, "2026-10-20"), "effect": effect("27.74", "20.00"), "refused": None,
    }  # fmt: skip
    assert plan(15, "12", "2026-11-16") == {
        "steps": added(15, "2026-11-16"), "effect": effect("30.00", "20.00"), "refused": None,
    }  # fmt: skip


def test_down_from_a_day_is_a_lower_line_and_an_end_and_to_nothing_only_an_end(
    plan: Callable[..., dict[str, Any]],
) -> None:
    end = {"action": "end", "addition": 130, "expected": None, "cancelled": "2026-10-19"}
    lower = {"action": "create", "like": 130, "quantity": "4", "effective": "2026-10-20", "cancelled": None}

    assert plan(13, "4", "2026-10-20")["steps"] == [lower, end]
    assert plan(13, "0", "2026-10-20")["steps"] == [end]
    assert plan(13, "0", "2026-10-20")["effect"] == effect("-38.71", "-100.00")  # 12 of 31 days of 100.00
    # on the line's own first day its quantity is set
    assert plan(13, "12", "2024-05-01")["steps"] == raised(13)


def test_several_lines_grow_on_the_newest_open_one_and_shrink_from_the_newest(
    plan: Callable[..., dict[str, Any]],
) -> None:
    assert plan(17, "16")["steps"] == [{"action": "set", "addition": 171, "expected": "3", "quantity": "4"}]
    assert plan(17, "11")["steps"] == [
        {"action": "set", "addition": 171, "expected": "3", "quantity": "0"},
        {"action": "set", "addition": 172, "expected": "2", "quantity": "1"},
    ]
    # a line that replaces one with an end keeps that end; the line of 171 ends the day before
    assert plan(17, "11", "2026-10-25")["steps"] == [
        {"action": "end", "addition": 171, "expected": None, "cancelled": "2026-10-24"},
        {"action": "create", "like": 172, "quantity": "1", "effective": "2026-10-25", "cancelled": "2026-11-20"},
        {"action": "end", "addition": 172, "expected": "2026-11-20", "cancelled": "2026-10-24"},
    ]


@pytest.mark.parametrize(
    ("agreement", "quantity", "day", "words"),
    [
        (11, "12", "2026-10-28", "does not prorate"),
        (11, "10", "2026-10-28", "does not prorate"),
        (13, "12", "2023-12-31", "1 Jan 2024"),
        (13, "12", "2024-04-30", "1 May 2024, when line 130 begins"),
        (17, "11", "2026-10-09", "10 Oct 2026, when line 171 begins"),
        (16, "12", "2026-12-16", "15 Dec 2026"),
        (13, "12", "2026-02-30", "is not a date"),
        (13, "12", "20261020", "is not a date"),
        (13, "12", "2026-W43-2", "is not a date"),
        (13, "-3", None, "below zero"),
        (13, "1e9", None, "exponent"),
        (13, "NaN", None, "not a number"),
        (13, "1.23456", None, "5 decimals"),
        (13, "1,234", None, "1234 or as 1.234"),
        (13, "10000000", None, "too large"),
        (99, "1", None, "does not have agreement 99"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(
    plan: Callable[..., dict[str, Any]], agreement: int, quantity: str, day: str | None, words: str
) -> None:
    found = plan(agreement, quantity, day)

    assert (found["steps"], found["effect"]) == ([], effect(None, None))
    assert words in found["refused"]
    assert re.search(r"[.?]$", found["refused"])


def test_nothing_to_write_is_no_refusal_and_no_invoice_date_gives_no_figure(
    plan: Callable[..., dict[str, Any]],
) -> None:
    assert plan(13, "10") == {"steps": [], "effect": effect("0.00", "0.00"), "refused": None}
    assert plan(13, "10", "2026-10-20") == {"steps": [], "effect": effect("0.00", "0.00"), "refused": None}
    assert plan(16, "12", "2026-12-15")["steps"] == added(16, "2026-12-15")  # its last day counts
    assert plan(18, "12")["effect"]["next_invoice"] is None


def test_nothing_is_planned_for_what_left_or_never_was(shell: Shell) -> None:
    assert "cancelled" in shell.plan(505, "SEAT", "1")["refused"]
    assert "does not have agreement 507" in shell.plan(507, "SEAT", "1")["refused"]
    assert "not in scope" in shell.plan(508, "SEAT", "1")["refused"]
    assert "bundle" in shell.plan(501, "PACK", "1")["refused"]
    assert "catalogue" in shell.plan(501, "NOPE", "1")["refused"]
    assert "larger than any id" in shell.refused(
        "cards", "plan", "--agreement", "9" * 20, "--product", "SEAT", "--quantity", "1"
    )
    assert not [one for one in shell.asked() if one["method"] not in {"GET", "POST"}]
