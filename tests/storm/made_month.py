"""A made-up month with as many cards to decide as a storm needs: for each four, two that change and two to be added."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.services import decisions
from portal.services.actors import Actor
from tests.support.database import NOW
from tests.support.made_set import MadeSet

TODAY = date(2026, 10, 28)
EACH = 4  # cards of a company
BILLER = Actor("Bo Biller", None, "biller")
DAY = "2026-11-15"

VENDOR = "Nordlicht"
GROWS, SHRINKS, FIRST_NEW, SECOND_NEW = "SEAT", "DISK", "MAIL", "EDGE"
BILLED = {GROWS: 10, SHRINKS: 9}
COUNTED = {GROWS: 13, SHRINKS: 4, FIRST_NEW: 6, SECOND_NEW: 2}


def make_month(folder: Path, companies: int) -> Path:
    """Write a set of so many companies, each with one agreement; every second agreement prorates."""
    made = MadeSet()
    made.status(1, "Active", "customer")
    made.type(1, "Customer", "in")
    for product in COUNTED:
        made.item(product, 10.0, 4.0)
        made.service(VENDOR, product.lower(), "", (product, "1"))
    said = ["who,what,n"]
    for number in range(1, companies + 1):
        company = 1000 + number
        made.company(company, status=1, types=(1,))
        made.account(VENDOR, f"acct-{company}", company)
        made.agreement(10 * company, company, prorateFlag=number % 2 == 0)
        for place, (product, quantity) in enumerate(BILLED.items()):
            made.line(100 * company + place, 10 * company, product, quantity)
        said += [f"acct-{company},{product.lower()},{count}" for product, count in COUNTED.items()]
    columns = {"account_id": "who", "service_id": "what", "count": "n"}
    made.file(2, "month.csv", VENDOR, "\n".join(said) + "\n", counted_at="2026-10-27T08:00:00-04:00", columns=columns)
    return made.write(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A card, and what is decided on it."""

    card_id: int
    product: str
    agreement_id: int
    decide: Callable[[Session], Decision]


def choices(session: Session) -> Iterator[Choice]:
    """Give what is decided on each card: half of them change lines, half add one.

    A line that shrinks on an agreement that prorates does so from a day on, which takes two writes.
    """
    for card in session.scalars(sa.select(Card).order_by(Card.id)):
        yield Choice(
            card_id=card.id,
            product=card.product,
            agreement_id=card.agreement_id or card.company_id * 10,
            decide=_verb(
                card.id, card.product, card.agreement_id or card.company_id * 10, prorates=bool(card.prorates)
            ),
        )


def _verb(card_id: int, product: str, agreement_id: int, *, prorates: bool) -> Callable[[Session], Decision]:
    def verb(session: Session) -> Decision:
        if product not in BILLED:
            return decisions.add(session, card_id, agreement_id=agreement_id, by=BILLER, now=NOW, today=TODAY)
        if product == SHRINKS and prorates:
            wanted = str(COUNTED[product])
            return decisions.adjust(session, card_id, quantity=wanted, day=DAY, by=BILLER, now=NOW, today=TODAY)
        return decisions.approve(session, card_id, by=BILLER, now=NOW, today=TODAY)

    return verb
