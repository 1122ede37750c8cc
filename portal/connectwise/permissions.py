"""Whether the API member may do what the portal needs, tried one right at a time.

ConnectWise tells by a 403 that a role lacks a right. It does not tell that a role is limited to a member's own records
("Inquire mine"): the lists then come out empty, which is told apart as a warning.
"""

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
        needed_to_read: Whether a sync needs it; otherwise only a push or a look into the trail does.
        warning: What looks wrong though it was granted, and what to do; or "".
    """

    name: str
    role_entry: str
    granted: bool
    sentence: str
    needed_to_read: bool = True
    warning: str = ""


_SETUP = "System / Table Setup: Inquire all"
_AGREEMENTS = "Finance / Agreements: Inquire all"
_COMPANIES = "/company/companies"
_AGREEMENT_LIST = "/finance/agreements"
_ADDITIONS = "/finance/agreements/{agreement}/additions"
_TRAIL = "/system/audittrail"
_READS = (
    ("Read companies", "Companies / Company Maintenance: Inquire all", _COMPANIES),
    ("Read company statuses", f"{_SETUP} (Company Status)", "/company/companies/statuses"),
    ("Read company types", f"{_SETUP} (Company Type)", "/company/companies/types"),
    ("Read agreements", _AGREEMENTS, _AGREEMENT_LIST),
    ("Read agreement types", _AGREEMENTS, "/finance/agreements/types"),
    ("Read additions", _AGREEMENTS, _ADDITIONS),
    ("Read billing cycles", f"{_SETUP} (Billing Cycle)", "/finance/billingCycles"),
    ("Read products", "Procurement / Product Catalog: Inquire all", "/procurement/catalog"),
    ("Read the audit trail", "System / Audit Trail: Inquire all", _TRAIL),
)
_NEVER_EMPTY = {  # every ConnectWise has some of these; none at all means that the role sees its own alone
    _COMPANIES: (
        "It returned no companies at all. The role may be limited to “Inquire mine” or “none” of them: set "
        "Companies / Company Maintenance to “Inquire all”."
    ),
    _AGREEMENT_LIST: (
        "It returned no agreements at all. If there are any, the role is limited to “Inquire mine”: set Finance / "
        "Agreements to “Inquire all”."
    ),
}
_BAD_REQUEST = 400  # HTTP: the role was passed, only what was asked made no sense
_EDIT = ("Change additions", "Finance / Agreements: Add, Edit, Inquire all")
NAMES = (*(name for name, _, _ in _READS), _EDIT[0])
"""The rights in the order in which they are tried."""


def tested(transport: Transport) -> Iterator[Permission]:
    """Try each right and yield what came of it; nothing is changed.

    There is no dry run. Whether additions may be edited is tried with a PATCH of number 0, which no
    addition has: 403 means no, 404 means yes (assumption). Creating cannot be tried at all.

    Raises:
        Rejected: The keys are refused (``unauthorized``).
        Unreachable: No answer after every retry.
    """
    agreement = 0  # no agreement has it; a real one says more, once one was listed
    for name, entry, path in _READS:
        params = {"pageSize": "1", "page": "1"}
        if path == _TRAIL:
            params |= {"type": "Agreement", "id": str(agreement)}
        found, refusal = _read(transport, path.format(agreement=agreement), params)
        outcome = _outcome(name, entry, refusal)
        if path == _AGREEMENT_LIST:
            agreement = _first_id(found)
        if outcome.granted and found == []:
            outcome = replace(outcome, warning=_NEVER_EMPTY.get(path, ""))
        yield outcome if path != _TRAIL else replace(outcome, needed_to_read=False)
    name, entry = _EDIT
    yield replace(_outcome(name, entry, _refusal_of_edit(transport)), needed_to_read=False)


def _read(transport: Transport, path: str, params: Mapping[str, str]) -> tuple[object, Rejected | None]:
    try:
        return transport.get(path, params).value, None
    except Rejected as error:
        return None, error


def _first_id(found: object) -> int:
    if isinstance(found, list) and found and isinstance(found[0], dict):
        number = found[0].get("id")
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return number
    return 0


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
    said = "; ".join(refusal.reasons)
    sentence = f"Not granted. In ConnectWise, give the API member's security role “{role_entry}”."
    return Permission(
        name=name,
        role_entry=role_entry,
        granted=False,
        sentence=f"{sentence} It said: {said}" if said else sentence,
    )
