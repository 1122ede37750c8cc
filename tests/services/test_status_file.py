"""All meanings as a file: written and read back, compared, applied as a whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.config import ROOT
from portal.db.records import AuditEvent, PsaListRow, RowMeaning, Vendor
from portal.services import status_file, statuses
from portal.services.actors import Actor
from portal.services.errors import Invalid, NotAllowed
from tests.support.database import ZONE

ADMIN = Actor("Ada Admin", None, "admin")
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
SETS = sorted((ROOT / "tests" / "samples").glob("*/statuses.json"))


def entry(number: object = 31, meaning: object = "customer", **more: object) -> dict[str, object]:
    return {"id": number, "name_last_seen": "Onboarding", "meaning": meaning, **more}


def apply(session: Session, data: dict[str, Any]) -> status_file.StatusDiff:
    return status_file.apply_statuses_file(session, data, by=ADMIN, now=NOW, zone=ZONE)


@pytest.mark.parametrize("file", SETS, ids=lambda file: file.parent.name)
def test_a_sets_file_is_taken_over_and_written_back_as_it_was(session: Session, file: Any) -> None:
    said = status_file.read_statuses_text(file.read_text())

    first, second = apply(session, said), apply(session, said)

    number = sum(len(rows) for rows in said.values())
    assert (len(first.changes), second.changes, second.equal) == (number, [], number)
    written = status_file.statuses_text(status_file.export_statuses(session))
    assert len(written.splitlines()) == number + 6
    again = status_file.read_statuses_text(written)
    assert again["company_statuses"] == sorted(said["company_statuses"], key=lambda one: one["id"])
    assert status_file.diff_statuses(session, again).changes == []
    events = session.scalars(sa.select(AuditEvent.before).where(AuditEvent.action.endswith(".meaning"))).all()
    assert events == ["no decision"] * number


def test_a_meaning_waits_for_a_row_that_connectwise_does_not_have_yet(session: Session) -> None:
    session.add(PsaListRow(list="status", id=1, name="Active"))
    session.flush()

    diff = apply(session, {"company_statuses": [entry()]})

    assert diff.changes[0].note == "ConnectWise has no row with this id; the meaning is kept for it."
    waiting = next(row for row in statuses.list_rows(session, "status") if row.psa_id == 31)
    assert (waiting.meaning, waiting.absent, waiting.flags) == ("customer", True, ())
    session.add(PsaListRow(list="status", id=31, name="Onboarding 2"))
    session.flush()
    there = next(row for row in statuses.list_rows(session, "status") if row.psa_id == 31)
    assert (there.meaning, there.absent, there.flags) == ("customer", False, ("renamed",))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (7, "no object"),
        (entry("31"), "whole number"),
        (entry(True), "whole number"),
        (entry(0), "whole number"),
        (entry(meaning="in"), "not one of “customer”"),
        (entry(colour="red"), "field “colour”"),
        (entry(name_last_seen=""), "has to be a text"),
        ({"id": 31}, "has to be a text"),
    ],
)
def test_one_refused_entry_keeps_the_whole_file_out(session: Session, raw: object, words: str) -> None:
    data = {"company_statuses": [entry(32), raw], "company_types": [entry(1, "in")]}

    diff = status_file.diff_statuses(session, data)
    with pytest.raises(Invalid, match=r"1 entry is refused, the first is company_statuses, entry 2"):
        apply(session, data)

    assert words in diff.refused[0].reason
    assert session.scalar(sa.select(sa.func.count()).select_from(RowMeaning)) == 0


def test_a_row_that_stands_twice_is_refused_and_a_word_knows_its_vendor(session: Session) -> None:
    words = [{"vendor": "haven backup", "word": word, "meaning": "active"} for word in ("Trial", " trial ", "archived")]
    session.add(Vendor(slug="haven-backup", title="Haven Backup", created_at=NOW))
    session.flush()

    diff = status_file.diff_statuses(session, {"company_statuses": [entry(), entry()], "vendor_statuses": words})

    assert [one.where for one in diff.refused] == ["company_statuses, entry 2", "vendor_statuses, entry 2"]
    assert [one.title for one in diff.changes][1:] == ["Haven Backup: “Trial”", "Haven Backup: “archived”"]
    assert diff.new_vendors == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"company_statuses": 5}', '{"colours": []}', "NaN"])
def test_a_file_of_another_form_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Invalid, match="Nothing was changed"):
        status_file.read_statuses_text(text)


def test_the_file_is_an_admins(session: Session) -> None:
    with pytest.raises(NotAllowed):
        status_file.apply_statuses_file(session, {}, by=Actor("Mia", 4, "manager"), now=NOW)


def test_what_is_exported_is_json(session: Session) -> None:
    assert json.loads(status_file.statuses_text(status_file.export_statuses(session))) == {
        "company_statuses": [],
        "company_types": [],
        "vendor_statuses": [],
    }
