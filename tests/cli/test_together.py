"""Many at once on the command line: ticks beside a file, batches taken back, writes tried again or given up, splits."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from portal.services import decision_bulk, decisions
from tests.cli.conftest import MAIL, Shell
from tests.support.desk import BILLER, TODAY

BY = ("--by", f"biller@{MAIL}")
HEADER = "company,agreement,product,decision,quantity,date,reason,to_agreement"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def a_file(folder: Path, *rows: str, header: str = HEADER) -> str:
    file = folder / "decisions.csv"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return str(file)


def states(text: str) -> list[str]:
    return [row[3] for row in csv.reader(io.StringIO(text))]


# A file, and what stands beside it.


@pytest.mark.parametrize(
    ("row", "tick", "without"),
    [
        ("1010,,SEAT,adjust,8,2026-09-20,,", "--invoiced-ok", "already invoiced"),
        ("1021,,VAULT,adjust,30,,asked them,", "--too-old-ok", "held for a person"),
    ],
)
def test_a_tick_beside_a_file_holds_for_all_its_rows(
    shell: Shell, tmp_path: Path, row: str, tick: str, without: str
) -> None:
    file = a_file(tmp_path, row, "1009,,SEAT,approve,,,,")
    who = ("--by", f"manager@{MAIL}")

    refused = shell.run("cards", "decide", *who, "--file", file)
    done = shell.run("cards", "decide", *who, "--file", file, tick)

    assert without in refused.stdout
    assert states(refused.stdout) == ["refused", "queued"]
    assert states(done.stdout)[0] == "queued"


def test_a_scheduled_line_is_ticked_for_all_rows_too(shell: Shell, tmp_path: Path) -> None:
    (line,) = shell.desk.quantities(509)
    shell.desk.add_by_hand(509, line, 4, "2026-12-01")
    shell.desk.sync("full")
    file = a_file(tmp_path, "1009,,SEAT,approve,,,,")

    refused = shell.run("cards", "decide", *BY, "--file", file)
    done = shell.run("cards", "decide", *BY, "--file", file, "--scheduled-ok")

    assert "both would bill" in refused.stdout
    assert (states(refused.stdout), states(done.stdout)) == (["refused"], ["queued"])


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        (("--reason", "counted"), "--reason makes no sense beside --file"),
        (("--date", "2026-10-20"), "--date makes no sense beside --file"),
        (("--to", "518"), "--to makes no sense beside --file"),
        (("--agreement", "509"), "--agreement makes no sense beside --file"),
        (("--price", "4"), "--price makes no sense beside --file"),
        (("--cost", "4"), "--cost makes no sense beside --file"),
        (("--undo",), "A file says what is decided"),
    ],
)
def test_what_a_file_says_by_itself_is_refused_beside_it(
    shell: Shell, tmp_path: Path, beside: tuple[str, ...], named: str
) -> None:
    file = a_file(tmp_path, "1009,,SEAT,approve,,,,")

    said = shell.refused("cards", "decide", *BY, "--file", file, *beside, code=2)

    assert named in said
    assert shell.pushes() == []


@pytest.mark.parametrize(
    ("how", "named"),
    [
        (("--approve", "--price", "4"), "--price makes no sense beside --approve"),
        (("--adjust", "7", "--cost", "4"), "--cost makes no sense beside --adjust"),
        (("--undo", "--to", "518"), "--to makes no sense beside --undo"),
        (("--dismiss", "seasonal", "--reason", "counted"), "--reason makes no sense beside --dismiss"),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(shell: Shell, how: tuple[str, ...], named: str) -> None:
    assert named in shell.no(1009, "SEAT", *how, code=2)
    assert shell.pushes() == []


def test_a_line_is_added_at_a_price_of_its_own(shell: Shell, tmp_path: Path) -> None:
    assert "is not a price" in shell.no(1018, "MARKET-B", "--add", "5", "--to", "518", "--price", "cheap")
    shell.decide(1018, "MARKET-B", "--add", "5", "--to", "518", "--price", "4.75", "--cost", "2.5")
    file = a_file(
        tmp_path, "1028,,SEAT-B,add,1,,,533,3.2,", "1009,,SEAT,approve,,,,,3.2,", header=f"{HEADER},price,cost"
    )
    result = shell.run("cards", "decide", *BY, "--file", file)
    shell.work()

    assert states(result.stdout) == ["queued", "refused"]
    assert "Approve takes no price and no cost." in result.stdout
    (line,) = shell.desk.lines(518, "MARKET-B")
    (other,) = shell.desk.lines(533, "SEAT-B")
    assert (line.unit_price, line.unit_cost) == (Decimal("4.75"), Decimal("2.5"))
    assert other.unit_price == Decimal("3.2")


# Batches.


def approved(shell: Shell, *companies: int) -> int:
    """Approve cards together, and let a worker write them."""
    desk = shell.desk
    ids = [desk.card(company).id for company in companies]
    with desk.open_session() as session:
        batch = decisions.approve_many(session, ids, by=BILLER, now=desk.now, today=TODAY, selection="2 ticked")
        number = batch.id
    shell.work()
    return number


def test_a_batch_is_taken_back_and_what_changed_since_is_named(shell: Shell) -> None:
    before = shell.desk.quantities(504)
    (line,) = shell.desk.quantities(509)
    batch = approved(shell, 1004, 1009)
    shell.desk.set_by_hand(509, line, 9)
    shell.desk.sync("quick")
    left = shell.desk.card(1009).id

    said = shell.ok("batches", "undo", str(batch), "--reason", "wrong month", *BY)
    shell.work()

    first, last = said.splitlines()
    assert first.startswith(f"{left}  Line {line} has 9 now")
    assert last == f"Batch {batch + 1} takes back 1 of batch {batch}; 1 left as they were."
    assert shell.desk.quantities(504) == before
    assert shell.desk.quantities(509) == {line: 9}
    assert '"reason": "wrong month"' in shell.ok("audit", "export", "--what", "decision")
    newest, oldest = table(shell.ok("batches", "list"))
    assert (newest["undoes"], newest["decided"], newest["left_out"]) == (str(batch), "1", "1")
    assert (oldest["action"], oldest["decided"], oldest["selection"]) == ("approve", "2", "2 ticked")


def test_what_cannot_be_taken_back_ends_with_1(shell: Shell) -> None:
    batch = approved(shell, 1004)
    asked = ("batches", "undo", str(batch))

    assert "Viewers can read" in shell.refused(*asked, "--by", f"viewer@{MAIL}")
    assert "There is no batch 77." in shell.refused("batches", "undo", "77", *BY)
    shell.ok(*asked, *BY)
    shell.work()
    assert f"Nothing of batch {batch} goes back." in shell.refused(*asked, *BY)
    assert "undid this already" in shell.run(*asked, *BY).stdout


def test_a_large_batch_is_left_to_a_worker(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = approved(shell, 1004, 1009)
    monkeypatch.setattr(decision_bulk, "AT_ONCE", 1)

    said = shell.ok("batches", "undo", str(batch), *BY)

    assert said == f"Batch {batch + 1} takes back 2 decisions of batch {batch}. A worker carries it out.\n"
    with shell.desk.open_session() as session:
        bulk = decision_bulk.bulk_of(session, batch + 1)
        assert bulk is not None
        assert (bulk.state, bulk.progress_total, bulk.by) == ("queued", 2, "Dana")


# Writes.


def failed(shell: Shell) -> str:
    shell.desk.faults(
        {"method": "PATCH", "path": "additions", "nth": 1, "times": 1, "kind": "status_before", "status": 400}
    )
    shell.decide(1009, "SEAT", "--approve")
    shell.work()
    (push,) = shell.pushes()
    assert push["state"] == "failed"
    return str(push["id"])


def test_a_write_that_failed_is_tried_again(shell: Shell) -> None:
    push = failed(shell)

    assert "Viewers can read" in shell.refused("pushes", "retry", push, "--by", f"viewer@{MAIL}")
    assert shell.ok("pushes", "retry", push, *BY) == f"Push {push} is queued and is tried again.\n"
    shell.work()

    assert [one["state"] for one in shell.pushes()] == ["confirmed"]
    assert [one.quantity for one in shell.desk.lines(509)] == [7]
    assert "only one that failed can be tried again" in shell.refused("pushes", "retry", push, *BY)
    assert "77" in shell.refused("pushes", "retry", "77", *BY)


def test_a_write_is_given_up_with_a_reason(shell: Shell) -> None:
    push = failed(shell)

    said = shell.ok("pushes", "give-up", push, "--reason", "billed by hand", *BY)

    assert said == f"Push {push} is given up. SEAT of T04 Ironbark Veterinary waits for a decision again.\n"
    assert [one["state"] for one in shell.pushes()] == ["given_up"]
    last = json.loads(shell.ok("audit", "export").splitlines()[-1])
    assert (last["action"], last["reason"], last["person"]) == ("push.given_up", "billed by hand", "Dana")
    assert "cannot be given up" in shell.refused("pushes", "give-up", push, *BY)
    shell.decide(1009, "SEAT", "--approve")


# The trail, and how counts are shared.


@pytest.mark.parametrize("option", ["card", "push", "product", "q"])
def test_the_export_of_the_trail_takes_the_filters_of_the_screen(shell: Shell, tmp_path: Path, option: str) -> None:
    shell.decide(1009, "SEAT", "--approve")
    shell.decide(1018, "MARKET-B", "--add", "5", "--to", "518")
    shell.work()
    card = shell.desk.card(1018, "MARKET-B")
    push = next(one["id"] for one in shell.pushes() if one["card"] == card.id)
    asked = {"card": str(card.id), "push": str(push), "product": "MARKET-B", "q": "market-b"}[option]

    text = shell.ok("audit", "export", f"--{option}", asked)

    lines = [json.loads(line) for line in text.splitlines()]
    kept = [line for line in lines if not line.get("left_out")]
    decided = [line for line in kept if line["what"] in {"decision", "write"}]
    assert 0 < len(kept) < len(lines)
    assert decided
    assert {line["product"] for line in decided} == {"MARKET-B"}
    file = tmp_path / "part.jsonl"
    file.write_text(text, encoding="utf-8")
    assert shell.ok("audit", "verify", "--file", str(file)).startswith("The chain is whole")


def test_the_splits_are_listed_with_each_part(shell: Shell) -> None:
    before = table(shell.ok("cards", "splits"))
    shell.ok("cards", "split", "--company", "1024", "--product", "SEAT", "--fixed", "525=5", "--rest-to", "526", *BY)

    listed = table(shell.ok("cards", "splits", "--company", "1024", "--product", "SEAT"))

    assert [(row["agreement_id"], row["takes"], row["quantity"]) for row in listed] == [
        ("525", "fixed", "5"),
        ("526", "rest", ""),
    ]
    assert {row["set_by"] for row in listed} == {"Dana"}
    assert {row["company_id"] for row in listed} == {"1024"}
    assert len(table(shell.ok("cards", "splits"))) == len(before) + 2
    assert "There is no company" in shell.refused("cards", "splits", "--company", "Nobody at all")
