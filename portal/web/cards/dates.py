"""The effective date of a decision's form: a field with its bounds and their reasons, or locked with the reason."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.domain.effective_dates import DateBounds, add_bounds, change_bounds
from portal.domain.periods import Period
from portal.domain.psa import BilledAgreement
from portal.services import decisions
from portal.web import filters as shown
from portal.web.cards.rows import Row
from portal.web.locale_choice import current_locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The effective date of a form: a field, or locked with the reason.

    Args:
        open: The agreement prorates.
        today: Today in words, for the locked field.
        default: What the field holds before anybody typed; none: nothing.
        first: The first day that the field takes, as its `min` says it.
        last: The last one.
        hint: The bounds and why they are.
        agreement: Its name, where the field is locked.
        link: To the agreement in the PSA.
    """

    open: bool
    today: str
    default: date | None = None
    first: str = ""
    last: str = ""
    hint: str = ""
    agreement: str = ""
    link: str | None = None

    @property
    def value(self) -> str:
        """The day before anybody typed, as a field holds it."""
        return "" if self.default is None else self.default.isoformat()


def for_change(session: Session, row: Row, billed: BilledAgreement | None, quantity: Decimal | None) -> Dates:
    """Say from which day a card may be adjusted.

    Args:
        session: For reading.
        row: The card.
        billed: Its agreement; none: the PSA does not have it any more.
        quantity: As typed; none: it cannot be read.
    """
    if billed is None or not billed.agreement.prorates:
        return _locked(row, billed)
    day = Period.parse(row.card.period).looked_at(row.where.today)
    lines = decisions.lines_of(session, billed.agreement.id, row.card.product)
    bounds = change_bounds(billed, lines, quantity, day)
    return _open(row, bounds, default=bounds.nearest(row.where.today))


def for_added_line(session: Session, row: Row, billed: BilledAgreement | None) -> Dates:
    """Say from which day a line may be added to an agreement; left empty, the field means today.

    Args:
        session: For reading.
        row: The card.
        billed: The agreement that was chosen; none: none yet.
    """
    if billed is None or not billed.agreement.prorates:
        return _locked(row, billed)
    lines = decisions.lines_of(session, billed.agreement.id, row.card.product)
    return _open(row, add_bounds(billed, lines, row.where.today), default=None)


def _open(row: Row, bounds: DateBounds, default: date | None) -> Dates:
    said = ["This agreement prorates.", bounds.words(shown.day_words)]
    if default is None:
        said.append("Left empty: today.")
    return Dates(
        open=True,
        today=current_locale().day(row.where.today),
        default=default,
        first=bounds.earliest.isoformat(),
        last=bounds.latest.isoformat(),
        hint=" ".join(word for word in said if word),
    )


def _locked(row: Row, billed: BilledAgreement | None) -> Dates:
    return Dates(
        open=False,
        today=f"{current_locale().day(row.where.today)}, today",
        agreement=row.card.agreement or (billed.agreement.name if billed is not None else ""),
        link=row.where.psa_link(None if billed is None else billed.agreement.id),
    )
