"""The companies of a made PSA: many alike, some with the same name, some in the recycle bin."""

from collections.abc import Callable
from random import Random

from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.sizes_tables import (
    AUTHORS,
    CURRENCY,
    DELETED_STATUS,
    STATUS_WEIGHTS,
    STATUSES,
    TYPE_WEIGHTS,
    TYPES,
)

FIRST_ID = 250

_FIRST = (
    "Alder", "Birch", "Café Sorrel", "Copper", "Dunmore", "Eastgate", "Fern & Hollow", "Grünwald", "Harbour",
    "Ironside", "Juniper", "Kestrel", "Larkspur", "Maple", "Northwind", "O'Hara", "Pinecrest", "Quarry", "Redwood",
    "Silverlake", "Thistle", "Umber", "Valley", "Westbrook", "Yarrow", "Zephyr", "Bright", "Cobalt", "Delta", "Élan",
)  # fmt: skip
_SECOND = (
    "Dental", "Architects", "Legal", "Logistics", "Foods", "Clinic", "Builders", "Design", "Engineering", "Finance",
    "Gardens", "Housing", "Insurance", "Joinery", "Kitchens", "Media", "Motors", "Optics", "Pharmacy", "Realty",
    "School", "Textiles", "Travel", "Veterinary", "Works",
)  # fmt: skip
_FORM = ("", " Inc", " LLC", " Ltd", " Group", " & Co")
_CITIES = ("Kingsport", "Ashford", "Millbrook", "Ravenna", "Stonebridge", "Lakewood", "Fairhaven")
_STREETS = ("Mill Lane", "Orchard Way", "Station Road", "High Street", "Foundry Row")
_SAME_NAME = 0.04
_DELETED = 0.03
_SECOND_TYPE = 0.08
_NO_TYPE = 0.02

Info = Callable[[], Record]
"""Makes ``_info`` with a moment of the past year."""


def companies(count: int, random: Random, info: Info) -> list[Record]:
    """Make so many companies, with ids from 250 on; some ids are left out, as in a PSA that has lived."""
    names = {row["id"]: row["name"] for row in [*STATUSES, DELETED_STATUS]}
    types: dict[int, JsonValue] = {int(str(row["id"])): {"id": row["id"], "name": row["name"]} for row in TYPES}
    statuses = random.choices(list(STATUS_WEIGHTS), list(STATUS_WEIGHTS.values()), k=count)
    kinds = random.choices(list(TYPE_WEIGHTS), list(TYPE_WEIGHTS.values()), k=count)
    taken: set[str] = set()
    rows: list[Record] = []
    key = FIRST_ID - 1
    for status, kind in zip(statuses, kinds, strict=True):
        key += 1 if random.random() < 0.9 else 2  # noqa: PLR2004 - one id in ten is a company deleted for good
        name = _name(random) if not rows or random.random() >= _SAME_NAME else str(random.choice(rows)["name"])
        row: Record = {
            "id": key,
            "identifier": _identifier(name, taken),
            "name": name,
            "status": {"id": status, "name": names[status]},
            "addressLine1": f"{random.randrange(1, 400)} {random.choice(_STREETS)}",
            "city": random.choice(_CITIES),
            "phoneNumber": f"555-{random.randrange(100, 9999):04}",
            "deletedFlag": False,
            "currency": CURRENCY,
            "isVendorFlag": kind in {3, 9},
            "types": [types[one] for one in _types(kind, random)],
            "_info": info(),
        }
        if random.random() < _DELETED:
            row |= {"deletedFlag": True, "dateDeleted": "2026-03-11T15:20:00Z", "deletedBy": random.choice(AUTHORS)}
        rows.append(row)
    return rows


def _name(random: Random) -> str:
    number = f" {random.randrange(2, 60)}" if random.random() < 0.3 else ""  # noqa: PLR2004 - branches of chains
    return f"{random.choice(_FIRST)} {random.choice(_SECOND)}{number}{random.choice(_FORM)}"


def _identifier(name: str, taken: set[str]) -> str:
    """A word of at most 25 characters that no other company has."""
    word = "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:20]
    number, found = 1, word
    while found.casefold() in taken:
        number += 1
        found = f"{word}{number}"
    taken.add(found.casefold())
    return found


def _types(kind: int, random: Random) -> list[int]:
    chance = random.random()
    if chance < _NO_TYPE:
        return []
    other = random.choice(list(TYPE_WEIGHTS))
    return [kind, other] if chance < _SECOND_TYPE and other != kind else [kind]
