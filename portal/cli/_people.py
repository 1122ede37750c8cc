"""Who a command acts for: the person of `--by`, or the command line."""

from sqlalchemy.orm import Session

from portal.services import people
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import NotAllowed


def actor_by_email(session: Session, email: str | None) -> Actor:
    """Give the person of an e-mail address, with that person's role; without one the command line.

    Raises:
        NotFound: Nobody has the address.
        NotAllowed: The person was switched off.
    """
    if email is None:
        return COMMAND_LINE
    person = people.person_by_email(session, email)
    if not person.active:
        raise NotAllowed(f"{person.name} was switched off and may do nothing.")
    return people.actor_of(person)
