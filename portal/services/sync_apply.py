"""The writing half of a sync: lays what is staged over the last picture, in the caller's one transaction.

Little is in memory at a time. What a push or a wish read anew since the run began is newer than what the run read, and
stays as it is.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import (
    PsaAddition,
    PsaAgreement,
    PsaAgreementType,
    PsaBillingCycle,
    PsaCompany,
    PsaCompanyType,
    PsaCurrency,
    PsaListRow,
    PsaProduct,
)
from portal.services.sync_merge import Counts, ListedNothing, Mirror
from portal.services.sync_read import AGREEMENT_TYPES, AGREEMENTS, COMPANIES, CYCLES, PRODUCTS, STATUSES, TYPES, Table
from portal.services.sync_stage import LINES, MEANWHILE, Body, Stage, chunks, ids_of, thawed
from portal.services.sync_values import Skip, Values

__all__ = ["Applied", "ListedNothing", "apply"]

_AGREEMENTS_A_TIME = 50  # whose lines are laid over the mirror together
_IDS_A_TIME = 400
_SKIPS_KEPT = 500
_PLURAL = {
    "company status": "statuses",
    "company type": "types",
    "company": "companies",
    "agreement type": "agreement types",
    "billing cycle": "billing cycles",
    "product": "products",
    "agreement": "agreements",
    "addition": "additions",
}


@dataclass(slots=True)
class Applied:
    """What a run changed.

    Args:
        counts: By resource, in words.
        skipped: Why records could not be taken: the first of them.
        companies: Whose cards may be different now; none: everybody's.
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    skipped: list[Skip] = field(default_factory=list)
    companies: set[int] | None = field(default_factory=set)

    def of(self, resource: str) -> Counts:
        """Give the counts of a resource."""
        return self.counts.setdefault(resource, Counts())

    def skip(self, body: Body) -> None:
        """Count and keep what was skipped in a staged row."""
        for each in body["skips"]:
            self.of(_PLURAL[each["what"]]).skipped += 1
            if len(self.skipped) < _SKIPS_KEPT:
                self.skipped.append(Skip(each["what"], each["id"], each["reason"]))

    def touches(self, company_ids: Collection[int]) -> None:
        """Note whose cards may be different."""
        if self.companies is not None:
            self.companies.update(company_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What there is to apply.

    Args:
        stage: What was read.
        now: The moment at which the reading began, by the business clock.
        until: The moment of applying. What is noted as read after that was noted before the clock was set back, and
            is not newer than this.
        known_until: PSA time up to which all changes are in it; none: the PSA told no times.
    """

    stage: Stage
    now: datetime
    until: datetime
    known_until: datetime | None = None


def apply(session: Session, given: Given) -> Applied:
    """Lay what was read over the last picture.

    Args:
        session: A writing session; it is flushed, never committed.
        given: What was read, and when.

    Raises:
        ListedNothing: Companies, agreements or statuses came back empty where there were some.
    """
    return _Applying(session, given).all()


class _Applying:
    """One application of what was read."""

    def __init__(self, session: Session, given: Given) -> None:
        self.session = session
        self.stage = given.stage
        self.now = given.now
        self.until = given.until
        self.known_until = given.known_until
        self.done = Applied()
        self.fresh_companies: set[int] = set()
        self.fresh_agreements = self._fresh()

    def all(self) -> Applied:
        """Apply all parts."""
        self._list_rows(STATUSES, "status", "statuses")
        self._list_rows(TYPES, "type", "types")
        self._companies()
        self._table(AGREEMENT_TYPES, PsaAgreementType)
        self._table(CYCLES, PsaBillingCycle)
        self._table(PRODUCTS, PsaProduct)
        self._agreements()
        self._lines()
        self.session.flush()
        return self.done

    def _fresh(self) -> set[int]:
        """Give the agreements of which the mirror knows more than the run; and note such companies."""
        noted = (PsaAgreement.additions_read_at, PsaAgreement.gone_at)
        newer = sa.or_(*(sa.and_(moment > self.now, moment <= self.until) for moment in noted))
        found = set(self.session.scalars(sa.select(PsaAgreement.id).where(newer)))
        for agreement_id, body in self.stage.bodies(self.session, MEANWHILE):
            found.add(agreement_id)
            if body["company"] is not None:
                self.fresh_companies.add(body["company"])
        return found

    def _ids(self, table: Table) -> frozenset[int] | None:
        for _key, body in self.stage.bodies(self.session, ids_of(table.part)):
            return None if body["ids"] is None else frozenset(body["ids"])
        return None

    def _table(self, table: Table, kind: type[Base]) -> None:
        """Merge one of the tables on which all cards rest."""
        counts = self.done.of(table.part)
        mirror = Mirror(self.session, kind, self.now, counts)
        for _key, body in self.stage.bodies(self.session, table.part):
            mirror.lay(_by_id(kind, body["rows"]))
            self.done.skip(body)
        ids = self._ids(table)
        if ids is not None:
            mirror.mark_gone(mirror.standing() - ids)
        if counts.moved:
            self.done.companies = None

    def _list_rows(self, table: Table, name: str, what: str) -> None:
        """Merge one of the customisable lists; a row keeps since when it has its name."""
        ids = self._ids(table)
        mirror = Mirror(self.session, PsaListRow, self.now, self.done.of(what), fixed={"list": name})
        query = sa.select(PsaListRow.id, PsaListRow.name, PsaListRow.name_since).where(PsaListRow.list == name)
        named = {row_id: (known, since) for row_id, known, since in self.session.execute(query)}
        for _key, body in self.stage.bodies(self.session, table.part):
            rows = {}
            for row_id, row in _by_id(PsaListRow, body["rows"]).items():
                before, since = named.get(row_id, (None, None))
                rows[row_id] = {**row, "name_since": since if before == row["name"] else self.now}
            mirror.lay(rows)
            self.done.skip(body)
        mirror.vanish(ids, what=what)

    def _companies(self) -> None:
        mirror = Mirror(self.session, PsaCompany, self.now, self.done.of("companies"))
        carried: dict[tuple[str, int], str] = {}
        lists = {"status": self._ids(STATUSES) is not None, "type": self._ids(TYPES) is not None}
        for _key, body in self.stage.bodies(self.session, COMPANIES.part):
            rows = {row["id"]: row for row in body["rows"] if row["id"] not in self.fresh_companies}
            said = {row_id: row.pop("carried") for row_id, row in rows.items()}
            self._set_signs(rows.values())
            moved = self._moved_types({row_id: {one for one, _ in each["types"]} for row_id, each in said.items()})
            self.done.touches(mirror.lay(_by_id(PsaCompany, rows.values()), moved.keys()))
            self._set_types(moved)
            self.done.skip(body)
            for each in said.values():
                if each["status"] is not None and lists["status"]:
                    carried.setdefault(("status", each["status"][0]), each["status"][1])
                if lists["type"]:
                    for type_id, type_name in each["types"]:
                        carried.setdefault(("type", type_id), type_name)
        self.done.touches(mirror.vanish(self._ids(COMPANIES), spare=self.fresh_companies, what="companies"))
        self._deleted_list_rows(carried)

    def _set_signs(self, rows: Collection[dict[str, Any]]) -> None:
        """Take from rows how their currencies are written, and keep it."""
        found = {sign["code"]: sign for sign in (row.pop("sign", None) for row in rows) if sign is not None}
        for code, sign in found.items():
            self.session.merge(PsaCurrency(code=code, symbol=sign["symbol"], places=sign["places"]))

    def _moved_types(self, found: dict[int, set[int]]) -> dict[int, set[int]]:
        """Give the companies whose types are others than before."""
        before: dict[int, set[int]] = {}
        query = sa.select(PsaCompanyType.company_id, PsaCompanyType.type_id)
        for chunk in chunks(found, _IDS_A_TIME):
            for company_id, type_id in self.session.execute(query.where(PsaCompanyType.company_id.in_(chunk))):
                before.setdefault(company_id, set()).add(type_id)
        return {row_id: types for row_id, types in found.items() if types != before.get(row_id, set())}

    def _set_types(self, moved: dict[int, set[int]]) -> None:
        for chunk in chunks(moved, _IDS_A_TIME):
            gone = sa.delete(PsaCompanyType).where(PsaCompanyType.company_id.in_(chunk))
            self.session.execute(gone.execution_options(synchronize_session=False))
        rows = [{"company_id": row_id, "type_id": each} for row_id, types in moved.items() for each in sorted(types)]
        if rows:
            self.session.execute(sa.insert(PsaCompanyType), rows)

    def _deleted_list_rows(self, carried: dict[tuple[str, int], str]) -> None:
        """Keep rows that companies carry although the PSA's lists lack them, by the name on the company."""
        known = {(name, row_id) for name, row_id in self.session.execute(sa.select(PsaListRow.list, PsaListRow.id))}
        for (list_name, row_id), name in carried.items():
            if (list_name, row_id) not in known:
                row = PsaListRow(list=list_name, id=row_id, name=name, name_since=self.now, gone_at=self.now)
                self.session.add(row)
        self.session.flush()

    def _agreements(self) -> None:
        mirror = Mirror(self.session, PsaAgreement, self.now, self.done.of("agreements"))
        touched: set[int] = set()
        for _key, body in self.stage.bodies(self.session, AGREEMENTS.part):
            rows = {row["id"]: row for row in body["rows"] if row["id"] not in self.fresh_agreements}
            self._set_signs(rows.values())
            before = mirror.lay(_by_id(PsaAgreement, rows.values()))
            touched.update(before)
            self.done.touches({old["company_id"] for old in before.values() if old})
            self.done.skip(body)
        touched.update(mirror.vanish(self._ids(AGREEMENTS), spare=self.fresh_agreements, what="agreements"))
        self._touch(touched)

    def _touch(self, agreement_ids: Collection[int]) -> None:
        """Note whose cards rest on these agreements, or on children of theirs."""
        for chunk in chunks(agreement_ids, _IDS_A_TIME):
            theirs = sa.or_(PsaAgreement.id.in_(chunk), PsaAgreement.parent_id.in_(chunk))
            self.done.touches(self.session.scalars(sa.select(PsaAgreement.company_id).where(theirs)).all())

    def _lines(self) -> None:
        counts = self.done.of("additions")
        mirror = Mirror(self.session, PsaAddition, self.now, counts)
        left = [key for key in self.stage.keys(self.session, LINES) if key not in self.fresh_agreements]
        read: list[int] = []
        missing: list[int] = []
        touched: set[int] = set()
        for chunk in chunks(left, _AGREEMENTS_A_TIME):
            rows: dict[int, Values] = {}
            listed: dict[int, frozenset[int]] = {}
            for agreement_id, body in self.stage.bodies(self.session, LINES, chunk):
                counts.same += body["same"]
                self.done.skip(body)
                if body.get("missing"):
                    missing.append(agreement_id)
                elif not body.get("unread"):
                    read.append(agreement_id)
                rows |= _by_id(PsaAddition, body["rows"])
                if body["ids"] is not None:
                    listed[agreement_id] = frozenset(body["ids"])
            for row_id, old in mirror.lay(rows).items():
                touched.update({rows[row_id]["agreement_id"], old.get("agreement_id", rows[row_id]["agreement_id"])})
            touched.update(self._gone_lines(mirror, listed))
        self._touch(touched)
        agreements = Mirror(self.session, PsaAgreement, self.now, self.done.of("agreements"))
        self._touch(agreements.mark_gone(missing))
        self._note_read(read, missing)

    def _gone_lines(self, mirror: Mirror, listed: dict[int, frozenset[int]]) -> set[int]:
        """Mark lines as gone that their agreement no longer lists; gives those agreements."""
        query = sa.select(PsaAddition.id, PsaAddition.agreement_id).where(
            PsaAddition.agreement_id.in_(listed), PsaAddition.gone_at.is_(None)
        )
        gone = {
            row_id: agreement_id
            for row_id, agreement_id in self.session.execute(query)
            if row_id not in listed[agreement_id]
        }
        return {gone[row_id] for row_id in mirror.mark_gone(gone)}

    def _note_read(self, read: list[int], missing: list[int]) -> None:
        """Note up to when the agreements' lines are known."""
        until = PsaAgreement.additions_known_until
        for chunk in chunks(read, _IDS_A_TIME):
            values: dict[str, Any] = {"additions_read_at": self.now}
            if self.known_until is not None:
                later = sa.or_(until.is_(None), until < self.known_until)
                values["additions_known_until"] = sa.case((later, self.known_until), else_=until)
            self._update(chunk, values)
        for chunk in chunks(missing, _IDS_A_TIME):
            self._update(chunk, {"additions_read_at": self.now})

    def _update(self, agreement_ids: list[int], values: dict[str, Any]) -> None:
        update = sa.update(PsaAgreement).where(PsaAgreement.id.in_(agreement_ids)).values(**values)
        self.session.execute(update.execution_options(synchronize_session=False))


def _by_id(kind: type[Base], rows: Collection[Body]) -> dict[int, Values]:
    """Give staged rows by id, with the types of their columns."""
    found: dict[int, Values] = {}
    for row in rows:
        values = thawed(kind, row)
        found[values.pop("id")] = values
    return found
