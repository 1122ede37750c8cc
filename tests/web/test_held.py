"""A held feed: shown to all, settled by managers, once."""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, UsageImport, Vendor, VendorAccount
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


def a_held_feed(session: Session) -> int:
    vendor = Vendor(slug="vaultline", title="Vaultline", age_limit_hours=168, last_commit_at=NOW, created_at=NOW)
    session.add(vendor)
    session.flush()
    session.add(VendorAccount(vendor_id=vendor.id, external_id="v-1", name="Halyard Freight", status="", seen_at=NOW))
    held = UsageImport(
        vendor_id=vendor.id, filename="v.csv", sha256="0" * 64, size=1, state="held", imported_by="Dana",
        imported_at=NOW, period="2026-10", counted_at=NOW, complete=True,
        fallen={"v-1": ["34", "0"], "v-2": ["3", "0"]},
        spec={"columns": {"account_id": "Id", "service_id": "Service", "count": "Units"}},
    )  # fmt: skip
    session.add(held)
    session.commit()
    return held.id


def state_of(session: Session, import_id: int) -> str:
    session.rollback()
    state = session.scalars(sa.select(UsageImport.state).where(UsageImport.id == import_id)).one()
    session.commit()
    return state


def test_a_held_feed_shows_account_by_account_what_fell(session: Session, signed_in_as: SignedInAs) -> None:
    a_held_feed(session)
    viewer = signed_in_as("viewer")

    page = viewer.page(viewer.get("/connections/vaultline/held"))

    rows = [" ".join(row.get_text(" ").split()) for row in page.select("main tbody tr")]
    assert rows == ["Halyard Freight 34 0", "v-2 3 0"]
    assert not page.select("main form")
    assert viewer.page(viewer.get("/connections")).select("a[href='/connections/vaultline/held']")


def test_releasing_needs_a_reason(session: Session, signed_in_as: SignedInAs) -> None:
    held = a_held_feed(session)
    manager = signed_in_as("manager")

    without = manager.post("/connections/vaultline/held/release", {"import": held, "reason": " "})
    with_reason = manager.post("/connections/vaultline/held/release", {"import": held, "reason": "They left."})

    assert without.status_code == 422
    assert manager.page(without).select_one("input[name=reason][aria-invalid=true]") is not None
    assert with_reason.status_code == 303
    assert state_of(session, held) == "committed"
    session.rollback()
    assert "They left." in session.scalars(sa.select(AuditEvent.reason)).all()


def test_what_somebody_settled_meanwhile_is_a_conflict(session: Session, signed_in_as: SignedInAs) -> None:
    held = a_held_feed(session)
    manager = signed_in_as("manager")

    first = manager.post("/connections/vaultline/held/reject", {"import": held})
    second = manager.post("/connections/vaultline/held/release", {"import": held, "reason": "They left."})

    assert first.status_code == 303
    assert second.status_code == 409
    assert state_of(session, held) == "rejected"


def test_a_biller_may_look_but_not_settle(session: Session, signed_in_as: SignedInAs) -> None:
    held = a_held_feed(session)
    biller = signed_in_as("biller")

    assert biller.get("/connections/vaultline/held").status_code == 200
    for verb in ("release", "reject"):
        assert biller.post(f"/connections/vaultline/held/{verb}", {"import": held, "reason": "x"}).status_code == 403
    assert state_of(session, held) == "held"


def test_nothing_held_is_404(session: Session, signed_in_as: SignedInAs) -> None:
    held = a_held_feed(session)
    manager = signed_in_as("manager")
    manager.post("/connections/vaultline/held/reject", {"import": held})

    assert manager.get("/connections/vaultline/held").status_code == 404
    assert manager.get("/connections/nobody/held").status_code == 404
