"""Reads for the preview of a bulk decision; their number does not depend on how many cards there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaAddition, PsaAgreement, PsaBillingCycle
from portal.domain.effective_dates import EARLIEST, LATEST, date_bounds
from portal.domain.periods import Period, day_text
from portal.domain.psa import BilledAgreement, Line, live_agreements
from portal.domain.unusual import History
from portal.services.card_picture import agreement_of

MONTHS = 12  # looked back for what is usual
_NAMED_COMPANIES = 500  # up to so many are named in a query; of more, all are read
_UNITS = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a pair of company and product counts in the month, beside the months before."""

    count: Decimal
    history: History


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an effective date means for cards whose agreements prorate.

    Args:
        first: The first day that any of them takes.
        last: The last day that any of them takes.
        all_from: From this day on, each takes a day...
        all_to: ...up to this one; before `all_from` where no day suits them all.
        refused: Why the date cannot be picked for a card, by card id.
        invoiced: Cards for which the date lies in a period that was already invoiced.
        at_once: Cards whose changing line begins on that very day: it is set, with one write.
    """

    first: date = EARLIEST
    last: date = LATEST
    all_from: date = EARLIEST
    all_to: date = LATEST
    refused: Mapping[int, str] = field(default_factory=dict)
    invoiced: frozenset[int] = frozenset()
    at_once: frozenset[int] = frozenset()


def counted_before(session: Session, found: Sequence[Card]) -> dict[tuple[int, str], Now]:
    """Give what the pairs of some cards count now and counted in the twelve months before, in one query."""
    if not found:
        return {}
    period = Period.parse(found[0].period)
    first = period
    for _ in range(MONTHS):
        first = first.previous
    where = [Card.period >= str(first), Card.period <= str(period), Card.vendor_quantity.is_not(None)]
    companies = {card.company_id for card in found}
    if len(companies) <= _NAMED_COMPANIES:
        where.append(Card.company_id.in_(companies))
    units = sa.func.sum(sa.type_coerce(Card.vendor_quantity, sa.BigInteger)).label("units")
    months = (
        sa.select(Card.company_id, Card.product, Card.period, units)
        .where(*where, Card.gone_at.is_(None))
        .group_by(Card.company_id, Card.product, Card.period)
        .subquery()
    )
    this, earlier = months.c.period == str(period), months.c.period < str(period)
    query = sa.select(
        months.c.company_id,
        months.c.product,
        sa.func.max(sa.case((this, months.c.units))),
        sa.func.count(sa.case((earlier, 1))),
        sa.func.min(sa.case((earlier, months.c.units))),
        sa.func.max(sa.case((earlier, months.c.units))),
    ).group_by(months.c.company_id, months.c.product)
    return {
        (company_id, product): Now(
            count=int(now) * _UNITS, history=History(months=number, least=int(least) * _UNITS, most=int(most) * _UNITS)
        )
        for company_id, product, now, number, least, most in session.execute(query)
        if now is not None and number
    }


def pending(session: Session, found: Sequence[Card]) -> dict[int, Decision]:
    """Give the decisions that wait for a second person, or to be sent, by card."""
    ids = [card.decision_id for card in found if card.state in {"waiting", "planned"} and card.decision_id is not None]
    if not ids:
        return {}
    return {one.card_id: one for one in session.scalars(sa.select(Decision).where(Decision.id.in_(ids)))}


def money_of(decision: Decision) -> Decimal | None:
    """Give what a decision changes a month, as its plan says; none where no price was known."""
    month = (decision.plan.get("effect") or {}).get("per_month")
    return None if month is None else Decimal(month)


def terms(session: Session, found: Sequence[Card], day: date | None, today: date) -> Terms:
    """Say what a date means for cards that are to be adjusted from it, in a fixed number of queries.

    Args:
        session: For reading.
        found: Cards of one month whose agreements prorate.
        day: The date; none: none was picked yet, so that only the bounds are said.
        today: Today.
    """
    if not found:
        return Terms()
    billed = _billed(session, Period.parse(found[0].period).looked_at(today))
    changing = {card.id: [int(one["id"]) for one in card.facts.get("changing") or []] for card in found}
    ids = sorted({one for lines in changing.values() for one in lines})
    query = sa.select(PsaAddition.id, PsaAddition.effective_date).where(PsaAddition.id.in_(ids))
    begins = dict(session.execute(query).all())
    bounds = {
        card.id: date_bounds(agreement, [_line(card, one, begins.get(one)) for one in changing[card.id]])
        for card in found
        if card.agreement_id is not None and (agreement := billed.get(card.agreement_id)) is not None
    }
    if not bounds:
        return Terms()
    firsts, lasts = [one.earliest for one in bounds.values()], [one.latest for one in bounds.values()]
    span = Terms(first=min(firsts), last=max(lasts), all_from=max(firsts), all_to=min(lasts))
    if day is None:
        return span
    refused = {card_id: why_not for card_id, one in bounds.items() if (why_not := one.why_not(day)) is not None}
    return replace(
        span,
        refused=refused,
        invoiced=frozenset(
            card_id
            for card_id, one in bounds.items()
            if card_id not in refused and one.invoiced_before is not None and day < one.invoiced_before
        ),
        at_once=frozenset(
            card_id
            for card_id in bounds
            if changing[card_id] and all(begins.get(one) == day for one in changing[card_id])
        ),
    )


def suits_words(bounds: Terms, write: Callable[[date], str]) -> str:
    """Say which days suit every card: "Each of them takes a day from 1 Oct to 31 Dec."; empty where any day does.

    Args:
        bounds: What a date means for the cards.
        write: How a day is written.
    """
    if bounds.all_from > bounds.all_to:
        return "No one day suits them all."
    begin = "" if bounds.all_from == EARLIEST else f" from {write(bounds.all_from)}"
    end = "" if bounds.all_to == LATEST else f" up to {write(bounds.all_to)}"
    return f"Each of those that prorate takes a day{begin}{end}." if begin or end else ""


def invoiced_words(day: date, number: int) -> str:
    """Spell out that a date was already invoiced for some cards."""
    cards = "1 of these cards" if number == 1 else f"{number:,} of these cards"
    return (
        f"For {cards} {day_text(day)} lies in a period that was already invoiced. "
        "The rest of that period comes on top of the next invoice."
    )


def _line(card: Card, addition_id: int, effective: date | None) -> Line:
    return Line(
        addition_id=addition_id,
        agreement_id=card.agreement_id or 0,
        product=card.product,
        quantity=Decimal(0),
        effective=effective,
    )


def _billed(session: Session, day: date) -> Mapping[int, BilledAgreement]:
    """Read all agreements as they are billed on a day, with what they take from their parents."""
    months = dict(session.execute(sa.select(PsaBillingCycle.id, PsaBillingCycle.months)).all())
    rows = session.scalars(sa.select(PsaAgreement).where(PsaAgreement.gone_at.is_(None)))
    return live_agreements([agreement_of(row, months) for row in rows], day)
