"""Takes a file in, and has it read again when somebody changes how. A small one is read at once, others by a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from portal.db.records import UsageImport, VendorProfile
from portal.db.session import transaction
from portal.factory import clock, settings_of
from portal.jobs import queue
from portal.services import imports
from portal.services.actors import Actor
from portal.services.errors import Invalid
from portal.services.import_uploads import kept_file
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import kind_of
from portal.web.imports.layout import from_name

_PARTS = ("correction", "partial", "part-", "-part", "invoice", "delta")  # names of files that list not every account


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What belongs to one file and not to how it is read; none: as before."""

    period: str | None = None
    counted_at: datetime | None = None
    complete: bool | None = None


def take_in(*, vendor: str, create: bool, path: Path, filename: str, by: Actor) -> int:
    """Keep a file and begin to read it: as a saved profile says where one fits, as a known file, or by a guess.

    Args:
        vendor: Whose file it is, by name.
        create: Make the vendor where there is none of this name.
        path: The file.
        filename: As the person's machine names it.
        by: Who imports it.

    Returns:
        The import.

    Raises:
        Invalid: The file is empty or of a kind that is never read, or the vendor cannot be used.
        NotFound: There is no such vendor.
    """
    try:
        kind_of(path)
    except Unreadable as error:
        raise Invalid(f"{error} Nothing was kept. Choose another file.", {"file": str(error)}) from error
    now, zone = clock().now(), clock().zone
    month, moment = from_name(filename, now, zone)
    stored = imports.keep(settings_of().uploads, path=path)  # before any transaction: a large file takes a while
    with transaction() as session:
        found = imports.receive(
            session,
            vendor=imports.vendor_by_name(session, vendor, create=create, by=by, now=now),
            filename=filename,
            stored=stored,
            uploads=settings_of().uploads,
            period=month,
            counted_at=moment if month else None,
            complete=False if any(word in filename.casefold() for word in _PARTS) else None,
            by=by,
            now=now,
            zone=zone,
        )
        import_id, waits = found.id, found.state == "reading"
    if waits:
        go_on(import_id)
    return import_id


def again(import_id: int, spec: Mapping[str, Any] | None, told: Told, open_questions: list[Any], by: Actor) -> str:
    """Read a file in another way, as the same import. What was read before never counted, and goes.

    Args:
        import_id: The import.
        spec: How it is read, which may lack something still; none: chosen anew.
        told: What belongs to this file.
        open_questions: What nobody has answered yet.
        by: Who says so.

    Returns:
        Why it cannot be read like this yet, as a sentence; or empty.

    Raises:
        Conflict: It is not open any more.
        Invalid: A field cannot be used.
    """
    profile, why = None, ""
    if spec is not None:
        try:
            profile = FileProfile.from_spec(spec)
        except BadProfile as error:
            why = str(error)
    with transaction() as session:
        found = imports.read_again(
            session,
            import_id,
            profile=profile,
            by=by,
            now=clock().now(),
            zone=clock().zone,
            period=told.period,
            counted_at=told.counted_at,
            complete=told.complete,
        )
        if why and spec is not None:  # what is there so far is kept; a person completes it
            found.spec, found.state, found.message = dict(spec), "failed", why
        if spec is not None:  # a person said how, so the page keeps its form while the file is read
            found.notes = {"guessed": [one for one in found.notes.get("guessed", []) if one != "profile"]}
        if open_questions:
            found.notes = {**found.notes, "questions": open_questions}
    if why:
        return why
    go_on(import_id)
    return ""


def go_on(import_id: int) -> None:
    """Read an import that waits: here where it is small, otherwise by a worker."""
    uploads = settings_of().uploads
    with transaction() as session:
        found = session.get_one(UsageImport, import_id)
        path = kept_file(uploads, found.sha256)
        small = path is not None and imports.is_small(found, path)
    if small:
        imports.read_waiting(transaction, import_id, uploads=uploads, now=clock().now(), zone=clock().zone)
    else:
        queue.wake_import(import_id)


def kept_of(found: UsageImport) -> Path | None:
    """Give the kept file of an import; none where it is no longer there."""
    return kept_file(settings_of().uploads, found.sha256)


def saved_profile(session: Session, found: UsageImport) -> VendorProfile | None:
    """Give the newest version of the saved profile that an import was read with; none where it was none."""
    if found.profile is None:
        return None
    return imports.find_profile(session, found.vendor, found.profile.name) or found.profile


def last_profile(session: Session, found: UsageImport) -> VendorProfile | None:
    """Give the vendor's profile that was saved last."""
    return next(iter(imports.profiles_of(session, found.vendor)), None)


def free_name(session: Session, found: UsageImport) -> str:
    """Give a name for a profile that the vendor has not used yet."""
    taken = {one.name.casefold() for one in imports.profiles_of(session, found.vendor)}
    names = ("usage", *(f"usage {number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
