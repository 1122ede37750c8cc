"""A vendor with accounts of each kind, what they counted, and the companies they may be."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    PsaCompany,
    PsaListRow,
    PsaProduct,
    RowMeaning,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorService,
    VendorWordMeaning,
)

EARLIER = datetime(2026, 10, 1, 12, tzinfo=UTC)
COUNTED = datetime(2026, 10, 27, 12, tzinfo=UTC)


class Stage:
    """Builds what a mapping page shows, one short call for each thing."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.vendor = self.a_vendor("Cumulus")
        self.files: dict[tuple[int, str], UsageImport] = {}

    def a_vendor(self, title: str) -> Vendor:
        """Add a vendor."""
        vendor = Vendor(slug=title.lower().replace(" ", "-"), title=title, created_at=EARLIER)
        self.session.add(vendor)
        self.session.flush()
        return vendor

    def a_company(self, company_id: int, name: str, *, deleted: bool = False, in_scope: bool = True) -> PsaCompany:
        """Add a company."""
        company = PsaCompany(
            id=company_id,
            identifier=f"{name.split(maxsplit=1)[0].lower()}{company_id}",
            name=name,
            status_id=1,
            deleted=deleted,
            in_scope=in_scope and not deleted,
        )
        self.session.add(company)
        return company

    def an_account(
        self,
        external_id: str,
        name: str,
        *,
        status: str = "active",
        units: str | None = "3",
        before: str | None = None,
        service: str = "EDR",
        vendor: Vendor | None = None,
    ) -> VendorAccount:
        """Add an account with its counts of October (`units`) and September (`before`)."""
        vendor = vendor or self.vendor
        account = VendorAccount(vendor_id=vendor.id, external_id=external_id, name=name, status=status, seen_at=COUNTED)
        self.session.add(account)
        self.session.flush()
        for period, count in (("2026-10", units), ("2026-09", before)):
            if count is not None:
                self.count(account, service, count, period=period)
        return account

    def count(
        self, account: VendorAccount, service: str, units: str, *, term: str = "", period: str = "2026-10"
    ) -> None:
        """Add one count of one service."""
        self.session.add(
            UsageCount(
                import_id=self.a_file(account.vendor_id, period).id,
                account_id=account.id,
                service_id=self.a_service(service, term=term, vendor_id=account.vendor_id).id,
                quantity=Decimal(units),
                rows=1,
            )
        )
        self.session.flush()

    def a_service(self, external_id: str, *, term: str = "", name: str = "", vendor_id: int = 0) -> VendorService:
        """Give a vendor's service, made when first named."""
        vendor_id = vendor_id or self.vendor.id
        found = (
            self.session.query(VendorService)
            .filter_by(vendor_id=vendor_id, external_id=external_id, term=term)
            .one_or_none()
        )
        if found is None:
            found = VendorService(
                vendor_id=vendor_id, external_id=external_id, term=term, name=name or external_id, seen_at=COUNTED
            )
            self.session.add(found)
            self.session.flush()
        return found

    def a_file(self, vendor_id: int, period: str) -> UsageImport:
        """Give the committed file of a vendor and month, made when first needed."""
        key = (vendor_id, period)
        if key not in self.files:
            moment = COUNTED if period == "2026-10" else datetime(2026, 9, 28, 12, tzinfo=UTC)
            file = UsageImport(
                vendor_id=vendor_id,
                filename=f"usage-{period}.csv",
                sha256=f"{vendor_id:032}{period:>32}",
                size=1,
                state="committed",
                period=period,
                counted_at=moment,
                complete=True,
                imported_by="Dana",
                imported_at=moment,
                committed_at=moment,
            )
            self.session.add(file)
            self.session.flush()
            self.files[key] = file
        return self.files[key]

    def a_product(self, product_id: int, product: str, *, price: str = "9.50", kind: str = "Service") -> PsaProduct:
        """Add a catalogue item."""
        item = PsaProduct(
            id=product_id,
            identifier=product,
            description=f"The product {product}",
            price=Decimal(price),
            product_class=kind,
        )
        self.session.add(item)
        return item

    def mapped(self, account: VendorAccount, company_id: int, *, how: str = "person") -> None:
        """Map an account."""
        self.session.add(
            AccountMapping(
                vendor_id=account.vendor_id,
                account_external_id=account.external_id,
                account_name=account.name,
                state="mapped",
                company_id=company_id,
                how=how,
                decided_by="Marcus",
                decided_at=EARLIER,
            )
        )

    def feeds(self, service: VendorService, *products: tuple[str, str]) -> None:
        """Map a service to products with factors."""
        self.session.add(
            ServiceMapping(
                vendor_id=service.vendor_id,
                service_external_id=service.external_id,
                term=service.term,
                service_name=service.name,
                state="mapped",
                decided_by="Marcus",
                decided_at=EARLIER,
                products=[
                    ServiceProduct(position=at, product=product, factor=Decimal(factor))
                    for at, (product, factor) in enumerate(products)
                ],
            )
        )

    def word(self, word: str, meaning: str, *, vendor: Vendor | None = None) -> None:
        """Say what a vendor's status word means."""
        vendor_id = (vendor or self.vendor).id
        self.session.add(
            VendorWordMeaning(
                vendor_id=vendor_id,
                word=word.casefold(),
                shown=word,
                meaning=meaning,
                decided_by="Priya",
                decided_at=EARLIER,
            )
        )


@pytest.fixture
def stage(session: Session) -> Stage:
    """An empty stage: status 1 means customer, the vendor Cumulus knows the words active and archived."""
    session.add(PsaListRow(list="status", id=1, name="Active"))
    session.add(
        RowMeaning(
            list="status", psa_id=1, meaning="customer", name_last_seen="Active", decided_by="P", decided_at=EARLIER
        )
    )
    made = Stage(session)
    made.word("active", "active")
    made.word("archived", "inactive")
    return made


@pytest.fixture
def month(stage: Stage) -> Stage:
    """Halyard is unmapped and has a suggestion; Lantern is mapped; an old account still counts, another is hidden."""
    stage.a_company(214, "Halyard Freight")
    stage.a_company(307, "Lantern Health Clinics")
    stage.a_company(402, "Quarry Lane Holdings")
    stage.a_company(403, "Quarry Lane Holdings")
    stage.a_company(404, "Quarry Lane Deleted", deleted=True)
    stage.a_product(1, "EDR-SEAT")
    stage.feeds(stage.a_service("EDR"), ("EDR-SEAT", "1"))
    stage.an_account("t-1", "Halyard Freight Ltd", units="34")
    stage.mapped(stage.an_account("t-2", "Lantern", units="18"), 307)
    stage.an_account("t-3", "Seabright Dental (old)", status="Archived", units="12")
    stage.an_account("t-4", "Gone long ago", status="Archived", units="0", before="0")
    stage.an_account("t-5", "test-lab", status="trial", units="5")
    stage.session.commit()
    return stage
