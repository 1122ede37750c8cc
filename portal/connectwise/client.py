"""The ConnectWise PSA client: an attribute a resource."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from portal.connectwise import one_agreement
from portal.connectwise.addition_lines import Addition
from portal.connectwise.additions import Additions
from portal.connectwise.address import Address, normalise
from portal.connectwise.agreement_types import AgreementTypes
from portal.connectwise.agreements import Agreement, Agreements
from portal.connectwise.audit_trail import AuditTrail
from portal.connectwise.billing_cycles import BillingCycles
from portal.connectwise.catalog import Catalog
from portal.connectwise.companies import Companies
from portal.connectwise.company_statuses import CompanyStatuses
from portal.connectwise.company_types import CompanyTypes
from portal.connectwise.keys import Credentials
from portal.connectwise.pace import Pace
from portal.connectwise.patience import Patience
from portal.connectwise.permissions import Permission, tested
from portal.connectwise.system import System
from portal.connectwise.transport import MOST_A_PAGE, Transport


class ConnectWise:
    """One ConnectWise PSA, seen with one pair of keys; safe to share between threads.

    Close it, or use it as a context manager. Nothing is sent until something is asked.

    Args:
        address: The site or the full base, as pasted or as ``normalise`` read it.
        company: ConnectWise's company id, as typed at its sign-in.
        public_key: The API member's public key.
        private_key: The API member's private key.
        client_id: The integration's GUID, from ConnectWise's developer site.
        allow_private: Whether it may stand at a private or loopback address, and answer over http.
        patience: Time-outs and retries.
        page_size: Records a page, 1 to 1000.
        parallel: Reads in bulk at the same time, at most.
        bundle_size: Agreements whose additions are read in one call; below 2, each by itself.
        ca_certificates: Authorities that are trusted beside the usual ones, as PEM text.
        pace: How fast calls may follow each other; without it, as fast as it goes.

    Raises:
        AddressRefused: The address is none, or the certificates cannot be read.
    """

    def __init__(
        self,
        address: str | Address,
        *,
        company: str,
        public_key: str,
        private_key: str,
        client_id: str,
        allow_private: bool = False,
        patience: Patience | None = None,
        page_size: int = MOST_A_PAGE,
        parallel: int = 8,
        bundle_size: int = 0,
        ca_certificates: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        where = normalise(address, allow_private=allow_private) if isinstance(address, str) else address
        transport = Transport(
            where,
            Credentials(company=company, public_key=public_key, private_key=private_key, client_id=client_id),
            allow_private=allow_private,
            patience=patience,
            page_size=page_size,
            parallel=parallel,
            bundle_size=bundle_size,
            ca_certificates=ca_certificates,
            pace=pace,
        )
        self._view = False
        self._use(transport)

    def _use(self, transport: Transport) -> None:
        self.transport = transport
        self.companies = Companies(self.transport)
        self.company_statuses = CompanyStatuses(self.transport)
        self.company_types = CompanyTypes(self.transport)
        self.agreements = Agreements(self.transport)
        self.agreement_types = AgreementTypes(self.transport)
        self.additions = Additions(self.transport)
        self.catalog = Catalog(self.transport)
        self.billing_cycles = BillingCycles(self.transport)
        self.audit_trail = AuditTrail(self.transport)
        self.system = System(self.transport)

    @property
    def address(self) -> Address:
        """Where it is."""
        return self.transport.address

    def __repr__(self) -> str:
        return f"ConnectWise({self.address.base!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. On a view from ``urgent`` it does nothing: they are the client's."""
        if not self._view:
            self.transport.close()

    def urgent(self) -> Self:
        """Give a view on the same connections whose calls go before reads in bulk: for what a person decided."""
        view = copy.copy(self)
        view._view = True  # noqa: SLF001 - its own kind
        view._use(self.transport.urgent())  # noqa: SLF001 - as above
        return view

    def fenced(self, check: Callable[[], None]) -> Self:
        """Give a view on the same connections whose writes ask at the very last moment whether they may still leave."""
        view = copy.copy(self)
        view._view = True  # noqa: SLF001 - its own kind
        view._use(self.transport.fenced(check))  # noqa: SLF001 - as above
        return view

    def agreement_with_lines(
        self, agreement_id: int, *, between: Callable[[], None] = lambda: None
    ) -> tuple[Agreement, tuple[Addition, ...]]:
        """Read an agreement and its lines, in one call where that can be; as `one_agreement.read`."""
        return one_agreement.read(self.transport, agreement_id, between=between)

    def test_permissions(self) -> Iterator[Permission]:
        """Try each right that the portal needs; nothing is changed. Raises as ``permissions.tested``."""
        return tested(self.transport)
