"""Text files: encodings, and delimited rows with the line on which each begins. Packed ones are unpacked as read."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from portal.vendors.cells import Cell
from portal.vendors.errors import Unreadable
from portal.vendors.packed import head_of, opened
from portal.vendors.profiles import DELIMITERS

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD = 1 << 16  # bytes looked at to recognise a file
LONGEST_LINE = 4 << 20  # characters; a file without line ends is no table
_WORDS = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_WRONG = "\udfff"  # stands where bytes are no character; no text can hold it
_WRONG_NAME = "portal-marks-the-place"

codecs.register_error(_WRONG_NAME, lambda error: (_WRONG, getattr(error, "end", 0)))


def encoding_in_words(encoding: str) -> str:
    """Name an encoding as people know it."""
    return _WORDS.get(encoding, encoding.upper())


def marked_encoding(path: Path, member: str | None = None) -> str | None:
    """Give the encoding that a byte order mark names; none where there is no mark."""
    try:
        head = head_of(path, 4, member)
    except Unreadable:
        return None  # whoever reads the rows says why
    return next((encoding for mark, encoding in MARKS if head.startswith(mark)), None)


def text_rows(
    path: Path, encoding: str, delimiter: str, first_line: int = 1, *, member: str | None = None, comment: str = ""
) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of a delimited file, one after the other.

    Args:
        path: The file; under gzip or in a ZIP archive it is unpacked as it is read.
        encoding: What the profile says; a byte order mark wins over it.
        delimiter: One character.
        first_line: Lines before this one are passed over as they are, whatever quotation marks they hold.
        member: Which file of an archive.
        comment: Lines that begin so are no rows; empty: there are none.

    Yields:
        The line on which a row begins (1 is the file's first; a cell may hold line breaks), and its cells.

    Raises:
        Unreadable: The bytes are not of this encoding, or quotation marks are not balanced.
    """
    used = marked_encoding(path, member) or ("utf-8" if encoding == "utf-8-sig" else encoding)
    line = 1
    try:
        with opened(path, member) as raw:
            file = io.TextIOWrapper(raw, encoding=used, newline="")
            while line < first_line and file.readline(LONGEST_LINE):
                line += 1
            counter = _Lines(file, line - 1, comment)
            reader = csv.reader(counter, delimiter=delimiter, strict=True)
            for row in reader:
                yield counter.begun, list(row)
                line = counter.place + 1
                counter.begun = line
            file.detach()
    except UnicodeError as error:
        raise Unreadable(
            f"The file is not {encoding_in_words(used)}: line {_wrong_line(path, used, member)} holds a character "
            "that is none. Choose another encoding."
        ) from error
    except csv.Error as error:
        raise Unreadable(_why(str(error), line, delimiter)) from error


class _Lines:
    """Passes on lines, knows their numbers, and refuses a file that is no text."""

    def __init__(self, file: io.TextIOWrapper, before: int, comment: str) -> None:
        self._next = file.readline
        self._comment = comment
        self.place = before
        self.begun = before + 1

    def __iter__(self) -> Iterator[str]:
        while line := self._next(LONGEST_LINE):
            self.place += 1
            if "\0" in line:
                raise Unreadable(
                    f"Line {self.place} holds a NUL character: the file is damaged, or its encoding is another one."
                )
            if len(line) == LONGEST_LINE:
                raise Unreadable(f"Line {self.place} has no end. Is this a text with lines?")
            # several files that were joined may each begin with a mark
            text = line[1:] if line[0] == "\ufeff" else line
            if self._comment and self.begun == self.place and text.lstrip(' "').startswith(self._comment):
                self.begun += 1
                continue
            yield text


def _wrong_line(path: Path, encoding: str, member: str | None) -> int:
    """Find the line on which the first bytes stand that are no character."""
    line = 1
    with opened(path, member) as raw:
        file = io.TextIOWrapper(raw, encoding=encoding, errors=_WRONG_NAME, newline="")
        try:
            while piece := file.readline(LONGEST_LINE):
                if _WRONG in piece:
                    break
                line += piece.endswith(("\n", "\r"))
        except UnicodeError:
            return line
    return line


def _why(error: str, line: int, delimiter: str) -> str:
    """Say in words what the csv module found."""
    if "field limit" in error or "field larger" in error:
        return f"The row on line {line} has a cell without end. Is a quotation mark missing, or the delimiter another?"
    name = DELIMITERS.get(delimiter, f"“{delimiter}”")
    return (
        f"In the row that begins on line {line}, quotation marks are not balanced. "
        f"Correct that line, or choose another delimiter than the {name}."
    )
