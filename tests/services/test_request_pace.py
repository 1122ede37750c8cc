import subprocess
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.clients import connectwise_client
from portal.connectwise import ConnectWise, Patience, Throttled
from portal.connectwise.errors import Stopped
from portal.connectwise.pace import LONGEST_WAIT
from portal.db.records import Connection, RequestPace
from portal.services.request_pace import LEASE, SharedPace, limits, sessions_of
from portal.services.sealing import Sealer
from tests.support.odd_server import Handler, odd_server

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
NAME = "connectwise"


class Clock:
    """Real time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = START
        self.waited: list[float] = []
        self.writing = 0

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def wait(self, seconds: float, stopped: threading.Event | None) -> None:
        assert self.writing == 0  # nobody else is kept from writing
        if stopped is not None and stopped.is_set():
            raise Stopped
        self.waited.append(seconds)
        self.pass_by(seconds)


Make = Callable[..., SharedPace]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writes(engine: sa.Engine) -> list[str]:
    """The transactions that changed the bucket."""
    found: list[str] = []

    def seen(*args: Any) -> None:
        if "UPDATE request_pace" in args[2] or "INSERT INTO request_pace" in args[2]:
            found.append(args[2])

    sa.event.listen(engine, "before_cursor_execute", seen)
    return found


@pytest.fixture
def make(engine: sa.Engine, clock: Clock) -> Make:
    """Make paces as different processes have them: nothing is shared but the database."""

    @contextmanager
    def watched() -> Iterator[Session]:
        with sessions_of(engine)() as session:
            clock.writing += 1
            try:
                yield session
            finally:
                clock.writing -= 1

    def made(requests_a_minute: int = 600) -> SharedPace:
        return SharedPace(watched, NAME, requests_a_minute, real_now=clock, wait=clock.wait)

    return made


def most_in_a_minute(moments: list[datetime]) -> int:
    return max(bisect_left(moments, at + timedelta(seconds=60)) - place for place, at in enumerate(moments))


@pytest.mark.parametrize("number", [1, 2, 10, 19, 60, 600, 6000])
def test_no_rolling_minute_can_see_more_than_the_number(number: int) -> None:
    bucket = limits(number)

    assert int(bucket.size + bucket.rate * (60 + 2 * LEASE)) <= number
    assert 1 <= bucket.batch <= bucket.size - bucket.kept
    assert bucket.size + bucket.rate * 60 >= number * 0.85


@pytest.mark.parametrize("number", [30, 60, 600])
def test_two_processes_together_stay_below_the_number_and_near_it(make: Make, clock: Clock, number: int) -> None:
    paces = [make(number), make(number)]
    moments: list[datetime] = []
    while clock.now < START + timedelta(minutes=4):
        for pace in paces:
            pace.take(urgent=len(moments) % 7 == 0)
            moments.append(clock.now)

    assert most_in_a_minute(moments) <= number
    assert len(moments) >= number * 4 * 0.8


def test_calls_in_bursts_after_a_rest_stay_below_the_number_too(make: Make, clock: Clock) -> None:
    paces = [make(60), make(60)]
    moments: list[datetime] = []
    for rest in [0, 130, 1, 59, 61, 3, 30] * 3:
        clock.pass_by(rest)
        for _ in range(25):
            for pace in paces:
                pace.take(urgent=True)
                moments.append(clock.now)

    assert most_in_a_minute(moments) <= 60


def test_a_sync_does_not_write_the_database_for_each_call(make: Make, writes: list[str]) -> None:
    pace = make(600)
    for _ in range(200):
        pace.take(urgent=False)

    assert len(writes) <= 200 / limits(600).batch + 2


def test_what_was_leased_long_ago_is_not_used(make: Make, clock: Clock, writes: list[str]) -> None:
    pace = make(600)
    pace.take(urgent=False)
    before = len(writes)
    clock.pass_by(LEASE - 0.5)
    pace.take(urgent=False)
    assert len(writes) == before
    clock.pass_by(0.5)
    pace.take(urgent=False)

    assert len(writes) == before + 1


def test_a_third_of_the_bucket_is_kept_for_what_a_person_decided() -> None:
    assert (limits(600).size, limits(600).kept, limits(600).batch) == (30, 10, 8)


def test_a_wish_to_wait_from_a_clock_that_ran_ahead_is_bounded(make: Make, clock: Clock) -> None:
    clock.pass_by(86_400)
    make(600).told_to_wait(60)
    clock.pass_by(-86_400)

    with pytest.raises(Throttled) as caught:
        make(600).take(urgent=True)

    assert caught.value.retry_after == LONGEST_WAIT


def test_a_push_goes_at_once_while_a_sync_takes_all_it_can_get(make: Make, clock: Clock) -> None:
    bulk, push = make(600), make(600)
    for _ in range(100):
        bulk.take(urgent=False)
    before = list(clock.waited)

    for _ in range(limits(600).kept):
        push.take(urgent=True)

    assert clock.waited == before


def test_a_read_in_bulk_leaves_the_share_of_urgent_calls_alone(make: Make, clock: Clock, session: Session) -> None:
    pace = make(600)
    while not clock.waited:
        pace.take(urgent=False)

    left = session.get_one(RequestPace, NAME, populate_existing=True).tokens / 1_000_000
    assert left >= limits(600).kept - 0.001


def test_a_429_anywhere_makes_everybody_wait(make: Make, clock: Clock) -> None:
    told, other = make(600), make(600)
    told.told_to_wait(15)

    other.take(urgent=True)

    assert clock.now >= START + timedelta(seconds=15)


def test_a_process_that_holds_a_lease_learns_of_a_429_when_it_is_used_up(make: Make, clock: Clock) -> None:
    told, other = make(600), make(600)
    other.take(urgent=False)
    told.told_to_wait(15)
    before_the_wait = 0
    while clock.now < START + timedelta(seconds=15):
        other.take(urgent=False)
        before_the_wait += 1

    assert before_the_wait <= limits(600).batch


def test_after_a_429_calls_begin_slowly(make: Make, clock: Clock) -> None:
    pace = make(600)
    pace.told_to_wait(15)
    for _ in range(limits(600).size):
        pace.take(urgent=True)

    assert clock.now >= START + timedelta(seconds=15 + 2)


def test_a_long_wait_goes_back_to_the_caller_and_is_bounded(make: Make, clock: Clock) -> None:
    pace = make(600)
    pace.told_to_wait(90_000)

    with pytest.raises(Throttled) as caught:
        make(600).take(urgent=True)

    assert caught.value.retry_after == LONGEST_WAIT
    assert not clock.waited
    clock.pass_by(LONGEST_WAIT)
    pace.take(urgent=False)


def test_a_clock_that_is_put_back_neither_stops_the_pace_nor_fills_the_bucket(make: Make, clock: Clock) -> None:
    pace = make(60)
    pace.take(urgent=True)
    clock.pass_by(-3600)
    moments = []
    for _ in range(30):
        make(60).take(urgent=True)
        moments.append(clock.now)

    assert moments[-1] < START - timedelta(minutes=50)
    assert most_in_a_minute(moments) <= 60


def test_a_reader_that_nobody_waits_for_stops_waiting(make: Make) -> None:
    pace, stopped = make(600), threading.Event()
    pace.told_to_wait(15)
    stopped.set()

    with pytest.raises(Stopped):
        pace.take(urgent=False, stopped=stopped)


def test_a_store_that_another_writer_has_is_asked_again(
    clock: Clock, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.services.request_pace._STORE_MS", 1)
    pace = SharedPace(sessions_of(engine), NAME, 600, real_now=clock, wait=clock.wait)
    with Session(engine.execution_options(writes=True)) as other:
        other.execute(sa.text("SELECT 1"))
        with pytest.raises(Throttled):
            pace.take(urgent=False)
    pace.take(urgent=False)

    assert clock.waited


@pytest.mark.parametrize(("urgent", "whole"), [("urgent", True), ("bulk", False)])
def test_two_real_processes_share_one_bucket(settings: Any, urgent: str, *, whole: bool) -> None:
    command = [
        *(sys.executable, "-m", "tests.support.pace_taker"),
        *(settings.database_url, "600", START.isoformat(), urgent),
    ]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]  # noqa: S603 - our own command
    taken = [int(process.communicate(timeout=60)[0]) for process in running]

    bucket = limits(600)
    assert sum(taken) == (bucket.size if whole else (bucket.size - bucket.kept) // bucket.batch * bucket.batch)


def test_a_429_without_a_time_holds_back_the_next_call_of_every_client(make: Make, clock: Clock) -> None:
    def busy(handler: Handler) -> None:
        handler.send(b"", 429)

    patience = Patience(attempts=3, back_off=4, longest_wait=20, chance=lambda: 1.0)
    with odd_server(busy) as server:
        client = ConnectWise(
            server.url(),
            company="c",
            public_key="p",
            private_key="s",
            client_id="g",
            allow_private=True,
            patience=patience,
            pace=make(600),
        )
        with closing(client), pytest.raises(Throttled):
            client.system.info()
        assert len(server.asked) == 3
        make(600).take(urgent=True)

    assert clock.now >= START + timedelta(seconds=4 + 8 + 16)


def test_a_client_of_a_stored_connection_keeps_its_limits(session: Session) -> None:
    sealer = Sealer(("a-key-for-tests-only",))
    connection = Connection(
        name=NAME,
        url="https://psa.example.com",
        company="c",
        public_key="p",
        sealed_private_key=sealer.seal("s"),
        key_tail="",
        client_id="g",
        set_by="test",
        set_at=START,
        requests_a_minute=60,
        parallel=3,
        bundle_size=20,
    )
    with pytest.raises(ValueError, match="store"):
        connectwise_client(connection, sealer)
    session.add(connection)
    session.flush()
    with connectwise_client(connection, sealer) as client:
        pace = client.transport._pace
        assert (client.transport.parallel, client.transport.bundle_size) == (3, 20)
        assert isinstance(pace, SharedPace)
        assert pace._limits == limits(60)
