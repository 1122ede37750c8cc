"""Takes a file in, and reads it again when somebody changes how it is read. What is not committed never counts."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor, VendorProfile
from portal.domain.periods import Period
from portal.services import imports
from portal.services.actors import Actor
from portal.services.errors import Invalid
from portal.services.import_uploads import keep
from portal.vendors.detection import detect
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table
from portal.web.imports.layout import from_name

_PARTS = ("correction", "partial", "part-", "-part", "invoice", "delta")  # names of files that list not every account


def take_in(
    session: Session,
    *,
    vendor: Vendor,
    path: Path,
    filename: str,
    uploads: Path,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> UsageImport:
    """Read a file for the first time: as the vendor's saved profile says where it fits, otherwise by a guess.

    Args:
        session: A writing session.
        vendor: Whose file it is.
        path: The file.
        filename: As the person's machine names it.
        uploads: The folder where files are kept.
        by: Who imports it.
        now: By the business clock.
        zone: The portal's time zone.

    Raises:
        Invalid: The file is empty, of a kind that is never read, or holds nothing like a table.
    """
    month, counted_at = from_name(filename, now, zone)
    saved = _fitting(session, vendor, path)
    spec = dict(saved.spec) if saved is not None else _guessed(path, filename)
    return read(
        session,
        vendor=vendor,
        spec=spec,
        path=path,
        filename=filename,
        uploads=uploads,
        period=month,
        counted_at=counted_at,
        complete=_was_complete(session, vendor, filename),
        profile_id=None if saved is None else saved.id,
        by=by,
        now=now,
        zone=zone,
    )


def read(
    session: Session,
    *,
    vendor: Vendor,
    spec: Mapping[str, Any],
    path: Path,
    filename: str,
    uploads: Path,
    period: str | None,
    counted_at: datetime,
    complete: bool,
    profile_id: int | None,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> UsageImport:
    """Read a file by a profile that may not fit; then the import has failed, with the reason.

    Raises:
        Invalid: There is no such month, or the moment lies in the future.
    """
    try:
        profile = FileProfile.from_spec(spec)
    except BadProfile as error:
        return _unread(
            session,
            vendor=vendor,
            spec=spec,
            path=path,
            filename=filename,
            uploads=uploads,
            period=period,
            counted_at=counted_at,
            complete=complete,
            why=str(error),
            by=by,
            now=now,
            zone=zone,
        )
    return imports.preview(
        session,
        vendor=vendor,
        profile=profile,
        path=path,
        filename=filename,
        uploads=uploads,
        period=period,
        counted_at=counted_at,
        complete=complete,
        profile_id=profile_id,
        by=by,
        now=now,
        zone=zone,
    )


def saved_profile(session: Session, found: UsageImport) -> VendorProfile | None:
    """Give the saved profile that an import is measured against: the one it was read with, or the vendor's last."""
    if found.profile is not None:
        newest = imports.find_profile(session, found.vendor, found.profile.name)
        return newest or found.profile
    return next(iter(imports.profiles_of(session, found.vendor)), None)


def _fitting(session: Session, vendor: Vendor, path: Path) -> VendorProfile | None:
    """Give the vendor's newest profile whose headers the file has."""
    for saved in imports.profiles_of(session, vendor):
        try:
            open_table(path, FileProfile.from_spec(saved.spec))
        except (Unreadable, BadProfile):
            continue
        return saved
    return None


def _guessed(path: Path, filename: str) -> dict[str, Any]:
    """Guess how a file is read.

    Raises:
        Invalid: Nothing in it looks like a table.
    """
    try:
        return dict(detect(path, filename).guess)
    except Unreadable as error:
        raise Invalid(f"{error} Nothing was kept. Choose another file.", {"file": str(error)}) from error


def _was_complete(session: Session, vendor: Vendor, filename: str) -> bool:
    """Guess whether a file lists every account: as the vendor's last one did, unless its name says otherwise."""
    if any(word in filename.casefold() for word in _PARTS):
        return False
    query = (
        sa.select(UsageImport.complete)
        .where(UsageImport.vendor_id == vendor.id, UsageImport.state == "committed")
        .order_by(UsageImport.counted_at.desc())
        .limit(1)
    )
    last = session.execute(query).scalar_one_or_none()
    return True if last is None else last


def _unread(
    session: Session,
    *,
    vendor: Vendor,
    spec: Mapping[str, Any],
    path: Path,
    filename: str,
    uploads: Path,
    period: str | None,
    counted_at: datetime,
    complete: bool,
    why: str,
    by: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> UsageImport:
    """Keep a file that cannot be read yet, since its columns have no meaning; it waits for a person."""
    stored = keep(uploads, path=path)
    found = UsageImport(
        vendor_id=vendor.id,
        vendor=vendor,
        spec=dict(spec),
        filename=filename,
        sha256=stored.sha256,
        size=stored.size,
        state="failed",
        period=period or str(Period.of(counted_at, zone)),
        counted_at=counted_at,
        complete=complete,
        message=why,
        imported_by=by.name,
        imported_at=now,
    )
    session.add(found)
    session.flush()
    return found
