"""Companies that accounts are mapped to, but that ConnectWise no longer has: where their agreements are now.

A merge in ConnectWise deletes a company and hands its agreements to another one. The agreements keep their ids, so the
cards of earlier days tell whose they were. Nothing is moved by itself: a person decides.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from portal.db.records import AccountMapping, Card, PsaAgreement, PsaCompany, VendorAccount
from portal.services.actors import Actor, require
from portal.services.card_remaking import cards_anew
from portal.services.errors import Conflict
from portal.services.mapping_accounts import map_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """A live company that has agreements of a lost one.

    Args:
        agreements: How many of them.
    """

    company_id: int
    name: str
    agreements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A company that ConnectWise no longer has, though accounts are mapped to it.

    Args:
        accounts: How many.
        successors: Where its agreements are now, the most first; none: nobody has taken any over.
    """

    company_id: int
    name: str
    accounts: int
    successors: tuple[Successor, ...]


def lost_companies(session: Session) -> list[Lost]:
    """List the companies that are mapped to but gone, by name, in two queries."""
    gone = sa.or_(PsaCompany.deleted.is_(True), PsaCompany.gone_at.is_not(None))
    rows = session.execute(
        sa.select(PsaCompany.id, PsaCompany.name, sa.func.count())
        .join(AccountMapping, AccountMapping.company_id == PsaCompany.id)
        .where(gone)
        .group_by(PsaCompany.id, PsaCompany.name)
        .order_by(PsaCompany.name, PsaCompany.id)
    ).all()
    if not rows:
        return []
    agreements = sa.func.count(sa.distinct(PsaAgreement.id))
    heir = aliased(PsaCompany)
    found = session.execute(
        sa.select(Card.company_id, heir.id, heir.name, agreements)
        .join(PsaAgreement, PsaAgreement.id == Card.agreement_id)
        .join(heir, heir.id == PsaAgreement.company_id)
        .where(
            Card.company_id.in_(sa.select(PsaCompany.id).where(gone)),
            PsaAgreement.company_id != Card.company_id,
            PsaAgreement.gone_at.is_(None),
            heir.deleted.is_(False),
            heir.gone_at.is_(None),
        )
        .group_by(Card.company_id, heir.id, heir.name)
        .order_by(agreements.desc(), heir.name, heir.id)
    )
    successors: dict[int, list[Successor]] = {}
    for company_id, heir_id, name, number in found:
        one = Successor(company_id=heir_id, name=name, agreements=number)
        successors.setdefault(company_id, []).append(one)
    return [
        Lost(company_id=company_id, name=name, accounts=accounts, successors=tuple(successors.get(company_id, ())))
        for company_id, name, accounts in rows
    ]


def follow_merge(
    session: Session, lost_id: int, heir_id: int, *, accounts: int, by: Actor, now: datetime, zone: ZoneInfo
) -> int:
    """Move every account of a lost company to one that has taken over agreements of it, each as a change of its own.

    Args:
        session: A writing session.
        lost_id: The company that is gone.
        heir_id: Where the accounts go.
        accounts: How many the person saw.
        by: Who decides.
        now: By the business clock.
        zone: The portal's time zone.

    Returns:
        How many accounts were moved.

    Raises:
        Conflict: The company is not lost any more, has other accounts by now, or the other one is no successor.
    """
    require(by, "biller", "map accounts and services")
    lost = next((one for one in lost_companies(session) if one.company_id == lost_id), None)
    if lost is None or lost.accounts != accounts or heir_id not in {one.company_id for one in lost.successors}:
        raise Conflict("This has changed since the page was shown. Nothing was moved; look at it again.")
    ids = session.scalars(
        sa.select(VendorAccount.id)
        .join(
            AccountMapping,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
        .where(AccountMapping.company_id == lost_id)
        .order_by(VendorAccount.id)
    ).all()
    for account_id in ids:
        map_account(session, account_id, heir_id, by=by, now=now)
    cards_anew(session, now=now, zone=zone)
    return len(ids)
