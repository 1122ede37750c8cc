"""How a file is read when nobody says it in full: the saved profile that fits, a ready-made one, or a first guess."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageImport, Vendor, VendorProfile
from portal.services.errors import Invalid, NotFound
from portal.services.import_vendors import find_profile, profiles_of
from portal.vendors.detection import Detected, detect
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import SPEC_VERSION, FileProfile
from portal.vendors.readers import open_table
from portal.vendors.understanding import Question, settle_dates


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a file will be read.

    Args:
        profile: None: which column says what could not be told.
        spec: The profile's JSON, also where something is missing in it.
        saved: The saved profile; none: it is a ready-made one, or was guessed.
        words: Where this comes from, for people.
        complete: Whether a ready-made profile's files list every account; none: it is none.
        missing: What no column was found for, in words.
        questions: What only a person can say.
    """

    profile: FileProfile | None
    saved: VendorProfile | None = None
    words: str
    spec: dict[str, Any] = field(default_factory=dict)
    complete: bool | None = None
    missing: str = ""
    questions: Sequence[Question] = ()


def choose_profile(session: Session, vendor: Vendor, path: Path, filename: str, name: str | None = None) -> Choice:
    """Choose how a file is read.

    Args:
        session: For reading.
        vendor: Whose file it is.
        path: The file.
        filename: As the person's machine names it.
        name: The saved profile; none: the newest one whose headers the file has, else a ready-made one or a guess.

    Raises:
        NotFound: There is no profile of this name.
        Invalid: The file is of a kind that is never read, or a saved profile cannot be used.
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
        if choice.profile is not None and fits(path, choice.profile):
            return choice
    try:
        found = detect(path, filename)
        return _detected(path, found, vendor)
    except Unreadable as error:
        raise Invalid(str(error), {"file": str(error)}) from error


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
    same = sa.select(VendorProfile.id).where(VendorProfile.vendor_id == vendor.id, VendorProfile.name == saved.name)
    last = session.scalars(
        sa.select(UsageImport.complete)
        .where(UsageImport.vendor_id == vendor.id, UsageImport.profile_id.in_(same))
        .where(UsageImport.state.in_(("committed", "held")))
        .order_by(UsageImport.counted_at.desc(), UsageImport.id.desc())
        .limit(1)
    ).first()
    return bool(last)


def question_json(one: Question) -> dict[str, Any]:
    """Write a question for the import's notes."""
    return {
        "kind": one.kind,
        "field": one.field,
        "sentence": one.sentence,
        "choices": [list(choice) for choice in one.choices],
        "column": one.column,
        "line": one.line,
    }


def _saved(saved: VendorProfile) -> Choice:
    try:
        profile = FileProfile.from_spec(saved.spec)
    except BadProfile as error:
        raise Invalid(f"The profile “{saved.name}” cannot be used: {error}") from error
    words = f"profile “{saved.name}”, version {saved.version}"
    return Choice(profile=profile, saved=saved, words=words, spec=dict(saved.spec))


def _detected(path: Path, found: Detected, vendor: Vendor) -> Choice:
    """Make a choice of what a file looks like; where one row far down settles the dates, nobody is asked."""
    missing = ""
    profile = found.profile
    if profile is None or found.missing:  # whether rows are counted is a person's to say, never a guess
        profile = None
        missing = (
            f"No saved profile of {vendor.title} fits the file, and it cannot be told which column holds the "
            f"{' and the '.join(found.missing)}. Line {found.guess['header_row']} has: {', '.join(found.headers[:20])}."
        )
    questions = list(found.questions)
    for one in found.questions:
        if one.kind != "date_order" or one.column is None or profile is None:
            continue
        settled = settle_dates(path, profile, [one.column])[one.column]
        if settled.order:
            profile = FileProfile.from_spec(profile.to_spec() | {"dates": settled.order, "spec_version": SPEC_VERSION})
            questions.remove(one)
    if found.builtin is None:
        words = "guessed from the file, since no saved profile fits"
    else:
        words = f"known as {found.builtin.vendor}, {found.builtin.title}"
    return Choice(
        profile=profile,
        words=words,
        spec=dict(found.guess) if profile is None else profile.to_spec(),
        complete=None if found.builtin is None else found.builtin.complete,
        missing=missing,
        questions=questions,
    )
