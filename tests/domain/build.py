"""Short ways to say a line, an agreement or a card's inputs in a test."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from portal.domain.cards_csv import card_cells
from portal.domain.mapping import MappedUsage
from portal.domain.plans import DoneStep, Plan, StepAction, lines_after, plan_add, plan_change
from portal.domain.psa import (
    Agreement,
    BilledAgreement,
    Billing,
    CatalogItem,
    Company,
    Line,
    PeriodType,
    live_agreements,
)
from portal.domain.reconcile import Card, reconcile
from portal.domain.rules import Rule, RuleBody, RuleBook
from portal.domain.splits import Split

TODAY = date(2026, 10, 28)
NOW = datetime(2026, 10, 28, 13, 0, tzinfo=UTC)
START = date(2024, 3, 1)
NOVEMBER = date(2026, 11, 1)
SEAT = CatalogItem(product="SEAT", price=Decimal(10), cost=Decimal(6))


def line(
    quantity: str,
    *,
    id: int = 1,  # noqa: A002 - short, as in the PSA
    agreement: int = 1,
    product: str = "SEAT",
    price: str | None = "10",
    cost: str | None = "6",
    since: date | None = START,
    until: date | None = None,
    included: str = "0",
    billing: Billing = Billing.BILLABLE,
) -> Line:
    return Line(
        addition_id=id,
        agreement_id=agreement,
        product=product,
        quantity=Decimal(quantity),
        less_included=Decimal(included),
        unit_price=None if price is None else Decimal(price),
        unit_cost=None if cost is None else Decimal(cost),
        billing=billing,
        effective=since,
        cancelled=until,
    )


def agreement(
    id: int = 1,  # noqa: A002 - short, as in the PSA
    *,
    company: int = 1,
    start: date | None = START,
    end: date | None = None,
    cancelled: bool = False,
    cycle: int | None = 1,
    parent: int | None = None,
    prorates: bool = False,
    bills: PeriodType | None = PeriodType.CURRENT,
    invoice: date | None = NOVEMBER,
    currency: str | None = "USD",
) -> Agreement:
    return Agreement(
        id=id,
        company_id=company,
        name=f"Agreement {id}",
        start=start,
        end=end,
        no_ending=end is None,
        cancelled=cancelled,
        cycle_months=cycle,
        parent_id=parent,
        prorates=prorates,
        period_type=bills,
        next_invoice=invoice,
        currency=currency,
    )


def billed(one: Agreement | None = None, *, today: date = TODAY, prorates: bool = False) -> BilledAgreement:
    chosen = agreement(prorates=prorates) if one is None else one
    return live_agreements([chosen], today)[chosen.id]


def usage(units: str, *, company: int = 1, product: str = "SEAT") -> MappedUsage:
    return MappedUsage(company_id=company, product=product, units=Decimal(units))


def book(*bodies: RuleBody, company: int | None = 1, product: str | None = "SEAT") -> RuleBook:
    return RuleBook(Rule(body=body, company_id=company, product=product) for body in bodies)


def cards(
    lines: Iterable[Line],
    counted: Iterable[MappedUsage] = (),
    *,
    agreements: Iterable[Agreement] | None = None,
    companies: Iterable[Company] | None = None,
    catalog: Iterable[CatalogItem] = (SEAT,),
    fed: Collection[str] = ("SEAT",),
    rules: RuleBook | None = None,
    splits: Mapping[tuple[int, str], Split] | None = None,
    today: date = TODAY,
) -> list[Card]:
    return reconcile(
        [Company(id=1, name="Alder", in_scope=True, currency="USD")] if companies is None else companies,
        [agreement()] if agreements is None else agreements,
        lines,
        catalog,
        counted,
        fed,
        rules or RuleBook(),
        splits or {},
        today,
    )


FIXED = agreement()
PRORATES = agreement(prorates=True)


def changed(
    quantity: str,
    *lines: Line,
    day: date | None = None,
    on: Agreement = FIXED,
    dated: bool = True,
    today: date = TODAY,
) -> Plan:
    return plan_change(billed(on, today=today), lines or [line("10")], SEAT, Decimal(quantity), day, today, dated)


def added(
    quantity: str = "4",
    *,
    day: date | None = None,
    on: Agreement = FIXED,
    item: CatalogItem | None = SEAT,
    lines: tuple[Line, ...] = (),
    price: str | None = None,
) -> Plan:
    cost = None if price is None else Decimal(0)
    return plan_add(
        billed(on), item, Decimal(quantity), day, TODAY, None if price is None else Decimal(price), cost, lines
    )


def carried_out(lines: list[Line], plan: Plan) -> tuple[list[Line], list[DoneStep]]:
    done = [
        DoneStep(step=step, addition_id=-number if step.action is StepAction.CREATE else None)
        for number, step in enumerate(plan.steps, start=1)
    ]
    return lines_after(lines, plan.steps), done


def card_row(card: Card, company: str, agreement: str | None) -> list[str]:
    """Write a card as the export does."""
    return card_cells(
        company_id=card.company_id,
        company=company,
        agreement_id=card.agreement_id,
        agreement=agreement,
        product=card.product,
        kind=card.kind.value,
        quantities=(card.psa, card.vendor, card.proposed, card.difference),
        prices=(card.unit_price, card.unit_cost),
        money=(card.revenue_month, card.profit_month),
        prorates=card.prorates,
    )
