"""How quick the audit trail is with very many events, against a hundred."""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.engine import WRITES, watch
from portal.db.records import AuditEvent
from portal.factory import create_app
from portal.services import audit
from tests.bench.kit import Kit, Row
from tests.support.database import migrated, settings_on
from tests.support.people import a_person
from tests.support.trail import BEGIN, STEP, grow
from tests.support.visitor import Visitor

TITLE = "The audit trail with very many events"
FEW, SHORT, LONG = 100, 50_000, 1_000_000
LOOKS = 7


def bench(kit: Kit) -> Iterator[Row]:
    """Measure each filter, a check and the exports on a short and on a long trail (a million with LONG=1)."""
    many = LONG if kit.long else SHORT
    few_url, long_url = _store(kit.folder / "few", FEW), _store(kit.folder / "many", many)
    few, long = _visitor(few_url, kit.folder / "few"), _visitor(long_url, kit.folder / "many")
    for what, path in _paths(many).items():
        short, took = _look(few, _paths(FEW)[what]), _look(long, path)
        note = f"{many:,} events against {FEW}: {short * 1000:.0f} ms"
        yield Row(what=what, figure=f"{took * 1000:.0f} ms", ratio=f"{took / short:.1f}", note=note)
    with Session(sa.create_engine(long_url)) as session:
        yield _streamed("audit verify", lambda: audit.verify(session).events)
        yield _streamed("export as JSON lines", lambda: sum(1 for _ in audit.export_lines(session)))
        one = AuditEvent.person == "Dana"
        yield _streamed("the same of one person", lambda: sum(1 for _ in audit.export_lines(session, one)))


def _store(folder: Path, events: int) -> str:
    folder.mkdir()
    file = folder / "countersign.sqlite"
    shutil.move(migrated(folder), file)
    engine = sa.create_engine(f"sqlite:///{file}")
    watch(engine)
    with Session(engine.execution_options(**{WRITES: True})) as session:
        grow(session, events)
        a_person(session, "manager")
    engine.dispose()
    return f"sqlite:///{file}"


def _visitor(url: str, folder: Path) -> Visitor:
    app = create_app(settings_on(url, folder))
    app.testing = True
    visitor = Visitor(app)
    visitor.sign_in("manager@fennimore.example")
    return visitor


def _paths(events: int) -> dict[str, str]:
    """Give a filter of each kind, as its address; pages and days from the middle of the trail."""
    middle = (BEGIN + events // 2 * STEP).date().isoformat()
    return {
        "newest": "/audit?",
        "a page in the middle": f"/audit?before={events // 2}",
        "a person": "/audit?person=Dana",
        "what": "/audit?what=decisions",
        "two kinds of what": "/audit?what=numbers",
        "a company": "/audit?company=17",
        "an agreement": "/audit?agreement=34",
        "a card": "/audit?card=9",
        "a product": "/audit?product=SKU-5",
        "a person and what": "/audit?person=Dana&what=mapping",
        "a day": f"/audit?from={middle}&to={middle}",
        "a company by name": "/audit?q=Company+0017",
        "a word": "/audit?q=phone",
        "a word that is nowhere": "/audit?q=nowhere",
        "an event": f"/audit/{events // 2}",
        "the summary of a day": f"/audit/summary?from={middle}&to={middle}",
    }


def _look(visitor: Visitor, path: str) -> float:
    took = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        visitor.get(path, swapping="events" if "?" in path and "summary" not in path else None).get_data()
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def _streamed(what: str, run: Callable[[], int]) -> Row:
    started = time.perf_counter()
    events = run()
    took = time.perf_counter() - started
    return Row(what=what, figure=f"{took:.1f} s", note=f"{events / took:,.0f} events a second, slice by slice")
