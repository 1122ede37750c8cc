"""Rules at the command line: told first, set with --apply, listed, ended."""

import csv
import io
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

MINIMUM = ("rules", "set", "minimum", "--company", "1001", "--product", "SEAT", "--quantity", "30")


def listed(shell: "Shell", *options: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(shell.ok("rules", "list", *options))))


def test_a_rule_is_told_then_set_then_ended(shell: "Shell") -> None:
    before = len(listed(shell))
    told = shell.ok(*MINIMUM, "--until", "2027-03-31", "--reference", "contract 114")
    assert "minimum 30 until 31 Mar 2027 (contract 114): proposes 30" in told
    assert told.endswith(
        "1 card would change: 1 proposes another quantity.\nNothing was changed. With --apply it is set.\n"
    )
    assert len(listed(shell)) == before

    done = shell.ok(*MINIMUM, "--until", "2027-03-31", "--reference", "contract 114", "--apply")

    (row,) = listed(shell, "--company", "1001")
    assert f"Rule {row['rule']} holds: minimum 30 until 2027-03-31 (contract 114)." in done
    assert (row["state"], row["kind"], row["product"]) == ("in_force", "minimum", "SEAT")
    assert shell.desk.card(1001).proposed_quantity == 30
    assert "With --apply it ends." in shell.ok("rules", "end", row["rule"])
    assert shell.ok("rules", "end", row["rule"], "--apply").endswith(
        "Ended: minimum 30 until 2027-03-31 (contract 114).\n"
    )
    assert shell.desk.card(1001).proposed_quantity == 21
    assert listed(shell, "--company", "1001") == []
    assert [one["state"] for one in listed(shell, "--company", "1001", "--state", "ended")] == ["ended"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--quantity", "1O"), "Did you mean 10?"),
        (("--quantity", "5", "--until", "soon"), "“soon” is not a day."),
        (("--quantity", "5", "--until", "2020-01-01"), "This day is past"),
        ((), "needs its quantity"),
        (("--quantity", "5", "--product", "NOPE"), "ConnectWise has no product “NOPE”."),
        (("--quantity", "5", "--company", "nobody"), "There is no company “nobody”."),
    ],
)
def test_a_slip_is_a_sentence_and_changes_nothing(shell: "Shell", options: tuple[str, ...], said: str) -> None:
    before = listed(shell, "--state", "all")

    assert said in shell.refused("rules", "set", "minimum", "--product", "SEAT", *options, "--apply")
    assert listed(shell, "--state", "all") == before


def test_only_an_admin_sets_a_rule(shell: "Shell") -> None:
    shell.refused(*MINIMUM, "--apply", "--by", "biller@fennimore.example")
    assert shell.refused("rules", "end", "999999", "--apply") == "There is no rule 999999."
