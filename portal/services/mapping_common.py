"""What the mapping of accounts and of services share: reasons, audit events, cards made anew."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import PsaCompany
from portal.services import account_due, audit, remaking
from portal.services.actors import Actor
from portal.services.errors import Invalid

__all__ = ["LONGEST_REASON", "account_due", "anew", "reason_of", "record"]  # who changes a mapping has its lines follow

LONGEST_REASON = 300  # characters


def reason_of(text: str) -> str:
    """Give a reason without superfluous blanks.

    Raises:
        Invalid: It is missing or too long.
    """
    said = " ".join(text.split())
    if not said:
        raise Invalid("A reason is missing. Say in a few words why.", {"reason": "A reason is missing."})
    if len(said) > LONGEST_REASON:
        raise Invalid(f"The reason has more than {LONGEST_REASON} characters.", {"reason": "Make it shorter."})
    return said


def anew(session: Session, now: datetime, zone: ZoneInfo | None, *, company_ids: Collection[int] | None = None) -> None:
    """Make the cards anew where the caller gave the portal's time zone; of some companies, or of all."""
    if zone is not None:
        remaking.remake(session, now=now, zone=zone, company_ids=company_ids)


def record(
    session: Session,
    action: str,
    sentence: str,
    *,
    by: Actor,
    now: datetime,
    before: str | None,
    after: str,
    company: PsaCompany | None = None,
    company_id: int | None = None,
    product: str | None = None,
    reason: str | None = None,
) -> None:
    """Append the audit event of a change."""
    audit.record(
        session,
        what="mapping",
        action=action,
        by=by,
        now=now,
        sentence=sentence,
        company_id=company_id,
        company=None if company is None else company.name,
        product=product,
        before=before,
        after=after,
        reason=reason,
    )
