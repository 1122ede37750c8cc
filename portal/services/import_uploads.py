"""Uploaded files, kept under the name of their content's SHA-256."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.services.errors import Invalid

_CHUNK = 1 << 20
LARGEST = 512 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A kept file."""

    path: Path
    sha256: str
    size: int


def keep(uploads: Path, *, path: Path | None = None, content: bytes | None = None) -> Stored:
    """Keep a file; the same content is kept once.

    Args:
        uploads: The folder, made when missing.
        path: The file to copy; or:
        content: What it holds.

    Raises:
        Invalid: There is no such file, or it is too large.
    """
    uploads.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(dir=uploads, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as copy:
            for chunk in _chunks(path, content):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
        kept = uploads / digest.hexdigest()
        Path(name).replace(kept)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Stored(kept, digest.hexdigest(), size)


def kept_file(uploads: Path, sha256: str) -> Path | None:
    """Give a kept file by its hash; none where it is no longer there."""
    if re.fullmatch(r"[0-9a-f]{64}", sha256) is None:  # a form may name it: never a path of its own
        return None
    path = uploads / sha256
    return path if path.is_file() else None


def _chunks(path: Path | None, content: bytes | None) -> Iterator[bytes]:
    if content is not None:
        yield content
        return
    if path is None:
        raise Invalid("No file was chosen.", {"file": "Choose a file."})
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                raise Invalid(f"The file is larger than {LARGEST >> 20} MB. Nothing was read.")
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise Invalid(f"The file {path.name} cannot be read: {error.strerror or 'unknown reason'}.") from error
