"""One agreement with all its additions, as they stand: in one call where ConnectWise takes bundles, else in two.

What came in a bundle is taken only where it is surely the agreement and its lines, whole; all else is read singly.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.connectwise import bundles
from portal.connectwise.addition_lines import FIELDS, Addition, path_of, reading
from portal.connectwise.agreements import Agreement, Agreements
from portal.connectwise.paging import Page
from portal.connectwise.payload import Row
from portal.connectwise.resource import parsed, records
from portal.connectwise.transport import Transport


def read(
    transport: Transport, agreement_id: int, *, between: Callable[[], None] = lambda: None
) -> tuple[Agreement, tuple[Addition, ...]]:
    """Read an agreement and its lines.

    Args:
        transport: Sends the requests.
        agreement_id: The agreement.
        between: Called when the agreement was read, and its lines were perhaps not.

    Raises:
        Rejected: There is no such agreement (``missing``).
        UnexpectedPayload: One of them cannot be read: of a picture that is to be relied on, nothing is left out.
    """
    whole = _bundled(transport, agreement_id)
    if whole is not None:
        between()
        return whole
    agreement = Agreements(transport).get(agreement_id)
    between()
    return agreement, tuple(records(transport, path_of(agreement_id), reading(agreement_id)))


def _bundled(transport: Transport, agreement_id: int) -> tuple[Agreement, tuple[Addition, ...]] | None:
    if transport.no_bundles or transport.bundle_size < 2:  # noqa: PLR2004 - one alone is no bundle
        return None
    kinds = ("Agreement", Agreements.fields), ("Addition", FIELDS)
    one, lines = bundles.with_list(transport, *kinds, agreement_id)
    if one is None or lines is None or not lines.whole or len(one.rows) != 1:
        return None
    if any(row.get("agreementId") != agreement_id for row in lines.rows):
        return None  # nothing says that these are its lines
    agreement = Agreements.parse(Row(one.rows[0], Agreements.kind, one.request_id))
    if agreement.id != agreement_id:
        return None
    return agreement, tuple(parsed(Page(lines.rows, lines.request_id), reading(agreement_id), None))
