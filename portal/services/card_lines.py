"""Lines of ConnectWise that a card does not count, though a person may look for them there, each with why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaAddition, PsaAgreement, PsaCompany
from portal.domain.periods import day_text
from portal.domain.psa import BilledAgreement, Line
from portal.services.card_picture import billed_agreements, line_of

MOST = 30  # lines that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A line that the card does not count.

    Args:
        why: A phrase, such as "ended on 27 Oct 2026".
        last_updated: When ConnectWise last changed it.
        updated_by: By whom.
    """

    line: Line
    agreement: str
    why: str
    last_updated: datetime | None
    updated_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounteds:
    """What a card does not count, and what ConnectWise has of the company at all.

    Args:
        lines: Of this product or one that is spelled alike, newest first; at most `MOST`.
        more: How many are not listed.
        none: Why there is nothing that could be counted, as a sentence; "" where there is.
    """

    lines: tuple[Uncounted, ...]
    more: int = 0
    none: str = ""


def uncounted(session: Session, card: Card, *, day: date) -> Uncounteds:
    """Give the lines of a card's company that could be taken for its product's and are not in its sum.

    Args:
        session: For reading.
        card: The card.
        day: The day looked at.
    """
    agreements = {
        row.id: row
        for row in session.scalars(sa.select(PsaAgreement).where(PsaAgreement.company_id == card.company_id))
    }
    company = session.get(PsaCompany, card.company_id)
    billed = billed_agreements(session, day)
    rows = session.scalars(
        sa.select(PsaAddition).where(PsaAddition.agreement_id.in_(agreements.keys())).order_by(PsaAddition.id.desc())
    )
    found = []
    for row in rows:
        if _letters(row.product) != _letters(card.product):
            continue
        agreement = agreements[row.agreement_id]
        why = _why_not(row, card, agreement, billed.get(agreement.id), company, day)
        if why:
            found.append(
                Uncounted(
                    line=line_of(row),
                    agreement=f"{agreement.name} ({agreement.id})",
                    why=why,
                    last_updated=row.last_updated,
                    updated_by=row.updated_by,
                )
            )
    none = _nothing_at_all(agreements.values(), billed) if card.agreement_id is None else ""
    return Uncounteds(lines=tuple(found[:MOST]), more=max(0, len(found) - MOST), none=none)


def _why_not(
    row: PsaAddition,
    card: Card,
    agreement: PsaAgreement,
    billed: BilledAgreement | None,
    company: PsaCompany | None,
    day: date,
) -> str:
    """Say why a line is not in the card's sum; "" where it is."""
    gone = _why_agreement_not(agreement, billed, company)
    if row.gone_at is not None or gone:
        return gone or "deleted in ConnectWise"
    if row.product != card.product:
        return f"another product: {row.product} is spelled like {card.product}, but is not it"
    line = line_of(row)
    if line.cancelled is not None and line.cancelled < day:
        return f"ended on {day_text(line.cancelled)}"
    if line.effective is not None and line.effective > day:
        return f"begins on {day_text(line.effective)}"
    return "" if agreement.id == card.agreement_id else "stands on another agreement, which has a card of its own"


def _why_agreement_not(agreement: PsaAgreement, billed: BilledAgreement | None, company: PsaCompany | None) -> str:
    """Say why no line of an agreement is counted; "" where they are."""
    if company is not None and not company.in_scope:
        return f"the company is out of scope: {company.scope_reason or 'no status or type brings it in'}".rstrip(".")
    if agreement.gone_at is not None or billed is None:
        return "its agreement was deleted in ConnectWise"
    return "" if billed.why_not is None else f"{billed.why_not[0].lower()}{billed.why_not[1:]}".rstrip(".")


def _nothing_at_all(agreements: Iterable[PsaAgreement], billed: dict[int, BilledAgreement]) -> str:
    """Say that no agreement of the company could bill anything."""
    there = [one for one in agreements if one.gone_at is None]
    if not there:
        return "ConnectWise has no agreement of this company, as last read."
    if not any(billed[one.id].billed for one in there if one.id in billed):
        many = "1 agreement" if len(there) == 1 else f"{len(there)} agreements"
        return f"ConnectWise has {many} of this company, but none that bills now."
    return ""


def _letters(text: str) -> str:
    """Keep what people read: letters and digits, whatever their case."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())
