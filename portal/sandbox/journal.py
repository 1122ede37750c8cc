"""A file of what happened, one line each, that outlives a killed process.

Each line is on the disk before the caller is answered. A last line that was torn by a crash was never
answered, so it is cut off when the file is read again.
"""

import os
from pathlib import Path

from portal.sandbox import jsontext
from portal.sandbox.jsontext import Record


class JournalError(Exception):
    """A state file that cannot be used; the text says why."""


class Journal:
    """An append-only file of JSON lines.

    Args:
        path: The file; it is made when it is missing, its folder too.

    Raises:
        JournalError: It cannot be opened, or is damaged before its last line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise JournalError(f"The state file {path} cannot be opened: {error.strerror}.") from error
        try:
            self.entries = self._read()
        except JournalError:
            self._file.close()
            raise

    def _read(self) -> list[Record]:
        self._file.seek(0)
        entries: list[Record] = []
        good = 0
        lines = self._file.read().splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            try:
                entry = jsontext.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                if number < len(lines):
                    raise JournalError(
                        f"The state file {self._path} is damaged in line {number}. "
                        "Restore it, or remove it to start anew."
                    )
                break
            entries.append(entry)
            good += len(line)
        self._file.truncate(good)
        return entries

    def append(self, entry: Record) -> None:
        """Write a line and wait until it is on the disk.

        Raises:
            OSError: The disk is full or gone; nothing of the line is kept.
        """
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(jsontext.dumps(entry).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def clear(self) -> None:
        """Forget everything."""
        self._file.truncate(0)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
