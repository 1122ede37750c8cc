"""A sample set comes out as its expected files say, through a sandbox over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.clients import connectwise_client
from portal.db.engine import WRITES
from portal.db.records import PsaCompany, UsageImport
from portal.domain.periods import Period
from portal.sandbox.server import running
from portal.services import cards, connections, mapping, rules_store, sample_sets, statuses
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Refused
from portal.services.sealing import Sealer
from tests.services.usage_desk import NOW, ZONE

TESTS = Path(__file__).parents[1]
SMALL, TRAPS = TESTS / "samples" / "small", TESTS / "samples" / "traps"
MONTH = TESTS.parent / "portal" / "sandbox" / "month"
OCTOBER = Period(2026, 10)


class Loader:
    """Loads sets into one store."""

    def __init__(self, engine: sa.Engine, uploads: Path, zone: ZoneInfo = ZONE) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self.said: list[str] = []
        self.moment = NOW
        self.uploads = uploads
        self.zone = zone

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def load(self, folder: Path, site: str) -> bool:
        sealer = Sealer(["a-key-for-tests-only"])

        def put_on_step(number: int) -> None:
            requests.post(f"{site}/_sandbox/step", json={"step": number}, timeout=30).raise_for_status()

        around = sample_sets.Surroundings(
            open_session=self.open_session,
            make_client=lambda connection: connectwise_client(connection, sealer),
            put_on_step=put_on_step,
            set_clock=self._set_clock,
            now=lambda: self.moment,
            zone=self.zone,
            uploads=self.uploads,
            sealer=sealer,
            say=self.said.append,
        )
        return sample_sets.load(folder, url=site, around=around, by=COMMAND_LINE)

    def _set_clock(self, moment: datetime) -> None:
        self.moment = moment


@pytest.fixture
def loader(engine: sa.Engine, tmp_path: Path) -> Loader:
    return Loader(engine, tmp_path / "uploads")


@pytest.mark.parametrize("folder", [SMALL, TRAPS, MONTH], ids=lambda folder: folder.name)
def test_a_set_comes_out_as_expected_and_loads_once(loader: Loader, folder: Path) -> None:
    with running(folder) as sandbox:
        assert loader.load(folder, sandbox.base_url)
        assert not loader.load(folder, sandbox.base_url)

    assert loader.said[-1] == f"The set {folder.name} is loaded already. Nothing was done."
    with loader.open_session() as session:
        assert mapping.mapping_text(mapping.export_mapping(session)) == (folder / "mapping.json").read_text()
        unmapped = mapping.missing_csv(mapping.missing(session, OCTOBER, ZONE))
        inactive = mapping.inactive_csv(mapping.inactive(session, OCTOBER, ZONE), OCTOBER)
        made = "".join(cards.export_csv(session, OCTOBER))
        connection = connections.get_connectwise(session)
        assert connection is not None
        assert (connection.writing, connection.allow_private) == (True, True)
        ages = connections.source_ages(session, loader.moment, ZONE)
        assert [age.title for age in ages if age.too_old] == (["Coldharbour Vault"] if folder is TRAPS else [])
    if (folder / "expected").is_dir():
        assert unmapped == (folder / "expected" / "unmapped-2026-10.csv").read_text()
        assert inactive == (folder / "expected" / "hidden-accounts-2026-10.csv").read_text()
        assert made == (folder / "expected" / "cards-2026-10.csv").read_text()


def test_the_traps_imports_are_told_one_by_one(loader: Loader) -> None:
    with running(TRAPS) as sandbox:
        loader.load(TRAPS, sandbox.base_url)

    with loader.open_session() as session:
        states = {one.filename: one.state for one in session.scalars(sa.select(UsageImport))}
        assert {name: state for name, state in states.items() if state != "committed"} == {
            "coldharbour-2026-10-27.csv": "held",
            "meridian-again.csv": "same",
        }
        assert len(states) == 12
        assert len(rules_store.splits(session)) == 2
    said = "\n".join(loader.said)
    assert "usage/meridian-again.csv: Same content as meridian-part-month.csv, read on 20 Oct 2026" in said
    assert "usage/coldharbour-2026-10-27.csv: Held: 30 accounts" in said
    assert "Unmapped: 5 accounts, 1 services." in said


def test_trap_15_a_renamed_a_deleted_and_a_new_status_are_flagged_and_nobody_drops_out(loader: Loader) -> None:
    with running(TRAPS) as sandbox:
        loader.load(TRAPS, sandbox.base_url)

    with loader.open_session() as session:
        flagged = {row.name: (row.flags, row.meaning) for row in statuses.list_rows(session, "status") if row.flags}
        in_scope = {row.id: row.in_scope for row in session.scalars(sa.select(PsaCompany))}
    assert flagged == {
        "Watchlist": (("renamed",), "customer"),
        "Legacy plan": (("deleted",), "customer"),
        "Seasonal": (("needs_decision",), None),
    }
    assert (in_scope[1036], in_scope[1037], in_scope[1038]) == (True, True, None)


def test_made_up_data_is_never_poured_over_a_real_connection(loader: Loader) -> None:
    with loader.open_session() as session:
        connections.set_connectwise(
            session,
            url="api-na.myconnectwise.net",
            company="northgate",
            public_key="a",
            private_key="b",
            client_id="c",
            sealer=Sealer(["a-key-for-tests-only"]),
            by=COMMAND_LINE,
            now=NOW,
        )

    with pytest.raises(Refused, match="into a database of their own"):
        loader.load(TRAPS, "http://127.0.0.1:9")


def test_a_folder_that_is_no_set_and_another_time_zone_are_refused(engine: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"its scenario.json cannot be read"):
        Loader(engine, tmp_path / "uploads").load(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(Refused, match="COUNTERSIGN_TIME_ZONE"):
        Loader(engine, tmp_path / "uploads", ZoneInfo("Europe/Berlin")).load(TRAPS, "http://127.0.0.1:9")
