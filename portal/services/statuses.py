"""What the PSA's statuses and types, and the vendors' words for accounts, mean for billing.

Meanings hang on ids (for vendors: on the word), with the name last seen. A row that is new, renamed or deleted is
flagged until an admin has looked at it; proposals are shown and never applied.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.db.records import PsaListRow, RowMeaning
from portal.services import audit, remaking, scope
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, NotFound
from portal.services.status_effects import Effect, effect_of, effects_of, joint_effect
from portal.services.status_rows import ListRow, Proposal, companies_with, list_rows
from portal.services.status_words import MEANINGS, TITLES, ListName, check, title_of
from portal.services.vendor_words import VendorWord, folded, set_vendor_word, vendor_words

__all__ = [
    "MEANINGS",
    "TITLES",
    "Effect",
    "ListName",
    "ListRow",
    "Proposal",
    "VendorWord",
    "acknowledge",
    "companies_with",
    "effect_of",
    "effects_of",
    "flag_count",
    "folded",
    "joint_effect",
    "list_rows",
    "set_meaning",
    "set_vendor_word",
    "vendor_words",
]

_LISTS = {"status": "company status", "type": "company type"}


def flag_count(session: Session) -> int:
    """Count the rows and words that an admin should look at."""
    flagged = [bool(row.flags) for name in ("status", "type") for row in list_rows(session, name)]
    return sum(flagged) + sum(bool(row.flags) for row in vendor_words(session))


def set_meaning(
    session: Session,
    list_name: ListName,
    psa_id: int,
    meaning: str,
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    seen: str | None = None,
    name: str | None = None,
) -> RowMeaning:
    """Give a status or type its meaning, and bring every company's scope up to date.

    Args:
        session: A writing session.
        list_name: `status` or `type`.
        psa_id: ConnectWise's id; it may never have been synced.
        meaning: One of `MEANINGS`.
        by: Who decides; an admin.
        now: By the business clock.
        zone: The portal's time zone: cards are made anew at once. None leaves them to the caller.
        seen: The meaning that the form showed, "" for none; left out, nothing is compared.
        name: The name then seen, for a row that was never synced.

    Raises:
        NotAllowed: The role is too low.
        Invalid: There is no such meaning.
        Conflict: Somebody gave another meaning meanwhile.
    """
    require(by, "admin", "give statuses and types a meaning")
    check(list_name, meaning)
    row = session.get(PsaListRow, (list_name, psa_id))
    current = session.get(RowMeaning, (list_name, psa_id))
    before = None if current is None else current.meaning
    if seen is not None and seen != (before or ""):
        who = "Nobody" if current is None else current.decided_by
        raise Conflict(f"{who} has given this row another meaning since you looked: {title_of(before)}. Look again.")
    shown = row.name if row is not None else name or (current.name_last_seen if current is not None else f"{psa_id}")
    if name is not None:
        shown = name  # a file says which name was seen, so that a later one shows as renamed
    if current is None:
        current = RowMeaning(list=list_name, psa_id=psa_id)
        session.add(current)
    current.meaning, current.name_last_seen = meaning, shown
    current.decided_by, current.decided_at = by.name, now
    session.flush()
    changes = scope.refresh(session)
    audit.record(
        session,
        what="setting",
        action=f"{list_name}.meaning",
        by=by,
        now=now,
        sentence=f"The {_LISTS[list_name]} “{shown}” means: {title_of(meaning)}.",
        before=title_of(before),
        after=title_of(meaning),
        details={"id": psa_id, "joined": list(changes.joined), "left": list(changes.left)},
    )
    if zone is not None:
        remaking.remake(session, now=now, zone=zone)
    return current


def acknowledge(session: Session, list_name: ListName, psa_id: int, *, by: Actor, now: datetime) -> RowMeaning:
    """Note that a person has seen that a row was renamed or deleted; it keeps its meaning.

    Raises:
        NotAllowed: The role is too low.
        NotFound: The row has no meaning to keep.
    """
    require(by, "admin", "acknowledge changed statuses and types")
    current = session.get(RowMeaning, (list_name, psa_id))
    if current is None:
        raise NotFound("This row has no meaning yet. Give it one.")
    row = session.get(PsaListRow, (list_name, psa_id))
    before, current.name_last_seen = current.name_last_seen, row.name if row is not None else current.name_last_seen
    current.decided_by, current.decided_at = by.name, now
    session.flush()
    gone = row is None or row.gone_at is not None
    what = "was deleted in ConnectWise" if gone else f"was renamed from “{before}”"
    audit.record(
        session,
        what="setting",
        action=f"{list_name}.acknowledge",
        by=by,
        now=now,
        sentence=f"Saw that the {_LISTS[list_name]} “{current.name_last_seen}” {what}. "
        f"It keeps its meaning: {title_of(current.meaning)}.",
        before=before,
        after=current.name_last_seen,
        details={"id": psa_id},
    )
    return current
