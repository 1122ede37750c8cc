"""How a file that nobody explained is read: by the saved profile, a ready-made one, or a guess with its questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES
from portal.db.records import UsageCount, UsageImport, VendorProfile
from portal.services import imports, usage_store
from portal.services.errors import Conflict
from portal.vendors.profiles import FileProfile
from tests.services.usage_desk import BILLER, NOW, ZONE, october


class Waiting:
    """Takes in files that nobody explains, and reads them."""

    def __init__(self, engine: sa.Engine, uploads: Path) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self._uploads = uploads

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def read(self, text: str, filename: str = "usage.csv", **how: Any) -> UsageImport:
        with self.open_session() as session:
            vendor = imports.vendor_by_name(session, "Haven Backup", create=True, by=BILLER, now=NOW)
            import_id = imports.receive(
                session, vendor=vendor, filename=filename, content=text.encode(), uploads=self._uploads, by=BILLER,
                now=NOW, zone=ZONE, **how,
            ).id  # fmt: skip
        return self.again(import_id)

    def again(self, import_id: int) -> UsageImport:
        imports.read_waiting(self.open_session, import_id, uploads=self._uploads, now=NOW, zone=ZONE)
        with self.open_session() as session:
            return session.get_one(UsageImport, import_id)

    def chosen_only(self, import_id: int) -> None:
        """Let a reader choose how the file is read, and end before it reads."""
        told: list[bool] = []

        def killed(values: dict[str, Any]) -> None:
            told.append("spec" in values)
            if told[-2:-1] == [True]:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            imports.read_waiting(self.open_session, import_id, uploads=self._uploads, now=NOW, zone=ZONE, told=killed)

    def commit(self, found: UsageImport, *, confirmed: bool = False) -> str:
        with self.open_session() as session:
            return imports.commit(session, found.id, by=BILLER, now=NOW, zone=ZONE, confirmed=confirmed).state

    def save(self, found: UsageImport, profile: FileProfile) -> VendorProfile:
        with self.open_session() as session:
            vendor = session.get_one(UsageImport, found.id).vendor
            return imports.save_profile(session, vendor=vendor, name="usage", profile=profile, by=BILLER, now=NOW)


@pytest.fixture
def waiting(engine: sa.Engine, tmp_path: Path) -> Waiting:
    return Waiting(engine, tmp_path / "uploads")


def test_an_open_question_refuses_the_commit_until_it_is_answered(waiting: Waiting) -> None:
    found = waiting.read('Customer,SKU,Quantity\nA-1,S-1,"1,234"\nA-2,S-1,"2,345"\n')

    assert [one["kind"] for one in found.notes["questions"]] == ["marks"]
    with pytest.raises(Conflict, match="open question: “1,234” on line 2 can be read as 1234 or as 1"):
        waiting.commit(found)
    profile = FileProfile.from_spec(found.spec | {"decimal": ".", "thousands": ","})
    with waiting.open_session() as session:
        imports.read_again(session, found.id, profile=profile, by=BILLER, now=NOW, zone=ZONE)
    answered = waiting.again(found.id)
    assert "questions" not in answered.notes
    assert waiting.commit(answered) == "committed"
    with waiting.open_session() as session:
        assert sorted(session.scalars(sa.select(UsageCount.quantity))) == [1234, 2345]


def test_a_person_may_confirm_what_was_understood(waiting: Waiting) -> None:
    found = waiting.read('Customer,SKU,Quantity\nA-1,S-1,"1,234"\n')

    assert waiting.commit(found, confirmed=True) == "committed"


def test_what_cannot_be_told_fails_with_the_guess_to_complete(waiting: Waiting) -> None:
    found = waiting.read("Customer,SKU,Remark\nA-1,S-1,hello\n")

    assert found.state == "failed"
    assert "which column holds the count" in found.message
    assert found.spec["columns"] == {"account_name": "Customer", "service_id": "SKU"}
    assert "count_rows" in [one["kind"] for one in found.notes["questions"]]
    profile = FileProfile.from_spec(found.spec | {"count_rows": True})
    with waiting.open_session() as session:
        imports.read_again(session, found.id, profile=profile, by=BILLER, now=NOW, zone=ZONE)
    assert waiting.again(found.id).state == "ready"


@pytest.mark.parametrize("killed", [False, True])
def test_what_a_change_did_not_answer_stays_open_when_a_worker_reads(waiting: Waiting, *, killed: bool) -> None:
    first = waiting.read('Customer,SKU,Quantity\nA-1,S-1,"1,234"\n')
    asked = first.notes["questions"]
    with waiting.open_session() as session:
        found = imports.read_again(
            session, first.id, profile=None if killed else FileProfile.from_spec(first.spec), period="2026-09",
            by=BILLER, now=NOW, zone=ZONE,
        )  # fmt: skip
        if not killed:
            found.notes = {**found.notes, "questions": asked}
    if killed:
        waiting.chosen_only(first.id)

    found = waiting.again(first.id)

    assert asked
    assert (found.state, found.period, found.notes["questions"]) == ("ready", "2026-09", asked)
    with pytest.raises(Conflict, match="has an open question"):
        waiting.commit(found)


def test_the_next_file_needs_no_question_and_keeps_the_version_that_read_it(waiting: Waiting) -> None:
    first = waiting.read('Customer,SKU,Quantity\nA-1,S-1,"1,234"\n', counted_at=october(5), complete=True)
    right = FileProfile.from_spec(first.spec | {"decimal": ".", "thousands": ","})
    kept = waiting.save(first, right)
    with waiting.open_session() as session:
        imports.read_again(session, first.id, profile=right, profile_id=kept.id, by=BILLER, now=NOW, zone=ZONE)
    assert waiting.commit(waiting.again(first.id)) == "committed"

    second = waiting.read('Customer,SKU,Quantity\nA-1,S-1,"2,234"\n')
    newer = waiting.save(second, right.changed(skip_rows=()).changed(thousands=","))
    third_profile = FileProfile.from_spec(right.to_spec() | {"count_rows": False, "constants": {"term": "Monthly"}})
    newest = waiting.save(second, third_profile)

    assert (second.state, second.profile_id, second.notes.get("questions")) == ("ready", kept.id, None)
    assert second.notes["how"] == "profile “usage”, version 1"
    assert second.complete  # as the file before
    assert (newer.id, newest.version) == (kept.id, 2)
    with waiting.open_session() as session:
        assert session.get_one(UsageImport, first.id).profile_id == kept.id


def test_the_days_that_a_count_covers_are_kept(waiting: Waiting) -> None:
    spec = {
        "columns": {"account_id": "Customer", "service_id": "SKU", "count": "Quantity"},
        "days": {"from": "From", "to": "To", "inclusive": True},
        "dates": "ymd",
        "spec_version": 2,
    }
    text = "Customer,SKU,Quantity,From,To\nA-1,S-1,3,2026-09-14,2026-10-13\nA-2,S-1,3,2026-10-01,2026-10-31\n"

    found = waiting.read(text, profile=FileProfile.from_spec(spec), counted_at=october(20))

    assert (found.covers_first, found.covers_last) == (date(2026, 9, 14), date(2026, 10, 31))
    with waiting.open_session() as session:
        counts = session.scalars(sa.select(UsageCount).order_by(UsageCount.account_id)).all()
        places = [(one.import_id, one.account_id, one.service_id) for one in counts]
        assert usage_store.days_covered(session, places[:1]) == {(date(2026, 9, 14), date(2026, 10, 13))}
        assert len(usage_store.days_covered(session, places)) == 2
        assert usage_store.days_covered(session, []) == set()


def test_the_same_content_for_another_month_is_another_file(waiting: Waiting) -> None:
    text = "Customer,SKU,Quantity\nA-1,S-1,3\n"
    first = waiting.read(text, counted_at=october(5))
    assert waiting.commit(first) == "committed"

    assert waiting.read(text, "renamed.csv", counted_at=october(9)).state == "same"
    assert waiting.read(text, "september.csv", counted_at=october(1), period="2026-09").state == "ready"
