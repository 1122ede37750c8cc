"""``flask cards``, ``pushes`` and ``audit``: the same use cases as the screens, for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from portal.factory import create_app
from portal.services import invitations
from portal.services.actors import COMMAND_LINE
from tests.support.database import settings_on
from tests.support.desk import NOW, TRAPS, Desk


@pytest.fixture
def app(desk: Desk, tmp_path: Path) -> Flask:
    return create_app(settings_on(str(desk.engine.url), tmp_path))


class Shell:
    def __init__(self, app: Flask) -> None:
        self.app = app

    def __call__(self, *words: str | int, stdin: str | None = None) -> Result:
        return self.app.test_cli_runner().invoke(args=[str(word) for word in words], input=stdin)

    def json(self, *words: str | int) -> Any:
        result = self(*words)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)


@pytest.fixture
def shell(app: Flask) -> Shell:
    return Shell(app)


@pytest.fixture
def team(desk: Desk) -> None:
    with desk.open_session() as session:
        for role in ("viewer", "biller", "manager", "admin"):
            invitations.create_person(
                session, f"{role}@msp.example", role.title(), role, COMMAND_LINE, NOW, real_now=desk.real
            )


def test_the_export_is_what_the_samples_say(shell: Shell) -> None:
    result = shell("cards", "export", "--period", "2026-10")

    assert result.output == (TRAPS / "expected" / "cards-2026-10.csv").read_text(encoding="utf-8")
    assert shell("cards", "export", "--period", "October").exit_code == 2


def test_a_plan_is_printed_and_nothing_is_changed(desk: Desk, shell: Shell) -> None:
    plan = shell.json("cards", "plan", "--agreement", 501, "--product", "SEAT", "--quantity", 21)

    assert plan["steps"] == [{"action": "set", "addition": 8003, "expected": "5", "quantity": "6"}]
    assert plan["refused"] is None
    assert plan["effect"]["per_month"] == "13.00"
    assert desk.card(1001).state == "open"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--agreement", 509, "--product", "SEAT", "--quantity", 7, "--date", "2026-10-28"), "does not prorate"),
        (("--agreement", 501, "--product", "SEAT", "--quantity", "1O"), "Did you mean 10?"),
        (("--agreement", 505, "--product", "SEAT", "--quantity", 7), "was cancelled"),
        (("--agreement", 999999, "--product", "SEAT", "--quantity", 7), "does not have agreement"),
        (("--agreement", 553, "--product", "PACK", "--quantity", 2), "bundle"),
    ],
)
def test_a_plan_that_cannot_be_says_why(shell: Shell, words: tuple[str | int, ...], sentence: str) -> None:
    plan = shell.json("cards", "plan", *words)

    assert plan["steps"] == []
    assert sentence in plan["refused"]


def test_a_dated_plan_makes_dated_lines(shell: Shell) -> None:
    plan = shell.json("cards", "plan", "--agreement", 510, "--product", "SEAT", "--quantity", 7, "--date", "2026-11-15")

    (step,) = plan["steps"]
    assert {name: step[name] for name in ("action", "quantity", "effective", "cancelled")} == {
        "action": "create",
        "quantity": "2",
        "effective": "2026-11-15",
        "cancelled": None,
    }


def test_a_decision_by_a_person_and_its_push(desk: Desk, shell: Shell, team: None) -> None:
    del team
    result = shell("cards", "decide", "--company", 1001, "--product", "SEAT", "--by", "biller@msp.example", "--approve")
    assert result.exit_code == 0, result.output
    assert "queued" in result.output

    (push,) = shell.json("pushes", "list", "--format", "json")
    assert (push["state"], push["card"], push["cause"]) == ("queued", desk.card(1001).id, None)
    assert [(step["state"], step["plan"]["action"]) for step in push["steps"]] == [("waiting", "set")]

    again = shell("cards", "decide", "--company", 1001, "--product", "SEAT", "--by", "manager@msp.example", "--approve")
    assert again.exit_code == 1
    assert "Biller approved 21" in again.output
    undone = shell("cards", "decide", "--company", 1001, "--product", "SEAT", "--by", "biller@msp.example", "--undo")
    assert undone.exit_code == 0
    assert desk.card(1001).state == "withdrawn"
    assert "withdrawn" in shell("pushes", "list").output


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--company", 1001, "--product", "SEAT", "--by", "viewer@msp.example", "--approve"), 1, "Viewers can read"),
        (("--company", 1001, "--product", "SEAT", "--by", "nobody@msp.example", "--approve"), 1, "Nobody has"),
        (("--company", 9, "--product", "SEAT", "--approve"), 1, "has no card"),
        (("--company", 1023, "--product", "SEAT", "--approve"), 1, "stands on several agreements"),
        (("--company", 1009, "--product", "SEAT", "--adjust", "7", "--date", "2026-10-28"), 1, "does not prorate"),
        (("--company", 1009, "--product", "SEAT", "--approve", "--date", "2026-10-28"), 1, "takes no date"),
        (("--company", "No such company", "--product", "SEAT", "--approve"), 1, "There is no company"),
        (("--company", 1001, "--product", "SEAT"), 2, "Give --company"),
        (("--company", 1001, "--product", "SEAT", "--approve", "--undo"), 2, "Give --company"),
        (("--product", "SEAT", "--approve"), 2, "Give --company"),
    ],
)
def test_what_is_refused_says_why(
    shell: Shell, team: None, words: tuple[str | int, ...], code: int, sentence: str
) -> None:
    del team
    result = shell("cards", "decide", *words)

    assert result.exit_code == code
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_many_are_decided_from_a_file_with_a_line_for_each(
    desk: Desk, shell: Shell, team: None, tmp_path: Path
) -> None:
    del team
    file = tmp_path / "decisions.csv"
    file.write_text(
        "company,agreement,product,decision,quantity,date,reason,to_agreement\n"
        "1001,501,SEAT,approve,,,,\n"
        "1009,509,SEAT,adjust,7,2026-10-28,,\n"
        "1010,510,SEAT,adjust,7,2026-10-28,new staff,\n"
        "1028,,SEAT-B,add,1,,,533\n"
        "1004,504,SEAT,dismiss,,,agreed,\n"
        "1015,515,SEAT,guess,,,,\n",
        encoding="utf-8-sig",
    )

    result = shell("cards", "decide", "--by", "biller@msp.example", "--file", str(file))

    lines = [line.split(",", 4) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert [line[:4] for line in lines] == [
        ["1001", "501", "SEAT", "queued"],
        ["1009", "509", "SEAT", "refused"],
        ["1010", "510", "SEAT", "queued"],
        ["1028", "", "SEAT-B", "queued"],
        ["1004", "504", "SEAT", "dismissed"],
        ["1015", "515", "SEAT", "refused"],
    ]
    assert "does not prorate" in lines[1][4]
    assert desk.card(1015).state == "open"


def test_a_file_without_its_columns_is_misused(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text("firm,what\n1,2\n", encoding="utf-8")

    result = shell("cards", "decide", "--file", str(file))

    assert result.exit_code == 2
    assert "no column company, product, decision" in result.output


def test_a_second_person_confirms(desk: Desk, shell: Shell, team: None) -> None:
    del team
    from portal.services import settings_store  # noqa: PLC0415 - only this test sets a limit

    with desk.open_session() as session:
        settings_store.put(session, "limits", {"amount": {"USD": "1.00"}}, by=COMMAND_LINE, now=NOW)
    decide = ("cards", "decide", "--company", 1001, "--product", "SEAT", "--by")
    assert "waiting" in shell(*decide, "manager@msp.example", "--approve").output

    assert shell(*decide, "manager@msp.example", "--second").exit_code == 1
    assert shell(*decide, "admin@msp.example", "--second").exit_code == 0
    assert desk.card(1001).state == "queued"


def test_a_split_rule_shares_the_count(desk: Desk, shell: Shell) -> None:
    result = shell("cards", "split", "--company", 1023, "--product", "SEAT", "--fixed", "523=5", "--rest-to", 524)
    assert result.exit_code == 0, result.output
    assert desk.card(1023, agreement_id=524).kind == "increase"

    again = shell("cards", "split", "--company", 1023, "--product", "SEAT", "--all-to", 523)
    assert again.exit_code == 0, again.output
    assert [desk.card(1023, agreement_id=one).proposed_quantity for one in (523, 524)] == [14, 0]
    assert shell("cards", "split", "--company", 1023, "--product", "SEAT").exit_code == 2
    assert (
        shell("cards", "split", "--company", 1023, "--product", "SEAT", "--fixed", "5", "--rest-to", 1).exit_code == 2
    )
    refused = shell("cards", "split", "--company", 1026, "--product", "SEAT", "--fixed", "529=5", "--rest-to", 530)
    assert refused.exit_code == 1
    assert "more than the 3 counted" in refused.output


def test_the_chain_is_checked_in_the_store_and_in_an_export(shell: Shell, tmp_path: Path) -> None:
    whole = shell("audit", "verify")
    assert whole.exit_code == 0, whole.output
    head = whole.output.splitlines()[1].removeprefix("Head: ")
    file = tmp_path / "trail.jsonl"
    file.write_text(shell("audit", "export").output, encoding="utf-8")

    assert shell("audit", "verify", "--head", head).exit_code == 0
    assert shell("audit", "verify", "--file", str(file), "--head", head).exit_code == 0
    assert shell("audit", "verify", "--head", "0123").exit_code == 1
    part = shell("audit", "export", "--what", "mapping", "--from", "2026-10-01", "--to", "2026-10-31").output
    assert shell("audit", "verify", "--file", "-", stdin=part).exit_code == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    del lines[3]
    file.write_text("\n".join(lines), encoding="utf-8")
    broken = shell("audit", "verify", "--file", str(file))
    assert broken.exit_code == 1
    assert "breaks at event 4" in broken.output
