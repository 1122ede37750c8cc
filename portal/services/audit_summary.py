"""The manager's view of the trail: what was decided, by whom, for how much, and what was overridden and why.

It is read from the events of decisions in a range of days, of which at most 10,000 are counted, so that it takes no
longer in a trail of a million events. Amounts are those of the plan that the person confirmed, per month.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Card

MOST = 10_000  # events that are counted
MOST_OVERRIDDEN = 200  # that are listed
LARGEST = 10  # single decisions that are listed, of each currency
OVERRIDES = {
    "too_old": "A count was too old or held",
    "invoiced_ok": "The period was already invoiced",
    "scheduled_ok": "A line was scheduled to begin later",
    "second": "A second person confirmed",
    "held": "A held file was released",
}
BY = ("person", "company", "agreement", "product", "day")
SORTS = ("decisions", "money")
_COLUMNS = (
    "n", "at", "person", "action", "company_id", "company", "agreement_id", "product", "card_id", "sentence", "reason",
)  # fmt: skip
_RELEASED = "usage.release"
_DECIDED = ("card.approve", "card.adjust", "card.add", "card.dismiss", "card.split", "card.undo")
_COUNTED = {
    "card.approve": "approved", "card.adjust": "adjusted", "card.add": "added", "card.dismiss": "dismissed",
    "card.split": "shared", "card.undo": "undone",
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Group:
    """Decisions of one person, company, agreement, product or day.

    Args:
        key: What the trail is filtered by to see them; empty: there is none.
        title: As people know it.
        counts: Decisions by what was done, such as `approved`.
        raised: Amounts a month by which bills rise, by currency; likewise `lowered`, below zero.
        overridden: How many went over a warning.
    """

    key: str
    title: str
    counts: dict[str, int] = field(default_factory=dict)
    raised: dict[str, Decimal] = field(default_factory=dict)
    lowered: dict[str, Decimal] = field(default_factory=dict)
    overridden: int = 0

    @property
    def decisions(self) -> int:
        """How many decisions there are."""
        return sum(self.counts.values())

    @property
    def moved(self) -> dict[str, Decimal]:
        """How much bills move a month, up and down together, by currency."""
        both = {*self.raised, *self.lowered}
        return {one: self.raised.get(one, Decimal()) - self.lowered.get(one, Decimal()) for one in sorted(both)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """One decision that moves much money.

    Args:
        n: Its event.
        amount: What it changes a month, in its currency.
        currency: ISO code; empty: not known.
    """

    n: int
    at: datetime
    person: str
    company: str
    product: str
    sentence: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """A decision, a release or a confirmation that went over a warning.

    Args:
        n: Its event.
        kinds: Keys of `OVERRIDES`.
    """

    n: int
    at: datetime
    person: str
    company: str
    product: str
    sentence: str
    kinds: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was decided in a range of days.

    Args:
        groups: Most decisions first, days newest first; or most money first, then those that move none of it.
        total: All of them in one.
        currencies: That money moved in, by how many decisions.
        currency: By which the groups are sorted where they are sorted by money.
        largest: The ten decisions of each currency that move most, by its code.
        overridden: Newest first, at most 200.
        cut_at: The time of the oldest event that was counted, where there were more than 10,000; none: all were.
    """

    groups: list[Group]
    total: Group
    currencies: list[str]
    currency: str
    largest: dict[str, list[Large]]
    overridden: list[Overridden]
    cut_at: datetime | None


def summarise(
    session: Session,
    *,
    by: str,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
    person: str = "",
    company_id: int = 0,
    sort: str = "decisions",
    currency: str = "",
) -> Summary:
    """Count decisions.

    Args:
        session: For reading.
        by: One of `BY`.
        since: From this moment on.
        until: Before this moment.
        zone: The portal's, for days.
        person: Only this person's; empty: everybody's.
        company_id: Only this company's; 0: all.
        sort: One of `SORTS`.
        currency: By which money is compared, since currencies are never added; empty or unknown: the most common.
    """
    events, cut_at = _events(session, ("decision",), since, until, person=person, company_id=company_id)
    releases, _ = _events(session, ("usage",), since, until, person=person, action=_RELEASED)
    currencies = _currencies(session, {event.card_id for event in events if event.card_id is not None})
    total = Group(key="", title="All")
    groups: dict[str, Group] = {}
    moving: dict[str, list[Large]] = {}
    overridden = [_overridden(event, ("held",)) for event in releases] if not company_id else []
    for event in events:
        kinds = _kinds(event)
        if kinds:
            overridden.append(_overridden(event, kinds))
        if event.action not in _COUNTED and not kinds:
            continue
        key, title = _KEYS[by](event, zone)
        group = groups.setdefault(key or title, Group(key=key, title=title))
        amount, its_currency = _amount(event), currencies.get(event.card_id or 0, "")
        for one in (group, total):
            one.overridden += bool(kinds)
            _add(one, event, amount, its_currency)
        if amount and event.action in _COUNTED:
            moving.setdefault(its_currency, []).append(_large(event, amount, its_currency))
    common = sorted(moving, key=lambda one: (-len(moving[one]), one))
    chosen = currency if currency in moving else next(iter(common), "")
    overridden.sort(key=lambda one: (one.at, one.n), reverse=True)
    return Summary(
        groups=_sorted(groups.values(), by, sort, chosen),
        total=total,
        currencies=common,
        currency=chosen,
        largest={one: _largest(moving[one]) for one in common},
        overridden=overridden[:MOST_OVERRIDDEN],
        cut_at=cut_at,
    )


def _sorted(groups: Iterable[Group], by: str, sort: str, currency: str) -> list[Group]:
    ordered = sorted(groups, key=lambda one: (-one.decisions, one.title))
    if by == "day":
        ordered.sort(key=lambda one: one.key, reverse=True)
    if sort == "money":
        ordered.sort(key=lambda one: one.moved.get(currency, Decimal()), reverse=True)
    return ordered


def _largest(moving: Iterable[Large]) -> list[Large]:
    return sorted(moving, key=lambda one: (-abs(one.amount), -one.n))[:LARGEST]


def _events(
    session: Session,
    what: Sequence[str],
    since: datetime,
    until: datetime,
    *,
    person: str = "",
    company_id: int = 0,
    action: str = "",
) -> tuple[Sequence[sa.Row[Any]], datetime | None]:
    """Read the newest events of a range along an index; of their details only what is counted."""
    details = AuditEvent.details
    where: list[sa.ColumnElement[bool]] = [AuditEvent.at >= since, AuditEvent.at < until]
    if company_id:
        where.append(AuditEvent.company_id == company_id)
    elif person:
        where.append(AuditEvent.person == person)
    else:
        where.append(AuditEvent.what.in_(what))
    places = (
        sa.select(AuditEvent.n).where(*where).order_by(AuditEvent.at.desc(), AuditEvent.n.desc()).limit(MOST).subquery()
    )
    query = (
        sa.select(
            *(getattr(AuditEvent, name) for name in _COLUMNS),
            details["plan"]["effect"]["per_month"].as_string().label("per_month"),
            details["seen"]["too_old"].as_string().label("too_old"),
            details["ticked"].as_string().label("ticked"),
        )
        .select_from(places.join(AuditEvent, AuditEvent.n == places.c.n))
        .where(AuditEvent.what.in_(what))
    )
    if person:
        query = query.where(AuditEvent.person == person)
    if action:
        query = query.where(AuditEvent.action == action)
    rows: list[sa.Row[Any]] = list(session.execute(query))
    edge = session.execute(sa.select(sa.func.count(), sa.func.min(places.c.n)).select_from(places)).one()
    cut = session.scalar(sa.select(AuditEvent.at).where(AuditEvent.n == edge[1])) if edge[0] == MOST else None
    return rows, cut


def _currencies(session: Session, card_ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    ids = sorted(card_ids)
    for begin in range(0, len(ids), 500):
        query = sa.select(Card.id, Card.currency).where(Card.id.in_(ids[begin : begin + 500]))
        found.update((card_id, currency) for card_id, currency in session.execute(query))
    return found


def _kinds(event: sa.Row[Any]) -> tuple[str, ...]:
    """Give what a decision went over."""
    kinds = ["too_old"] if event.too_old not in {None, "", "[]"} else []
    try:
        ticked = json.loads(event.ticked) if event.ticked else []
    except ValueError:
        ticked = []
    kinds += [str(each) for each in ticked if each in OVERRIDES] if isinstance(ticked, list) else []
    if event.action == "card.confirm":
        kinds.append("second")
    return tuple(kinds)


def _overridden(event: sa.Row[Any], kinds: tuple[str, ...]) -> Overridden:
    return Overridden(
        n=event.n,
        at=event.at,
        person=event.person,
        company=event.company or "",
        product=event.product or "",
        sentence=event.sentence,
        kinds=kinds,
        reason=event.reason or "",
    )


def _large(event: sa.Row[Any], amount: Decimal, currency: str) -> Large:
    return Large(
        n=event.n,
        at=event.at,
        person=event.person,
        company=event.company or "",
        product=event.product or "",
        sentence=event.sentence,
        amount=amount,
        currency=currency,
    )


def _amount(event: sa.Row[Any]) -> Decimal:
    """Give what a decision changes a month; 0 where it changes nothing, or no price was known."""
    try:
        amount = Decimal(event.per_month) if event.per_month else Decimal()
    except InvalidOperation:
        return Decimal()
    return amount if amount.is_finite() else Decimal()


def _add(group: Group, event: sa.Row[Any], amount: Decimal, currency: str) -> None:
    name = _COUNTED.get(event.action)
    if name is None:
        return
    group.counts[name] = group.counts.get(name, 0) + 1
    if amount:
        sums = group.raised if amount > 0 else group.lowered
        sums[currency] = sums.get(currency, Decimal()) + amount


def _day(event: sa.Row[Any], zone: ZoneInfo) -> tuple[str, str]:
    day: date = event.at.astimezone(zone).date()
    return day.isoformat(), day.isoformat()


_KEYS: dict[str, Callable[[sa.Row[Any], ZoneInfo], tuple[str, str]]] = {
    "person": lambda event, _: (event.person, event.person),
    "company": lambda event, _: (str(event.company_id or ""), event.company or "No company"),
    "agreement": lambda event, _: (
        str(event.agreement_id or ""),
        f"{event.company or ''}, agreement {event.agreement_id}" if event.agreement_id else "On no agreement",
    ),
    "product": lambda event, _: (event.product or "", event.product or "No product"),
    "day": _day,
}
