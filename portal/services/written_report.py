"""What would have been written while the portal is read-only: every planned write, checked anew as it stands now.

Nothing is sent because of it. What was planned is confirmed by a person, once an admin has switched writing on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Card, PsaAddition, PsaAgreement, Push
from portal.domain.steps import Step, StepAction
from portal.services.card_picture import billed_agreements
from portal.services.decision_checks import line_facts

_CHUNK = 500  # ids in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """What would be written to one line.

    Args:
        line: Its id; none: it would be made.
        words: In plain words.
        before: Its quantity or last day before, as text; "" where there is none.
        after: The same afterwards.
        day: From when; none: at once.
    """

    line: int | None
    words: str
    before: str
    after: str
    day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A decision that is planned.

    Args:
        per_month: What it changes a month; none where no price is known.
        next_invoice: What it changes on the next invoice; none where there is no figure.
        why_not: Why it is no longer valid, as a sentence; "" where it can be sent as it was planned.
    """

    push_id: int
    card_id: int
    period: str
    company_id: int
    company: str
    agreement_id: int
    agreement: str
    product: str
    currency: str
    action: str
    by: str
    at: datetime
    lines: tuple[LineChange, ...]
    per_month: Decimal | None
    next_invoice: Decimal | None
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is planned, by company, agreement and product.

    Args:
        rows: Each decision.
        waiting: Decisions that still wait for a second person, and are in no row.
    """

    rows: tuple[Planned, ...]
    waiting: int

    @property
    def valid(self) -> list[Planned]:
        """What can be sent as it was planned."""
        return [row for row in self.rows if not row.why_not]

    @property
    def periods(self) -> dict[str, int]:
        """How much of it can be sent, by month."""
        found: dict[str, int] = {}
        for row in self.valid:
            found[row.period] = found.get(row.period, 0) + 1
        return dict(sorted(found.items()))

    @property
    def totals(self) -> dict[str, tuple[Decimal, Decimal]]:
        """A month and the next invoice by currency, of what can be sent; never added up across."""
        found: dict[str, tuple[Decimal, Decimal]] = {}
        for row in self.valid:
            month, invoice = found.get(row.currency, (Decimal(0), Decimal(0)))
            found[row.currency] = (month + (row.per_month or 0), invoice + (row.next_invoice or 0))
        return dict(sorted(found.items()))


def report(session: Session, *, today: date) -> Report:
    """Read what is planned and check it anew, in a number of queries that hardly grows with it.

    Args:
        session: For reading.
        today: In the portal's time zone.
    """
    query = (
        sa.select(Push)
        .join(Card, Card.id == Push.card_id)
        .where(Push.state == "planned")
        .options(joinedload(Push.card), joinedload(Push.decision), selectinload(Push.steps))
        .order_by(Card.company, Card.company_id, Push.agreement_id, Card.product, Push.id)
    )
    found = session.scalars(query).all()
    agreements = sorted({push.agreement_id for push in found})
    names, stands = _names(session, agreements), _lines(session, agreements)
    billed = billed_agreements(session, today) if found else {}
    waiting = session.scalar(sa.select(sa.func.count()).select_from(Push).where(Push.state == "waiting")) or 0
    rows = []
    for push in found:
        agreement = billed.get(push.agreement_id)
        gone = f"ConnectWise does not have agreement {push.agreement_id} any more."
        closed = gone if agreement is None else agreement.why_not
        rows.append(_row(push, names, closed or _moved(push, stands)))
    return Report(rows=tuple(rows), waiting=waiting)


def _row(push: Push, names: Mapping[int, str], why_not: str) -> Planned:
    card, decision = push.card, push.decision
    effect = decision.plan.get("effect") or {}
    return Planned(
        push_id=push.id,
        card_id=card.id,
        period=card.period,
        company_id=card.company_id,
        company=card.company,
        agreement_id=push.agreement_id,
        agreement=names.get(push.agreement_id) or f"agreement {push.agreement_id}",
        product=card.product,
        currency=card.currency,
        action=decision.action,
        by=decision.by,
        at=decision.at,
        lines=tuple(_change(Step.from_stored(step.plan)) for step in push.steps),
        per_month=_amount(effect.get("per_month")),
        next_invoice=_amount(effect.get("next_invoice")),
        why_not=why_not,
    )


def _change(step: Step) -> LineChange:
    """Say what a step would change of a line."""
    if step.action is StepAction.CREATE:
        return LineChange(line=None, words=step.words(), before="0", after=_text(step.quantity), day=step.effective)
    after: Decimal | date | None = step.quantity if step.action is StepAction.SET else step.cancelled
    return LineChange(
        line=step.addition_id, words=step.words(), before=_text(step.expected), after=_text(after), day=None
    )


def _moved(push: Push, stands: Mapping[tuple[int, str], Sequence[Mapping[str, Any]]]) -> str:
    """Say what changed of the lines since it was planned; "" where they are as they were."""
    seen = push.decision.seen
    product = seen.get("product", push.card.product)
    now = list(stands.get((push.agreement_id, product), ()))
    before = seen.get("lines") or []
    if now == before:
        return ""
    then, left = {line["id"]: line for line in before}, {line["id"]: line for line in now}
    said = []
    for line_id in sorted({*then, *left}):
        was, is_ = then.get(line_id), left.get(line_id)
        if was == is_:
            continue
        if was is None:
            said.append(f"line {line_id} with {is_['quantity'] if is_ else ''} is new")
        elif is_ is None:
            said.append(f"line {line_id} with {was['quantity']} is gone")
        elif was["quantity"] != is_["quantity"]:
            said.append(f"line {line_id} had {was['quantity']} and has {is_['quantity']} now")
        else:
            said.append(f"line {line_id} has other days now")
    return f"Changed in ConnectWise since it was planned: {', '.join(said)}. Take it back and decide again."


def _lines(session: Session, agreements: Sequence[int]) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Give the lines as they stand, by agreement and product, as `decision_checks.lines_seen` does for one."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for part in _parts(agreements):
        query = sa.select(PsaAddition).where(PsaAddition.agreement_id.in_(part), PsaAddition.gone_at.is_(None))
        for row in session.scalars(query.order_by(PsaAddition.id)):
            facts = line_facts(row.id, row.quantity, row.effective_date, row.cancelled_date)
            found.setdefault((row.agreement_id, row.product), []).append(facts)
    return found


def _names(session: Session, agreements: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in _parts(agreements):
        query = sa.select(PsaAgreement.id, PsaAgreement.name).where(PsaAgreement.id.in_(part))
        found |= dict(session.execute(query).all())
    return found


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    for begin in range(0, len(ids), _CHUNK):
        yield ids[begin : begin + _CHUNK]


def _text(value: Decimal | date | None) -> str:
    if value is None:
        return ""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value.isoformat()


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
