"""Text files: encodings, and delimited rows with the line on which each begins."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from portal.vendors.cells import Cell
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import DELIMITERS

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD = 1 << 16  # bytes looked at to recognise a file
_WORDS = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


def encoding_in_words(encoding: str) -> str:
    """Name an encoding as people know it."""
    return _WORDS.get(encoding, encoding.upper())


def marked_encoding(path: Path) -> str | None:
    """Give the encoding that a byte order mark names; none where there is no mark."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((encoding for mark, encoding in MARKS if head.startswith(mark)), None)


def text_rows(path: Path, encoding: str, delimiter: str, first_line: int = 1) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of a delimited file, one after the other.

    Args:
        path: The file.
        encoding: What the profile says; a byte order mark wins over it.
        delimiter: One character.
        first_line: Lines before this one are passed over as they are, whatever quotation marks they hold.

    Yields:
        The line on which a row begins (1 is the file's first; a cell may hold line breaks), and its cells.

    Raises:
        Unreadable: The bytes are not of this encoding, or quotation marks are not balanced.
    """
    used = marked_encoding(path) or ("utf-8" if encoding == "utf-8-sig" else encoding)
    line = 1
    try:
        with path.open("r", encoding=used, newline="") as file:
            while line < first_line and file.readline():
                line += 1
            before = line - 1
            reader = csv.reader(_lines(file, before), delimiter=delimiter, strict=True)
            for row in reader:
                yield line, list(row)
                line = before + reader.line_num + 1
    except UnicodeError as error:
        raise Unreadable(
            f"The file is not {encoding_in_words(used)}: after line {line - 1} comes a character that is none. "
            "Choose another encoding."
        ) from error
    except csv.Error as error:
        raise Unreadable(_why(str(error), line, delimiter)) from error


def _lines(file: Iterator[str], before: int) -> Iterator[str]:
    """Pass on lines, and refuse a file that is no text."""
    for place, line in enumerate(file, before + 1):
        if "\0" in line:
            raise Unreadable(
                f"Line {place} holds a NUL character: the file is damaged, or its encoding is another one."
            )
        yield line


def _why(error: str, line: int, delimiter: str) -> str:
    """Say in words what the csv module found."""
    if "field limit" in error or "field larger" in error:
        return f"The row on line {line} has a cell without end. Is a quotation mark missing, or the delimiter another?"
    name = DELIMITERS.get(delimiter, f"“{delimiter}”")
    return (
        f"In the row that begins on line {line}, quotation marks are not balanced. "
        f"Correct that line, or choose another delimiter than the {name}."
    )
