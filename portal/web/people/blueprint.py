"""The blueprint of people and security, and what its screens share."""

from datetime import UTC, datetime

from flask import Blueprint

from portal.db.records.people import ROLES

bp = Blueprint("people", __name__, url_prefix="/people")
MEANINGS = {
    "viewer": "reads everything of the month",
    "biller": "decides, imports, maps, syncs",
    "manager": "also overrides old numbers, is the second person, closes",
    "admin": "also connections, statuses, people, writing",
}


def roles() -> list[tuple[str, str]]:
    """Give the roles with what each may."""
    return [(each, f"{each.capitalize()}: {MEANINGS[each]}") for each in ROLES]


def an(role: str) -> str:
    """Write a role with its article."""
    return f"{'an' if role == 'admin' else 'a'} {role}"


def real_now() -> datetime:
    """Give the real time, on which sessions and links run."""
    return datetime.now(UTC)
