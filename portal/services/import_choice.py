"""How a file is read when nobody says it in full: the profile that fits, or a first guess."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor, VendorProfile
from portal.services.errors import Invalid, NotFound
from portal.services.import_vendors import find_profile, profiles_of
from portal.vendors.detection import detect
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import open_table


@dataclass(frozen=True, slots=True)
class Choice:
    """How a file will be read.

    Args:
        saved: The saved profile; none: it was guessed.
        words: Where this comes from, for people.
    """

    profile: FileProfile
    saved: VendorProfile | None
    words: str


def choose_profile(session: Session, vendor: Vendor, path: Path, filename: str, name: str | None = None) -> Choice:
    """Choose how a file is read.

    Args:
        session: For reading.
        vendor: Whose file it is.
        path: The file.
        filename: As the person's machine names it.
        name: The saved profile; none: the newest one whose headers the file has, else a guess.

    Raises:
        NotFound: There is no profile of this name.
        Invalid: Nothing fits, and account, service or count cannot be guessed.
    """
    profiles = profiles_of(session, vendor)
    if name is not None:
        saved = find_profile(session, vendor, name)
        if saved is None:
            known = ", ".join(one.name for one in profiles) or "none yet"
            raise NotFound(f"{vendor.title} has no profile “{name}”. Known are: {known}.")
        return _saved(saved)
    for saved in profiles:
        choice = _saved(saved)
        if fits(path, choice.profile):
            return choice
    try:
        found = detect(path, filename)
    except Unreadable as error:
        raise Invalid(str(error), {"file": str(error)}) from error
    if found.profile is None or found.missing:  # whether rows are counted is a person's to say, never a guess
        raise Invalid(
            f"No saved profile of {vendor.title} fits the file, and it cannot be told which column holds the "
            f"{' and the '.join(found.missing)}. Line {found.guess['header_row']} has: {', '.join(found.headers[:20])}."
        )
    return Choice(found.profile, None, "guessed from the file, since no saved profile fits")


def fits(path: Path, profile: FileProfile) -> bool:
    """Tell whether a file has the headers of a profile, on its header line."""
    try:
        open_table(path, profile).rows.close()
    except Unreadable:
        return False
    return True


def lists_every_account(session: Session, vendor: Vendor, saved: VendorProfile | None) -> bool:
    """Guess whether a file is complete: as the last file read with this profile was; an unknown one is partial."""
    if saved is None:
        return False
    last = session.scalars(
        sa.select(UsageImport.complete)
        .where(UsageImport.vendor_id == vendor.id, UsageImport.profile_id == saved.id)
        .where(UsageImport.state.in_(("committed", "held")))
        .order_by(UsageImport.counted_at.desc(), UsageImport.id.desc())
        .limit(1)
    ).first()
    return bool(last)


def _saved(saved: VendorProfile) -> Choice:
    try:
        profile = FileProfile.from_spec(saved.spec)
    except BadProfile as error:
        raise Invalid(f"The profile “{saved.name}” cannot be used: {error}") from error
    return Choice(profile, saved, f"profile “{saved.name}”, version {saved.version}")
