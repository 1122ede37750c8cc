"""Decisions on an import's counts that ConnectWise knows already: taking the import back does not take them back."""

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Card,
    Decision,
    Push,
    PushStep,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    VendorAccount,
    VendorService,
)
from portal.domain.quantities import plain

_WRITTEN = ("sent", "done", "found")  # steps that ConnectWise has, or may have
_TAKEN_BACK = ("withdrawn", "undone")
_NAMED = 3  # decisions that a sentence names


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDecision:
    """A decision that was sent.

    Args:
        quantity: What was decided; none: an action without one.
    """

    decision_id: int
    card_id: int
    company: str
    product: str
    quantity: Decimal | None

    def words(self) -> str:
        """Name it."""
        return f"{self.company}, {self.product}" + ("" if self.quantity is None else f": {plain(self.quantity)}")


def sent_decisions(session: Session, found: UsageImport) -> list[SentDecision]:
    """List the decisions on cards that an import's counts feed, of which something was written to ConnectWise.

    An undo is none of them: it leaves nothing of the counts there, it brings back what was there before. Where it was
    itself undone, the first decision holds again, and is listed.

    Args:
        session: For reading.
        found: The import.

    Returns:
        By company and product, with the latest decision of a card last.
    """
    feeds = (
        sa.select(UsageCount.id)
        .join(VendorAccount, VendorAccount.id == UsageCount.account_id)
        .join(VendorService, VendorService.id == UsageCount.service_id)
        .join(
            AccountMapping,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
        .join(
            ServiceMapping,
            sa.and_(
                ServiceMapping.vendor_id == VendorService.vendor_id,
                ServiceMapping.service_external_id == VendorService.external_id,
                sa.or_(ServiceMapping.every_term, ServiceMapping.term == VendorService.term),
            ),
        )
        .join(ServiceProduct, ServiceProduct.mapping_id == ServiceMapping.id)
        .where(
            UsageCount.import_id == found.id,
            AccountMapping.company_id == Card.company_id,
            ServiceProduct.product == Card.product,
        )
    )
    written = sa.exists().where(PushStep.push_id == Push.id, PushStep.state.in_(_WRITTEN))
    query = (
        sa.select(Decision.id, Card.id, Card.company, Card.product, Decision.quantity)
        .join_from(Decision, Card, Card.id == Decision.card_id)
        .join(Push, Push.decision_id == Decision.id)
        .where(
            Card.period == found.period,
            Decision.action != "undo",
            Push.state.not_in(_TAKEN_BACK),
            written,
            feeds.exists(),
        )
        .order_by(Card.company_id, Card.product, Decision.id)
    )
    return [
        SentDecision(decision_id=decision, card_id=card, company=company, product=product, quantity=quantity)
        for decision, card, company, product, quantity in session.execute(query)
    ]


def sent_words(sent: list[SentDecision]) -> str:
    """Say which decisions stay; empty where there are none."""
    if not sent:
        return ""
    named = "; ".join(one.words() for one in sent[:_NAMED])
    more = f"; and {len(sent) - _NAMED} more" if len(sent) > _NAMED else ""
    verb = (
        "decision was already sent to ConnectWise and stays"
        if len(sent) == 1
        else "decisions were already sent to ConnectWise and stay"
    )
    return f" {len(sent)} {verb}: {named}{more}."
