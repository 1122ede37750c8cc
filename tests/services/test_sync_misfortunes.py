"""Clocks that are set back, a store that is away, readings that nobody goes on with: a sync comes through them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.connectwise import Unreachable
from portal.db.records import PsaAddition, PsaAgreement, SyncRun, SyncStaged
from portal.services import sync, sync_lines
from portal.services.actors import COMMAND_LINE
from tests.services.conftest import ZONE, Psa
from tests.support.pictures import one, picture, rows

PAUSES = (timedelta(minutes=1), timedelta(minutes=3))
LINE = "/finance/agreements/501/additions/8001"


@pytest.mark.parametrize("kind", ["full", "quick", "agreement"])
def test_a_clock_that_was_set_back_hides_no_change(psa: Psa, kind: str) -> None:
    psa.meanings()
    psa.sync()
    right = psa.now
    psa.now += timedelta(hours=1)
    psa.sync("agreement", agreement_id=501)
    psa.now = right + timedelta(minutes=1)
    psa.by_hand("PATCH", LINE, [{"op": "replace", "path": "quantity", "value": 9}])
    psa.by_hand("PATCH", "/finance/agreements/501", [{"op": "replace", "path": "name", "value": "Another name"}])

    assert psa.sync(kind, agreement_id=501 if kind == "agreement" else None).state == "done"

    assert one(psa, PsaAddition, 8001).quantity == Decimal(9)
    assert one(psa, PsaAgreement, 501).name == "Another name"


def _away(*_args: Any, **_named: Any) -> None:
    raise sa.exc.OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))


@pytest.mark.parametrize("where", ["portal.services.sync.apply", "portal.services.sync_progress.Progress.keep"])
def test_a_store_that_is_busy_for_too_long_is_waited_for(psa: Psa, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    psa.sync()
    expected = picture(psa)
    with psa.open_session() as session:
        session.execute(sa.delete(PsaAddition))
        run_id = sync.request_sync(session, "full", by=COMMAND_LINE, now=psa.now).id
    with monkeypatch.context() as patched:
        patched.setattr(where, _away)
        sync.run_sync(psa.open_session, psa.client, run_id, now=lambda: psa.now, zone=ZONE, pauses=PAUSES)
    waiting = one(psa, SyncRun, run_id)
    assert (waiting.state, waiting.running_mark, waiting.tries) == ("queued", None, 1)
    assert waiting.phase == "The portal's own database was busy for too long, or away. Tried again at 09:01."
    with psa.open_session() as session:
        session.get_one(SyncRun, run_id).try_at = None

    assert psa.run(run_id).state == "done"

    assert picture(psa) == expected


def test_what_was_read_is_kept_where_the_store_stays_away(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("portal.services.sync.apply", _away)
        failed = psa.sync()
    assert (failed.error or "").startswith("The portal's own database was busy for too long, or away. A full sync that")
    psa.forget()

    assert psa.sync().state == "done"

    assert not [each for each in psa.asked if "/additions" in each]


def test_what_nobody_may_go_on_with_any_more_is_thrown_away(psa: Psa, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(**_named: Any) -> None:
        raise Unreachable("No answer.")

    monkeypatch.setattr(sync_lines, "_AT_ONCE", 3)
    monkeypatch.setattr(psa.client.agreements, "all", silent)
    old = psa.sync()
    with psa.open_session() as session:
        run = session.get_one(SyncRun, old.id)
        run.finished_at = datetime.now(UTC) - sync.GO_ON - timedelta(seconds=1)

    new = psa.sync()

    assert (old.state, new.state) == ("failed", "failed")
    assert {row.run_id for row in rows(psa, SyncStaged)} == {new.id}
