"""The PSA's customisable lists as an admin sees them: each row, its meaning, and why it is flagged."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaCompanyType, PsaListRow, RowMeaning
from portal.services.status_words import Flag, ListName, rank

# The rows that a new ConnectWise ships, by the letters of their names. Only ever shown, never applied.
_PROPOSALS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("status", "active"): ("customer", "ConnectWise's own name for companies that are served."),
    ("status", "inactive"): ("not_customer", "ConnectWise's own name for companies that are no longer served."),
    ("status", "notapproved"): ("not_customer", "ConnectWise's own name for companies that are not taken on yet."),
    ("status", "credithold"): ("customer", "Such a company owes money, but is still served and billed."),
    ("status", "problem"): ("customer", "Such a company needs care, but is still served and billed."),
    ("status", "solid"): ("customer", "ConnectWise's own name for good customers."),
    ("status", "vip"): ("customer", "ConnectWise's own name for good customers."),
    ("status", "solidvip"): ("customer", "ConnectWise's own name for good customers."),
    ("type", "client"): ("in", "ConnectWise's own name for customers."),
    ("type", "customer"): ("in", "ConnectWise's own name for customers."),
    ("type", "clientcustomer"): ("in", "ConnectWise's own name for customers."),
    ("type", "prospect"): ("out", "Not a customer yet."),
    ("type", "lead"): ("out", "Not a customer yet."),
    ("type", "vendor"): ("out", "They bill you, not you them."),
    ("type", "partner"): ("out", "Usually not billed; choose In if yours are."),
    ("type", "competitor"): ("out", "Not a customer."),
    ("type", "owner"): ("out", "Your own company."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a row of ConnectWise's own usually means, and why. A person decides."""

    meaning: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """A company status or type, and what it means.

    Args:
        psa_id: ConnectWise's id, on which the meaning hangs.
        name: Its name now, or the last one.
        meaning: None: no decision yet.
        flags: What an admin should look at.
        name_before: The name that an admin last saw, where it is another one now.
        renamed_at: When a sync first saw the name that it has now.
        gone_at: Since when ConnectWise no longer has it.
        inactive: ConnectWise no longer offers it for new companies.
        default: ConnectWise gives it to new companies.
        companies: How many companies carry it, those in the recycle bin left out.
        proposal: What it usually means, where it needs a decision and is one of ConnectWise's own.
        decided_by: Who gave the meaning.
        decided_at: When.
        absent: The lists were read, and ConnectWise has never had a row of this id; its meaning waits for it.
    """

    list: ListName
    psa_id: int
    name: str
    meaning: str | None
    flags: tuple[Flag, ...]
    name_before: str | None
    renamed_at: datetime | None
    gone_at: datetime | None
    inactive: bool
    default: bool
    companies: int
    proposal: Proposal | None
    decided_by: str | None
    decided_at: datetime | None
    absent: bool = False


def list_rows(session: Session, list_name: ListName) -> list[ListRow]:
    """Give a list's rows, flagged ones first, then by name.

    Args:
        session: For reading.
        list_name: `status` or `type`.
    """
    known = {row.id: row for row in session.scalars(sa.select(PsaListRow).where(PsaListRow.list == list_name))}
    given = {row.psa_id: row for row in session.scalars(sa.select(RowMeaning).where(RowMeaning.list == list_name))}
    carried = _carried(session, list_name)
    rows = [
        _row(list_name, psa_id, known.get(psa_id), given.get(psa_id), carried[psa_id], synced=bool(known))
        for psa_id in known.keys() | given.keys() | carried.keys()
    ]
    shown = (row for row in rows if row.gone_at is None or row.companies or row.meaning is not None)
    return sorted(shown, key=lambda row: (rank(row.flags), row.name.casefold(), row.psa_id))


def companies_with(list_name: ListName, psa_id: int) -> sa.Select[PsaCompany]:
    """Give the query of the companies that carry a row, by name; those in the recycle bin are left out."""
    query = sa.select(PsaCompany).where(PsaCompany.gone_at.is_(None), PsaCompany.deleted.is_(False))
    if list_name == "status":
        query = query.where(PsaCompany.status_id == psa_id)
    else:
        of_type = sa.select(PsaCompanyType.company_id).where(PsaCompanyType.type_id == psa_id)
        query = query.where(PsaCompany.id.in_(of_type))
    return query.order_by(PsaCompany.name, PsaCompany.id)


def _row(
    list_name: ListName,
    psa_id: int,
    known: PsaListRow | None,
    given: RowMeaning | None,
    companies: int,
    *,
    synced: bool,
) -> ListRow:
    name = known.name if known is not None else given.name_last_seen if given is not None else f"Number {psa_id}"
    gone = synced and (known is None or known.gone_at is not None)
    gone_at = known.gone_at if known is not None else None
    flags: list[Flag] = []
    if given is None and (companies or not gone):
        flags.append("needs_decision")
    renamed = given is not None and known is not None and known.name != given.name_last_seen
    if renamed and not gone:
        flags.append("renamed")
    remapped = given is not None and gone_at is not None and given.decided_at > gone_at
    if gone and companies and not remapped:
        flags.append("deleted")
    usual = _PROPOSALS.get((list_name, "".join(letter for letter in name.casefold() if letter.isalpha())))
    return ListRow(
        list=list_name,
        psa_id=psa_id,
        name=name,
        meaning=None if given is None else given.meaning,
        flags=tuple(flags),
        name_before=given.name_last_seen if given is not None and renamed else None,
        renamed_at=known.name_since if known is not None and renamed else None,
        gone_at=gone_at,
        inactive=known is not None and known.inactive,
        default=known is not None and known.default,
        companies=companies,
        proposal=Proposal(meaning=usual[0], reason=usual[1]) if given is None and usual is not None else None,
        decided_by=None if given is None else given.decided_by,
        decided_at=None if given is None else given.decided_at,
        absent=synced and known is None,
    )


def _carried(session: Session, list_name: ListName) -> Counter[int]:
    """Count the companies that carry each row."""
    there = (PsaCompany.gone_at.is_(None), PsaCompany.deleted.is_(False))
    if list_name == "status":
        query = sa.select(PsaCompany.status_id, sa.func.count()).where(*there, PsaCompany.status_id.is_not(None))
        found = session.execute(query.group_by(PsaCompany.status_id))
        return Counter({psa_id: number for psa_id, number in found if psa_id is not None})
    of_types = (
        sa.select(PsaCompanyType.type_id, sa.func.count())
        .join(PsaCompany, PsaCompany.id == PsaCompanyType.company_id)
        .where(*there)
        .group_by(PsaCompanyType.type_id)
    )
    return Counter(dict(session.execute(of_types).all()))
