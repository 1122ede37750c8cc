"""What Today shows. The number of reads does not depend on how many cards there are."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from portal.db.records import (
    Card,
    Decision,
    PsaCompany,
    Push,
)
from portal.domain.periods import Period
from portal.services.cards import DECIDABLE, TO_DECIDE_KINDS
from portal.services.cards import board_counts as counts_of

SUMMED = ("increase", "new_revenue", "decrease")
UNSUMMED = ("not_reported", "to_split")
TOP = 6  # companies
NEEDS = 8  # things that need somebody
PACE_DAYS = 62  # two months
PACE_LEAST = 30  # decisions whose time is known
PACE_GAP = timedelta(minutes=10)  # a longer gap is a break, not a decision
NEEDING = ("changed_in_psa", "failed", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """The cards to decide of one kind in one currency, and their money a month."""

    kind: str
    currency: str
    cards: int
    money: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyStake:
    """A company with cards to decide: what would be billed more and less a month."""

    id: int
    name: str
    currency: str
    cards: int
    more: Decimal
    less: Decimal

    @property
    def together(self) -> Decimal:
        """The signed sum."""
        return self.more + self.less


@dataclass(slots=True, kw_only=True)
class Month:
    """Where a period stands.

    Args:
        minutes: About how long the rest takes this person; none: too few decisions made one at a time to tell.
        stakes: Kinds whose revenue changes add up.
        unsummed: Kinds whose money is at stake, but in no sum.
        states: Cards by state, those that wait for a decision too.
    """

    decide: int
    equal: int
    uncompared: int
    decided: int
    stale: int
    companies: int
    in_scope: int
    minutes: int | None
    stakes: list[Stake] = field(default_factory=list)
    unsummed: list[Stake] = field(default_factory=list)
    top: list[CompanyStake] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def cards(self) -> int:
        """All cards."""
        return self.decide + self.equal + self.uncompared + self.decided + self.stale

    @property
    def together(self) -> dict[str, Decimal]:
        """The signed sum of the stakes by currency; never added up across."""
        found: dict[str, Decimal] = {}
        for stake in self.stakes:
            found[stake.currency] = found.get(stake.currency, Decimal(0)) + stake.money
        return found


def month_of(session: Session, period: Period, *, person_id: int, now: datetime) -> Month:
    """Read where a period stands."""
    counts = counts_of(session, period)
    open_cards = (
        Card.period == str(period),
        Card.gone_at.is_(None),
        Card.state.in_(sorted(DECIDABLE)),
        Card.kind.in_(sorted(TO_DECIDE_KINDS)),
    )
    by_kind = session.execute(
        sa.select(
            Card.kind,
            Card.currency,
            sa.func.count(),
            sa.func.sum(sa.case((Card.kind.in_(SUMMED), Card.revenue_change), else_=Card.at_stake)),
        )
        .where(*open_cards)
        .group_by(Card.kind, Card.currency)
    ).all()
    stakes = [
        Stake(kind=kind, currency=currency, cards=cards, money=money or Decimal(0))
        for kind, currency, cards, money in by_kind
    ]
    scope = (
        sa.select(sa.func.count())
        .select_from(PsaCompany)
        .where(PsaCompany.in_scope.is_(True), PsaCompany.gone_at.is_(None))
    )
    states = session.execute(
        sa.select(Card.state, sa.func.count())
        .where(Card.period == str(period), Card.state != "stale")
        .where(sa.or_(Card.gone_at.is_(None), Card.state.not_in(sorted(DECIDABLE))))
        .group_by(Card.state)
    ).all()
    order = [*SUMMED, *UNSUMMED]
    return Month(
        decide=counts.decide,
        equal=counts.equal,
        uncompared=counts.uncompared,
        decided=counts.decided,
        stale=counts.stale,
        companies=session.scalar(sa.select(sa.func.count(sa.distinct(Card.company_id))).where(*open_cards)) or 0,
        in_scope=session.scalar(scope) or 0,
        minutes=_minutes(session, person_id, counts.decide, now),
        stakes=sorted((s for s in stakes if s.kind in SUMMED), key=lambda s: (s.currency, order.index(s.kind))),
        unsummed=sorted((s for s in stakes if s.kind in UNSUMMED), key=lambda s: (order.index(s.kind), s.currency)),
        top=_top(session, open_cards),
        states=Counter({row[0]: row[1] for row in states}),
    )


def _top(session: Session, where: tuple[sa.ColumnElement[bool], ...]) -> list[CompanyStake]:
    change = sa.func.coalesce(Card.revenue_change, 0)
    stake = sa.func.sum(sa.func.coalesce(Card.at_stake, 0))
    rows = session.execute(
        sa.select(
            Card.company_id,
            sa.func.max(Card.company),
            Card.currency,
            sa.func.sum(sa.case((sa.and_(Card.kind.in_(SUMMED), Card.revenue_change > 0), Card.revenue_change))),
            sa.func.sum(sa.case((sa.and_(Card.kind.in_(SUMMED), Card.revenue_change < 0), Card.revenue_change))),
        )
        .where(*where, Card.kind.in_(SUMMED), change != 0)
        .group_by(Card.company_id, Card.currency)
        .order_by(stake.desc(), Card.company_id)
        .limit(TOP)
    ).all()
    counted = sa.select(Card.company_id, sa.func.count()).where(*where, Card.company_id.in_({row[0] for row in rows}))
    cards = dict(session.execute(counted.group_by(Card.company_id)).all())  # all that the link beside them lists
    return [
        CompanyStake(
            id=row[0],
            name=row[1],
            currency=row[2],
            cards=cards[row[0]],
            more=row[3] or Decimal(0),
            less=row[4] or Decimal(0),
        )
        for row in rows
    ]


def _minutes(session: Session, person_id: int, left: int, now: datetime) -> int | None:
    """Tell about how long the rest takes, at this person's pace of the last two months.

    The pace is that of decisions made one at a time, right after one another: the cards of a batch are decided in one
    moment, and an undo decides no card.
    """
    single = sa.and_(Decision.batch_id.is_(None), Decision.action != "undo")
    rows = session.execute(
        sa.select(Decision.at, single)
        .where(Decision.by_id == person_id, Decision.at > now - timedelta(days=PACE_DAYS))
        .order_by(Decision.at, Decision.id)
    )
    acts: list[tuple[datetime, bool]] = [(at, alone) for at, alone in rows]
    gaps = [
        at - before
        for (before, alone_before), (at, alone) in pairwise(acts)
        if alone_before and alone and at - before <= PACE_GAP
    ]
    if len(gaps) < PACE_LEAST:
        return None
    return max(1, round(median(gap.total_seconds() for gap in gaps) * left / 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Needing:
    """A card that needs somebody, and why."""

    card: Card
    cause: str
    by: str


def needing(session: Session, period: Period) -> tuple[list[Needing], int]:
    """List the cards that need somebody, and count those that are not listed."""
    where = (Card.period == str(period), Card.state.in_(NEEDING), Card.gone_at.is_(None))
    cards = session.scalars(
        sa.select(Card).where(*where).order_by(Card.state, Card.company, Card.id).limit(NEEDS)
    ).all()
    total = session.scalar(sa.select(sa.func.count()).select_from(Card).where(*where)) or 0
    decisions = {
        decision.id: decision
        for decision in session.scalars(
            sa.select(Decision)
            .options(joinedload(Decision.push))
            .where(Decision.id.in_([card.decision_id for card in cards if card.decision_id]))
        )
    }
    found = []
    for card in cards:
        decision = decisions.get(card.decision_id) if card.decision_id else None
        push: Push | None = decision.push if decision else None
        found.append(Needing(card=card, cause=(push.cause if push else "") or "", by=decision.by if decision else ""))
    return found, total - len(found)
