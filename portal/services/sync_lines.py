"""The costly part of a sync: the additions, which ConnectWise lists per agreement alone.

They are read several agreements at a time. A full read asks for the lines of every agreement that lives, also of
companies that are out of scope, so that a decision about a status finds them there. A quick one asks for what changed
on the live agreements of companies in scope, of companies that changed themselves, and of agreements that changed: a
line's change need not show on its agreement. An agreement that is as it was is staged as just that.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError, Rejected, Throttled, UnexpectedPayload, Unreachable
from portal.connectwise.additions import AgreementAdditions
from portal.db.records import PsaAgreement
from portal.services import sync_bundles, sync_values
from portal.services.sync_merge import standing_lines
from portal.services.sync_read import AGREEMENTS, COMPANIES, OVERLAP, Known, Watcher, ended, later
from portal.services.sync_stage import LINES, Body, Stage, Staged, ids_of, thawed
from portal.services.sync_values import Values

SHOWN = "additions"
_AT_ONCE = 60  # agreements that are staged together
_SECONDS = 0.5  # after which fewer are, so that a kill loses little
_WINDOW = 2  # times the parallel calls: where one failed, so many agreements are asked for one by one
_SILENT = 2  # unanswered calls in a row that are a lost connection, not a fault of one agreement
_FEW = 3  # refusals that may be of those agreements alone, and not of all

Wanted = dict[datetime | None, list[int]]
"""Whose lines to ask for, by the PSA time up to which they are known (none: ask for all lines)."""


def all_live(session: Session, stage: Stage, today: date) -> Wanted:
    """Choose whose lines a full sync reads: every agreement's that lives or ended lately."""
    return {None: [row_id for row_id, row in _staged(session, stage).items() if not _over(row, today)]}


def to_look_at(session: Session, stage: Stage, known: Known, today: date) -> Wanted:
    """Choose whose lines a quick sync asks for."""
    wanted: dict[int, datetime | None] = {
        agreement_id: agreement.additions_known_until
        for agreement_id, agreement in known.agreements.items()
        if agreement.in_scope and not agreement.ended
    }
    moved = {row["id"] for _key, body in stage.bodies(session, COMPANIES.part) for row in body["rows"]}
    wanted |= {
        agreement_id: agreement.additions_known_until
        for agreement_id, agreement in known.agreements.items()
        if agreement.company_id in moved and not agreement.ended
    }
    for row_id, row in _staged(session, stage).items():
        if _over(row, today):
            wanted.pop(row_id, None)
        else:
            before = known.agreements.get(row_id)
            wanted[row_id] = None if before is None else before.additions_known_until
    listed = next((body["ids"] for _key, body in stage.bodies(session, ids_of(AGREEMENTS.part))), None)
    there = None if listed is None else frozenset(listed)
    by_time: Wanted = {}
    for agreement_id, until in wanted.items():
        if there is None or agreement_id in there:
            by_time.setdefault(until, []).append(agreement_id)
    return by_time


class LinesReader:
    """Reads the additions of many agreements into a stage.

    Args:
        client: The PSA.
        stage: Where they are kept.
        open_reading: Opens a session for reading what is staged and what is mirrored.
        watch: Is told how far it is.
    """

    def __init__(self, client: ConnectWise, stage: Stage, open_reading: Callable[[], Session], watch: Watcher) -> None:
        self._client = client
        self._stage = stage
        self._open_reading = open_reading
        self._watch = watch
        self._answered = 0
        self._many = self._additions = client.additions

    def read(self, wanted: Wanted) -> None:
        """Read them all, but those that are staged already.

        Raises:
            ConnectWiseError: ConnectWise does not answer any more, or refuses them all.
        """
        with self._open_reading() as session:
            before = frozenset(self._stage.keys(session, LINES))
            left = [one for ids in wanted.values() for one in ids if one not in before]
            self._many = sync_bundles.additions_of(self._client, session, left)
        done = sum(agreement_id in before for ids in wanted.values() for agreement_id in ids)
        total = sum(map(len, wanted.values()))
        self._watch.part(SHOWN, "Reading additions", total=total, done=done)
        for until, agreement_ids in wanted.items():
            since = None if until is None else until - OVERLAP
            batch: list[Staged] = []
            noted = time.monotonic()
            for each in self._each([one for one in agreement_ids if one not in before], since):
                batch.append(each)
                done += 1
                if len(batch) >= _AT_ONCE or time.monotonic() - noted >= _SECONDS:
                    self._keep(batch)
                    batch, noted = [], time.monotonic()
                self._watch.step(done)
            self._keep(batch)

    def _each(self, agreement_ids: list[int], since: datetime | None) -> Iterator[Staged]:
        """Read agreement by agreement; one that cannot be read is skipped, as long as others can."""
        left = dict.fromkeys(agreement_ids)
        self._additions = self._many
        while left:
            try:
                for each in self._additions.of_many(list(left), changed_since=since):
                    if self._in_bundles and sync_bundles.may_be_cut(each):
                        continue  # read singly at the end
                    left.pop(each.agreement_id, None)
                    self._answered += 1
                    yield staged(each, whole=since is None)
            except Throttled:
                raise
            except (Rejected, UnexpectedPayload, Unreachable) as error:
                if isinstance(error, Rejected) and error.unauthorized:
                    raise
                yield from self._one_by_one(left, since, error)
                if isinstance(error, Unreachable):  # others were answered singly, so it may have been asked too much
                    self._many = self._additions = sync_bundles.singly(self._client)
            else:
                if not (left and self._in_bundles):
                    return
                self._additions = sync_bundles.singly(self._client)

    def _one_by_one(self, left: dict[int, None], since: datetime | None, error: ConnectWiseError) -> Iterator[Staged]:
        """Find out which of the agreements that were being read is the one that cannot be."""
        transport = self._client.transport
        together = transport.bundle_size if self._in_bundles else 1
        window = list(left)[: _WINDOW * transport.parallel * together]
        failed: dict[int, ConnectWiseError] = {}
        read = 0
        for agreement_id in window:
            try:
                each = self._one(agreement_id, since)
            except Throttled:
                raise
            except (Rejected, UnexpectedPayload, Unreachable) as again:
                failed[agreement_id] = error = again
                if isinstance(again, Unreachable) and not read and len(failed) >= min(_SILENT, len(window)):
                    raise
                continue
            read += 1
            self._answered += 1
            left.pop(agreement_id)
            yield staged(each, whole=since is None)
        if failed and not read and (len(failed) > _FEW or not self._answered):
            raise error
        for agreement_id, why in failed.items():
            left.pop(agreement_id)
            yield _refused(agreement_id, why)

    @property
    def _in_bundles(self) -> bool:
        return self._additions is self._client.additions and getattr(self._client.transport, "bundle_size", 0) > 1

    def _one(self, agreement_id: int, since: datetime | None) -> AgreementAdditions:
        skipped: list[UnexpectedPayload] = []
        additions = self._additions.of(agreement_id, changed_since=since, skipped=skipped.append)
        try:
            found = tuple(additions)
        except Rejected as error:
            if not error.missing:
                raise
            return AgreementAdditions(agreement_id=agreement_id, additions=(), skipped=(), gone=True)
        return AgreementAdditions(agreement_id=agreement_id, additions=found, skipped=tuple(skipped))

    def _keep(self, batch: list[Staged]) -> None:
        """Stage agreements; of one that is as it was, only that.

        What is mirrored of an agreement may change until all is applied; then it was read anew, and this is older.
        """
        if not batch:
            return
        with self._open_reading() as session:
            before = standing_lines(session, [each.key for each in batch])
        self._watch.skipped(sum(len(each.body["skips"]) for each in batch))
        self._stage.put([_as_it_was(each, before.get(each.key, {})) for each in batch])


def staged(each: AgreementAdditions, *, whole: bool) -> Staged:
    """Give what is staged of one agreement's additions.

    Args:
        each: What ConnectWise says.
        whole: Whether it is all of them, so that others are gone.
    """
    rows: list[Body] = []
    skips: list[Body] = [{"what": "addition", "id": one.record_id, "reason": one.sentence} for one in each.skipped]
    hidden = any(skip["id"] is None for skip in skips)
    ids = {skip["id"] for skip in skips if skip["id"] is not None}
    latest: datetime | None = None
    for line in each.additions:
        ids.add(line.id)
        unfit = sync_values.unfit_addition(line)
        if unfit is not None:
            skips.append({"what": unfit.what, "id": unfit.id, "reason": unfit.reason})
            continue
        rows.append({"id": line.id, **sync_values.addition(line)})
        latest = later(latest, line.last_updated)
    known = sorted(ids) if whole and not hidden and not each.gone else None
    body = {"rows": rows, "ids": known, "same": 0, "missing": each.gone, "skips": skips}
    return Staged(LINES, each.agreement_id, body, latest)


def _refused(agreement_id: int, error: ConnectWiseError) -> Staged:
    reason = f"The additions of agreement {agreement_id} were not read; the last ones known stay. {error}"
    skip = {"what": "agreement", "id": agreement_id, "reason": reason}
    return Staged(LINES, agreement_id, {"rows": [], "ids": None, "same": 0, "unread": True, "skips": [skip]})


def _as_it_was(each: Staged, before: dict[int, Values]) -> Staged:
    """Leave the rows out where the mirror has the same."""
    body = each.body
    ids = body["ids"]
    same = all(_same(row, before.get(row["id"])) for row in body["rows"])
    if not same or (ids is not None and not before.keys() <= set(ids)):
        return each
    return Staged(each.part, each.key, {**body, "rows": [], "ids": None, "same": len(body["rows"])}, each.latest)


def _same(row: Body, before: Values | None) -> bool:
    return before is not None and all(before[name] == value for name, value in row.items())


def _staged(session: Session, stage: Stage) -> dict[int, Body]:
    """Give what decides about an agreement's lines, of those that were read."""
    names = ("cancelled", "no_ending", "end_date")
    return {
        row["id"]: thawed(PsaAgreement, {name: row[name] for name in names})
        for _key, body in stage.bodies(session, AGREEMENTS.part)
        for row in body["rows"]
    }


def _over(row: Body, today: date) -> bool:
    return ended(cancelled=row["cancelled"], no_ending=row["no_ending"], end_date=row["end_date"], today=today)


def rows_of(bodies: Iterable[tuple[int, Body]]) -> Iterator[Body]:
    """Yield the rows of staged bodies."""
    for _key, body in bodies:
        yield from body["rows"]
