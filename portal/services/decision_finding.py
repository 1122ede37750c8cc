"""Find the card that is meant, and the person who decides: what the command line names in its own words."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaCompany
from portal.domain.periods import Period
from portal.services import people
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import Invalid, NotAllowed, NotFound


def actor_of(session: Session, email: str | None) -> Actor:
    """Give the person with an e-mail address, with their role; without one the command line itself.

    Raises:
        NotFound: There is no such person.
        NotAllowed: They were switched off.
    """
    if not email:
        return COMMAND_LINE
    person = people.person_by_email(session, email)
    if not person.active:
        raise NotAllowed(f"{person.name} was switched off and may not decide. Nothing was decided.")
    return people.actor_of(person)


def company_of(session: Session, named: str) -> int:
    """Give the id of a company that is named by its id, its identifier or its exact name.

    Raises:
        NotFound: There is none.
        Invalid: Several have this name.
    """
    text = named.strip()
    if text.isdecimal() and text.isascii():
        return int(text)
    query = sa.select(PsaCompany.id).where(
        sa.or_(PsaCompany.name == text, PsaCompany.identifier == text), PsaCompany.gone_at.is_(None)
    )
    found = list(session.scalars(query.where(PsaCompany.deleted.is_(False))))
    if not found:
        raise NotFound(f"There is no company “{text}”.")
    if len(found) > 1:
        ids = ", ".join(str(one) for one in sorted(found))
        raise Invalid(f"Several companies are called “{text}”: {ids}. Name one by its id.")
    return found[0]


def card_of(session: Session, *, period: Period, company: str, product: str, agreement_id: int | None = None) -> Card:
    """Give the card of a company and product, and of an agreement where the product stands on several.

    Raises:
        NotFound: There is no such card.
        Invalid: There are several, and no agreement says which.
    """
    company_id = company_of(session, company)
    query = sa.select(Card).where(Card.period == str(period), Card.company_id == company_id, Card.product == product)
    if agreement_id is not None:
        query = query.where(Card.agreement_id == agreement_id)
    found = list(session.scalars(query.order_by(Card.gone_at.is_not(None), Card.agreement_id)))
    standing = [card for card in found if card.gone_at is None] or found
    if len(standing) > 1:
        standing = [card for card in standing if card.state != "stale"] or standing
    if not standing:
        where = "" if agreement_id is None else f" on agreement {agreement_id}"
        raise NotFound(f"Company {company_id} has no card of {product}{where} in {period}.")
    if len(standing) > 1:
        names = ", ".join(
            "none (new revenue)" if one.agreement_id is None else str(one.agreement_id) for one in standing
        )
        raise Invalid(f"{product} of company {company_id} stands on several agreements: {names}. Name one.")
    return standing[0]
