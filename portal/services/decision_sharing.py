"""Share: a product that stands on several agreements gets its split rule."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.domain.splits import CannotSplit, Split
from portal.domain.splits import share as share_out
from portal.services import rules_store, undo_sharing
from portal.services.actors import Actor
from portal.services.card_remaking import cards_anew
from portal.services.decision_making import Made, named, settle_without_push
from portal.services.decision_plans import read_quantity
from portal.services.decision_verbs import opened
from portal.services.errors import Invalid


def share(
    session: Session,
    card_id: int,
    *,
    all_to: int | None = None,
    fixed: Mapping[int, str | Decimal] | None = None,
    rest_to: int | None = None,
    by: Actor,
    now: datetime,
    today: date,
    zone: ZoneInfo,
    seen: str | None = None,
    reason: str | None = None,
) -> Decision:
    """Give a product that stands on several agreements its split rule; each card then says what its part means.

    Args:
        session: A writing session.
        card_id: One of the cards to split.
        all_to: The agreement that takes everything; or:
        fixed: Quantities, as typed or exact, by agreement.
        rest_to: The agreement that takes what the fixed parts leave.
        by: A biller or above.
        now: By the business clock.
        today: In the portal's time zone.
        zone: The portal's time zone.
        seen: As in `approve`.
        reason: Why, if the person says so.

    Raises:
        Refused: As `approve`; `Invalid` where the parts cannot be shared so, naming `fixed-<agreement>` or `rest_to`.
    """
    del today
    card = opened(session, card_id, by=by, now=now, seen=seen)
    if card.kind != "to_split":
        raise Invalid("This card is not to be split.")
    parts = {one: read_quantity(text, f"fixed-{one}") for one, text in (fixed or {}).items()}
    _require_shareable(session, card, Split(all_to=all_to, fixed=parts, rest_to=rest_to))
    standing = undo_sharing.standing(session, card)
    rule = rules_store.set_split(
        session,
        company_id=card.company_id,
        product=card.product,
        all_to=all_to,
        fixed=parts,
        rest_to=rest_to,
        by=by,
        now=now,
    )
    made = Made(
        action="split",
        by=by,
        now=now,
        reason=reason,
        sentence=f"Shared {named(card)}: {rules_store.split_words(session, rule)}.",
        details={"all_to": all_to, "fixed": {str(one): part for one, part in parts.items()}, "rest_to": rest_to},
    )
    decision = settle_without_push(session, card, made, state="open")
    decision.plan = {"rule": rule.id, "before": None if standing is None else standing.id}
    cards_anew(session, now=now, zone=zone, period=card.period, company_ids=[card.company_id])
    return decision


def _require_shareable(session: Session, card: Card, split: Split) -> None:
    """Refuse a rule that could not be applied to the count as it stands."""
    siblings = _siblings(session, card)
    if card.vendor_quantity is None:
        return
    shared = share_out(card.vendor_quantity, split, siblings, siblings)
    if isinstance(shared, CannotSplit):
        raise Invalid(f"{shared.reason} Nothing was decided.", {"rest_to": shared.reason})


def _siblings(session: Session, card: Card) -> dict[int, str]:
    """Give the agreements that the count is to be shared by, with their names."""
    query = session.query(Card.agreement_id, Card.agreement).filter(
        Card.period == card.period,
        Card.company_id == card.company_id,
        Card.product == card.product,
        Card.gone_at.is_(None),
        Card.state != "stale",
        Card.agreement_id.is_not(None),
    )
    return {one: name or str(one) for one, name in query if one is not None}
