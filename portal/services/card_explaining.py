"""Say why a card's numbers are what they are: its lines, its counts down to the rows, its arithmetic."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    Card,
    Connection,
    Decision,
    PsaAddition,
    PsaAgreement,
    UsageCount,
    UsageImport,
    UsageRow,
    Vendor,
    VendorAccount,
    VendorService,
)
from portal.domain.lines import newest_first
from portal.domain.mapping import Source
from portal.domain.periods import Period
from portal.domain.psa import BilledAgreement, Line
from portal.domain.reconcile import Card as MadeCard
from portal.services.card_picture import Picture, line_of, picture


@dataclass(frozen=True, slots=True, kw_only=True)
class LineShown:
    """A line of the product on the card's agreement.

    Args:
        state: Whether it is billed on the day looked at, was, or will be.
        last_updated: When ConnectWise last changed it.
        updated_by: By whom.
    """

    line: Line
    state: Literal["active", "ended", "later"]
    last_updated: datetime | None
    updated_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShown:
    """A count that feeds the card, with the records it comes from; `rows_behind` leads to the file's rows."""

    source: Source
    vendor: Vendor
    account: VendorAccount | None
    service: VendorService | None
    usage_import: UsageImport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a card's numbers are what they are.

    Args:
        made: The card as it would be made now; none where it would not be.
        agreement: The mirrored agreement, also one that is gone from the PSA.
        billed: The agreement as it is billed on the day looked at; none where it is gone.
        lines: All lines of the product on the agreement, newest first, ended and later ones too.
        arithmetic: How the proposal came about, in sentences.
        psa_read_at: The last successful read of ConnectWise.
        agreement_read_at: When this agreement's lines were last read.
        decisions: Earlier decisions on the card, newest first.
    """

    card: Card
    made: MadeCard | None
    agreement: PsaAgreement | None
    billed: BilledAgreement | None
    lines: list[LineShown]
    sources: list[SourceShown]
    arithmetic: list[str]
    psa_read_at: datetime | None
    agreement_read_at: datetime | None
    decisions: list[Decision]


def explain(session: Session, card: Card, *, today: date, zone: ZoneInfo) -> Explanation:
    """Say why a card's numbers are what they are.

    Args:
        session: For reading.
        card: The card.
        today: In the portal's time zone.
        zone: The portal's time zone.
    """
    seen = picture(
        session, period=Period.parse(card.period), today=today, zone=zone, company_ids=[card.company_id], names=True
    )
    key = (card.agreement_id, card.product)
    made = next((one for one in seen.cards() if (one.agreement_id, one.product) == key), None)
    agreement = None if card.agreement_id is None else session.get(PsaAgreement, card.agreement_id)
    connection = session.get(Connection, "connectwise")
    return Explanation(
        card=card,
        made=made,
        agreement=agreement,
        billed=None if card.agreement_id is None else seen.billed.get(card.agreement_id),
        lines=_lines(session, card, seen),
        sources=[] if made is None else _sources(session, made),
        arithmetic=list(card.facts.get("arithmetic", ())) if made is None else list(made.arithmetic),
        psa_read_at=None if connection is None else connection.last_read_at,
        agreement_read_at=None if agreement is None else agreement.additions_read_at,
        decisions=list(
            session.scalars(sa.select(Decision).where(Decision.card_id == card.id).order_by(Decision.id.desc()))
        ),
    )


def rows_behind(session: Session, account_id: int, service_id: int, import_id: int) -> list[UsageRow]:
    """Give the rows of a file that made one count, in the order of the file.

    Args:
        session: For reading.
        account_id: Our id of the vendor account.
        service_id: Our id of the vendor service.
        import_id: The file.
    """
    query = (
        sa.select(UsageRow)
        .join(UsageCount, UsageCount.id == UsageRow.count_id)
        .where(
            UsageCount.import_id == import_id,
            UsageCount.account_id == account_id,
            UsageCount.service_id == service_id,
        )
        .order_by(UsageRow.line)
    )
    return list(session.scalars(query))


def _lines(session: Session, card: Card, seen: Picture) -> list[LineShown]:
    if card.agreement_id is None:
        return []
    query = sa.select(PsaAddition).where(
        PsaAddition.agreement_id == card.agreement_id,
        PsaAddition.product == card.product,
        PsaAddition.gone_at.is_(None),
    )
    rows = {row.id: row for row in session.scalars(query)}
    return [
        LineShown(
            line=line,
            state=_line_state(line, seen.day),
            last_updated=rows[line.addition_id].last_updated,
            updated_by=rows[line.addition_id].updated_by,
        )
        for line in newest_first(line_of(row) for row in rows.values())
    ]


def _line_state(line: Line, day: date) -> Literal["active", "ended", "later"]:
    if line.active(day):
        return "active"
    return "later" if line.begins_after(day) else "ended"


def _sources(session: Session, made: MadeCard) -> list[SourceShown]:
    vendors = {one.slug: one for one in session.scalars(sa.select(Vendor))}
    imports = _by_id(session, {source.file_id for source in made.sources})
    names = {source.account for source in made.sources}
    accounts = {
        (one.vendor_id, one.external_id): one
        for one in session.scalars(sa.select(VendorAccount).where(VendorAccount.external_id.in_(names)))
    }
    skus = {source.service for source in made.sources}
    services = {
        (one.vendor_id, one.external_id, one.term): one
        for one in session.scalars(sa.select(VendorService).where(VendorService.external_id.in_(skus)))
    }
    return [
        SourceShown(
            source=source,
            vendor=vendors[source.vendor],
            account=accounts.get((vendors[source.vendor].id, source.account)),
            service=services.get((vendors[source.vendor].id, source.service, source.term)),
            usage_import=imports.get(source.file_id),
        )
        for source in made.sources
    ]


def _by_id(session: Session, ids: set[int]) -> dict[int, UsageImport]:
    return {one.id: one for one in session.scalars(sa.select(UsageImport).where(UsageImport.id.in_(ids)))}
