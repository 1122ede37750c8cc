"""Several accounts mapped or excluded at once: each a change of its own in the audit trail, undone as a whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import AccountMapping, MappingBatch, VendorAccount
from portal.domain.periods import local_day
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.exclusions import read_exclusion
from portal.services.mapping_accounts import Said, say, title_of
from portal.services.mapping_common import anew
from portal.services.suggestions import refusals

AT_MOST = 2_000  # accounts in one go: nobody else writes for the seconds that they take
OFFERED = timedelta(days=1)  # how long the last batch is offered to be undone
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of undoing a batch.

    Args:
        done: How many accounts are what they were.
        left: Titles of accounts that stay: decided otherwise since, or what they were has been deleted.
    """

    done: int
    left: tuple[str, ...]


def map_many(session: Session, pairs: Mapping[int, int], *, by: Actor, now: datetime, zone: ZoneInfo) -> MappingBatch:
    """Map several accounts, all or none, and make the cards anew once.

    Args:
        session: A writing session.
        pairs: Company by our id of the account.
        by: Who maps.
        now: By the business clock.
        zone: The portal's time zone.

    Raises:
        Invalid: None or too many, or a company lies in the recycle bin.
        NotFound: There is no such account.
    """
    return _make(session, "mapped", pairs, lambda one: Said(company_id=pairs[one]), by=by, now=now, zone=zone)


def exclude_many(
    session: Session,
    ids: Sequence[int],
    *,
    reason: str,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    kind: str = "",
    until: str = "",
) -> MappingBatch:
    """Leave several accounts out for one reason, all or none, and make the cards anew once.

    Arguments and errors as for `map_many` and `exclude_account`.
    """
    exclusion = read_exclusion(reason=reason, kind=kind, until=until, today=local_day(now, zone))
    return _make(session, "excluded", ids, lambda _one: Said(exclusion=exclusion), by=by, now=now, zone=zone)


def undo_batch(session: Session, batch_id: int, *, by: Actor, now: datetime, zone: ZoneInfo) -> Undone:
    """Put the accounts of a batch back to what they were; the cards are made anew once.

    The suggestions that were accepted are given again: the whole was taken back, no single pair was judged.

    Raises:
        NotFound: There is no such batch.
        Conflict: It was undone already.
    """
    require(by, "biller", "map accounts and services")
    batch = session.get(MappingBatch, batch_id, populate_existing=True, with_for_update=True)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id} of mappings.")
    if batch.undone_at is not None:
        raise Conflict(f"{batch.undone_by} has undone it already. Nothing was changed.")
    accounts, mappings = _read(session, [entry["account"] for entry in batch.entries])
    touched: set[int] = set()
    left = []
    for entry in batch.entries:
        account = accounts[entry["account"]]
        row = mappings.get((account.vendor_id, account.external_id))
        if Said.by(row).to_json() != entry["became"]:
            left.append(account.name or account.external_id)
            continue
        was = Said.from_json(entry["was"])
        try:
            say(session, account, was, by=by, now=now, refuse=False, row=row, read=True)
        except Invalid:  # the company that it was has been deleted since
            left.append(account.name or account.external_id)
            continue
        touched |= _companies(was, Said.from_json(entry["became"]))
    batch.undone_by, batch.undone_at = by.name, now
    session.flush()
    anew(session, now, zone, company_ids=touched)
    return Undone(done=len(batch.entries) - len(left), left=tuple(left))


def latest_batch(session: Session, *, now: datetime) -> MappingBatch | None:
    """Give the last batch, while it may still be wanted back."""
    found = session.scalars(sa.select(MappingBatch).order_by(MappingBatch.id.desc()).limit(1)).first()
    if found is None or found.undone_at is not None or not timedelta() <= now - found.made_at < OFFERED:
        return None
    return found


def _make(
    session: Session,
    verb: str,
    ids: Iterable[int],
    said_of: Callable[[int], Said],
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> MappingBatch:
    require(by, "biller", "map accounts and services")
    ordered = sorted(set(ids))
    if not ordered:
        raise Invalid("Nothing was ticked. Go back and tick the accounts that you mean.")
    if len(ordered) > AT_MOST:
        raise Invalid(f"{len(ordered)} accounts are too many for one go: {AT_MOST} at most. Narrow the list.")
    accounts, mappings = _read(session, ordered)
    refused = refusals(session)
    entries: list[dict[str, Any]] = []
    touched: set[int] = set()
    for one in ordered:
        account, said = accounts[one], said_of(one)
        row = mappings.get((account.vendor_id, account.external_id))
        before = Said.by(row)
        try:
            teaches = before != Said() or said.company_id is None or (account.vendor_id, account.external_id) in refused
            say(session, account, said, by=by, now=now, row=row, refuse=teaches, read=True)
        except Invalid as refused:
            raise Invalid(f"{title_of(account).capitalize()}: {refused} Nothing was changed.") from refused
        entries.append({"account": one, "was": before.to_json(), "became": said.to_json()})
        touched |= _companies(before, said)
    batch = MappingBatch(verb=verb, entries=entries, made_by=by.name, made_at=now)
    session.add(batch)
    session.flush()
    anew(session, now, zone, company_ids=touched)
    return batch


def _companies(*said: Said) -> set[int]:
    return {one.company_id for one in said if one.company_id is not None}


def _read(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, VendorAccount], dict[tuple[int, str], AccountMapping]]:
    """Read accounts and their mappings, many in one query.

    Raises:
        NotFound: One of them does not exist.
    """
    accounts: dict[int, VendorAccount] = {}
    mappings: dict[tuple[int, str], AccountMapping] = {}
    theirs = sa.and_(
        AccountMapping.vendor_id == VendorAccount.vendor_id,
        AccountMapping.account_external_id == VendorAccount.external_id,
    )
    for start in range(0, len(ids), _CHUNK):
        here = VendorAccount.id.in_(ids[start : start + _CHUNK])
        query = sa.select(VendorAccount).where(here).options(selectinload(VendorAccount.vendor))
        accounts |= {account.id: account for account in session.scalars(query)}
        rows = session.scalars(sa.select(AccountMapping).join(VendorAccount, theirs).where(here))
        mappings |= {(row.vendor_id, row.account_external_id): row for row in rows}
    for one in ids:
        if one not in accounts:
            raise NotFound(f"There is no vendor account {one}. Nothing was changed.")
    return accounts, mappings
