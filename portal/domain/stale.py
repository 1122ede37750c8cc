"""Cards whose agreement or company has left since they were made."""

from collections.abc import Iterable
from datetime import date

from portal.domain.cards import Card, CardKind, card_order
from portal.domain.psa import Agreement, BilledAgreement, Company, live_agreements


def why_stale(agreement: BilledAgreement | None, company: Company | None) -> str | None:
    """Say why a card of an agreement is stale.

    Args:
        agreement: As it stands now; none: the PSA does not have it any more.
        company: As it stands now; none: likewise.

    Returns:
        A sentence, or none where the card may live.
    """
    left = why_company_left(company)
    if left is not None:
        return left
    return "The agreement was deleted in the PSA." if agreement is None else agreement.why_not


def why_company_left(company: Company | None) -> str | None:
    """Say why a company makes no cards any more; none where it does."""
    if company is None:
        return "The company was deleted in the PSA."
    return None if company.in_scope else "The company left the scope."


def stale_cards(
    earlier: Iterable[Card], companies: Iterable[Company], agreements: Iterable[Agreement], today: date
) -> list[Card]:
    """Give the earlier cards whose agreement or company has left since, without their numbers.

    A card without agreement (new revenue) is stale only where its company has left.
    """
    billed = live_agreements(agreements, today)
    by_company = {company.id: company for company in companies}
    stale = []
    for card in earlier:
        company = by_company.get(card.company_id)
        reason = (
            why_company_left(company)
            if card.agreement_id is None
            else why_stale(billed.get(card.agreement_id), company)
        )
        if reason is not None:
            stale.append(
                Card(
                    company_id=card.company_id,
                    agreement_id=card.agreement_id,
                    product=card.product,
                    kind=CardKind.STALE,
                    prorates=card.prorates,
                    currency=card.currency,
                    cycle_months=card.cycle_months,
                    stale_reason=reason,
                )
            )
    return sorted(stale, key=card_order)
