"""What a card looks back on: twelve months of used and billed, and which counts came and went since an approval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Card,
    Decision,
    Push,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
)
from portal.domain.periods import Period
from portal.domain.usage import CountKey, UsageFile, UsageKey, standing_counts
from portal.services.service_maps import service_mappings

MONTHS = 12
_NONE = Decimal(0)
_APPROVING = ("approve", "adjust", "add")
_TAKEN_BACK = ("withdrawn", "undone", "stale", "given_up", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One month of a product of a company: none where nobody knows.

    Args:
        billed: Units that the agreement billed, as the month's card had them.
        used: Units that the vendors counted.
    """

    period: Period
    billed: Decimal | None
    used: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A count that is different from then. None: it was not there, or is there no more; that is not zero."""

    vendor: str
    account: str
    service: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What came and went.

    Args:
        decision: Since this approval; none: since the month before, as nothing was approved yet.
        period: The month that the counts of now are compared with.
        found: The largest first.
        same: Counts that are as they were.
    """

    decision: Decision | None
    period: Period
    found: list[Move]
    same: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """The accounts of a company, and what one unit of each service is worth in units of the product."""

    accounts: Mapping[int, tuple[int, str, str]]  # id -> vendor, the vendor's own id, name
    factors: Mapping[tuple[int, str, str], Decimal]

    @property
    def vendors(self) -> set[int]:
        return {vendor for vendor, _, _ in self.factors}


def months(session: Session, card: Card, *, today: date) -> list[Month]:
    """Give the twelve months up to a card's own, oldest first.

    What was billed is known from the month's card alone: ConnectWise keeps no quantities of before. What was used is
    also known of months before there were cards, where a file tells of them and no share of it went elsewhere.
    """
    periods = [Period.parse(card.period)]
    while len(periods) < MONTHS:
        periods.insert(0, periods[0].previous)
    same = Card.agreement_id.is_(None) if card.agreement_id is None else Card.agreement_id == card.agreement_id
    wanted = [str(one) for one in periods]
    kept = {
        period: (billed, used)
        for period, billed, used in session.execute(
            sa.select(Card.period, Card.psa_quantity, Card.vendor_quantity).where(
                Card.company_id == card.company_id, Card.product == card.product, same, Card.period.in_(wanted)
            )
        )
    }
    missing = [one for one in wanted if one not in kept]
    counted = _used(session, card, missing, today=today) if missing else {}
    return [
        Month(period=one, billed=kept[str(one)][0], used=kept[str(one)][1])
        if str(one) in kept
        else Month(period=one, billed=None, used=counted.get(str(one)))
        for one in periods
    ]


def moves(session: Session, card: Card, *, today: date) -> Moves | None:
    """Tell which counts came, went or moved since the last approval of this product of this company.

    Returns:
        None where no vendor counts the product for the company.
    """
    feed = _feed(session, card, today=today)
    if not feed.vendors or not feed.accounts:
        return None
    decision = session.scalars(
        sa.select(Decision)
        .join(Card, Card.id == Decision.card_id)
        .outerjoin(Push, Push.decision_id == Decision.id)
        .where(
            Card.company_id == card.company_id,
            Card.product == card.product,
            Decision.action.in_(_APPROVING),
            sa.or_(Push.state.is_(None), Push.state.not_in(_TAKEN_BACK)),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    ).first()
    now_in = Period.parse(card.period)
    then_in = now_in.previous if decision is None else Period.parse(decision.card.period)
    files = _files(session, feed, {str(now_in), str(then_in)})
    until = None if decision is None else decision.at
    then = _standing(files, str(then_in), feed, until=until)
    now = _standing(files, str(now_in), feed)
    if decision is None and not then:
        return None
    titles = dict(session.execute(sa.select(Vendor.id, Vendor.title)).all())
    names = {(vendor, external): name or external for vendor, external, name in feed.accounts.values()}
    found = [
        Move(
            vendor=titles.get(int(key.vendor), key.vendor),
            account=names.get((int(key.vendor), key.account), key.account),
            service=f"{key.service}, {key.term}" if key.term else key.service,
            before=then.get(key),
            after=now.get(key),
        )
        for key in {**then, **now}
        if then.get(key) != now.get(key)
    ]
    found.sort(key=lambda one: (-abs((one.after or _NONE) - (one.before or _NONE)), one.account, one.service))
    same = sum(1 for key, value in now.items() if then.get(key) == value)
    return Moves(decision=decision, period=then_in, found=found, same=same)


def _used(session: Session, card: Card, periods: list[str], *, today: date) -> dict[str, Decimal]:
    """Sum what the files of months without a card count, where the product stands on one agreement alone."""
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(Card)
        .where(
            Card.company_id == card.company_id,
            Card.product == card.product,
            Card.period == card.period,
            Card.gone_at.is_(None),
            Card.id != card.id,
        )
    )
    feed = _feed(session, card, today=today)
    if others or not feed.vendors or not feed.accounts:
        return {}
    files = _files(session, feed, set(periods))
    found = {}
    for period in periods:
        counts = _standing(files, period, feed)
        if counts:
            factors = (feed.factors[int(key.vendor), key.service, key.term] for key in counts)
            found[period] = sum(
                (value * factor for value, factor in zip(counts.values(), factors, strict=True)), Decimal(0)
            )
    return found


def _feed(session: Session, card: Card, *, today: date) -> _Feed:
    accounts = session.execute(
        sa.select(VendorAccount.id, VendorAccount.vendor_id, VendorAccount.external_id, VendorAccount.name)
        .join(
            AccountMapping,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
        .where(AccountMapping.company_id == card.company_id)
    ).all()
    factors = {
        place: one.factor
        for place, mapping in service_mappings(session, today).items()
        for one in (mapping.products if mapping.state == "mapped" else ())
        if one.product == card.product
    }
    return _Feed(accounts={row[0]: (row[1], row[2], row[3]) for row in accounts}, factors=factors)


def _files(session: Session, feed: _Feed, periods: Iterable[str]) -> list[tuple[str, datetime, UsageFile]]:
    """Read the accepted files of some months, each with the counts of these accounts alone: two queries."""
    imports = session.execute(
        sa.select(
            UsageImport.id,
            UsageImport.vendor_id,
            UsageImport.period,
            UsageImport.counted_at,
            UsageImport.complete,
            UsageImport.committed_at,
        )
        .where(
            UsageImport.state == "committed",
            UsageImport.period.in_(periods),
            UsageImport.vendor_id.in_(feed.vendors),
        )
        .order_by(UsageImport.committed_at, UsageImport.id)
    ).all()
    counts: dict[int, dict[CountKey, Decimal]] = {one.id: {} for one in imports}
    rows = session.execute(
        sa.select(
            UsageCount.import_id,
            UsageCount.account_id,
            VendorService.external_id,
            VendorService.term,
            UsageCount.quantity,
        )
        .join(VendorService, VendorService.id == UsageCount.service_id)
        .where(UsageCount.account_id.in_(feed.accounts), UsageCount.import_id.in_(counts))
    )
    for import_id, account_id, service, term, quantity in rows:
        counts[import_id][CountKey(feed.accounts[account_id][1], service, term)] = quantity
    return [
        (
            one.period,
            one.committed_at,
            UsageFile(
                id=one.id,
                vendor=str(one.vendor_id),
                counted_at=one.counted_at,
                complete=one.complete,
                sequence=place,
                counts=counts[one.id],
            ),
        )
        for place, one in enumerate(imports)
    ]


def _standing(
    files: Iterable[tuple[str, datetime, UsageFile]], period: str, feed: _Feed, *, until: datetime | None = None
) -> dict[UsageKey, Decimal]:
    """Give the counts of a month that held at a moment, of the services that feed the product."""
    chosen = [file for month, at, file in files if month == period and (until is None or at <= until)]
    return {
        key: count.quantity
        for key, count in standing_counts(chosen).items()
        if (int(key.vendor), key.service, key.term) in feed.factors
    }
