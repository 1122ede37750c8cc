"""Connections and runs: syncs, keys that are only written, the switch for writing, progress."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import Connection, Setting, SyncRun, Vendor
from portal.services.sealing import Sealer
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
SMALL = Path(__file__).parent.parent / "samples" / "small"


def connected(session: Session, settings: Settings, *, url: str = "http://127.0.0.1:1/v4_6_release/apis/3.0") -> None:
    session.add(
        Connection(
            name="connectwise", url=url, company="sandbox", public_key="portal",
            sealed_private_key=Sealer(settings.secret_keys).seal("portal-secret"), key_tail="cret", client_id="i",
            allow_private=True, writing=False, set_by="x", set_at=NOW, last_read_at=NOW, last_full_at=NOW,
        )
    )  # fmt: skip
    session.commit()


def stored(session: Session) -> Connection:
    session.rollback()
    found = session.get_one(Connection, "connectwise")
    session.commit()
    return found


def test_a_sync_is_queued_and_shown_with_and_without_htmx(
    session: Session, settings: Settings, signed_in_as: SignedInAs
) -> None:
    connected(session, settings)
    biller = signed_in_as("biller")

    part = biller.post("/connections/connectwise/sync", {"kind": "full"}, swapping="sources")
    again = biller.post("/connections/connectwise/sync", {"kind": "quick"})

    assert biller.page(part).select_one("#sources[hx-trigger]") is not None
    assert "Full sync is queued." in part.get_data(as_text=True)
    session.rollback()
    run = session.scalars(sa.select(SyncRun)).one()
    assert (run.kind, run.state, run.requested_by) == ("full", "queued", "Dana")
    assert again.headers["Location"] == f"/activity/{run.id}"
    session.commit()
    assert "already" in biller.get(again.headers["Location"]).get_data(as_text=True)


def test_vendors_files_are_not_pulled(session: Session, settings: Settings, signed_in_as: SignedInAs) -> None:
    connected(session, settings)
    session.add(Vendor(slug="keyloft", title="Keyloft", age_limit_hours=168, last_commit_at=NOW, created_at=NOW))
    session.commit()
    biller = signed_in_as("biller")

    assert biller.post("/connections/keyloft/sync", {"kind": "quick"}).status_code == 409
    assert biller.post("/connections/nobody/sync", {"kind": "quick"}).status_code == 404
    assert biller.post("/connections/connectwise/sync", {"kind": "sideways"}).status_code == 422


def test_a_viewer_sees_states_and_no_form(session: Session, settings: Settings, signed_in_as: SignedInAs) -> None:
    connected(session, settings)
    viewer = signed_in_as("viewer")

    page = viewer.page(viewer.get("/connections"))

    assert "Fresh" in page.get_text()
    assert not page.select("main form")
    refused = viewer.get("/connections/connectwise")
    assert refused.status_code == 403
    assert "Only admins may open this page; you are signed in as a viewer." in refused.get_data(as_text=True)


def test_writing_is_switched_once_and_said(session: Session, settings: Settings, signed_in_as: SignedInAs) -> None:
    connected(session, settings)
    admin = signed_in_as("admin")
    asked = admin.get("/connections/writing").get_data(as_text=True)

    first = admin.post("/connections/writing", {"writing": "on"})
    second = admin.post("/connections/writing", {"writing": "on"})
    wrong = admin.post("/connections/writing", {"writing": "perhaps"})

    assert "Switch writing on" in asked
    assert (first.status_code, second.status_code, wrong.status_code) == (303, 409, 422)
    assert stored(session).writing
    assert "nothing is sent to ConnectWise" not in admin.get("/audit").get_data(as_text=True)


def test_age_limits_are_checked(session: Session, settings: Settings, signed_in_as: SignedInAs) -> None:
    connected(session, settings)
    session.add(Vendor(slug="keyloft", title="Keyloft", age_limit_hours=168, last_commit_at=NOW, created_at=NOW))
    session.commit()
    admin = signed_in_as("admin")

    for key in ("connectwise", "keyloft"):
        wrong = admin.post(f"/connections/{key}/limit", {"hours": "soon"})
        assert wrong.status_code == 422
        assert admin.page(wrong).select_one("input[name=hours][value=soon][aria-invalid=true]") is not None
        assert admin.post(f"/connections/{key}/limit", {"hours": "48"}).status_code == 303
    assert stored(session).age_limit_hours == 48
    assert admin.post("/connections/nobody/limit", {"hours": "48"}).status_code == 404
    session.rollback()
    assert session.query(Setting).count() == 0


def a_run(session: Session, **values: object) -> SyncRun:
    given = {
        "kind": "full", "state": "running", "running_mark": 1, "requested_by": "Dana", "queued_at": NOW,
        "started_at": datetime.now(UTC) - timedelta(seconds=5), "heartbeat_at": datetime.now(UTC),
        "phase": "Reading additions: agreement 212 of 400", "done": 212, "total": 400, "counts": {}, "skipped": [],
    }  # fmt: skip
    run = SyncRun(**(given | values))
    session.add(run)
    session.commit()
    return run


def test_a_run_polls_until_it_is_over_then_says_so_once(session: Session, signed_in_as: SignedInAs) -> None:
    run = a_run(session)
    visitor = signed_in_as("viewer")
    first = visitor.page(visitor.get(f"/activity/{run.id}")).select_one("#progress")
    assert first is not None
    assert "Reading additions: agreement 212 of 400" in first.get_text(" ")
    assert first["hx-trigger"] == "load delay:1s"
    sources = visitor.page(visitor.get("/connections")).get_text(" ")
    assert "212 of 400: 212 of 400" not in sources
    second = visitor.page(visitor.get(str(first["hx-get"]), swapping="progress")).select_one("#progress")
    assert second is not None
    assert second["hx-trigger"] == "load delay:2s"

    run.state, run.running_mark, run.finished_at = "done", None, datetime.now(UTC)
    run.counts = {"additions": {"new": 2, "changed": 1, "gone": 0, "same": 9, "skipped": 1}}
    run.skipped = [{"what": "addition", "id": 12, "reason": "It has no product."}]
    session.commit()
    last = visitor.get(str(second["hx-get"]), swapping="progress")

    text = visitor.page(last).get_text(" ")
    assert "hx-trigger" not in str(visitor.page(last).select_one("#progress"))
    assert "Full sync is done." in last.get_data(as_text=True)
    assert "3 records are different from before." in text
    assert "It has no product." in text


def test_a_failed_run_says_why_and_what_stays(session: Session, signed_in_as: SignedInAs) -> None:
    error = "ConnectWise refused the key (401). The picture of 09:47 stays in use."
    run = a_run(session, state="failed", running_mark=None, finished_at=datetime.now(UTC), error=error)
    admin = signed_in_as("admin")

    page = admin.page(admin.get(f"/activity/{run.id}"))

    assert error in page.get_text(" ")
    assert page.select("main a[href='/connections/connectwise']")


def test_a_run_that_is_not_there_is_404(signed_in_as: SignedInAs) -> None:
    assert signed_in_as("viewer").get("/activity/404").status_code == 404


def test_more_sources_need_no_more_queries(
    session: Session, settings: Settings, signed_in_as: SignedInAs, queries: Callable[[], int]
) -> None:
    connected(session, settings)
    visitor = signed_in_as("biller")
    visitor.get("/connections")
    before = queries()
    visitor.get("/connections")
    few = queries() - before
    session.add_all(
        Vendor(slug=f"v{n}", title=f"V{n}", age_limit_hours=168, last_commit_at=NOW, created_at=NOW) for n in range(9)
    )
    session.commit()

    before = queries()
    visitor.get("/connections")

    assert queries() - before == few
