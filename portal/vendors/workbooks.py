"""The package of a workbook (XLSX): which sheets it has, its texts and its cell formats, opened with care.

A workbook is a ZIP archive of XML. It is read by a streaming parser that knows no entities and fetches nothing, and
refused in a sentence where it unpacks to far more than it is. Formulas are never calculated: a cell has the value it
was saved with.
"""

import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from portal.vendors.errors import Unreadable

MAX_PACKED = 300 << 20  # bytes of the file
MAX_UNPACKED = 2 << 30  # bytes of all parts together
MAX_STRINGS = 128 << 20  # bytes of the part with the texts, which is held in memory
MAX_RATIO = 100  # unpacked to packed, of parts that are not small
SMALL = 16 << 20  # bytes
MAX_PARTS = 5000
_PIECE = 1 << 16
_DATES = re.compile(r"(?:[ymdhs]|am/pm)", re.IGNORECASE)
_NO_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_BUILT_IN_PERCENT = frozenset({9, 10})
DAMAGED = "The workbook cannot be read: it is damaged or cut off. Save it again in Excel, or export it as CSV."
TOO_MUCH = "The workbook unpacks to far more than any usage file has. It was not opened."
_ENTITIES = "The workbook declares entities of its own, which no Excel does. It was not opened."


class Sheet(NamedTuple):
    """A sheet: its name, the part that holds it, and whether people see it."""

    name: str
    part: str
    visible: bool


@dataclass(slots=True)
class Book:
    """An open workbook.

    Args:
        archive: The package.
        sheets: All, in order.
        from_1904: Days are counted from 1904, as old Macs did.
        kinds: Of each cell format: `date`, `percent` or empty.
        strings: The shared texts.
    """

    archive: zipfile.ZipFile
    sheets: list[Sheet]
    from_1904: bool
    kinds: list[str]
    strings: "Strings"


class Strings:
    """The shared texts, held as one piece of bytes: a list of them would need several times as much."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")

    def add(self, text: str) -> None:
        """Append a text."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < len(self._ends):
            raise Unreadable(DAMAGED)
        start = self._ends[place - 1] if place else 0
        return self._bytes[start : self._ends[place]].decode("utf-8", "surrogatepass")


@contextmanager
def opened_book(path: Path) -> Iterator[Book]:
    """Open a workbook that is safe to unpack.

    Raises:
        Unreadable: It is no workbook, damaged, or unpacks to too much.
    """
    if path.stat().st_size > MAX_PACKED:
        raise Unreadable(
            f"The workbook is larger than {MAX_PACKED >> 20} MB. Export it as CSV, which may have any size."
        )
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged archive raises many kinds
        raise Unreadable(DAMAGED) from error
    with archive:
        reason = _why_not(archive)
        if reason is not None:
            raise Unreadable(reason)
        yield _book(archive)


def parse(
    archive: zipfile.ZipFile,
    part: str,
    *,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Parse one part piece by piece; after each piece the caller may take what was found.

    Args:
        archive: The package.
        part: Its name.
        start: Called with the name of an element, without its namespace, and its attributes.
        end: Called with its name.
        text: Called with the text between.

    Raises:
        Unreadable: It is no XML, declares entities, or unpacks to more than its archive says.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = lambda name, attributes: start(
        name.rpartition("}")[2], attributes if "}" not in "".join(attributes) else _without_spaces(attributes)
    )
    if end is not None:
        parser.EndElementHandler = lambda name: end(name.rpartition("}")[2])
    if text is not None:
        parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse_entities
    given = 0
    try:
        with archive.open(part) as file:
            while piece := file.read(_PIECE):
                given += len(piece)
                if given > MAX_UNPACKED:
                    raise Unreadable(TOO_MUCH)  # noqa: TRY301 - passed on as it is
                parser.Parse(piece, False)
                yield
            parser.Parse(b"", True)
            yield
    except Unreadable:
        raise
    except Exception as error:  # a damaged part raises whatever its broken piece raises
        raise Unreadable(DAMAGED) from error


def _without_spaces(attributes: dict[str, str]) -> dict[str, str]:
    """Name attributes without their namespaces."""
    return {key.rpartition("}")[2]: value for key, value in attributes.items()}


def _refuse_entities(*_: object) -> None:
    raise Unreadable(_ENTITIES)


def _why_not(archive: zipfile.ZipFile) -> str | None:  # noqa: PLR0911 - one return a reason
    """Say why an archive is not opened as a workbook; none where it may be."""
    parts = archive.infolist()
    names = {part.filename for part in parts}
    large = [part for part in parts if part.file_size > SMALL]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        return TOO_MUCH
    if any(
        part.file_size > MAX_RATIO * max(part.compress_size, 1)
        or (part.filename.lower().endswith("sharedstrings.xml") and part.file_size > MAX_STRINGS)
        for part in large
    ):
        return TOO_MUCH
    if any(part.flag_bits & 1 for part in parts):
        return "The workbook has a password. Save it without one, or export it as CSV."
    if "xl/workbook.xml" not in names:
        if "xl/workbook.bin" in names:
            return "The workbook is a binary one (XLSB). Save it as XLSX or CSV."
        if any(name.lower().endswith((".csv", ".tsv", ".txt")) for name in names):
            return "The file is an archive of texts, not a workbook. Choose CSV or TSV as its format."
        return "The file is packed like a workbook but is none. Save it as XLSX, or export it as CSV."
    return None


def _book(archive: zipfile.ZipFile) -> Book:
    """Read what the package says of itself."""
    named: list[tuple[str, str, bool]] = []
    epoch = [False]

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            # the id of the relation has a namespace; the sheet's own number is called sheetId
            visible = attributes.get("state", "visible") == "visible"
            named.append((attributes["name"], attributes.get("id", ""), visible))
        elif name == "workbookPr":
            epoch[0] = attributes.get("date1904", "0").lower() in {"1", "true"}

    targets: dict[str, str] = {}
    kinds: dict[str, str] = {}

    def relation(name: str, attributes: dict[str, str]) -> None:
        # what lies outside of the package is never fetched
        if name == "Relationship" and attributes.get("TargetMode", "").lower() != "external":
            target = attributes.get("Target", "")
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            targets[attributes.get("Id", "")] = part
            kinds[attributes.get("Type", "").rpartition("/")[2]] = part

    for _ in parse(archive, "xl/workbook.xml", start=sheet):
        pass
    for _ in parse(archive, "xl/_rels/workbook.xml.rels", start=relation):
        pass
    here = set(archive.namelist())
    sheets = [Sheet(name, targets.get(relation_id, ""), visible) for name, relation_id, visible in named]
    return Book(
        archive=archive,
        sheets=[one for one in sheets if one.part in here and "chartsheets" not in one.part],
        from_1904=epoch[0],
        kinds=_formats(archive, kinds.get("styles", ""), here),
        strings=_strings(archive, kinds.get("sharedStrings", ""), here),
    )


def _strings(archive: zipfile.ZipFile, part: str, here: set[str]) -> Strings:  # noqa: C901 - one small parser
    """Read the shared texts."""
    found = Strings()
    if part not in here:
        return found
    pieces: list[str] = []
    inside = [False, False]  # in a text; in its reading aid (phonetic), which is none

    def start(name: str, _attributes: dict[str, str]) -> None:
        if name == "t":
            inside[0] = True
        elif name == "rPh":
            inside[1] = True
        elif name == "si":
            pieces.clear()

    def end(name: str) -> None:
        if name == "t":
            inside[0] = False
        elif name == "rPh":
            inside[1] = False
        elif name == "si":
            found.add("".join(pieces))

    def text(data: str) -> None:
        if inside[0] and not inside[1]:
            pieces.append(data)

    for _ in parse(archive, part, start=start, end=end, text=text):
        pass
    return found


def _formats(archive: zipfile.ZipFile, part: str, here: set[str]) -> list[str]:
    """Tell of each cell format whether it shows a date or a percentage."""
    codes: dict[int, str] = {}
    kinds: list[str] = []
    inside = [False]
    if part not in here:
        return kinds

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            inside[0] = True
        elif name == "xf" and inside[0]:
            kinds.append(_kind(int(attributes.get("numFmtId", "0")), codes))

    def end(name: str) -> None:
        if name == "cellXfs":
            inside[0] = False

    for _ in parse(archive, part, start=start, end=end):
        pass
    return kinds


def _kind(number: int, codes: dict[int, str]) -> str:
    if number in _BUILT_IN_DATES:
        return "date"
    if number in _BUILT_IN_PERCENT:
        return "percent"
    code = _NO_CODE.sub("", codes.get(number, "").partition(";")[0])
    if "%" in code:
        return "percent"
    return "date" if _DATES.search(code) else ""
