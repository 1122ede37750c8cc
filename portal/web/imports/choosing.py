"""Files as people choose or drop them: kept, and given to the vendor whose they are, or asked whose they are."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from portal.db.records import Vendor
from portal.db.session import reading
from portal.factory import settings_of
from portal.services import imports
from portal.services.actors import Actor
from portal.services.errors import Invalid, NotFound
from portal.services.import_choice import fits
from portal.services.import_uploads import kept_file
from portal.vendors.builtin import Builtin
from portal.vendors.detection import detect
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import kind_of
from portal.web.imports.reading import take_in

MOST_FILES = 20  # that are chosen at once
_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A kept file of which nobody has said whose it is.

    Args:
        sha256: Under which it is kept.
        filename: As the person's machine names it.
        vendor: The short name of the vendor whose file it may be; or empty.
        new_vendor: The name of one that is not known yet; or empty.
        why: What speaks for it, as a sentence.
        wrong: What is wrong with the answer.
    """

    sha256: str
    filename: str
    vendor: str = ""
    new_vendor: str = ""
    why: str = ""
    wrong: str = ""


def taken_in(files: Sequence[FileStorage], chosen: Mapping[str, str], *, by: Actor) -> tuple[list[int], list[Waiting]]:
    """Keep the files of a form, and begin to read each whose vendor is said or known by a saved profile.

    Returns:
        The imports, and the files of which it has to be asked whose they are.

    Raises:
        Invalid: No file, too many, an empty one, or one that is never read.
        NotFound: There is no such vendor.
    """
    given = [one for one in files if one.filename]
    if not given:
        raise Invalid("No file was chosen.", {"file": "Choose a file."})
    if len(given) > MOST_FILES:
        sentence = f"{len(given)} files are too many at once. Choose up to {MOST_FILES}."
        raise Invalid(sentence, {"file": sentence})
    new = " ".join(chosen["new_vendor"].split())
    done: list[int] = []
    waiting: list[Waiting] = []
    for one in given:
        name, told = _name_of(one), new or chosen["vendor"]
        try:
            path = _streamed(one, settings_of().uploads)
        except Invalid as error:
            raise _named(error, name, len(given), len(done)) from error
        try:
            found = Waiting("", name, told) if told else guessed(reading(), path, name)
            if found.vendor:
                done.append(take_in(vendor=found.vendor, create=bool(new), path=path, filename=name, by=by))
            else:
                kept = imports.keep(settings_of().uploads, path=path)
                waiting.append(Waiting(kept.sha256, name, "", found.new_vendor, found.why))
        except Invalid as error:
            raise _named(error, name, len(given), len(done)) from error
        finally:
            path.unlink(missing_ok=True)
    return done, waiting


def whose(form: Mapping[str, str], *, by: Actor) -> tuple[list[int], list[Waiting], str]:
    """Take in kept files as a person says whose they are.

    Returns:
        The imports, the files that still wait with what is wrong, and a sentence where there are any.
    """
    done: list[int] = []
    waiting: list[Waiting] = []
    for place in range(MOST_FILES):
        sha256, name = form.get(f"kept-{place}", ""), form.get(f"name-{place}", "")[-200:] or "file"
        if not sha256:
            continue
        vendor = form.get(f"vendor-{place}", "")
        new = " ".join(form.get(f"new_vendor-{place}", "").split())
        path = kept_file(settings_of().uploads, sha256)
        wrong = "" if new or vendor else "Choose whose file it is, or name a new vendor."
        if path is None:
            wrong = "The file is no longer kept. Choose it again."
        if not wrong and path is not None:
            try:
                done.append(take_in(vendor=new or vendor, create=bool(new), path=path, filename=name, by=by))
                continue
            except (Invalid, NotFound) as error:
                wrong = str(error)
        waiting.append(Waiting(sha256, name, vendor, new, "", wrong))
    if not done and not waiting:
        return done, waiting, "No file was chosen. Go back and choose one."
    return done, waiting, next((one.wrong for one in waiting), "")


def guessed(session: Session, path: Path, filename: str) -> Waiting:
    """Guess whose file it is: by a saved profile that fits, otherwise by what the file is known as.

    Where these name different vendors it has to be asked: what is counted for another vendor is not seen later.

    Raises:
        Invalid: It is of a kind that is never read.
    """
    try:
        kind_of(path)
    except Unreadable as error:
        raise Invalid(f"{error} Nothing was kept. Choose another file.", {"file": str(error)}) from error
    vendors = list(session.scalars(sa.select(Vendor).order_by(Vendor.id)))
    fitting = [vendor for vendor in vendors if _has_profile_for(session, vendor, path)]
    if len(fitting) > 1:
        names = " and ".join(vendor.title for vendor in fitting[:4])
        return Waiting("", filename, why=f"The saved profiles of {names} fit it.")
    known = _known_as(path, filename)
    verified = known is not None and known.verified
    same = next((one for one in vendors if known and one.title.casefold() == known.vendor.casefold()), None)
    if fitting and (known is None or not verified or _is_whose(known, fitting[0], same)):
        return Waiting("", filename, fitting[0].slug)
    if known is None:
        return Waiting("", filename, why="Nothing in it tells whose it is.")
    words = "It is known as" if verified else "It looks like"
    why = f"{words} {known.vendor}, {known.title}."
    if fitting:
        return Waiting("", filename, why=f"The saved profile of {fitting[0].title} fits it. {why}")
    if same is not None and verified:
        return Waiting("", filename, same.slug)
    return Waiting("", filename, new_vendor=known.vendor, why=why)


def _known_as(path: Path, filename: str) -> Builtin | None:
    """Tell which ready-made profile a file has the headers of; none where none, or it holds no table."""
    try:
        found = detect(path, filename)
    except Unreadable:
        return None
    return found.builtin or found.template


def _is_whose(known: Builtin, vendor: Vendor, same: Vendor | None) -> bool:
    """Tell whether a known file is a vendor's: of that name, or, if no one has it, of one that begins like it."""
    if same is not None:
        return same is vendor
    words = zip(known.vendor.casefold().split(), vendor.title.casefold().split(), strict=False)
    return all(one == other for one, other in words)


def _has_profile_for(session: Session, vendor: Vendor, path: Path) -> bool:
    for saved in imports.profiles_of(session, vendor):
        try:
            if fits(path, FileProfile.from_spec(saved.spec)):
                return True
        except BadProfile:
            continue
    return False


def _named(error: Invalid, name: str, of: int, done: int) -> Invalid:
    """Say of which of several files an error tells."""
    if of == 1:
        return error
    before = f" {done} before it were taken in." if done else ""
    return Invalid(f"{name}: {error}{before}", {field: f"{name}: {text}" for field, text in error.fields.items()})


def _streamed(given: FileStorage, uploads: Path) -> Path:
    """Write an upload to a file of its own, a piece at a time.

    Raises:
        Invalid: It is empty.
    """
    uploads.mkdir(parents=True, exist_ok=True)
    size = 0
    with tempfile.NamedTemporaryFile(dir=uploads, prefix=".upload-", delete=False) as copy:
        while chunk := given.stream.read(_CHUNK):
            size += len(chunk)
            copy.write(chunk)
    if not size:
        Path(copy.name).unlink(missing_ok=True)
        raise Invalid("The file is empty. Nothing was kept.", {"file": "This file is empty. Choose another one."})
    return Path(copy.name)


def _name_of(given: FileStorage) -> str:
    """Give a file's own name without folders."""
    return (given.filename or "file").replace("\\", "/").rpartition("/")[2][-200:] or "file"
