"""Packed files: text under gzip (also several parts in one file) or in a ZIP archive, unpacked as it is read.

Nothing is written to disk and no archive is opened inside another. What unpacks to far more than it is, is refused
while it is read, whatever the archive says of its own sizes.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, BinaryIO, cast

from portal.vendors.errors import Unreadable

MAX_TEXT = 4 << 30  # bytes of a text when unpacked
MAX_RATIO = 1000  # unpacked to packed; deflate itself cannot do much more
SMALL = 64 << 20  # bytes: below this no ratio is looked at
MAX_MEMBERS = 1000
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_NESTED = (".zip", ".gz", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz")
_TEXTS = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".asc")
_BOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
_ASIDE = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")
_SHOWN = 6
_BOMB = "The file unpacks to far more than any usage file has. It was not read."
_DAMAGED_GZIP = "The file is packed (gzip) and cannot be unpacked: it is damaged or cut off. Fetch it again."
_LOCKED = "The archive has a password. Unpack it, then choose the file in it."
_UNKNOWN = "The archive is packed in a way that is not read. Pack it as an ordinary ZIP."
_DAMAGED_ZIP = "The archive cannot be unpacked: it is damaged or cut off. Fetch it again."


class _Watched(io.RawIOBase):
    """Passes on bytes, and stops where they are too many for what they come from."""

    def __init__(self, source: IO[bytes], packed: int, damaged: str) -> None:
        self._source = source
        self._packed = max(packed, 1)
        self._given = 0
        self._damaged = damaged

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            piece = self._source.read(len(view))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise Unreadable(self._damaged) from error
        self._given += len(piece)
        if self._given > MAX_TEXT or (self._given > SMALL and self._given > MAX_RATIO * self._packed):
            raise Unreadable(_BOMB)
        view[: len(piece)] = piece
        return len(piece)


def wrapping_of(path: Path) -> str:
    """Tell how a file is packed: `gzip`, `zip`, or not at all (empty)."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(GZIP):
        return "gzip"
    return "zip" if head == ZIP else ""


def is_workbook(path: Path) -> bool:
    """Tell whether a ZIP archive is a workbook, or nothing that could be taken for an archive of texts."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist()[: MAX_MEMBERS + 1]]
    except Exception:  # noqa: BLE001 - a damaged archive raises many kinds; whoever reads it says so
        return True
    if {"xl/workbook.xml", "[Content_Types].xml", "mimetype"} & set(names):
        return True
    return not any(name.lower().endswith((*_TEXTS, *_BOOKS, *_NESTED)) for name in names)


def member_names(path: Path) -> list[str]:
    """List the texts in an archive, in its order.

    Raises:
        Unreadable: It is damaged, or holds no text that is read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [one.filename for one in _texts(archive)]
    except zipfile.BadZipFile as error:
        raise Unreadable(_DAMAGED_ZIP) from error


@contextmanager
def opened(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """Open the bytes of a text, unpacked as they are read.

    Args:
        path: The file: plain, under gzip, or in a ZIP archive.
        member: Which file of an archive: its name, or a pattern such as `*usage*.csv`; none: the only text in it.

    Raises:
        Unreadable: Damaged, with a password, an archive in an archive, several texts and none chosen, or a bomb.
    """
    wrapping = wrapping_of(path)
    with ExitStack() as stack:
        if wrapping == "gzip":
            packed = cast("IO[bytes]", stack.enter_context(gzip.open(path, "rb")))
            watched = _Watched(packed, path.stat().st_size, _DAMAGED_GZIP)
        elif wrapping == "zip":
            packed, size = _member(stack, path, member)
            watched = _Watched(packed, size, _DAMAGED_ZIP)
        else:
            yield stack.enter_context(path.open("rb"))
            return
        yield cast("BinaryIO", stack.enter_context(io.BufferedReader(watched, 1 << 16)))


def _member(stack: ExitStack, path: Path, member: str | None) -> tuple[IO[bytes], int]:
    """Open one file of an archive, and give it with its packed size."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
        chosen = _chosen(archive, member)
        return stack.enter_context(archive.open(chosen)), chosen.compress_size
    except RuntimeError as error:  # zipfile says so of a password; its child class, of what it cannot unpack
        words = _UNKNOWN if isinstance(error, NotImplementedError) else _LOCKED
        raise Unreadable(words) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise Unreadable(_DAMAGED_ZIP) from error


def head_of(path: Path, size: int, member: str | None = None) -> bytes:
    """Give the first bytes of a text, unpacked.

    Raises:
        Unreadable: As `opened`.
    """
    with opened(path, member) as file:
        return file.read(size)


def _texts(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """List what may be read in an archive.

    Raises:
        Unreadable: Nothing may.
    """
    parts = archive.infolist()
    if len(parts) > MAX_MEMBERS:
        raise Unreadable(f"The archive holds {len(parts)} files. Unpack it, then choose the one with the usage.")
    files = [one for one in parts if not one.is_dir() and not _aside(one.filename)]
    nested = [one for one in files if one.filename.lower().endswith(_NESTED)]
    books = [one for one in files if one.filename.lower().endswith(_BOOKS)]
    texts = [one for one in files if one not in nested and one not in books]
    if texts:
        return texts
    if nested:
        raise Unreadable(f"The archive holds another archive, “{nested[0].filename}”. Unpack it, then choose the file.")
    if books:
        raise Unreadable(f"The archive holds a workbook, “{books[0].filename}”. Unpack it, then choose the workbook.")
    raise Unreadable("The archive holds no file.")


def _aside(name: str) -> bool:
    """Tell whether a system put a file beside the others for itself."""
    low = name.lower()
    return low.startswith(_ASIDE[0]) or low.rsplit("/", 1)[-1] in _ASIDE or low.rsplit("/", 1)[-1].startswith("._")


def _chosen(archive: zipfile.ZipFile, member: str | None) -> zipfile.ZipInfo:
    texts = _texts(archive)
    fitting = texts
    if member is not None:
        fitting = [one for one in texts if one.filename == member]
        fitting = fitting or [one for one in texts if fnmatchcase(one.filename.lower(), member.lower())]
    names = ", ".join(f"“{one.filename}”" for one in texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")
    if not fitting:
        raise Unreadable(f"The archive has no file “{member}”. It has: {names}.")
    if len(fitting) > 1:
        raise Unreadable(f"The archive holds {len(fitting)} files: {names}. Choose one, or unpack it first.")
    if fitting[0].flag_bits & 1:
        raise Unreadable(_LOCKED)
    return fitting[0]
