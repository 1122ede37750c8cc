"""Additions: the billed lines of agreements, and the only thing the portal writes.

There is no list of additions over all agreements, so ``of_many`` reads agreement by agreement, some
at a time (``many_additions``). A write is sent once; what it did is what ``get`` says afterwards.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from portal.connectwise.addition_lines import Addition, AgreementAdditions, path_of, read_addition, reading
from portal.connectwise.errors import OutcomeUnknown, UnexpectedPayload
from portal.connectwise.many_additions import read_many
from portal.connectwise.payload import Row
from portal.connectwise.resource import Skipped, records
from portal.connectwise.transport import Answer, Transport

# What a copy of a line takes along, beside lessIncluded and the dates. Left out on purpose: id,
# serialNumber, billedQuantity, opportunity and all that ConnectWise computes.
__all__ = ["Addition", "Additions", "AgreementAdditions", "NewLine"]

_COPIED = (
    "product", "description", "invoiceDescription", "unitPrice", "unitCost", "billCustomer", "taxableFlag", "uom",
    "invoiceGrouping", "purchaseItemFlag", "specialOrderFlag", "sequenceNumber", "customFields",
)  # fmt: skip
_PLACES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line that is like no other; what is not given, ConnectWise takes from its catalogue.

    Args:
        product_id: The catalogue item.
        unit_price: Of one unit for one whole period.
        unit_cost: The same for its cost.
        description: What the line says.
        bill_customer: ConnectWise's word for whether it is billed.
    """

    product_id: int
    unit_price: Decimal | None = None
    unit_cost: Decimal | None = None
    description: str | None = None
    bill_customer: str = "Billable"


class Additions:
    """``/finance/agreements/{id}/additions``.

    Args:
        transport: Sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(
        self, agreement_id: int, *, changed_since: datetime | None = None, skipped: Skipped | None = None
    ) -> Iterator[Addition]:
        """Yield an agreement's additions, by id, whether active or not.

        Args:
            agreement_id: The agreement.
            changed_since: Only those that ConnectWise changed after this moment.
            skipped: Told of records that cannot be read; without it the first one raises.

        Raises:
            Rejected: There is no such agreement (``missing``).
        """
        path = path_of(agreement_id)
        return records(self._transport, path, reading(agreement_id), changed_since=changed_since, skipped=skipped)

    def of_many(
        self, agreement_ids: Iterable[int], *, changed_since: datetime | None = None
    ) -> Generator[AgreementAdditions, None, None]:
        """Read the additions of many agreements, some at a time, and yield each as it arrives.

        Args:
            agreement_ids: The agreements.
            changed_since: Only those additions that ConnectWise changed after this moment.

        Raises:
            ConnectWiseError: The first agreement that could not be read; the rest is not asked for.
        """
        return read_many(self._transport, agreement_ids, changed_since=changed_since)

    def get(self, agreement_id: int, addition_id: int) -> Addition:
        """Read one addition, whole.

        Raises:
            Rejected: There is no such addition (``missing``).
        """
        return self._whole(self._transport.get(path_of(agreement_id, addition_id)), agreement_id)

    def set_quantity(self, agreement_id: int, addition_id: int, quantity: Decimal) -> Addition:
        """Set the billed quantity: it holds at once, for the whole open period.

        Args:
            agreement_id: The agreement.
            addition_id: The line.
            quantity: In units of the product, at most 4 decimal places, not below zero.

        Raises:
            ValueError: The quantity is not such a number; nothing was sent.
            Rejected: No such addition, or the agreement is closed.
            Unreachable: It was not sent, or put off.
            OutcomeUnknown: It was sent and its answer lost.
        """
        return self._patch(agreement_id, addition_id, {"quantity": _units(quantity)})

    def create(
        self,
        agreement_id: int,
        like: Addition | NewLine,
        *,
        quantity: Decimal,
        effective: date,
        cancelled: date | None = None,
        replaces: bool = False,
    ) -> Addition:
        """Create an addition, like another or new.

        Args:
            agreement_id: The agreement.
            like: A whole line, from ``get``, to be copied; or what a new one is to be.
            quantity: In units of the product, at most 4 decimal places, not below zero.
            effective: Its first day.
            cancelled: Its last day, if it ends; a copy usually takes the old line's.
            replaces: Whether it replaces the line it is like, and so takes over the included units.
                A line that holds only an increase has none, else they would be subtracted twice.

        Raises:
            ValueError: The quantity is no such number, the days are out of order, or ``like`` came from a
                list, which is cut short; nothing was sent.
            Rejected: ConnectWise refused.
            Unreachable: It was not sent, or put off.
            OutcomeUnknown: It was sent and its answer lost.
        """
        if cancelled is not None and cancelled < effective:
            raise ValueError("A line cannot end before it begins.")
        body = _new(like) if isinstance(like, NewLine) else _copy(like, replaces=replaces)
        body |= {"quantity": _units(quantity), "effectiveDate": effective}
        if cancelled is not None:
            body["cancelledDate"] = cancelled
        return self._written(self._transport.post(path_of(agreement_id), body), agreement_id)

    def end(self, agreement_id: int, addition_id: int, day: date) -> Addition:
        """End a line: it bills up to and including this day. Raises as ``set_quantity``."""
        return self._patch(agreement_id, addition_id, {"cancelledDate": day})

    def reopen(self, agreement_id: int, addition_id: int, day: date | None) -> Addition:
        """Give a line back the end it had before, or none. Raises as ``set_quantity``.

        An end is cleared by replacing it with null (assumption: the API documents no other way).
        """
        return self._patch(agreement_id, addition_id, {"cancelledDate": day})

    def _patch(self, agreement_id: int, addition_id: int, values: Mapping[str, object]) -> Addition:
        answer = self._transport.patch(path_of(agreement_id, addition_id), values)
        return self._written(answer, agreement_id)

    def _written(self, answer: Answer, agreement_id: int) -> Addition:
        """Read what a write answered; an answer that cannot be read leaves open what it did."""
        try:
            return self._whole(answer, agreement_id)
        except UnexpectedPayload as error:
            raise OutcomeUnknown(
                "ConnectWise's answer to a change could not be read, so it is not known whether the change "
                "was made. It is looked up before anything is sent again.",
                request_id=answer.request_id,
            ) from error

    def _whole(self, answer: Answer, agreement_id: int) -> Addition:
        row = Row(answer.value, "addition", answer.request_id)
        return replace(read_addition(row, agreement_id), raw=row.raw)


def _copy(like: Addition, *, replaces: bool) -> dict[str, object]:
    if like.raw is None:
        raise ValueError("Only a line that was read whole can be copied: get it first.")
    found = {name: like.raw[name] for name in _COPIED if like.raw.get(name) is not None}
    return found | {"lessIncluded": like.less_included if replaces else Decimal(0)}


def _new(line: NewLine) -> dict[str, object]:
    body: dict[str, object] = {
        "product": {"id": line.product_id},
        "billCustomer": line.bill_customer,
        "unitPrice": line.unit_price,
        "unitCost": line.unit_cost,
        "description": line.description,
        "invoiceDescription": line.description,
        "lessIncluded": Decimal(0),
    }
    return {name: value for name, value in body.items() if value is not None}


def _units(quantity: Decimal) -> Decimal:
    """Check a quantity before it is sent."""
    if not quantity.is_finite() or quantity < 0:
        raise ValueError(f"{quantity} is no quantity to bill.")
    whole = quantity.normalize()
    exponent = whole.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _PLACES:
        raise ValueError(f"{quantity} has more than {_PLACES} decimal places.")
    return whole + 0
