"""The audit trail on screen: filters in the address, one event opened, the chain, exports."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent
from portal.services import audit
from portal.services.actors import Actor
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
DANA = Actor("Dana", 7, "biller", "10.0.4.17")
NOW = datetime(2026, 10, 28, 13, 0, tzinfo=UTC)


def happens(session: Session, sentence: str, *, by: Actor = DANA, at: datetime = NOW, **values: Any) -> int:
    what, action = values.pop("what", "decision"), values.pop("action", "card.approve")
    event = audit.record(session, what=what, action=action, by=by, now=at, sentence=sentence, **values)
    session.commit()
    return event.n


def sentences(visitor: Visitor, address: str) -> list[str]:
    rows = visitor.page(visitor.get(address)).select("tr.event th .muted")
    return [each.get_text() for each in rows if "Signed in" not in each.get_text()]


def test_events_stand_newest_first_under_their_days_in_the_portals_zone(
    session: Session, signed_in_as: SignedInAs
) -> None:
    happens(session, "Late in the evening.", at=datetime(2026, 10, 27, 3, 30, tzinfo=UTC))
    happens(session, "The next morning.", at=datetime(2026, 10, 27, 13, 0, tzinfo=UTC))
    visitor = signed_in_as("viewer")

    days = [each.get_text() for each in visitor.page(visitor.get("/audit")).select("tr.day h2")]

    assert sentences(visitor, "/audit") == ["The next morning.", "Late in the evening."]
    assert days[-2:] == ["Tuesday 27 October 2026", "Monday 26 October 2026"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=halyard", ["A"]), ("q=EDR", ["B"]), ("q=412", ["A"]), ("q=50%25", []), ("person=Marcus", ["B"]),
        ("what=decisions", ["A"]), ("what=writes", ["B"]), ("company=17", ["A"]), ("agreement=412", ["A"]),
        ("card=9", ["B"]), ("from=2026-10-28", ["B"]), ("to=2026-10-27", ["A"]),
        ("from=2026-10-27&to=2026-10-28", ["B", "A"]), ("from=9999-12-31&to=0001-01-01", []),
    ],
)  # fmt: skip
def test_filters_live_in_the_address(session: Session, signed_in_as: SignedInAs, query: str, found: list[str]) -> None:
    happens(
        session, "A", company="Halyard Freight", company_id=17, agreement_id=412,
        at=datetime(2026, 10, 27, 13, tzinfo=UTC),
    )  # fmt: skip
    happens(session, "B", by=Actor("Marcus", 8), what="write", action="push.confirmed", product="EDR", card_id=9)

    assert sentences(signed_in_as("viewer"), f"/audit?{query}") == found


def test_what_is_not_understood_is_left_out_and_named(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")

    page = signed_in_as("viewer").get("/audit?from=yesterday&what=all&company=x&colour=red").get_data(as_text=True)

    for word in ("from “yesterday”", "what “all”", "company “x”", "colour"):
        assert word in page
    assert "A</span>" in page


def test_a_filter_swaps_only_the_events(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")
    visitor = signed_in_as("viewer")

    part, whole = visitor.get("/audit?person=Dana", swapping="events"), visitor.get("/audit?person=Dana")

    assert visitor.page(part).select_one("html") is None
    assert visitor.page(part).select_one("#events") == visitor.page(whole).select_one("#events")


def test_pages_stay_as_they_were_while_events_arrive(session: Session, signed_in_as: SignedInAs) -> None:
    for number in range(1, 251):
        audit.record(session, what="decision", action="card.approve", by=DANA, now=NOW, sentence=f"Event {number}.")
    session.commit()
    visitor = signed_in_as("viewer")
    first = visitor.page(visitor.get("/audit?person=Dana"))
    older = str(first.select_one("a[rel=next]")["href"])  # type: ignore[index]
    happens(session, "Newer.")

    second = visitor.page(visitor.get(older))
    numbers = [each.get_text() for each in second.select("tr.event th .muted")]

    assert numbers[0] == "Event 150."
    assert len(numbers) == 100
    assert "1 newer event" in second.get_text(" ")


def test_an_opened_event_shows_what_the_person_saw(session: Session, signed_in_as: SignedInAs) -> None:
    n = happens(
        session, "Approved.", before="52", after="58", reason="Agreed by phone", card_id=3, agreement_id=412,
        details={"seen": {"psa": "52", "vendor": "58"}, "steps": [{"action": "set", "quantity": "58"}], "ok": True},
    )  # fmt: skip
    visitor = signed_in_as("viewer")

    row = visitor.get(f"/audit/{n}", swapping=f"event-{n}")
    page = visitor.get(f"/audit/{n}")
    folded = visitor.get(f"/audit/{n}?fold=1", swapping=f"event-{n}")

    text = " ".join(visitor.page(row).get_text(" ").split())
    assert visitor.page(row).select_one("html") is None
    assert visitor.page(page).select_one(f"#event-{n} .more") is not None
    assert visitor.page(folded).select_one(".more") is None
    for part in ("52 → 58", "PSA, as seen 52", "Vendor, as seen 58", "Steps quantity 58", "Agreed by phone"):
        assert part in text
    assert visitor.page(row).select("a[href='/cards/3'], a[href='/audit?agreement=412']")


def test_an_event_is_told_once_and_in_the_words_of_the_screens(session: Session, signed_in_as: SignedInAs) -> None:
    source = {"vendor": "Skylark", "slug": "skylark", "counted_at": "2026-10-27T10:10:00+00:00", "file": "usage.csv"}
    approved = happens(
        session, "Approved 16 for EDR-SEAT of Halyard.",
        details={
            "seen": {"psa": "1250", "kind": "increase", "difference": "8", "sources": [source]},
            "plan": {"steps": [{"action": "set"}]}, "sentences": ["Set line 30732 from 8 to 16."], "state": "queued",
        },
    )  # fmt: skip
    excluded = happens(session, "Excluded the account “Old”.", what="mapping", action="mapping.account")
    changes = [{"what": f"account {n}", "before": None, "after": "company 7"} for n in range(30)]
    applied = happens(session, "Applied a file.", what="mapping", action="mapping.file", details={"changes": changes})
    visitor = signed_in_as("viewer")

    def told(n: int) -> str:
        page = visitor.page(visitor.get(f"/audit/{n}"))
        return " ".join(page.select(f"#event-{n}")[0].get_text(" ").split())

    assert "Approved 16 for EDR-SEAT of Halyard." in told(approved)
    assert "Approved Approved" not in told(approved)
    for words in (
        "PSA, as seen 1,250", "Kind Increase", "Difference +8", "Skylark, counted 27 Oct, 06:10, from usage.csv",
        "Plan Set line 30732 from 8 to 16.", "State queued",
    ):  # fmt: skip
        assert words in told(approved)
    assert "Excluded the account “Old”." in told(excluded)
    assert "Mapped" not in told(excluded)
    assert "30 entries account 0: nothing → company 7" in told(applied)


def test_an_event_that_is_not_there_is_404(signed_in_as: SignedInAs) -> None:
    assert signed_in_as("viewer").get("/audit/99999").status_code == 404


def test_addresses_are_for_managers_and_admins(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")

    for role, sees in (("viewer", False), ("biller", False), ("manager", True), ("admin", True)):
        visitor = signed_in_as(role)
        for path in ("/audit", "/audit.csv", "/audit.jsonl"):
            answer = visitor.get(path)
            assert ("10.0.4.17" in answer.get_data(as_text=True)) is sees, (role, path)
            answer.close()


def test_verifying_says_that_the_chain_is_whole(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")
    visitor = signed_in_as("biller")

    part = visitor.post("/audit/verify", swapping="chain")
    without = visitor.post("/audit/verify")

    assert "The chain is whole:" in visitor.page(part).select_one("#chain").get_text()  # type: ignore[union-attr]
    assert "#announce" in part.get_data(as_text=True) or 'id="announce"' in part.get_data(as_text=True)
    assert without.status_code == 303
    assert "The chain is whole:" in visitor.get("/audit").get_data(as_text=True)


def test_verifying_says_where_the_chain_breaks(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")
    happens(session, "B", at=NOW + timedelta(minutes=1))
    session.execute(sa.text("DROP TRIGGER audit_event_no_update"))
    session.execute(sa.update(AuditEvent).where(AuditEvent.n == 2).values(sentence="Something else."))
    session.commit()
    visitor = signed_in_as("admin")

    page = visitor.page(visitor.post("/audit/verify", swapping="chain")).get_text(" ")

    assert "The chain breaks at event 2" in page
    assert "Events before it are sound." in page


def test_csv_is_safe_to_open_in_a_spreadsheet(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "=HYPERLINK(1)", company="+Corp", reason="@you", before="-5", product='a "quoted", one')

    text = signed_in_as("viewer").get("/audit.csv?person=Dana").get_data(as_text=True)

    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["sentence"] == "'=HYPERLINK(1)"
    assert (row["company"], row["reason"], row["before"]) == ("'+Corp", "'@you", "'-5")
    assert row["product"] == 'a "quoted", one'
    assert row["at"] == "2026-10-28T13:00:00+00:00"


def test_the_offline_export_honours_the_filter_and_verifies(session: Session, signed_in_as: SignedInAs) -> None:
    happens(session, "A")
    happens(session, "B", by=Actor("Zed", 8))

    lines = signed_in_as("manager").get("/audit.jsonl?person=Zed").get_data(as_text=True).splitlines()

    assert [json.loads(line).get("sentence") for line in lines] == [None, "B", None]
    assert audit.verify_lines(lines).ok


def test_more_events_need_no_more_queries(
    session: Session, signed_in_as: SignedInAs, queries: Callable[[], int]
) -> None:
    happens(session, "A")
    visitor = signed_in_as("viewer")
    visitor.get("/audit")
    before = queries()
    visitor.get("/audit")
    few = queries() - before
    for _ in range(50):
        audit.record(session, what="decision", action="card.approve", by=DANA, now=NOW, sentence="More.")
    session.commit()
    visitor.get("/audit")

    before = queries()
    visitor.get("/audit")

    assert queries() - before == few
