"""Whether the API member may do what the portal needs, tried one right at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from portal.connectwise.errors import OutcomeUnknown, Rejected, Unreachable
from portal.connectwise.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One right, and whether the API member has it.

    Args:
        name: What the portal needs it for, in words.
        role_entry: The entry of the security role that grants it (assumption: the exact entry).
        granted: Whether it was granted.
        sentence: What ConnectWise said, and what to do where it was not granted.
        needed_to_read: Whether a sync needs it; otherwise only a push does.
    """

    name: str
    role_entry: str
    granted: bool
    sentence: str
    needed_to_read: bool = True


_READS = (
    ("Read companies", "Companies / Company Maintenance: Inquire All", "/company/companies"),
    (
        "Read company statuses",
        "System / Table Setup: Inquire All (Company / Company Status)",
        "/company/companies/statuses",
    ),
    (
        "Read company types",
        "System / Table Setup: Inquire All (Company / Company Type)",
        "/company/companies/types",
    ),
    ("Read agreements", "Finance / Agreements: Inquire All", "/finance/agreements"),
    ("Read agreement types", "Finance / Agreements: Inquire All", "/finance/agreements/types"),
    ("Read additions", "Finance / Agreements: Inquire All", "/finance/agreements/0/additions"),
    ("Read products", "Procurement / Product Catalog: Inquire All", "/procurement/catalog"),
    (
        "Read billing cycles",
        "System / Table Setup: Inquire All (Invoice / Billing Cycle)",
        "/finance/billingCycles",
    ),
    ("Read the audit trail", "System / Audit Trail: Inquire All", "/system/audittrail"),
)
_BAD_REQUEST = 400  # HTTP: the role was passed, only what was asked made no sense
_EDIT = ("Change additions", "Finance / Agreements: Edit All")


def tested(transport: Transport) -> Iterator[Permission]:
    """Try each right and yield what came of it; nothing is changed.

    There is no dry run. Whether additions may be edited is tried with a PATCH of number 0, which no
    addition has: 403 means no, 404 means yes (assumption). Creating cannot be tried at all.

    Raises:
        Rejected: The keys are refused (``unauthorized``).
        Unreachable: No answer after every retry.
    """
    for name, entry, path in _READS:
        params = {"pageSize": "1", "page": "1"}
        if path == "/system/audittrail":
            params |= {"type": "Agreement", "id": "0"}
        yield _outcome(name, entry, _refusal_of_read(transport, path, params))
    name, entry = _EDIT
    yield replace(_outcome(name, entry, _refusal_of_edit(transport)), needed_to_read=False)


def _refusal_of_read(transport: Transport, path: str, params: Mapping[str, str]) -> Rejected | None:
    try:
        transport.get(path, params)
    except Rejected as error:
        return error
    return None


def _refusal_of_edit(transport: Transport) -> Rejected | None:
    try:
        transport.patch("/finance/agreements/0/additions/0", {"quantity": 0})
    except Rejected as error:
        return error
    except OutcomeUnknown as error:
        raise Unreachable(
            "ConnectWise did not answer whether additions may be changed. Nothing was changed; try again.",
            request_id=error.request_id,
        ) from error
    return None


def _outcome(name: str, role_entry: str, refusal: Rejected | None) -> Permission:
    """Judge one try: only a 403 says that the role lacks the right."""
    if refusal is None or refusal.missing or refusal.status == _BAD_REQUEST:
        return Permission(name=name, role_entry=role_entry, granted=True, sentence="Granted.")
    if not refusal.forbidden:
        raise refusal
    return Permission(
        name=name,
        role_entry=role_entry,
        granted=False,
        sentence=f"Not granted. In ConnectWise, give the API member's security role “{role_entry}”. {refusal}",
    )
