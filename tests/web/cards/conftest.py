"""A made-up month for the board's tests: what the PSA bills, what a vendor counts, and the cards made of both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Card,
    Connection,
    PsaAddition,
    PsaAgreement,
    PsaBillingCycle,
    PsaCompany,
    PsaProduct,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    UsageRow,
    Vendor,
    VendorAccount,
    VendorService,
)
from portal.domain.periods import Period
from portal.services import cards
from tests.support.database import NOW, ZONE

TODAY = date(2026, 10, 28)
OCTOBER = Period(2026, 10)


@dataclass
class Month:
    """Builds a month card by card; `make` makes the cards."""

    session: Session
    now: datetime = NOW
    companies: int = 0
    lines: int = 0
    _vendors: dict[str, UsageImport] | None = None

    def __post_init__(self) -> None:
        self.session.add(
            Connection(
                name="connectwise",
                url="https://api-na.myconnectwise.example/v4_6_release/apis/3.0",
                company="sandbox",
                public_key="portal",
                sealed_private_key="sealed",
                key_tail="cret",
                client_id="id",
                writing=True,
                set_by="Priya",
                set_at=self.now,
                last_read_at=self.now - timedelta(minutes=6),
            )
        )
        self.session.add(PsaBillingCycle(id=1, name="Monthly", options="Monthly", months=1))
        self._vendors = {}
        self.session.flush()

    @property
    def connection(self) -> Connection:
        return self.session.get_one(Connection, "connectwise")

    def company(self, name: str = "", **more: Any) -> PsaCompany:
        self.companies += 1
        number = 200 + self.companies
        company = PsaCompany(
            id=number,
            identifier=f"C{number}",
            name=name or f"Company {number}",
            in_scope=True,
            currency="USD",
            **more,
        )
        self.session.add(company)
        self.session.flush()
        return company

    def agreement(self, company: PsaCompany, name: str = "Managed Services", **more: Any) -> PsaAgreement:
        known = self.session.scalar(sa.select(sa.func.max(PsaAgreement.id))) or 4000
        values = {
            "start_date": date(2024, 1, 1),
            "no_ending": True,
            "billing_cycle_id": 1,
            "period_type": "Current",
            "next_invoice_date": date(2026, 11, 1),
            "additions_read_at": self.now,
            "currency": "USD",
        }
        agreement = PsaAgreement(id=known + 1, name=name, company_id=company.id, **(values | more))
        self.session.add(agreement)
        self.session.flush()
        return agreement

    def product(self, name: str = "EDR-SEAT", price: str = "9.50", cost: str = "4.20", **more: Any) -> str:
        if self.session.scalar(sa.select(PsaProduct.id).where(PsaProduct.identifier == name)) is None:
            known = self.session.scalar(sa.select(sa.func.max(PsaProduct.id))) or 100
            title = more.pop("description", f"{name} title")
            self.session.add(
                PsaProduct(
                    id=known + 1,
                    identifier=name,
                    description=title,
                    price=Decimal(price),
                    cost=Decimal(cost),
                    **more,
                )
            )
            self.session.flush()
        return name

    def line(self, agreement: PsaAgreement, product: str, quantity: str, **more: Any) -> PsaAddition:
        self.lines += 1
        values: dict[str, Any] = {
            "unit_price": Decimal("9.50"),
            "unit_cost": Decimal("4.20"),
            "effective_date": date(2026, 6, 1),
        }
        line = PsaAddition(
            id=30000 + self.lines,
            agreement_id=agreement.id,
            product=self.product(product),
            product_id=101,
            quantity=Decimal(quantity),
            **(values | more),
        )
        self.session.add(line)
        self.session.flush()
        return line

    def vendor(self, title: str = "Sentrybox") -> UsageImport:
        assert self._vendors is not None
        if title not in self._vendors:
            vendor = Vendor(slug=title.lower(), title=title, last_commit_at=self.now, created_at=self.now)
            self.session.add(vendor)
            self.session.flush()
            file = UsageImport(
                vendor_id=vendor.id,
                filename=f"{vendor.slug}-2026-10.csv",
                sha256=vendor.slug.ljust(64, "0"),
                size=1,
                state="committed",
                period="2026-10",
                counted_at=self.now - timedelta(hours=2),
                complete=True,
                imported_by="Dana",
                imported_at=self.now,
                committed_at=self.now,
            )
            self.session.add(file)
            self.session.flush()
            self._vendors[title] = file
        return self._vendors[title]

    def usage(self, company: PsaCompany, product: str, quantity: str | None, vendor: str = "Sentrybox") -> None:
        """Let a vendor feed a product, and count it for a company unless the quantity is none."""
        file = self.vendor(vendor)
        service = self._service(file, self.product(product))
        account = self._account(file, company)
        if quantity is None:
            return
        count = UsageCount(
            import_id=file.id, account_id=account.id, service_id=service.id, quantity=Decimal(quantity), rows=1
        )
        self.session.add(count)
        self.session.flush()
        self.session.add(
            UsageRow(
                import_id=file.id,
                line=2,
                outcome="counted",
                count_id=count.id,
                units=Decimal(quantity),
                cells={"Account": account.external_id, "Seats": quantity},
            )
        )
        self.session.flush()

    def make(self) -> list[Card]:
        """Make the cards and commit."""
        self.session.flush()
        cards.make_cards(self.session, period=OCTOBER, today=TODAY, now=self.now, zone=ZONE)
        self.session.commit()
        made = list(self.session.scalars(sa.select(Card).order_by(Card.id)))
        self.session.commit()  # a writing session that only read would keep the portal waiting
        return made

    def card(
        self,
        billed: str | None = "20",
        counted: str | None = "21",
        *,
        company: str = "",
        product: str = "EDR-SEAT",
        vendor: str = "Sentrybox",
        line: dict[str, Any] | None = None,
        **agreement: Any,
    ) -> Card:
        """Make one card of a company of its own: billed so much, counted so much."""
        customer = self.company(company)
        contract = self.agreement(customer, **agreement)
        if billed is not None:
            self.line(contract, product, billed, **(line or {}))
        self.usage(customer, product, counted, vendor)
        self.make()
        made = self.session.scalars(sa.select(Card).where(Card.company_id == customer.id)).one()
        self.session.commit()
        return made

    def reload(self, card: Card) -> Card:
        """Read a card anew, as the portal left it."""
        self.session.rollback()
        found = self.session.get_one(Card, card.id, populate_existing=True)
        self.session.commit()
        return found

    def _service(self, file: UsageImport, product: str) -> VendorService:
        found = self.session.scalars(
            sa.select(VendorService).where(
                VendorService.vendor_id == file.vendor_id, VendorService.external_id == f"S-{product}"
            )
        ).one_or_none()
        if found is not None:
            return found
        service = VendorService(
            vendor_id=file.vendor_id, external_id=f"S-{product}", name=f"{product} service", seen_at=self.now
        )
        mapping = ServiceMapping(
            vendor_id=file.vendor_id,
            service_external_id=f"S-{product}",
            state="mapped",
            decided_by="Dana",
            decided_at=self.now,
            products=[ServiceProduct(product=product, factor=Decimal(1))],
        )
        self.session.add_all([service, mapping])
        self.session.flush()
        return service

    def _account(self, file: UsageImport, company: PsaCompany) -> VendorAccount:
        name = f"acc-{company.id}"
        found = self.session.scalars(
            sa.select(VendorAccount).where(VendorAccount.vendor_id == file.vendor_id, VendorAccount.external_id == name)
        ).one_or_none()
        if found is not None:
            return found
        account = VendorAccount(vendor_id=file.vendor_id, external_id=name, name=company.name, seen_at=self.now)
        mapping = AccountMapping(
            vendor_id=file.vendor_id,
            account_external_id=name,
            state="mapped",
            company_id=company.id,
            decided_by="Dana",
            decided_at=self.now,
        )
        self.session.add_all([account, mapping])
        self.session.flush()
        return account


@pytest.fixture
def month(session: Session) -> Month:
    return Month(session)


@pytest.fixture
def cards_of(month: Month) -> Callable[[int], None]:
    """Makes so many increases, each of a company of its own."""

    def make(number: int) -> None:
        for each in range(number):
            customer = month.company()
            month.line(month.agreement(customer), "EDR-SEAT", "5")
            month.usage(customer, "EDR-SEAT", str(6 + each))
        month.make()

    return make
