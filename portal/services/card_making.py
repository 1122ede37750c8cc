"""Make the cards of a period anew, and keep what people decided."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, PsaAgreement, Push
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.domain.reconcile import why_stale
from portal.services import audit, card_facts
from portal.services.actors import SYSTEM
from portal.services.card_picture import Picture, picture

DECIDABLE = frozenset({"open", "changed_in_psa", "withdrawn", "undone", "failed", "given_up"})
IN_FLIGHT = frozenset({"queued", "sending", "in_doubt"})
UNSENT = frozenset({"waiting", "planned"})
TO_DECIDE_KINDS = frozenset({"increase", "decrease", "new_revenue", "not_reported", "to_split"})

# A card whose numbers or lines changed is another card to the person who decides it: its version grows.
_NUMBERS = (
    "kind", "psa_quantity", "vendor_quantity", "proposed_quantity", "difference", "unit_price", "unit_cost",
    "prorates", "currency",
)  # fmt: skip
_FACTS = ("lines", "changing", "later", "cycle_months")

Key = tuple[int, int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCards:
    """How many cards came, changed, became stale, came back to be decided, or went."""

    new: int
    changed: int
    stale: int
    reopened: int
    gone: int


def make_cards(
    session: Session,
    *,
    period: Period,
    today: date,
    now: datetime,
    zone: ZoneInfo,
    company_ids: Collection[int] | None = None,
) -> MadeCards:
    """Make the cards of a period anew from what the PSA and the vendors say.

    What people decided is kept while the numbers are those they decided on; otherwise the card comes back. The number
    of queries does not grow with the number of cards.

    Args:
        session: A writing session.
        period: The month.
        today: In the portal's time zone; the lines looked at are those of `min(today, the month's last day)`.
        now: By the business clock.
        zone: The portal's time zone.
        company_ids: Only these companies; none: all.
    """
    session.flush()
    seen = picture(session, period=period, today=today, zone=zone, company_ids=company_ids)
    making = _Making(session, seen, now)
    making.take(
        {
            (made.company_id, made.agreement_id, made.product): card_facts.values(made, seen, making.names)
            for made in seen.cards()
        }
    )
    session.flush()
    return making.counts()


class _Making:
    """One making of the cards: the records as they stand, and what becomes of each."""

    def __init__(self, session: Session, seen: Picture, now: datetime) -> None:
        self.session = session
        self.seen = seen
        self.now = now
        self.names = {one.id: one.name for one in seen.agreements.values()}
        self.stored = {(c.company_id, c.agreement_id, c.product): c for c in self._cards()}
        self.decisions = {one.id: one for one in self._decisions()}
        self.turned: dict[tuple[str, int, str], list[Card]] = {}
        self.new = self.changed = self.stale = self.reopened = self.gone = 0

    def counts(self) -> MadeCards:
        """Say what became of the cards."""
        return MadeCards(new=self.new, changed=self.changed, stale=self.stale, reopened=self.reopened, gone=self.gone)

    def take(self, made: Mapping[Key, dict[str, Any]]) -> None:
        """Bring the store to what was made."""
        fresh: list[dict[str, Any]] = []
        for key, values in made.items():
            card = self.stored.get(key)
            if card is None:
                fresh.append(self._fresh(key, values))
            else:
                self._update(card, values)
        if fresh:  # plain rows: a record for each would double the time and the memory of a large making
            self.session.execute(sa.insert(Card), fresh)
        self.new = len(fresh)
        self._leave([card for key, card in self.stored.items() if key not in made])
        self._tell()

    def _cards(self) -> Iterable[Card]:
        query = sa.select(Card).where(Card.period == str(self.seen.period))
        if self.seen.company_ids is not None:
            query = query.where(Card.company_id.in_(self.seen.company_ids))
        return self.session.scalars(query.execution_options(populate_existing=True))

    def _decisions(self) -> Iterable[Decision]:
        query = sa.select(Decision).join(Card, Card.decision_id == Decision.id)
        query = query.where(Card.period == str(self.seen.period))
        if self.seen.company_ids is not None:
            query = query.where(Card.company_id.in_(self.seen.company_ids))
        return self.session.scalars(query)

    def _fresh(self, key: Key, values: dict[str, Any]) -> dict[str, Any]:
        company_id, agreement_id, product = key
        return {
            "period": str(self.seen.period),
            "company_id": company_id,
            "agreement_id": agreement_id,
            "product": product,
            "state": open_state(values),
            "version": 1,
            "made_at": self.now,
            "changed_at": self.now,
            **values,
        }

    def _update(self, card: Card, values: dict[str, Any]) -> None:
        state = self._state(card, values)
        moved = state != card.state or card.gone_at is not None
        moved = moved or any(getattr(card, name) != values[name] for name in _NUMBERS)
        moved = moved or any(card.facts.get(name) != values["facts"].get(name) for name in _FACTS)
        if state == "open" and card.state not in {"open", "changed_in_psa"}:
            self.reopened += 1
        if card.state in UNSENT and state != card.state:
            psa, vendor = values["psa_quantity"], values["vendor_quantity"]
            withdraw_unsent(self.session, card, now=self.now, psa=psa, vendor=vendor)
        for name, value in values.items():
            if getattr(card, name) != value:
                setattr(card, name, value)
        if moved:
            if card.state == "stale" and card.agreement_id is not None:
                self._turned("card.back", card, "What made it stale was taken back.")
            card.state, card.gone_at = state, None
            card.version += 1
            card.changed_at = self.now
            self.changed += 1

    def _state(self, card: Card, values: dict[str, Any]) -> str:
        """Give the state that a card has with its new numbers."""
        return state_with(card, values, None if card.decision_id is None else self.decisions.get(card.decision_id))

    def _leave(self, left: Iterable[Card]) -> None:
        """Say what becomes of cards that were not made again: stale, gone, or as they are while a push is under way."""
        removed = []
        deleted = self._deleted_at()
        for card in left:
            reason = self._why_stale(card)
            if card.state in IN_FLIGHT or (card.state in UNSENT and reason is not None):
                continue  # the worker and pushes.stop_stale settle these
            if reason is not None and (card.state in DECIDABLE or card.state == "stale"):
                self._make_stale(card, reason, deleted)
                continue
            if card.state in UNSENT:
                withdraw_unsent(self.session, card, now=self.now, psa=None, vendor=None)
                card.state = "withdrawn"
            if card.decision_id is None:
                removed.append(card.id)
                self.session.expunge(card)
            elif card.gone_at is None:
                card.gone_at = card.changed_at = self.now
                card.version += 1
                if card.state in DECIDABLE or card.state == "stale":
                    _empty(card, "no_change")
                    card.state = "open"
            else:
                continue
            self.gone += 1
        if removed:
            self.session.execute(
                sa.delete(Card).where(Card.id.in_(removed)), execution_options={"synchronize_session": False}
            )

    def _why_stale(self, card: Card) -> str | None:
        if card.agreement_id is None:  # nothing to write to: usage without basis is gone, not stale
            return None
        agreement = self.seen.billed.get(card.agreement_id)
        return why_stale(agreement, self.seen.companies.get(card.company_id))

    def _make_stale(self, card: Card, reason: str, deleted: Mapping[int, datetime]) -> None:
        if card.state == "stale" and card.stale_reason == reason:
            return
        self._turned("card.stale", card, reason)
        make_stale(card, reason, since=deleted.get(card.agreement_id or 0, self.now), now=self.now)
        self.stale += 1

    def _turned(self, action: str, card: Card, reason: str) -> None:
        """Keep in mind that a card became stale or came back, and why."""
        self.turned.setdefault((action, card.agreement_id or 0, reason), []).append(card)

    def _tell(self) -> None:
        """Tell of the cards that became stale or came back, one event an agreement: their history."""
        for (action, agreement_id, reason), cards in self.turned.items():
            many = "1 card" if len(cards) == 1 else f"{len(cards)} cards"
            verb = "became stale" if action == "card.stale" else "came back"
            audit.record(
                self.session,
                what="sync",
                action=action,
                by=SYSTEM,
                now=self.now,
                sentence=f"{many} of {cards[0].company} {verb}: {reason}",
                company_id=cards[0].company_id,
                company=cards[0].company,
                agreement_id=agreement_id,
                product=cards[0].product if len(cards) == 1 else None,
                card_id=cards[0].id if len(cards) == 1 else None,
                details={"cards": [card.id for card in cards], "products": sorted({card.product for card in cards})},
            )

    def _deleted_at(self) -> dict[int, datetime]:
        query = sa.select(PsaAgreement.id, PsaAgreement.gone_at).where(PsaAgreement.gone_at.is_not(None))
        return {one: at for one, at in self.session.execute(query) if at is not None}


def state_with(card: Card, values: Mapping[str, Any], decision: Decision | None) -> str:
    """Give the state that a card has with the numbers of a new making.

    Args:
        card: As it stands.
        values: The columns that follow from what the PSA and the vendors say, see `card_facts.values`.
        decision: The latest one on the card.
    """
    if card.state in IN_FLIGHT:  # its push finds out by itself what changed
        return card.state
    if card.state == "stale":
        return open_state(values)
    if card.state in {"waiting", "planned", "confirmed", "dismissed"}:
        if decision is None or (card.state == "dismissed" and decision.action != "dismiss"):
            return open_state(values)  # a rule had dismissed it, whatever was decided before
        return card.state if _stands(decision, values, sent=card.state not in UNSENT) else open_state(values)
    if card.state in {"open", "changed_in_psa"} and values["kind"] not in TO_DECIDE_KINDS:
        return open_state(values)
    return open_state(values) if card.state == "open" else card.state


def make_stale(card: Card, reason: str, *, since: datetime, now: datetime) -> None:
    """Make a card stale: its numbers are left empty, it says why and since when, and can only be dismissed."""
    _empty(card, "stale")
    card.state, card.stale_reason, card.stale_at = "stale", reason, since
    card.version += 1
    card.changed_at = now


def withdraw_unsent(session: Session, card: Card, *, now: datetime, psa: Any, vendor: Any) -> None:  # noqa: ANN401 - decimals or none
    """Take back the push of a card, of which nothing was sent, since the card's numbers moved."""
    push = session.scalars(
        sa.select(Push).where(Push.decision_id == card.decision_id, Push.state.in_(("waiting", "planned")))
    ).one_or_none()
    if push is None:
        return
    push.state, push.settled_at = "withdrawn", now
    push.cause = (
        f"The numbers changed before it was sent: ConnectWise has {_shown(psa)}, the vendors count {_shown(vendor)}. "
        "Nothing was sent; decide again."
    )
    audit.record(
        session,
        what="decision",
        action="push.withdrawn",
        by=SYSTEM,
        now=now,
        sentence=push.cause,
        company_id=card.company_id,
        company=card.company,
        agreement_id=push.agreement_id,
        product=card.product,
        card_id=card.id,
        decision_id=push.decision_id,
        push_id=push.id,
    )


def _shown(value: Any) -> str:  # noqa: ANN401 - a decimal or none
    return "no quantity" if value is None else plain(value)


def open_state(values: Mapping[str, Any]) -> str:
    """Give the state of an undecided card, also of one that is made for the first time.

    A rule that leaves it alone counts as dismissed while its number stands.
    """
    return "dismissed" if values["facts"].get("ignored") is not None else "open"


def _stands(decision: Decision, values: Mapping[str, Any], *, sent: bool) -> bool:
    """Tell whether a decision stands with a card's new numbers: those that the person saw or, once sent, wanted."""
    seen = decision.seen
    if _text(values["vendor_quantity"]) != seen.get("vendor"):
        return False
    psa = values["psa_quantity"]
    if _text(psa) == seen.get("psa") and _text(values["proposed_quantity"]) == seen.get("proposed"):
        return True
    if not sent or decision.quantity is None or psa != decision.quantity:
        return False
    return decision.action != "approve" or not values["difference"]


def _text(value: Any) -> str | None:  # noqa: ANN401 - a decimal or none
    return None if value is None else plain(value)


def _empty(card: Card, kind: str) -> None:
    """Leave a card's numbers empty."""
    card.kind = kind
    card.psa_quantity = card.vendor_quantity = card.proposed_quantity = card.difference = None
    card.unit_price = card.unit_cost = None
    card.revenue_change = card.profit_change = card.at_stake = None
    card.facts = {**card.facts, "lines": [], "changing": [], "later": [], "one_step": False}
