"""`cards decide`, `split`, `pushes list`: each form, each refusal, and what then stands in the PSA."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import MAIL, Shell


def test_each_form_of_a_decision_writes_what_it_says_and_nothing_else(shell: Shell) -> None:
    assert shell.decide(1009, "SEAT", "--approve") == "Approve for SEAT of T04 Ironbark Veterinary: queued (set).\n"
    shell.decide(1010, "SEAT", "--adjust", "3", "--date", "2026-10-20")
    shell.decide(1020, "SEAT", "--dismiss", "seasonal")
    shell.decide(1018, "MARKET-B", "--add", "5", "--to", "518")
    shell.decide(1001, "SEAT", "--adjust", "22")
    shell.work()

    assert {push["state"] for push in shell.pushes()} == {"confirmed"}
    assert [one.quantity for one in shell.desk.lines(509)] == [7]
    assert sorted((int(one.quantity), one.cancelled_date is None) for one in shell.desk.lines(510)) == [
        (3, True),
        (5, False),
    ]
    assert [one.quantity for one in shell.desk.lines(518, "MARKET-B")] == [5]
    assert sorted(shell.desk.quantities(501).values()) == [5, 7, 10]
    assert [one.quantity for one in shell.desk.lines(520)] == [6]
    assert sorted((one["method"], one["path"].rpartition("/agreements/")[2]) for one in shell.desk.written()) == [
        ("PATCH", "501/additions/8003"),
        ("PATCH", "509/additions/8014"),
        ("PATCH", "510/additions/8015"),
        ("POST", "510/additions"),
        ("POST", "518/additions"),
    ]
    assert {one["member"] for one in shell.desk.written()} == {"apiuser"}
    assert shell.state(1020) == "dismissed"


@pytest.mark.parametrize(
    ("company", "product", "how", "words"),
    [
        (1009, "SEAT", ("--adjust", "6", "--date", "2026-10-28"), "does not prorate"),
        (1009, "SEAT", ("--approve", "--date", "2026-10-28"), "takes no date"),
        (1010, "SEAT", ("--adjust", "8"), "Pick the day"),
        (1010, "SEAT", ("--adjust", "8", "--date", "2024-02-29"), "1 Mar 2024"),
        (1010, "SEAT", ("--adjust", "8", "--date", "2026-09-20"), "already invoiced"),
        (1012, "SEAT", ("--adjust=-3",), "below zero"),
        (1012, "SEAT", ("--adjust", "NaN"), "not a number"),
        (1011, "SEAT", ("--approve",), "equal"),
        (1013, "SEAT", ("--dismiss", " "), "Give a reason"),
        (1013, "SEAT", ("--undo",), "on this card"),
        (1018, "MARKET-B", ("--approve",), "Add it to an agreement"),
        (1018, "MARKET-B", ("--add", "5"), "Choose an agreement"),
        (1018, "MARKET-B", ("--add", "5", "--to", "509"), "not one of"),
        (1018, "MARKET-B", ("--add", "5", "--to", "518", "--date", "2026-10-28"), "does not prorate"),
        (1018, "MARKET-B", ("--add", "0", "--to", "518"), "above 0"),
        (1047, "PACK", ("--add", "2", "--to", "553"), "bundle"),
        (1005, "SEAT", ("--agreement", "505", "--approve"), "cancelled"),
        (1019, "MARKET-A", ("--approve",), "No count arrived"),
        (1023, "SEAT", ("--approve",), "several agreements"),
        (1023, "SEAT", ("--agreement", "523", "--approve"), "never guessed"),
        (1021, "VAULT", ("--adjust", "30"), "held for a person"),
        (1012, "NOPE", ("--approve",), "no card"),
        (1012, "SEAT", ("--agreement", "x", "--approve"), "no id"),
        (1012, "SEAT", ("--agreement", "9" * 20, "--approve"), "larger than any id"),
        (int("9" * 20), "SEAT", ("--approve",), "larger than any id"),
        (1012, "SEAT", ("--second",), "Nothing waits on this card"),
        (1012, "SEAT", ("--approve", "--period", "2026-09"), "no card"),
    ],
)
def test_a_refusal_is_a_sentence_with_exit_1_and_nothing_is_kept(
    shell: Shell, company: int, product: str, how: tuple[str, ...], words: str
) -> None:
    before = shell.ok("audit", "export")

    said = shell.no(company, product, *how)

    new = shell.ok("audit", "export").removeprefix(before).splitlines()
    assert words in said
    assert "\n" not in said
    assert all('"what": "refusal"' in line for line in new), "nothing but that it was refused"
    assert shell.ok("audit", "verify")
    assert shell.pushes() == []


@pytest.mark.parametrize(
    "how",
    [(), ("--approve", "--undo"), ("--approve", "--period", "October"), ("--adjust",), ("--approve", "--file", "x")],
)
def test_misuse_ends_with_2(shell: Shell, how: tuple[str, ...]) -> None:
    assert shell.no(1009, "SEAT", *how, code=2)
    assert shell.pushes() == []


def test_roles_hold_on_the_command_line_too(shell: Shell) -> None:
    assert "Viewers can read" in shell.no(1009, "SEAT", "--approve", by="viewer")
    assert "Nobody has the e-mail address" in shell.no(1009, "SEAT", "--approve", by="ghost")
    assert "Give the reason" in shell.no(1021, "VAULT", "--adjust", "30", "--too-old-ok", by="manager")
    shell.decide(1021, "VAULT", "--adjust", "30", "--too-old-ok", "--reason", "asked them", by="manager")
    for command in (("connections", "writing", "off"), ("users", "create", "new@fennimore.example")):
        assert "may not" in shell.refused(*command, "--by", f"biller@{MAIL}")
        shell.ok(*command, "--by", f"admin@{MAIL}")
    assert "Viewers can read" in shell.refused("sync", "run", "--by", f"viewer@{MAIL}")
    *_, switched, refused = shell.ok("audit", "export").splitlines()
    assert '"person": "Priya"' in switched
    assert '"person": "Vera"' in refused
    assert '"action": "refused.403"' in refused


def test_a_file_decides_row_by_row_and_one_refusal_leaves_the_others(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text(
        "\ufeffcompany,agreement,product,decision,quantity,date,reason,to_agreement\n"
        "1001,,SEAT,approve,,,,\n"
        "T01 Cobalt Freight,503,SEAT,Adjust,11,,counted,\n"
        "1011,,SEAT,approve,,,,\n"
        "1020,,SEAT,dismiss,,,seasonal,\n"
        "1028,,SEAT-B,add,1,,,533\n"
        "1028,,SEAT-B,add,1,,,533\n"
        "1032,,JUMBLE,frobnicate,,,,\n"
        "1014,,SEAT,adjust,6,2026-10-28,,\n",
        encoding="utf-8",
    )

    result = shell.run("cards", "decide", "--by", f"biller@{MAIL}", "--file", str(file))

    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert result.exit_code == 1
    assert [(row[0], row[3]) for row in rows] == [
        *(("1001", "queued"), ("T01 Cobalt Freight", "queued"), ("1011", "refused"), ("1020", "dismissed")),
        *(("1028", "queued"), ("1028", "refused"), ("1032", "refused"), ("1014", "refused")),
    ]
    assert len(shell.pushes()) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a;b\n1;2\n",
        b"\xff\xfe\x00",
        "company,product,decision\n1009,SEAT,approve\nCafé,JUMBLE,approve\n".encode("latin-1"),
        b'company,product,decision\n1009,SEAT,approve\n"1001,SEAT,approve\n',
        b"company,product,decision\n1009,SEAT,approve\n" + b"9" * 200_000 + b",SEAT,approve\n",
    ],
)
def test_a_file_that_cannot_be_read_decides_nothing(shell: Shell, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "decisions.csv"
    file.write_bytes(content)

    shell.refused("cards", "decide", "--by", f"biller@{MAIL}", "--file", str(file), code=2)

    assert shell.pushes() == []


def test_a_line_changed_by_hand_before_the_push_stops_it(shell: Shell) -> None:
    shell.decide(1004, "SEAT", "--approve")
    shell.desk.set_by_hand(504, 8009, 11)

    shell.work()

    (push,) = shell.pushes()
    assert push["state"] == shell.state(1004) == "changed_in_psa"
    assert "You saw 10; ConnectWise has 11" in push["cause"]
    assert [one.quantity for one in shell.desk.lines(504)] == [11]
    shell.decide(1004, "SEAT", "--approve")
    shell.work()
    assert [one.quantity for one in shell.desk.lines(504)] == [12]


def test_what_was_planned_while_read_only_is_checked_anew_when_it_is_sent(shell: Shell) -> None:
    shell.ok("connections", "writing", "off")
    for company in (1036, 1037, 1040):
        assert ": planned (set)" in shell.decide(company, "SEAT", "--approve")
    shell.desk.set_by_hand(542, 8047, 5)
    shell.desk.cancel_by_hand(546)
    assert "read-only" in shell.no(1036, "SEAT", "--send")

    shell.ok("connections", "writing", "on")
    shell.work()
    assert {push["state"] for push in shell.pushes()} == {"planned"}  # the switch itself sends nothing
    for company in (1036, 1037, 1040):
        shell.decide(company, "SEAT", "--send")
    shell.work()

    assert [push["state"] for push in shell.pushes()] == ["changed_in_psa", "confirmed", "stale"]
    assert [shell.desk.lines(one)[0].quantity for one in (542, 543, 546)] == [5, 6, 4]


def test_nothing_is_written_to_an_agreement_that_was_cancelled_meanwhile(shell: Shell) -> None:
    shell.decide(1045, "SEAT", "--approve")
    shell.desk.cancel_by_hand(551)

    shell.work()

    (push,) = shell.pushes()
    assert (push["state"], "cancelled" in push["cause"]) == ("stale", True)
    assert [one["path"] for one in shell.desk.written() if one["member"] == "apiuser"] == []


def test_undo_restores_and_leaves_a_line_alone_that_someone_changed(shell: Shell) -> None:
    shell.decide(1009, "SEAT", "--approve")
    shell.decide(1001, "SEAT", "--approve")
    shell.work()
    shell.desk.set_by_hand(501, 8003, 9)

    shell.decide(1009, "SEAT", "--undo")
    shell.decide(1001, "SEAT", "--undo")
    shell.work()

    assert [one.quantity for one in shell.desk.lines(509)] == [5]
    assert shell.desk.quantities(501)[8003] == 9
    assert [push["state"] for push in shell.pushes()] == ["undone", "confirmed", "confirmed", "changed_in_psa"]


def test_a_split_rule_shares_the_count_and_slips_are_refused(shell: Shell) -> None:
    def split(*how: str, code: int = 0, company: int = 1024, product: str = "SEAT") -> str:
        args = ("cards", "split", "--company", str(company), "--product", product, "--by", f"biller@{MAIL}", *how)
        return shell.ok(*args) if code == 0 else shell.refused(*args, code=code)

    assert "Give --all-to" in split(code=2)
    assert "is no part" in split("--fixed", "x=1", "--rest-to", "526", code=2)
    assert "two fixed parts" in split("--fixed", "525=1", "--fixed", "525=2", "--rest-to", "526", code=2)
    assert "below zero" in split("--fixed", "525=-1", "--rest-to", "526", code=1)
    assert "does not have the product" in split("--all-to", "501", code=1)
    split("--fixed", "525=5", "--rest-to", "526")
    cards = list(csv.DictReader(io.StringIO(shell.ok("cards", "export", "--period", "2026-10"))))
    shared = [
        (row["agreement_id"], row["kind"], row["proposed_quantity"]) for row in cards if row["company_id"] == "1024"
    ]
    assert shared == [("525", "no_change", "5"), ("526", "no_change", "7")]
    # once it is shared, a rule about something else would never be noticed
    assert "not one of company 1024" in split("--all-to", "501", code=1)
    assert "no product NOPE" in split("--all-to", "525", code=1, product="NOPE")
    said = split("--fixed", "525=99", "--rest-to", "526")
    assert "Not yet this month: The fixed parts are 87 more than the 12 counted." in said
    assert Decimal(12) == sum(shell.desk.quantities(525).values()) + sum(shell.desk.quantities(526).values())
