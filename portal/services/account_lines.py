"""The lines of the accounts page: every vendor account with its counts, its mapping and its suggestion, ready to list.

A page would otherwise read all counts for each look. Lines are made by a worker soon after a change, or by the page
itself where little has changed; `services.account_due` notes what is due.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountLine,
    AccountLineDue,
    AccountMapping,
    PsaCompany,
    ServiceMapping,
    Setting,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorWordMeaning,
)
from portal.domain.accounts import AccountMeaning, AccountVisibility, account_visibility
from portal.domain.likeness import Likely, by_account
from portal.domain.names import folded, name_of
from portal.domain.periods import Period
from portal.domain.psa import CatalogItem
from portal.domain.quantities import plus, times
from portal.services.account_due import COUNTS, SUGGESTING
from portal.services.actors import SYSTEM
from portal.services.card_picture import catalog
from portal.services.mapping_accounts import end_exclusions_before, ended_before
from portal.services.service_maps import ServicePlace, service_mappings
from portal.services.suggestions import likeness, refusals
from portal.services.usage_store import standing_of

_MADE_FOR = "account_lines"  # the day that the lines are made for; it is no setting that people make
_FEW = 2_000  # accounts of changed vendors up to which a page brings the lines up to date itself
_ROWS = 1_000  # that are written in one transaction
_EIGHT_PLACES = Decimal("1e-8")

Values = dict[str, Any]
OpenSession = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What has to be made anew.

    Args:
        vendors: Whose lines.
        suggestions: Whether suggestions rest on something that has changed.
        few: Whether so few accounts are concerned that a page may see to it.
        new_day: Whether the lines are of another day: a month may have begun, an exclusion ended.
        ended: Whether an account is still left out though the last day is past.
    """

    vendors: tuple[int, ...] = ()
    suggestions: bool = False
    few: bool = True
    new_day: bool = False
    ended: bool = False

    def __bool__(self) -> bool:
        """Whether anything is due."""
        return bool(self.vendors) or self.suggestions or self.new_day or self.ended


def due(session: Session, today: date) -> Due:
    """Tell what is due, in a number of queries that does not grow."""
    made = session.get(Setting, _MADE_FOR, populate_existing=True)
    new_day = made is None or made.value.get("day") != today.isoformat()
    noted = session.execute(sa.select(AccountLineDue.what, AccountLineDue.vendor_id)).all()
    if new_day:
        vendors = tuple(session.scalars(sa.select(Vendor.id).order_by(Vendor.id)))
    else:
        vendors = tuple(sorted(vendor_id for what, vendor_id in noted if what == COUNTS))
    ended = bool(session.scalar(sa.select(sa.exists().where(ended_before(today)))))
    suggestions = new_day or ended or any(what != COUNTS for what, _vendor_id in noted)
    if not (vendors or suggestions):
        return Due()
    some = sa.select(VendorAccount.id)
    if not suggestions:
        some = some.where(VendorAccount.vendor_id.in_(vendors))
    number = session.scalar(sa.select(sa.func.count()).select_from(some.limit(_FEW + 1).subquery())) or 0
    return Due(vendors=vendors, suggestions=suggestions, few=number <= _FEW, new_day=new_day, ended=ended)


def refresh(session: Session, *, today: date, now: datetime) -> None:
    """Bring all lines up to date in one transaction.

    Args:
        session: A writing session.
        today: In the portal's time zone; its month is looked at.
        now: By the business clock.
    """
    session.flush()
    wanted = due(session, today)
    if wanted.ended:
        end_exclusions_before(session, today, now=now)
    for vendor_id in wanted.vendors:
        make_vendor(session, vendor_id, today)
    if wanted.suggestions or wanted.vendors:
        _write_suggestions(session, _suggested(session))
        session.execute(sa.delete(AccountLineDue).where(AccountLineDue.what != COUNTS))
    _note_day(session, today, now)


def refresh_apart(open_session: OpenSession, reading: Callable[[], Session], *, today: date, now: datetime) -> bool:
    """Bring all lines up to date, a vendor a transaction; suggestions are thought out while no transaction is open.

    Args:
        open_session: Opens a writing transaction.
        reading: Gives a session for reading.
        today: In the portal's time zone; its month is looked at.
        now: By the business clock.

    Returns:
        Whether anything was due.
    """
    session = reading()
    session.rollback()
    wanted = due(session, today)
    session.rollback()
    if not wanted:
        return False
    if wanted.ended:
        with open_session() as store:
            end_exclusions_before(store, today, now=now)
    for vendor_id in wanted.vendors:
        with open_session() as store:
            make_vendor(store, vendor_id, today)
    with open_session() as store:
        _note_day(store, today, now)
        store.execute(sa.delete(AccountLineDue).where(AccountLineDue.what != COUNTS))
        # a change from here on is noted again; if this ends half-way, the mark keeps it due
        store.add(AccountLineDue(what=SUGGESTING, vendor_id=0))
    session = reading()
    changed = _suggested(session)
    session.rollback()
    for start in range(0, len(changed), _ROWS):
        with open_session() as store:
            _write_suggestions(store, changed[start : start + _ROWS])
    with open_session() as store:
        store.execute(sa.delete(AccountLineDue).where(AccountLineDue.what == SUGGESTING))
    return True


def make_vendor(session: Session, vendor_id: int, today: date) -> None:
    """Make the lines of one vendor anew; those that are as they were are not written."""
    vendor = session.get_one(Vendor, vendor_id)
    wanted = {values["account_id"]: values for values in _lines(session, vendor, today)}
    names = list(next(iter(wanted.values()), {}))
    columns = [getattr(AccountLine, name) for name in names] or [AccountLine.account_id]
    stored = {
        row["account_id"]: dict(row)
        for row in session.execute(sa.select(*columns).where(AccountLine.vendor_id == vendor_id)).mappings()
    }
    new = [{**_UNSUGGESTED, **wanted[one]} for one in sorted(wanted.keys() - stored.keys())]
    changed = [wanted[one] for one in sorted(wanted.keys() & stored.keys()) if wanted[one] != stored[one]]
    gone = sorted(stored.keys() - wanted.keys())
    if new:
        session.execute(sa.insert(AccountLine), new)
    if changed:
        session.execute(sa.update(AccountLine), changed)
    for chunk in _chunks(gone):
        lost = sa.delete(AccountLine).where(AccountLine.account_id.in_(chunk))
        session.execute(lost.execution_options(synchronize_session=False))
    done = sa.delete(AccountLineDue).where(AccountLineDue.what == COUNTS, AccountLineDue.vendor_id == vendor_id)
    session.execute(done)
    session.flush()


_UNSUGGESTED: Values = {"score": 0, "suggested_id": None, "suggested_name": "", "reasons": []}


def _lines(session: Session, vendor: Vendor, today: date) -> Iterable[Values]:
    """Give the values of each line of a vendor, but for its suggestion."""
    period = Period.holding(today)
    now, before = _counts(session, vendor.id, period), _counts(session, vendor.id, period.previous)
    worth = _Worth(vendor.id, service_mappings(session, today), catalog(session))
    words = {
        word: AccountMeaning(meaning)
        for word, meaning in session.execute(
            sa.select(VendorWordMeaning.word, VendorWordMeaning.meaning).where(VendorWordMeaning.vendor_id == vendor.id)
        )
    }
    counted = (
        sa.select(UsageCount.account_id)
        .join(UsageImport)
        .where(UsageImport.state == "committed", UsageImport.vendor_id == vendor.id)
    )
    rows = session.execute(
        sa.select(VendorAccount.id, VendorAccount.external_id, VendorAccount.name, VendorAccount.status,
                  AccountMapping.state, AccountMapping.company_id, AccountMapping.reason, PsaCompany.name,
                  AccountLine.suggested_name, AccountLine.reasons)
        .outerjoin(AccountMapping, sa.and_(
            AccountMapping.vendor_id == VendorAccount.vendor_id,
            AccountMapping.account_external_id == VendorAccount.external_id,
        ))
        .outerjoin(PsaCompany, PsaCompany.id == AccountMapping.company_id)
        .outerjoin(AccountLine, AccountLine.account_id == VendorAccount.id)
        .where(VendorAccount.vendor_id == vendor.id, VendorAccount.id.in_(counted))
    )  # fmt: skip
    for account_id, external_id, name, status, state, company_id, reason, company, suggested, reasons in rows:
        this, last = now.get(external_id), before.get(external_id)
        word = status.strip().casefold()
        meaning = words.get(word) if word else AccountMeaning.ACTIVE
        visibility = account_visibility(meaning, _sum(this), _sum(last))
        units = None if this is None else worth.units(this)
        told = f"{company or reason or ''}" if state else f"{suggested or ''} {' '.join(reasons or ())}"
        yield {
            "account_id": account_id,
            "vendor_id": vendor.id,
            "period": str(period),
            "title": folded(name or external_id),
            "name_key": name_of(name).key,
            "visibility": visibility.value,
            "hidden": visibility is AccountVisibility.HIDDEN,
            "units": units,
            "previous": None if last is None else worth.units(last),
            "loose_units": worth.loose(this or ()),
            "sort_units": -(units or Decimal(0)),
            "money": worth.money(this or ()),
            "state": state or "unmapped",
            "company_id": company_id,
            "searched": folded(f"{name} {external_id} {status} {vendor.title}"),
            "searched_too": folded(told).strip(),
        }


Counts = Sequence[tuple[str, str, Decimal]]
"""Service id, term, units."""


@dataclass(frozen=True, slots=True)
class _Worth:
    """What the services of one vendor feed, and the catalogue's prices."""

    vendor_id: int
    services: Mapping[ServicePlace, ServiceMapping]
    items: Mapping[str, CatalogItem]

    def units(self, counts: Counts) -> Decimal:
        """Sum the units of services that are not excluded."""
        mapped = ((self.services.get((self.vendor_id, service, term)), units) for service, term, units in counts)
        return _add(units for row, units in mapped if row is None or row.state != "excluded")

    def loose(self, counts: Counts) -> Decimal:
        """Sum the units of services without a product."""
        return _add(units for service, term, units in counts if (self.vendor_id, service, term) not in self.services)

    def money(self, counts: Counts) -> Decimal | None:
        """Give about how much they are worth a month; none where no service is mapped to a product with a price."""
        total: Decimal | None = None
        for service, term, units in counts:
            row = self.services.get((self.vendor_id, service, term))
            for target in row.products if row is not None else ():
                item = self.items.get(target.product)
                if item is not None and item.price is not None:
                    total = plus(total or Decimal(0), times(times(units, target.factor), item.price))
        return None if total is None else total.quantize(_EIGHT_PLACES, ROUND_HALF_EVEN)


def _counts(session: Session, vendor_id: int, period: Period) -> dict[str, list[tuple[str, str, Decimal]]]:
    found: dict[str, list[tuple[str, str, Decimal]]] = {}
    for key, count in standing_of(session, vendor_id, period).items():
        found.setdefault(key.account, []).append((key.service, key.term, count.quantity))
    return found


def _sum(counts: Counts | None) -> Decimal:
    return _add(units for _service, _term, units in counts or ())


def _add(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = plus(total, value)
    return total


def _suggested(session: Session) -> list[Values]:
    """Think out the suggestions of all unmapped accounts; give the columns of those that change."""
    lines = session.execute(
        sa.select(
            AccountLine.account_id, VendorAccount.vendor_id, VendorAccount.external_id, VendorAccount.name,
            AccountLine.score, AccountLine.suggested_id, AccountLine.suggested_name, AccountLine.reasons,
        )
        .join(VendorAccount, VendorAccount.id == AccountLine.account_id)
        .where(AccountLine.state == "unmapped")
    ).all()  # fmt: skip
    renamed = _renamed(session)
    if not lines:
        return renamed
    refused = refusals(session)
    wanted = {
        line.account_id: (line.name, line.external_id, refused.get((line.vendor_id, line.external_id), ()))
        for line in lines
    }
    likely = by_account(likeness(session), wanted)
    changed = renamed
    for line in lines:
        values = _columns(likely.get(line.account_id))
        if any(values[name] != getattr(line, name) for name in _UNSUGGESTED):
            changed.append({"account_id": line.account_id, **values})
    return changed


def _renamed(session: Session) -> list[Values]:
    """Give the lines whose company is called otherwise by now."""
    rows = session.execute(
        sa.select(AccountLine.account_id, AccountLine.searched_too, PsaCompany.name)
        .join(PsaCompany, PsaCompany.id == AccountLine.company_id)
        .where(AccountLine.state == "mapped")
    )
    return [
        {"account_id": account_id, "searched_too": folded(name).strip()}
        for account_id, told, name in rows
        if told != folded(name).strip()
    ]


def _columns(likely: Likely | None) -> Values:
    if likely is None:
        return {**_UNSUGGESTED, "searched_too": ""}
    return {
        "score": likely.score,
        "suggested_id": likely.company_id,
        "suggested_name": likely.name,
        "reasons": list(likely.reasons),
        "searched_too": folded(f"{likely.name} {' '.join(likely.reasons)}"),
    }


def _write_suggestions(session: Session, changed: Sequence[Values]) -> None:
    """Write suggestions and new names; an account that was mapped or unmapped meanwhile keeps what it says."""
    states: dict[int, str] = {}
    for chunk in _chunks([values["account_id"] for values in changed]):
        found = sa.select(AccountLine.account_id, AccountLine.state).where(AccountLine.account_id.in_(chunk))
        states.update(session.execute(found).all())
    for columns, state in ((len(_columns(None)) + 1, "unmapped"), (2, "mapped")):
        rows = [row for row in changed if len(row) == columns and states.get(row["account_id"]) == state]
        if rows:
            session.execute(sa.update(AccountLine), rows)


def _note_day(session: Session, today: date, now: datetime) -> None:
    made = session.get(Setting, _MADE_FOR, populate_existing=True)
    if made is None or made.value.get("day") != today.isoformat():
        session.merge(Setting(name=_MADE_FOR, value={"day": today.isoformat()}, set_by=SYSTEM.name, set_at=now))


def _chunks(values: list[int]) -> Iterable[list[int]]:
    return [values[start : start + _ROWS // 2] for start in range(0, len(values), _ROWS // 2)]
