"""What must hold before a card is decided: it is the one that was seen, may be decided, and its numbers are fresh."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Connection, Decision, PsaAddition, UsageImport, Vendor
from portal.domain.quantities import plain
from portal.domain.steps import Plan
from portal.services import connections, settings_store
from portal.services.actors import Actor
from portal.services.card_making import DECIDABLE
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound

_TOKEN = re.compile(r"(-?[0-9.]*):(-?[0-9.]*):(-?[0-9.]*):[0-9a-f]{12}")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_VERBS = {
    "approve": "approved",
    "adjust": "adjusted this to",
    "add": "added",
    "dismiss": "dismissed this",
    "split": "shared this",
    "undo": "undid this",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """The warnings that the person ticked.

    Args:
        invoiced_ok: The date lies in a period that was already invoiced.
        scheduled_ok: A line begins later, so that both would bill.
        too_old_ok: A source is too old or held; a manager may, with a reason.
    """

    invoiced_ok: bool = False
    scheduled_ok: bool = False
    too_old_ok: bool = False


def load(session: Session, card_id: int) -> Card:
    """Read a card as it is now, and keep other writers from it until the transaction ends.

    Raises:
        NotFound: There is no such card.
    """
    query = sa.select(Card).where(Card.id == card_id).with_for_update().execution_options(populate_existing=True)
    card = session.scalars(query).one_or_none()
    if card is None:
        raise NotFound(f"There is no card {card_id}. It may have gone with the usage that it showed.")
    return card


def claim(session: Session, card: Card, **changes: Any) -> None:  # noqa: ANN401 - columns of the card
    """Change a card that was read in this transaction, unless somebody was quicker.

    Raises:
        Conflict: The card has another version by now.
    """
    claimed = session.execute(
        sa.update(Card)
        .where(Card.id == card.id, Card.version == card.version)
        .values(version=Card.version + 1, **changes)
        .returning(Card.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if claimed is None:
        raise Conflict("Somebody changed this card in the same moment. Look at it and decide again.")
    session.refresh(card)


def seen_token(card: Card) -> str:
    """Give what a form carries as `seen`: the card's numbers, and a short hash of all that a decision rests on."""
    facts = {name: card.facts.get(name) for name in ("lines", "changing", "later")}
    rest = [card.id, card.version, card.state, card.kind, card.agreement_id, card.prorates, facts]
    text = json.dumps(rest, sort_keys=True, default=str)
    seal = hashlib.sha256(text.encode()).hexdigest()[:12]
    return ":".join([_cell(card.psa_quantity), _cell(card.vendor_quantity), _cell(card.proposed_quantity), seal])


def require_seen(card: Card, seen: str | None) -> None:
    """Refuse a decision on numbers that are no longer the card's; without a token nothing is compared.

    Raises:
        Conflict: The card changed since the form was shown; the text gives both numbers.
    """
    if not seen or seen == seen_token(card):
        return
    after = [_cell(card.psa_quantity), _cell(card.vendor_quantity), _cell(card.proposed_quantity)]
    shown = _TOKEN.fullmatch(seen)
    before = after if shown is None else list(shown.groups())
    told = [
        f"{who} changed from {_named(old)} to {_named(new)} while you looked."
        for who, old, new in zip(("ConnectWise", "The vendors' count", "The proposal"), before, after, strict=True)
        if old != new
    ]
    what = " ".join(told[:2]) or "The lines behind this card changed while you looked."
    raise Conflict(f"{what} Nothing was sent; decide again.")


def require_state(session: Session, card: Card, now: datetime, *, allowed: Collection[str] = DECIDABLE) -> None:
    """Refuse a card that cannot be decided in its state.

    Raises:
        Conflict: It was decided already (the text names who), or it is stale.
    """
    if card.state in allowed:
        return
    if card.state == "stale":
        since = "" if card.stale_at is None else f" Noticed {ago(now - card.stale_at)}."
        raise Conflict(f"{card.stale_reason}{since} Nothing was sent; the card is stale and can only be dismissed.")
    raise Conflict(decided_words(session, card, now))


def decided_words(session: Session, card: Card, now: datetime) -> str:
    """Say who decided a card, what, and how long ago: "Jo Vale approved 21 a minute ago."."""
    decision = None if card.decision_id is None else session.get(Decision, card.decision_id)
    if decision is None:
        return "A rule leaves this card alone while its number stands."
    quantity = "" if decision.quantity is None or decision.action == "undo" else f" {plain(decision.quantity)}"
    return f"{decision.by} {_VERBS[decision.action]}{quantity} {ago(now - decision.at)}."


def ago(age: timedelta) -> str:
    """Say how long ago something was: "a minute ago", "3 hours ago"."""
    seconds = int(age.total_seconds())
    if seconds < _MINUTE:
        return "a moment ago"
    for size, one, many in ((_DAY, "a day", "days"), (_HOUR, "an hour", "hours"), (_MINUTE, "a minute", "minutes")):
        if seconds >= size:
            count = seconds // size
            return f"{one} ago" if count == 1 else f"{count} {many} ago"
    return "a moment ago"


def blocking(session: Session, card: Card, now: datetime) -> Sequence[connections.SourceAge]:
    """Give the sources of a card that are too old or held, ConnectWise first."""
    slugs = [slug for slug in card.vendors.split("|") if slug]
    too_old = {one.key: one for one in connections.is_too_old(session, slugs, now)}
    holding = (
        sa.select(Vendor)
        .join(UsageImport, UsageImport.vendor_id == Vendor.id)
        .where(UsageImport.state == "held", UsageImport.period == card.period, Vendor.slug.in_(slugs))
        .distinct()
        .order_by(Vendor.title)
    )
    for vendor in session.scalars(holding):
        too_old[vendor.slug] = connections.SourceAge(
            key=vendor.slug,
            title=vendor.title,
            kind="file",
            last_read_at=vendor.last_commit_at,
            limit_hours=vendor.age_limit_hours,
            too_old=vendor.slug in too_old,
            held_periods=frozenset({card.period}),
        )
    return list(too_old.values())


def require_fresh(
    session: Session, card: Card, now: datetime, *, by: Actor, reason: str | None, ticks: Ticks
) -> list[str]:
    """Refuse to write from numbers that are too old or held, unless a manager gives a reason.

    Returns:
        The titles of the sources that were overridden.

    Raises:
        Invalid: A source is too old or held, or the reason for going on is missing.
        NotAllowed: Only a manager may go on.
    """
    old = blocking(session, card, now)
    if not old:
        return []
    what = " ".join(_old_words(one, now) for one in old)
    if not ticks.too_old_ok:
        sentence = f"{what} Nothing was decided. Refresh it first; a manager may go on with a reason."
        raise Invalid(sentence, {"too_old_ok": sentence})
    if not by.at_least("manager"):
        raise NotAllowed(f"{what} Only a manager or an admin may decide on it, with a reason.")
    if not (reason or "").strip():
        raise Invalid(f"{what} Give the reason for going on.", {"reason": "Give the reason for going on."})
    return [one.title for one in old]


def require_ticks(plan: Plan, ticks: Ticks) -> None:
    """Refuse a plan whose warnings were not ticked.

    Raises:
        Invalid: With a field for each missing tick.
    """
    missing: dict[str, str] = {}
    for warned in plan.warnings:
        if not getattr(ticks, warned.code):
            missing[warned.code] = " ".join(filter(None, [missing.get(warned.code), warned.sentence]))
    if missing:
        raise Invalid(" ".join([*missing.values(), "Tick that you want it so. Nothing was decided."]), missing)


def needs_second(
    session: Session, card: Card, plan: Plan, *, lower: bool, limits: Mapping[str, Any] | None = None
) -> str | None:
    """Say why a second person must confirm; none where one person is enough.

    The setting `limits` is `{"amount": {"USD": "200.00"}, "any_decrease": true}`, amounts a month. Where amounts are
    set and none stands for the card's currency, every decision needs two.

    Args:
        session: For reading.
        card: The card.
        plan: What would be written.
        lower: The quantity falls.
        limits: The setting, where it was read for many cards together; none: it is read.
    """
    limits = settings_store.get(session, "limits", {}) if limits is None else limits
    if lower and limits.get("any_decrease"):
        return "Any decrease needs a second person."
    amounts: Mapping[str, str] = limits.get("amount") or {}
    if not amounts:
        return None
    limit, month = amounts.get(card.currency), plan.effect.per_month
    if limit is None:
        return f"No limit is set for {card.currency or 'this currency'}, so a second person must confirm."
    if month is None:
        return "No price is known, so a second person must confirm."
    if abs(month) > Decimal(limit):
        return f"A decision above {limit} {card.currency} a month needs a second person."
    return None


def writing_is_on(session: Session) -> bool:
    """Tell whether writes are sent; a new installation is read-only."""
    return bool(session.scalar(sa.select(Connection.writing).where(Connection.name == "connectwise")))


def lines_seen(session: Session, agreement_id: int, product: str) -> list[dict[str, Any]]:
    """Give the lines of a product on an agreement as the mirror has them, for comparing before each write."""
    query = (
        sa.select(PsaAddition)
        .where(
            PsaAddition.agreement_id == agreement_id,
            PsaAddition.product == product,
            PsaAddition.gone_at.is_(None),
        )
        .order_by(PsaAddition.id)
    )
    return [line_facts(row.id, row.quantity, row.effective_date, row.cancelled_date) for row in session.scalars(query)]


def line_facts(addition_id: int, quantity: Decimal, effective: date | None, cancelled: date | None) -> dict[str, Any]:
    """Give what is compared of a line."""
    return {
        "id": addition_id,
        "quantity": plain(quantity),
        "effective": None if effective is None else effective.isoformat(),
        "cancelled": None if cancelled is None else cancelled.isoformat(),
    }


def _old_words(one: connections.SourceAge, now: datetime) -> str:
    if one.held:
        return f"A file of {one.title} is held for a person."
    if one.last_read_at is None:
        return f"{one.title} was never read."
    hours = int((now - one.last_read_at).total_seconds() // _HOUR)
    return f"{one.title} is {hours} h old (limit {one.limit_hours} h)."


def _cell(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _named(cell: str) -> str:
    return cell or "no quantity"
