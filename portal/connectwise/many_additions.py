"""The additions of many agreements: some agreements at a time, in bundles where ConnectWise takes them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from itertools import islice

from portal.connectwise import bundles
from portal.connectwise.addition_lines import FIELDS, Addition, AgreementAdditions, path_of, reading
from portal.connectwise.errors import Rejected, UnexpectedPayload
from portal.connectwise.paging import Page, forward
from portal.connectwise.resource import parsed, records, wanted
from portal.connectwise.transport import Transport

_AHEAD = 2  # pieces of work per thread that are asked for, so that none waits for a caller who is busy
_FAREWELL = 5.0  # seconds that an early end waits for calls under way; they end by themselves after their time-outs


def read_many(
    transport: Transport, agreement_ids: Iterable[int], *, changed_since: datetime | None
) -> Generator[AgreementAdditions, None, None]:
    """Yield the additions of each agreement as they arrive; at most a few agreements are held at a time.

    Args:
        transport: Sends the requests.
        agreement_ids: The agreements.
        changed_since: Only those additions that ConnectWise changed after this moment.

    Raises:
        ConnectWiseError: The first agreement that could not be read; the rest is not asked for.
    """
    stopped = threading.Event()
    reader = _Reader(transport.until(stopped), changed_since)
    to_read = iter(agreement_ids)
    pool = ThreadPoolExecutor(transport.parallel, thread_name_prefix="additions")
    asked: set[Future[list[AgreementAdditions]]] = set()
    try:
        while True:
            while len(asked) < transport.parallel * _AHEAD and (piece := reader.next_piece(to_read)):
                asked.add(pool.submit(reader.read, piece))
            if not asked:
                return
            done, asked = wait(asked, return_when=FIRST_COMPLETED)
            while done:
                yield from done.pop().result()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait(asked, timeout=_FAREWELL)


class _Reader:
    """Reads pieces of the work, each in a thread."""

    def __init__(self, transport: Transport, changed_since: datetime | None) -> None:
        self._transport = transport
        self._changed_since = changed_since
        self._conditions = wanted(None, changed_since)

    def next_piece(self, to_read: Iterator[int]) -> list[int]:
        """Take the agreements that are read together."""
        size = 1 if self._transport.no_bundles else max(1, self._transport.bundle_size)
        return list(islice(to_read, size))

    def read(self, agreement_ids: Sequence[int]) -> list[AgreementAdditions]:
        """Read some agreements, in one bundle where there are several."""
        parts: dict[int, bundles.Part] = {}
        if len(agreement_ids) > 1 and not self._transport.no_bundles:
            parts = bundles.lists_of(
                self._transport, "Addition", agreement_ids, fields=FIELDS, conditions=self._conditions
            )
        return [self._one(each, parts.get(each)) for each in agreement_ids]

    def _one(self, agreement_id: int, part: bundles.Part | None) -> AgreementAdditions:
        skipped: list[UnexpectedPayload] = []
        if part is not None and any(row.get("agreementId") not in {None, agreement_id} for row in part.rows):
            part = None  # the bundle's parts were mixed up
        try:
            found = tuple(self._lines(agreement_id, part, skipped))
        except Rejected as error:
            if not error.missing:
                raise
            return AgreementAdditions(agreement_id=agreement_id, additions=(), skipped=(), gone=True)
        return AgreementAdditions(agreement_id=agreement_id, additions=found, skipped=tuple(skipped))

    def _lines(
        self, agreement_id: int, part: bundles.Part | None, skipped: list[UnexpectedPayload]
    ) -> Iterator[Addition]:
        how, path = reading(agreement_id), path_of(agreement_id)
        if part is None:
            yield from records(self._transport, path, how, changed_since=self._changed_since, skipped=skipped.append)
            return
        yield from parsed(Page(part.rows, part.request_id), how, skipped.append)
        if part.whole:
            return
        params = {"fields": ",".join(how.fields)} | (
            {} if self._conditions is None else {"conditions": self._conditions}
        )
        last = max(int(str(row["id"])) for row in part.rows)
        for page in forward(self._transport, path, params, beyond=last):
            yield from parsed(page, how, skipped.append)
