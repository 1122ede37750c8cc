"""What the statuses page shows: rows with their choices, what somebody chose but did not save, and its effect."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaCompanyType
from portal.domain.accounts import AccountVisibility
from portal.domain.periods import Period
from portal.services import statuses
from portal.services.mapping_lists import account_results
from portal.services.statuses import Effect, ListName, Proposal

LISTS: Mapping[str, str] = {
    "status": "Company statuses",
    "types": "Company types",
    "vendor": "Vendor account statuses",
}


MOST = 200  # choices that an address carries, beside those of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a list.

    Args:
        key: What its field is called: the PSA's id, or vendor and word.
        name: As ConnectWise or the vendor writes it.
        sub: What stands below the name.
        carriers: Companies or accounts that carry it.
        meaning: As saved; none: no decision.
        chosen: As chosen on the page, saved or not; none: nothing.
        psa_id: Of a status or type.
        absent: ConnectWise has never had a row of this id.
        namesake: The id of a deleted row that had the same name, for a row without a decision.
        still_counting: Accounts that are inactive by this word but still count.
    """

    key: str
    name: str
    sub: str
    carriers: int
    meaning: str | None
    chosen: str | None
    flags: Sequence[str]
    psa_id: int | None = None
    name_before: str | None = None
    renamed_at: datetime | None = None
    gone_at: datetime | None = None
    inactive: bool = False
    absent: bool = False
    namesake: int | None = None
    proposal: Proposal | None = None
    vendor_id: int | None = None
    word: str = ""
    still_counting: int = 0

    @property
    def changed(self) -> bool:
        """Whether something was chosen that is not saved."""
        return self.chosen is not None and self.chosen != self.meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One meaning that saving would change, and what that does."""

    line: Line
    effect: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What saving would do.

    Args:
        joint: What all changes do together; none for vendors' words.
        token: Stands for what was shown: a form that carries another one is shown the effect first. Empty: no change.
    """

    changes: Sequence[Change]
    joint: Effect | None
    token: str


def psa_list(name: str) -> ListName:
    """Give the name under which a list is stored."""
    return "type" if name == "types" else "status"


def lines_of(session: Session, name: str, chosen: Mapping[str, str], *, period: Period, zone: ZoneInfo) -> list[Line]:
    """Give the rows of a list, flagged ones first.

    Args:
        session: For reading.
        name: status, types or vendor.
        chosen: What was chosen on the page, by the rows' keys; what a list does not know is passed over.
        period: The month, for accounts that still count.
        zone: The portal's time zone.
    """
    if name == "vendor":
        return _words(session, chosen, period, zone)
    list_name = psa_list(name)
    rows = statuses.list_rows(session, list_name)
    before = _scopes(session, list_name) if any(row.meaning is None for row in rows) else {}
    known = statuses.MEANINGS[list_name]
    deleted = {row.name.casefold(): row.psa_id for row in rows if row.gone_at is not None}
    return [
        Line(
            key=str(row.psa_id),
            name=row.name,
            sub=f"id {row.psa_id}",
            carriers=row.companies,
            meaning=row.meaning,
            chosen=choice if (choice := chosen.get(str(row.psa_id))) in known else row.meaning,
            flags=row.flags,
            psa_id=row.psa_id,
            name_before=row.name_before,
            renamed_at=row.renamed_at,
            gone_at=row.gone_at,
            inactive=row.inactive,
            absent=row.absent,
            namesake=deleted.get(row.name.casefold()) if row.meaning is None and row.gone_at is None else None,
            proposal=row.proposal or _from_before(list_name, row.meaning, before.get(row.psa_id)),
        )
        for row in rows
    ]


def _scopes(session: Session, list_name: ListName) -> dict[int | None, tuple[int, int]]:
    """Count, for each row of a list, the companies that are in scope and those that are not; new ones are neither."""
    there = (PsaCompany.gone_at.is_(None), PsaCompany.deleted.is_(False))
    if list_name == "status":
        query = sa.select(PsaCompany.status_id, PsaCompany.in_scope).where(*there, PsaCompany.status_id.is_not(None))
    else:
        query = (
            sa.select(PsaCompanyType.type_id, PsaCompany.in_scope)
            .join(PsaCompany, PsaCompany.id == PsaCompanyType.company_id)
            .where(*there)
        )
    found: dict[int | None, tuple[int, int]] = {}
    for psa_id, in_scope in session.execute(query.where(PsaCompany.in_scope.is_not(None))):
        inside, outside = found.get(psa_id, (0, 0))
        found[psa_id] = (inside + bool(in_scope), outside + (not in_scope))
    return found


def _from_before(list_name: ListName, meaning: str | None, scope: tuple[int, int] | None) -> Proposal | None:
    """Propose what the companies that carry a row were before, where they agree."""
    if meaning is not None or scope is None or 0 not in scope:
        return None
    inside, outside = scope
    if inside:
        said = "its company was" if inside == 1 else "all its companies were"
        return Proposal(meaning="customer" if list_name == "status" else "in", reason=f"Since {said} in scope before.")
    said = "its company was" if outside == 1 else "none of its companies was"
    words = f"Since {said} not in scope before." if outside == 1 else f"Since {said} in scope before."
    return Proposal(meaning="not_customer" if list_name == "status" else "out", reason=words)


def _words(session: Session, chosen: Mapping[str, str], period: Period, zone: ZoneInfo) -> list[Line]:
    """Give the vendors' words."""
    counting = Counter(
        (one.vendor.id, statuses.folded(one.account.status))
        for one in account_results(session, period, zone)
        if one.result is AccountVisibility.WARNING
    )
    lines = []
    for word in statuses.vendor_words(session):
        key = f"{word.vendor_id}-{sha256(word.word.encode()).hexdigest()[:16]}"
        choice = chosen.get(key)
        lines.append(
            Line(
                key=key,
                name=word.shown,
                sub=word.vendor,
                carriers=word.accounts,
                meaning=word.meaning,
                chosen=choice if choice in statuses.MEANINGS["vendor"] else word.meaning,
                flags=word.flags,
                vendor_id=word.vendor_id,
                word=word.word,
                still_counting=counting[word.vendor_id, word.word],
            )
        )
    return lines


def changes_of(session: Session, name: str, lines: Sequence[Line], *, today: date) -> list[Change]:
    """Tell what saving would change, and what each change does."""
    changed = [line for line in lines if line.changed]
    effects = statuses.effects_of(session, _wanted(name, changed), today=today) if changed else {}
    return [
        Change(line=line, effect=None if line.psa_id is None else effects[psa_list(name), line.psa_id])
        for line in changed
    ]


def plan_of(session: Session, name: str, lines: Sequence[Line], *, today: date, zone: ZoneInfo) -> Planned:
    """Tell what saving all choices at once would do."""
    changes = changes_of(session, name, lines, today=today)
    wanted = _wanted(name, [change.line for change in changes])
    joint = statuses.joint_effect(session, wanted, today=today, zone=zone) if wanted else None
    said = [(change.line.key, change.line.chosen) for change in changes]
    told = json.dumps([name, said, None if joint is None else joint.sentence])
    return Planned(changes=changes, joint=joint, token=sha256(told.encode()).hexdigest()[:16] if changes else "")


def _wanted(name: str, lines: Sequence[Line]) -> dict[tuple[ListName, int], str]:
    """Give the meanings that lines choose for statuses or types."""
    return {(psa_list(name), line.psa_id): line.chosen or "" for line in lines if line.psa_id is not None}
