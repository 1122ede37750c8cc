"""The vendors' own words for the state of an account, and what an admin said that they mean, per vendor."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Vendor, VendorAccount, VendorWordMeaning
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.status_words import Flag, check, rank, title_of


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorWord:
    """A vendor's word for the state of an account, and what it means.

    Args:
        word: Without surrounding blanks, in lower case: what the meaning hangs on.
        shown: As the vendor writes it.
        meaning: None: no decision yet; until then it counts as active.
        accounts: How many accounts have it now.
        flags: What an admin should look at.
    """

    vendor_id: int
    vendor: str
    slug: str
    word: str
    shown: str
    meaning: str | None
    accounts: int
    flags: tuple[Flag, ...]
    decided_by: str | None
    decided_at: datetime | None


def vendor_words(session: Session) -> list[VendorWord]:
    """Give the vendors' words, flagged ones first, then by vendor and word. An account without a word is active."""
    vendors = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    accounts: Counter[tuple[int, str]] = Counter()
    shown: dict[tuple[int, str], str] = {}
    counted = sa.select(VendorAccount.vendor_id, VendorAccount.status, sa.func.count()).group_by(
        VendorAccount.vendor_id, VendorAccount.status
    )
    for vendor_id, word, number in session.execute(counted.order_by(VendorAccount.vendor_id, VendorAccount.status)):
        key = (vendor_id, folded(word))
        if key[1]:
            accounts[key] += number
            shown.setdefault(key, word.strip())
    given = {(row.vendor_id, row.word): row for row in session.scalars(sa.select(VendorWordMeaning))}
    rows = []
    for vendor_id, word in shown.keys() | given.keys():
        meaning = given.get((vendor_id, word))
        rows.append(
            VendorWord(
                vendor_id=vendor_id,
                vendor=vendors[vendor_id].title,
                slug=vendors[vendor_id].slug,
                word=word,
                shown=shown.get((vendor_id, word)) or (meaning.shown if meaning is not None else word),
                meaning=None if meaning is None else meaning.meaning,
                accounts=accounts[vendor_id, word],
                flags=() if meaning is not None else ("needs_decision",),
                decided_by=None if meaning is None else meaning.decided_by,
                decided_at=None if meaning is None else meaning.decided_at,
            )
        )
    return sorted(rows, key=lambda row: (rank(row.flags), row.vendor.casefold(), row.word))


def set_vendor_word(
    session: Session,
    vendor_id: int,
    word: str,
    meaning: str,
    *,
    by: Actor,
    now: datetime,
    seen: str | None = None,
) -> VendorWordMeaning:
    """Say what a vendor's word for the state of an account means, for this vendor alone.

    Args:
        session: A writing session.
        vendor_id: The vendor.
        word: As the vendor writes it; case and surrounding blanks do not count. It need not have been reported yet.
        meaning: `active` or `inactive`.
        by: Who decides; an admin.
        now: By the business clock.
        seen: The meaning that the form showed, "" for none; left out, nothing is compared.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such vendor.
        Invalid: There is no such meaning, or the word is empty.
        Conflict: Somebody gave another meaning meanwhile.
    """
    require(by, "admin", "give vendors' words a meaning")
    check("vendor", meaning)
    vendor = session.get(Vendor, vendor_id)
    if vendor is None:
        raise NotFound("There is no such vendor.")
    if not folded(word):
        raise Invalid("An account without a status is active; there is nothing to decide.")
    current = session.get(VendorWordMeaning, (vendor_id, folded(word)))
    before = None if current is None else current.meaning
    if seen is not None and seen != (before or ""):
        raise Conflict(
            f"Somebody has given this word another meaning since you looked: {title_of(before)}. Look again."
        )
    if current is None:
        current = VendorWordMeaning(vendor_id=vendor_id, word=folded(word), shown=word.strip())
        session.add(current)
    current.meaning, current.decided_by, current.decided_at = meaning, by.name, now
    session.flush()
    audit.record(
        session,
        what="setting",
        action="vendor.meaning",
        by=by,
        now=now,
        sentence=f"At {vendor.title}, “{word.strip()}” means: {title_of(meaning)}.",
        before=title_of(before),
        after=title_of(meaning),
    )
    return current


def folded(word: str) -> str:
    """Bring a vendor's word to the form that its meaning hangs on."""
    return word.strip().casefold()
