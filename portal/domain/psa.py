"""What ConnectWise PSA holds, as the rules read it: companies, agreements, lines and catalogue items."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.domain.periods import day_text


class Billing(StrEnum):
    """How an addition reaches the invoice; the values are ConnectWise's own."""

    BILLABLE = "Billable"
    DO_NOT_BILL = "DoNotBill"
    NO_CHARGE = "NoCharge"


class PeriodType(StrEnum):
    """Which period an invoice bills: the one before its date, the one after, or both."""

    CURRENT = "Current"
    FUTURE = "Future"
    BOTH = "Both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One agreement addition.

    Args:
        product: ConnectWise product identifier.
        quantity: Units, included ones too.
        less_included: Units of the quantity that the PSA does not bill; shown, never subtracted.
        unit_price: Price of one unit for one whole billing cycle; none: the catalogue's.
        unit_cost: Likewise.
        effective: First day; none: since ever.
        cancelled: Last day, which still counts; none: open-ended.
    """

    addition_id: int
    agreement_id: int
    product: str
    description: str = ""
    quantity: Decimal
    less_included: Decimal = Decimal(0)
    unit_price: Decimal | None = None
    unit_cost: Decimal | None = None
    billing: Billing = Billing.BILLABLE
    effective: date | None = None
    cancelled: date | None = None

    @property
    def void(self) -> bool:
        """Tell whether the line was taken back: nothing, for one day. Nobody may delete it, and it bills no day."""
        return self.quantity == 0 and self.effective is not None and self.cancelled == self.effective

    @property
    def billed_units(self) -> Decimal:
        """The units that the PSA bills for each day of the line: the quantity without what is included."""
        return Decimal(0) if self.void else self.quantity - self.less_included

    def active(self, on: date) -> bool:
        """Tell whether the line is billed on a day; its first and its last day count, but for one taken back."""
        begun = self.effective is None or self.effective <= on
        return begun and not self.void and (self.cancelled is None or on <= self.cancelled)

    def begins_after(self, on: date) -> bool:
        """Tell whether the line is a scheduled change: it begins later than a day and then lasts a day or more."""
        if self.effective is None or self.effective <= on or self.void:
            return False
        return self.cancelled is None or self.cancelled >= self.effective


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A recurring contract of a company, as the PSA holds it.

    Args:
        cancelled: The PSA's own flag, which alone decides; `cancelled_on` is only shown.
        cycle_months: Length of its own billing cycle; none: it has none, or takes its parent's.
        prorates: `prorateFlag`: it bills a line from a day on, so an effective date may be picked.
        next_invoice: `nextInvoiceDate`, on which the next period is billed.
        currency: ISO code; none: the company's.
    """

    id: int
    company_id: int
    name: str = ""
    start: date | None = None
    end: date | None = None
    no_ending: bool = False
    cancelled: bool = False
    cancelled_on: date | None = None
    cycle_months: int | None = None
    parent_id: int | None = None
    prorates: bool = False
    period_type: PeriodType | None = None
    next_invoice: date | None = None
    currency: str | None = None

    @property
    def last_day(self) -> date | None:
        """The last day of the agreement, which counts in; none: it has no end."""
        return None if self.no_ending else self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A customer of the MSP.

    Args:
        in_scope: What `scope.scope_of` made of its status and types.
        currency: ISO code, for what has no agreement.
    """

    id: int
    name: str = ""
    in_scope: bool
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogItem:
    """A product of the PSA's catalogue.

    Args:
        price: For one unit, used where a line has none of its own.
        cost: Likewise.
        bundle: Its product class is Bundle: the PSA refuses it as an addition.
    """

    product: str
    description: str = ""
    price: Decimal | None = None
    cost: Decimal | None = None
    bundle: bool = False
    inactive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledAgreement:
    """An agreement as it is billed on a day, with what it takes from its parent.

    Args:
        live: Not cancelled, begun, and not after its end.
        billed: Live, with a billing cycle, and no cancelled parent: it may make cards.
        cycle_months: Its own billing cycle, else its parent's.
        why_not: Why it makes no cards, as a sentence; none where it is billed.
        flagged: It is live, but its parent is cancelled: a person should look.
    """

    agreement: Agreement
    live: bool
    billed: bool
    cycle_months: int | None
    period_type: PeriodType | None
    next_invoice: date | None
    why_not: str | None = None
    flagged: bool = False


_MONTHS_OF = {"monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6, "yearly": 12}
# What a cycle is called where ConnectWise does not tell its `billingOptions`.
_MONTHS_BY_NAME = _MONTHS_OF | {"everytwomonths": 2, "semiannually": 6, "halfyearly": 6, "annual": 12, "annually": 12}


def billing_cycle_months(options: str | None, name: str | None) -> int | None:
    """Give the length of a billing cycle in months.

    Args:
        options: ConnectWise's `billingOptions`: Monthly, BiMonthly, Quarterly, SemiAnnual, Yearly, or one that
            is not counted in months (Weekly, BiWeekly, NotRecurring).
        name: The cycle's name, read only where the options are unknown.

    Returns:
        1, 2, 3, 6 or 12; none where a month has no whole number of cycles or the cycle is unknown.
    """
    if options:
        return _MONTHS_OF.get(_letters(options))
    return _MONTHS_BY_NAME.get(_letters(name or ""))


def _letters(text: str) -> str:
    """Keep the letters of a word, in lower case."""
    return "".join(letter for letter in text.casefold() if letter.isalpha())


def live_agreements(agreements: Iterable[Agreement], today: date) -> dict[int, BilledAgreement]:
    """Tell of each agreement whether it is live and billed on a day, and on what terms.

    A child without a cycle, period type or next invoice date of its own takes its parent's. A live child of a
    cancelled parent is flagged and not billed.

    Returns:
        By agreement id, all that were given.
    """
    known = {agreement.id: agreement for agreement in agreements}
    return {agreement.id: _billed(agreement, known, today) for agreement in known.values()}


def _billed(agreement: Agreement, known: Mapping[int, Agreement], today: date) -> BilledAgreement:
    """Read one agreement beside its parents."""
    family = [agreement, *_parents(agreement, known)]
    cycle = next((one.cycle_months for one in family if one.cycle_months is not None), None)
    ended = _why_not_live(agreement, today)
    cancelled_parent = next((one for one in family[1:] if one.cancelled), None)
    why_not = ended
    if ended is None and cancelled_parent is not None:
        why_not = f"Its parent agreement {cancelled_parent.id} {cancelled_parent.name}".rstrip() + " is cancelled."
    elif ended is None and cycle is None:
        why_not = "The agreement has no billing cycle: it is not billed here."
    return BilledAgreement(
        agreement=agreement,
        live=ended is None,
        billed=why_not is None,
        cycle_months=cycle,
        period_type=next((one.period_type for one in family if one.period_type is not None), None),
        next_invoice=next((one.next_invoice for one in family if one.next_invoice is not None), None),
        why_not=why_not,
        flagged=ended is None and cancelled_parent is not None,
    )


def _parents(agreement: Agreement, known: Mapping[int, Agreement]) -> list[Agreement]:
    """List the parents, nearest first; a ring of parents ends where it closes."""
    found: list[Agreement] = []
    seen = {agreement.id}
    parent_id = agreement.parent_id
    while parent_id is not None and parent_id not in seen and parent_id in known:
        seen.add(parent_id)
        found.append(known[parent_id])
        parent_id = found[-1].parent_id
    return found


def _why_not_live(agreement: Agreement, today: date) -> str | None:
    """Say why an agreement is not live on a day; none where it is."""
    if agreement.cancelled:
        on = f" on {day_text(agreement.cancelled_on)}" if agreement.cancelled_on else ""
        return f"The agreement was cancelled{on}."
    if agreement.start is not None and agreement.start > today:
        return f"The agreement begins on {day_text(agreement.start)}."
    if agreement.last_day is not None and agreement.last_day < today:
        return f"The agreement ended on {day_text(agreement.last_day)}."
    return None
