"""Who calls: the two keys of the sandbox, the members behind them, and what their roles allow."""

from dataclasses import dataclass, field
from http import HTTPStatus

from portal.sandbox.errors import Refusal
from portal.sandbox.jsontext import Record

COMPANY = "sandbox"
KEYS = {"portal": "portal-secret", "human": "human-secret"}  # the made-up keys of a made-up PSA

INQUIRE, ADD, EDIT, DELETE = "inquire", "add", "edit", "delete"
EVERYTHING = frozenset({INQUIRE, ADD, EDIT, DELETE})
READING = frozenset({INQUIRE})

AREAS = ("companies", "agreements", "catalog", "tables", "members", "audit", "callbacks", "service", "invoices")
"""What a role speaks of: Company Maintenance, Agreements (with their additions), Product Catalog, Table Setup
(statuses, types, cycles), Members, Audit Trail, Callbacks, Service (tickets and boards), and Invoices."""


def api_member(members: list[Record]) -> Record:
    """The member behind the key ``portal``.

    The first whose name has the word API, else the first whose identifier has ``api`` in it, else a made one.
    """
    for member in members:
        if "API" in str(member.get("name", "")).upper().split():
            return member
    for member in members:
        if "api" in str(member.get("identifier", "")).lower():
            return member
    return {"id": _next_id(members), "identifier": "apiuser", "name": "API Member"}


def human_member(members: list[Record]) -> Record:
    """The member behind the key ``human``: the first who is not the API member, else a made one."""
    api = api_member(members)
    for member in members:
        if member["id"] != api["id"]:
            return member
    return {"id": _next_id([*members, api]), "identifier": "human", "name": "Pat Human"}


def _next_id(members: list[Record]) -> int:
    return max((key for member in members if isinstance(key := member.get("id"), int)), default=0) + 1


def identifier(members: list[Record], key: str) -> str:
    """The identifier of the member behind a key, as ``_info`` and the audit trail show it."""
    member = api_member(members) if key == "portal" else human_member(members)
    return str(member.get("identifier", key))


def member_id(members: list[Record], key: str) -> int:
    """The id of the member behind a key."""
    number = (api_member(members) if key == "portal" else human_member(members)).get("id")
    return number if isinstance(number, int) else 0


def _roles() -> dict[str, dict[str, frozenset[str]]]:
    portal = dict.fromkeys(AREAS, READING)
    portal["agreements"] = frozenset({INQUIRE, ADD, EDIT})
    portal["callbacks"] = portal["service"] = frozenset({INQUIRE, ADD})
    return {"portal": portal, "human": dict.fromkeys(AREAS, EVERYTHING)}


@dataclass(slots=True)
class Roles:
    """What each key may do, by area; starts with what the reference asks for the portal's role."""

    allowed: dict[str, dict[str, frozenset[str]]] = field(default_factory=_roles)

    def set(self, key: str, area: str, actions: frozenset[str]) -> None:
        """Give a key these actions in an area, and no other.

        Raises:
            ValueError: There is no such key, area or action.
        """
        if key not in KEYS or area not in AREAS or not actions <= EVERYTHING:
            raise ValueError(
                f"Keys: {', '.join(KEYS)}. Areas: {', '.join(AREAS)}. Actions: {', '.join(sorted(EVERYTHING))}."
            )
        self.allowed[key][area] = actions

    def reset(self) -> None:
        """Back to the start."""
        self.allowed = _roles()

    def require(self, key: str, area: str, action: str) -> None:
        """Refuse what the key's role does not allow.

        Raises:
            Refusal: 403.
        """
        if action not in self.allowed[key][area]:
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "SecurityIdentification",
                f"You do not have security permission to perform this action: {action} on {area}.",
            )
