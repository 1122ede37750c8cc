"""Imports of usage: previewed, committed once, held where many accounts fall, undone as a whole.

The same bytes change nothing. A later count supersedes, it never overwrites.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db.records import UsageCount, UsageImport, Vendor, VendorAccount, VendorService
from portal.domain.periods import Period, day_text, local_day
from portal.domain.usage import CountKey, held_reason
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, NotFound
from portal.services.import_cards import cards_of_file
from portal.services.import_effects import basis_of, fall_of, fallen_json
from portal.services.import_names import restore_names, take_names
from portal.services.import_reader import due_imports, free_the_dead, read_waiting, read_with
from portal.services.import_receiving import drop, is_small, read_again, receive, same_bytes
from portal.services.import_refused import refused_lines
from portal.services.import_sent import SentDecision, sent_decisions, sent_words
from portal.services.import_staging import OpenSession, Store
from portal.services.import_staging import forget as forget_in
from portal.services.import_staging import sweep as sweep_in
from portal.services.import_uploads import keep
from portal.services.import_vendors import (
    find_profile,
    forget_vendor,
    profiles_of,
    save_profile,
    similar_vendor,
    slug_of,
    vendor_by_name,
)
from portal.services.import_words import IN_WORDS, arithmetic, record, same_words, title_of
from portal.vendors.profiles import FileProfile

__all__ = [
    "SentDecision",
    "commit",
    "drop",
    "due_imports",
    "find_profile",
    "forget",
    "forget_vendor",
    "free_the_dead",
    "is_small",
    "keep",
    "preview",
    "profiles_of",
    "read_again",
    "read_waiting",
    "receive",
    "refused_lines",
    "reject_held",
    "release_held",
    "save_profile",
    "sent_decisions",
    "similar_vendor",
    "slug_of",
    "sweep",
    "undo",
    "vendor_by_name",
]

KEPT = timedelta(days=7)  # for which the lines of a file that could not be counted are kept


def preview(
    session: Session,
    *,
    vendor: Vendor,
    profile: FileProfile,
    filename: str,
    uploads: Path,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    path: Path | None = None,
    content: bytes | None = None,
    period: Period | str | None = None,
    counted_at: datetime | None = None,
    complete: bool = False,
    profile_id: int | None = None,
) -> UsageImport:
    """Receive a small file and read it at once, in the transaction that is open.

    Arguments and errors as of `receive`. A large file would keep everybody else from writing: read it by
    `read_waiting`.

    Returns:
        The import: `ready` with its rows, problems and effects (`notes`); `same` where these bytes count already; or
        `failed` with the reason in `message`.
    """
    found = receive(
        session,
        vendor=vendor,
        profile=profile,
        filename=filename,
        uploads=uploads,
        by=by,
        now=now,
        zone=zone,
        path=path,
        content=content,
        period=period,
        counted_at=now if counted_at is None else counted_at,
        complete=complete,
        profile_id=profile_id,
    )
    if found.state == "reading":
        read_with(Store.within(session), found.id, uploads=uploads, now=now, zone=zone)
        session.refresh(found)
    return found


def forget(open_session: OpenSession, import_id: int) -> None:
    """Remove an import that never counted, a piece at a time, as if nobody had looked at the file."""
    forget_in(Store.over(open_session), import_id)


def sweep(open_session: OpenSession, *, now: datetime) -> bool:
    """Remove, a piece at a time, what was staged for one import that can never count.

    Args:
        open_session: Opens one short writing transaction.
        now: By the business clock.

    Returns:
        Whether there was one; then there may be more.
    """
    return sweep_in(Store.over(open_session), failed_before=now - KEPT)


def commit(
    session: Session,
    import_id: int,
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
    cards: bool = True,
    confirmed: bool = False,
) -> UsageImport:
    """Let a checked file count, once. All that is long was staged when it was read.

    Args:
        session: A writing session.
        import_id: A `ready` import.
        by: Who commits it.
        now: By the business clock.
        zone: The portal's time zone.
        cards: Make the cards anew; a caller that commits several files makes them once at the end.
        confirmed: A person has seen what was understood, and answers its open questions with yes.

    Returns:
        The import: `committed`; `held` where too many accounts fall; `same` where these bytes were committed meanwhile.

    Raises:
        NotFound: There is no such import.
        Conflict: It is not ready: committed already, dropped, or it could not be read; or a question is open.
    """
    found = _claim(session, import_id, ("ready",), "committed", "Only a checked file can be committed.", by=by)
    earlier = same_bytes(session, found)
    if earlier is not None:
        found.state, found.message = "same", same_words(earlier, zone)
        session.flush()
        return found
    _refuse_open_questions(found, confirmed=confirmed)
    if found.notes.get("effects", {}).get("basis") != basis_of(session, found):
        fall = fall_of(session, found, _counts_of(session, found))  # other files were committed since it was checked
        found.fallen = fallen_json(fall) if fall.held else {}
    held = bool(found.fallen)
    found.state, found.committed_at = ("held", None) if held else ("committed", now)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("Somebody has just committed the same file. Nothing was changed.") from error
    if held:
        reason = held_reason(len(found.fallen))
        found.message = f"{reason[:1].upper()}{reason[1:]}. It counts only after somebody has released it."
        record(session, found, "held", by=by, now=now, after="held", sentence=f"Held {title_of(found)}: {reason}.")
        session.flush()
        return found
    sentence = f"Committed {title_of(found)}: {arithmetic(found)}."
    _accept(session, found, by=by, now=now, action="commit", sentence=sentence)
    if cards:
        cards_of_file(session, found, now=now, zone=zone)
    return found


def undo(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Take a committed file back as a whole; what it superseded holds again. Arguments as for `commit`.

    Decisions that were sent to ConnectWise stay; `notes["sent"]` and the message name them.

    Raises:
        NotFound: There is no such import.
        Conflict: It does not count.
    """
    found = _claim(session, import_id, ("committed",), "undone", "Only a committed file can be undone.", by=by)
    sent = sent_decisions(session, found)
    restore_names(session, found)
    _set_age(session, found.vendor)
    found.message = f"Undone by {by.name} on {day_text(local_day(now, zone))}.{sent_words(sent)}"
    found.notes = {
        **found.notes,
        "sent": [{"card": one.card_id, "decision": one.decision_id, "words": one.words()} for one in sent],
    }
    record(
        session, found, "undo", by=by, now=now, before="committed", after="undone", reason=reason,
        sentence=f"Took back {title_of(found)}: {arithmetic(found)}.{sent_words(sent)}",
    )  # fmt: skip
    cards_of_file(session, found, now=now, zone=zone)
    return found


def release_held(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Let a held file count, though many accounts fall; a manager may. Arguments as for `commit`.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is not held.
    """
    found = _claim(
        session, import_id, ("held",), "committed", "Only a held file can be released.", by=by, role="manager"
    )
    found.committed_at = now
    sentence = f"Released {title_of(found)}, in which {len(found.fallen)} accounts fall: {arithmetic(found)}."
    _accept(session, found, by=by, now=now, action="release", sentence=sentence, reason=reason)
    cards_of_file(session, found, now=now, zone=zone)
    return found


def reject_held(
    session: Session, import_id: int, *, by: Actor, now: datetime, zone: ZoneInfo, reason: str = ""
) -> UsageImport:
    """Throw a held file away; what held before goes on holding; a manager may. Arguments as for `commit`.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is not held.
    """
    found = _claim(
        session, import_id, ("held",), "rejected", "Only a held file can be rejected.", by=by, role="manager"
    )
    found.message = f"Rejected by {by.name} on {day_text(local_day(now, zone))}."
    record(
        session, found, "reject", by=by, now=now, before="held", after="rejected", reason=reason,
        sentence=f"Rejected {title_of(found)}, in which {len(found.fallen)} accounts fall.",
    )  # fmt: skip
    session.flush()
    return found


def _accept(
    session: Session,
    found: UsageImport,
    *,
    by: Actor,
    now: datetime,
    action: str,
    sentence: str,
    reason: str = "",
) -> None:
    """Let an import count: names, age, audit."""
    take_names(session, found)
    found.message = f"Committed: {arithmetic(found)}."
    session.flush()
    _set_age(session, found.vendor)
    record(session, found, action, by=by, now=now, after="committed", sentence=sentence, reason=reason)


def _claim(
    session: Session,
    import_id: int,
    expected: tuple[str, ...],
    state: str,
    else_sentence: str,
    *,
    by: Actor,
    role: str = "biller",
) -> UsageImport:
    """Take an import from a state that is expected to the next one; of two people one wins.

    The next state is written last where the database would refuse it before its time.

    Raises:
        NotAllowed: The role is too low.
        NotFound: There is no such import.
        Conflict: It is in another state.
    """
    require(by, role, "import usage" if role == "biller" else "settle a held file")
    found = session.get(UsageImport, import_id, populate_existing=True, with_for_update=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}.")
    if found.state not in expected:
        raise Conflict(f"{found.filename} {IN_WORDS[found.state]}. {else_sentence} Nothing was changed.")
    if expected != ("ready",):
        found.state = state
        session.flush()
    return found


def _counts_of(session: Session, found: UsageImport) -> dict[CountKey, Decimal]:
    """Read the counts of an import."""
    query = (
        sa.select(VendorAccount.external_id, VendorService.external_id, VendorService.term, UsageCount.quantity)
        .join_from(UsageCount, VendorAccount, VendorAccount.id == UsageCount.account_id)
        .join(VendorService, VendorService.id == UsageCount.service_id)
        .where(UsageCount.import_id == found.id)
    )
    return {CountKey(account, service, term): units for account, service, term, units in session.execute(query)}


def _refuse_open_questions(found: UsageImport, *, confirmed: bool) -> None:
    """Refuse a file that was read by a guess which only a person can confirm.

    Raises:
        Conflict: A question is open.
    """
    questions = [] if confirmed else found.notes.get("questions", [])
    if questions:
        raise Conflict(
            f"{found.filename} has an open question: {questions[0]['sentence']} Nothing was changed. "
            "Say how the file is read, then commit it."
        )


def _set_age(session: Session, vendor: Vendor) -> None:
    """Age runs from the last commit that still holds."""
    vendor.last_commit_at = session.execute(
        sa.select(UsageImport.committed_at)
        .where(UsageImport.vendor_id == vendor.id, UsageImport.state == "committed")
        .order_by(UsageImport.committed_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    session.flush()
