"""Rules as people set them: the numbers an ignore rule is for, the rule that stood, and the cards that follow."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany, PsaProduct, Rule
from portal.domain.periods import local_day
from portal.services import remaking, rules_store
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid
from portal.services.rule_effects import Effect, companies_of, effect_of, numbers_now
from portal.services.rules_store import RuleValues

_FEW = 400  # companies; of more, everybody's cards are made anew


def set_rule(
    session: Session,
    *,
    kind: str,
    company_id: int | None,
    product: str | None,
    values: RuleValues,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    seen: str | None = None,
) -> Rule:
    """Set a rule on a product, a company or the pair, and make the cards it is about anew.

    One of the same kind on the same thing ends; where it says the same already, nothing is done.

    Args:
        session: A writing session.
        kind: One of `rules_store.KINDS`.
        company_id: The company; none: all of them.
        product: The product; none: all of the company's.
        values: What it says. An ignore rule without numbers is set for those of the cards as they are now.
        by: Who sets it; an admin.
        now: By the business clock.
        zone: The portal's time zone.
        seen: The rule that stood on this when the person looked, as `standing_token` gives it; none: any.

    Raises:
        NotAllowed: The role is too low.
        Invalid: A value is missing or makes no sense.
        Conflict: Another rule stands on this by now.
    """
    today = local_day(now, zone)
    refuse_strangers(session, company_id, product)
    refuse_past(values.until, today)
    standing = rules_store.standing_on(session, kind=kind, company_id=company_id, product=product)
    if seen is not None and seen != standing_token(standing):
        who = f"{standing[-1].set_by} has set “{rules_store.words(standing[-1])}”" if standing else "The rule was ended"
        raise Conflict(f"{who} while you looked. Nothing was changed; look at it and decide again.")
    rule = rules_store.add_rule(
        session,
        kind=kind,
        company_id=company_id,
        product=product,
        values=with_numbers(session, kind, company_id, product, values, today=today, zone=zone),
        by=by,
        now=now,
    )
    if all(rule.id != one.id for one in standing):
        _cards_follow(session, rule, now=now, zone=zone)
    return rule


def end_rule(
    session: Session, rule_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str | None = None
) -> Rule:
    """End a rule at once, and make the cards it was about anew.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such rule.
        Conflict: It was ended already.
    """
    rule = rules_store.end_rule(session, rule_id, by=by, now=now, reason=reason)
    _cards_follow(session, rule, now=now, zone=zone)
    return rule


def effect_of_setting(
    session: Session,
    *,
    kind: str,
    company_id: int | None,
    product: str | None,
    values: RuleValues,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> Effect:
    """Tell what setting a rule would do; nothing is written.

    Raises:
        Invalid: A value is missing or makes no sense.
    """
    today = local_day(now, zone)
    refuse_strangers(session, company_id, product)
    refuse_past(values.until, today)
    given = with_numbers(session, kind, company_id, product, values, today=today, zone=zone)
    rule = rules_store.new_rule(kind=kind, company_id=company_id, product=product, values=given, by=by, now=now)
    standing = rules_store.standing_on(session, kind=kind, company_id=company_id, product=product)
    return effect_of(session, adding=rule, ending=standing, today=today, zone=zone)


def effect_of_ending(session: Session, rule: Rule, *, now: datetime, zone: ZoneInfo) -> Effect:
    """Tell what ending a rule would do; nothing is written."""
    return effect_of(session, adding=None, ending=[rule], today=local_day(now, zone), zone=zone)


def with_numbers(
    session: Session,
    kind: str,
    company_id: int | None,
    product: str | None,
    values: RuleValues,
    *,
    today: date,
    zone: ZoneInfo,
) -> RuleValues:
    """Give an ignore rule the numbers as they are now, unless it has some."""
    if kind != "ignore" or values.vendor_quantity is not None or values.numbers is not None:
        return values
    numbers = numbers_now(session, company_id=company_id, product=product, today=today, zone=zone)
    return replace(values, numbers=numbers)


def standing_token(standing: Collection[Rule]) -> str:
    """Name the rules that stand on something, for a form to send back."""
    return "-".join(str(rule.id) for rule in standing)


def refuse_strangers(session: Session, company_id: int | None, product: str | None) -> None:
    """Refuse a rule about a company or a product that ConnectWise does not have: it would be a slip.

    Raises:
        Invalid: With the field.
    """
    if company_id is not None:
        company = session.get(PsaCompany, company_id)
        if company is None or company.deleted or company.gone_at is not None:
            sentence = f"ConnectWise has no company {company_id}. Choose one by its name."
            raise Invalid(sentence, {"company": sentence})
    if product:
        known = sa.select(PsaProduct.id).where(PsaProduct.identifier == product).limit(1)
        if session.scalars(known).first() is None:
            sentence = f"ConnectWise has no product “{product}”. Write its Product ID as the card shows it."
            raise Invalid(sentence, {"product": sentence})


def refuse_past(until: date | None, today: date) -> None:
    """Refuse a last day that is past already.

    Raises:
        Invalid: With the field.
    """
    if until is not None and until < today:
        sentence = "This day is past, so the rule would never hold. Choose today or a later day, or leave it empty."
        raise Invalid(sentence, {"until": sentence})


def _cards_follow(session: Session, rule: Rule, *, now: datetime, zone: ZoneInfo) -> None:
    companies = companies_of(session, rule, local_day(now, zone))
    remaking.remake(session, now=now, zone=zone, company_ids=companies if len(companies) <= _FEW else None)
