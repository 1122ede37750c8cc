"""The queue, which carries mere wake-ups: what is to be done stands in our own tables, and a sweep finds it anyway."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from urllib.parse import unquote

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey

from portal.factory import settings_of
from portal.services.push_points import passed

log = logging.getLogger(__name__)

NAME = "countersign"
WANTED = 0  # in place of a run: whatever agreements are wanted


class MissingQueue(ValueError):
    """The queue cannot be opened here; the text says what to do."""


Runner = Callable[[int], float | None]
"""Does a piece of work by its id; gives the seconds after which to look again, or none."""


@dataclass(slots=True, kw_only=True)
class Runners:
    """What a worker does on a wake-up; a process that only wakes others has none."""

    push: Runner | None = None
    sync: Runner | None = None
    question: Runner | None = None
    import_: Runner | None = None
    bulk: Runner | None = None


class Queue:
    """One queue with its tasks.

    Args:
        huey: Where the messages wait.
    """

    def __init__(self, huey: Huey) -> None:
        self.huey = huey
        self.runners = Runners()
        self._push = huey.task(name="push")(self._do_push)
        self._sync = huey.task(name="sync")(self._do_sync)
        self._question = huey.task(name="question")(self._do_question)
        self._import = huey.task(name="import")(self._do_import)
        self._bulk = huey.task(name="bulk")(self._do_bulk)

    def wake_push(self, push_id: int, *, after: float = 0.0) -> None:
        """Ask a worker to carry a push on, now or in some seconds."""
        if after > 0:
            self._push.schedule((push_id,), delay=after)
        else:
            self._push(push_id)

    def wake_sync(self, run_id: int) -> None:
        """Ask a worker to carry out a sync."""
        self._sync(run_id)

    def wake_question(self, question_id: int) -> None:
        """Ask a worker to answer a question."""
        self._question(question_id)

    def wake_import(self, import_id: int) -> None:
        """Ask a worker to read a file."""
        self._import(import_id)

    def wake_bulk(self, bulk_id: int) -> None:
        """Ask a worker to decide many cards."""
        self._bulk(bulk_id)

    def _do_push(self, push_id: int) -> None:
        again = None if self.runners.push is None else self.runners.push(push_id)
        if again is not None:
            self.wake_push(push_id, after=max(again, 0.05))

    def _do_sync(self, run_id: int) -> None:
        if self.runners.sync is not None:
            self.runners.sync(run_id)

    def _do_question(self, question_id: int) -> None:
        if self.runners.question is not None:
            self.runners.question(question_id)

    def _do_import(self, import_id: int) -> None:
        if self.runners.import_ is not None:
            self.runners.import_(import_id)

    def _do_bulk(self, bulk_id: int) -> None:
        if self.runners.bulk is not None:
            self.runners.bulk(bulk_id)


@lru_cache(maxsize=8)
def queue_at(url: str) -> Queue:
    """Open the queue of a setting: `sqlite:///file`, `postgresql://…` or `redis://…`.

    Raises:
        ValueError: Another kind of address, or a Redis without its package (`MissingQueue`).
        Exception: The queue is away; whatever its library raises.
    """
    options = {"results": False, "utc": True, "store_none": False}
    if url.startswith("sqlite:///"):
        return Queue(SqliteHuey(NAME, filename=unquote(url.removeprefix("sqlite:///")), **options))
    if url.startswith(("postgresql://", "postgres://")):
        return Queue(PostgresHuey(NAME, dsn=url, **options))
    if url.startswith(("redis://", "rediss://")):
        if find_spec("redis") is None:
            raise MissingQueue(
                "COUNTERSIGN_QUEUE_URL names a Redis, and the package “redis” is not installed. Install it beside the "
                "portal (pip install redis), or let jobs wait in a file (sqlite:///…) or in PostgreSQL (postgresql://…)."
            )
        return Queue(RedisHuey(NAME, url=url, **options))
    raise ValueError("COUNTERSIGN_QUEUE_URL has to begin with sqlite:///, postgresql:// or redis://.")


def wake_push(push_id: int) -> None:
    """Hint that a push waits. Call it after the commit; it never fails: without the queue, the sweep finds the push."""
    passed("hinting")
    _hint(lambda queue: queue.wake_push(push_id))


def wake_sync(run_id: int) -> None:
    """Hint that a sync waits; as `wake_push`."""
    _hint(lambda queue: queue.wake_sync(run_id))


def wake_wanted() -> None:
    """Hint that agreements are wanted; as `wake_push`. A run at work reads them without it."""
    wake_sync(WANTED)


def wake_question(question_id: int) -> None:
    """Hint that a question to ConnectWise waits; as `wake_push`."""
    _hint(lambda queue: queue.wake_question(question_id))


def wake_import(import_id: int) -> None:
    """Hint that a file waits to be read; as `wake_push`."""
    _hint(lambda queue: queue.wake_import(import_id))


def wake_bulk(bulk_id: int) -> None:
    """Hint that a decision on many cards waits; as `wake_push`."""
    _hint(lambda queue: queue.wake_bulk(bulk_id))


def _hint(wake: Callable[[Queue], None]) -> None:
    try:
        queue = queue_at(settings_of().queue_url)
        try:
            wake(queue)
        finally:
            queue.huey.storage.close()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the queue, the work is safe in our tables
        log.warning("The queue is away (%s); the sweep will find the work.", error)
