"""Why a card's numbers are what they are: its lines, its counts, the arithmetic, earlier decisions."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AgreementWanted, AuditEvent, Card, Decision, PsaCompany, SyncRun
from portal.domain.invoicing import invoiced_period
from portal.domain.periods import Period
from portal.domain.psa import BilledAgreement
from portal.domain.steps import Plan
from portal.factory import clock
from portal.services import card_history, card_lines, cards, decisions, usage_store
from portal.services.errors import Refused
from portal.services.made_up_mark import of_now
from portal.web import filters as shown
from portal.web.cards.plot import step_plot
from portal.web.cards.rows import Row
from portal.web.cards.sentences import did
from portal.web.cards.words import STATES
from portal.web.locale_choice import current_locale

EARLIER = 12  # decisions listed
JUST_NOW = timedelta(minutes=10)  # for which the result of reading again is shown


def why(session: Session, row: Row) -> dict[str, Any]:
    """Gather why a card's numbers are what they are."""
    card, where = row.card, row.where
    explained = cards.explain(session, card, today=where.today, zone=where.zone)
    period = Period.parse(card.period)
    other = card_lines.uncounted(session, card, day=period.looked_at(where.today))
    agreement, company = explained.agreement, session.get(PsaCompany, card.company_id)
    course = card_history.months(session, card, today=where.today)
    plan, blocked = None, None
    if row.decidable and card.kind in {"increase", "decrease"}:
        plan, blocked = _approving(session, card)
    return {
        "why": {
            "explained": explained,
            "plan": plan,
            "no_plan": blocked,
            "notes": [] if plan is None else notes_of(plan),
            "next_invoice_on": next_invoice_on(explained.billed),
            "looked_at": period.looked_at(where.today),
            "shown": sum((one.line.quantity for one in explained.lines if one.state == "active"), Decimal(0)),
            "included": sum((one.line.less_included for one in explained.lines if one.state == "active"), Decimal(0)),
            "changed": max((one for one in explained.lines if one.last_updated), key=_updated, default=None),
            "covers": _covers(session, explained, period),
            "files": sorted(
                {(one.usage_import.filename, one.usage_import.id) for one in explained.sources if one.usage_import}
            ),
            "earlier": _earlier(session, card),
            "months": course,
            "plot": step_plot(course),
            "moves": card_history.moves(session, card, today=where.today),
            "reading": active_reading(session, card),
            "wanted": is_wanted(session, card),
            "read": _read_again(session, card, where.now),
            "other_lines": other,
            "agreement_changed": None if agreement is None or agreement.last_updated is None else agreement,
            "history": _history(session, card),
            "scope": None if company is None or card.state != "stale" else company.scope_reason,
            "can_sync": card.agreement_id is None and where.by.at_least("biller"),
            "can_read": card.agreement_id is not None and where.by.at_least("biller"),
        },
        "did": did,
        "states": STATES,
    }


def _history(session: Session, card: Card) -> list[AuditEvent]:
    """Give when the card became stale and came back, newest first."""
    if card.agreement_id is None:
        return []
    query = (
        sa.select(AuditEvent)
        .where(
            AuditEvent.agreement_id == card.agreement_id,
            AuditEvent.action.in_(("card.stale", "card.back")),
            of_now(session),
        )
        .order_by(AuditEvent.n.desc())
        .limit(EARLIER)
    )
    return [one for one in session.scalars(query) if card.id in (one.details or {}).get("cards", ())]


def is_wanted(session: Session, card: Card) -> bool:
    """Tell whether the card's agreement is to be read by the next run, or by the one at work."""
    return card.agreement_id is not None and session.get(AgreementWanted, card.agreement_id) is not None


def _read_again(session: Session, card: Card, now: datetime) -> dict[str, Any] | None:
    """Say what reading the agreement again has found, if somebody asked for it just now."""
    if card.agreement_id is None:
        return None
    query = sa.select(SyncRun).where(
        SyncRun.kind == "agreement",
        SyncRun.agreement_id == card.agreement_id,
        SyncRun.state.in_(("done", "failed")),
        SyncRun.queued_at > now - JUST_NOW,
    )
    run = session.scalars(query.order_by(SyncRun.id.desc()).limit(1)).first()
    if run is None:
        return None
    later = sa.select(SyncRun.id).where(SyncRun.kind != "agreement", SyncRun.state == "done", SyncRun.id > run.id)
    if session.scalar(later.limit(1)) is not None:
        return None  # the numbers are of that one, and what this one found holds no more
    parts = (run.counts or {}).values()
    moved = sum(int(part.get(name, 0)) for part in parts for name in ("new", "changed", "gone"))
    return {"id": run.id, "failed": run.state == "failed", "error": run.error or "", "moved": moved}


def _updated(line: cards.LineShown) -> Any:  # noqa: ANN401 - moments, which only compare
    return line.last_updated


def _covers(session: Session, explained: cards.Explanation, period: Period) -> str:
    """Say which days the counts cover, where they are not the period's own."""
    counts = [
        (one.usage_import.id, one.account.id, one.service.id)
        for one in explained.sources
        if one.usage_import is not None and one.account is not None and one.service is not None
    ]
    found = usage_store.days_covered(session, counts) - {(period.first, period.last)}
    write = current_locale().day
    days = [write(first) if first == last else f"{write(first)} to {write(last)}" for first, last in sorted(found)]
    return f"Covers {' and '.join(days)}." if days else f"Covers {shown.period(period)}."


def _earlier(session: Session, card: Card) -> list[Decision]:
    """Give earlier decisions on this pair of company and product, newest first."""
    query = (
        sa.select(Decision)
        .join(Card, Card.id == Decision.card_id)
        .where(Card.company_id == card.company_id, Card.product == card.product)
        .order_by(Decision.id.desc())
        .limit(EARLIER)
    )
    return list(session.scalars(query))


def active_reading(session: Session, card: Card) -> SyncRun | None:
    """Give the reading of this agreement that waits or works."""
    if card.agreement_id is None:
        return None
    query = sa.select(SyncRun).where(
        SyncRun.kind == "agreement", SyncRun.agreement_id == card.agreement_id, SyncRun.state.in_(("queued", "running"))
    )
    return session.scalars(query.order_by(SyncRun.id.desc()).limit(1)).first()


def _approving(session: Session, card: Card) -> tuple[Plan | None, str]:
    """Plan the approval of a card; where it cannot be planned, say why."""
    try:
        return decisions.plan_for(session, card, "approve", today=clock().today()), ""
    except Refused as error:
        return None, str(error)


def notes_of(plan: Plan) -> list[str]:
    """Give what a plan says besides its writes and its figure for the next invoice."""
    rest = plan.sentences[len(plan.steps) :]
    return [one for one in rest if not one.startswith(("Next invoice ", "No figure ", "The PSA has this quantity"))]


def next_invoice_on(billed: BilledAgreement | None) -> date | None:
    """Give the date of the next invoice of an agreement, where it is known."""
    period = None if billed is None else invoiced_period(billed)
    return None if period is None else period.invoice_on
