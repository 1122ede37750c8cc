"""How a vendor's file is read: its format, its header line, what its columns mean, which rows count.

A profile is kept as JSON, in the form of the sample sets' `profiles.json`, less what belongs to one file alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from portal.vendors.errors import BadProfile

FORMATS = ("csv", "tsv", "xlsx")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1", "iso-8859-15")
ROLES = ("account_id", "account_name", "account_status", "service_id", "service_name", "term", "count")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = ("", ",", ".", " ", "'")
# what belongs to one file, not to how the vendor's files are read
OF_ONE_FILE = frozenset({"file", "vendor", "period", "counted_at", "complete", "import_step"})
LAST_HEADER_ROW = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A row counts only where the column has one of these words; otherwise it counts zero."""

    column: str
    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Charge lines: words whose quantity is added or subtracted, and words that carry money only."""

    column: str
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRows:
    """Totals and end lines: rows whose column has one of these words are no data."""

    column: str
    equals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProfile:
    """How one kind of file is read.

    Args:
        format: One of `FORMATS`.
        encoding: Of text; a byte order mark in the file wins over it.
        delimiter: Of text, one character.
        sheet: Of a workbook; none: the first one that is visible.
        header_row: 1 is the file's first line; blank lines count.
        columns: Role to header. Without `account_id` the name is the id; likewise for services.
        constants: Role to a value that every row has.
        count_rows: Each row is one unit, so that there is no count column.
        decimal: The decimal mark of numbers that are text.
        thousands: Their thousands mark; empty: there is none.

    Raises:
        BadProfile: The parts do not fit together.
    """

    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    header_row: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    count_rows: bool = False
    filters: tuple[Filter, ...] = ()
    net: Net | None = None
    skip_rows: tuple[SkipRows, ...] = ()
    decimal: str = "."
    thousands: str = ""

    def __post_init__(self) -> None:
        reason = _why_not(self)
        if reason is not None:
            raise BadProfile(reason)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read a profile from its JSON form.

        Args:
            spec: An object as in `profiles.json`. What belongs to one file (file, vendor, period, counted_at,
                complete, import_step) is passed over.

        Raises:
            BadProfile: A field is unknown, missing or of another kind.
        """
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(spec) - known - OF_ONE_FILE)
        if unknown:
            raise BadProfile(f"A profile has no field “{unknown[0]}”.")
        form = _text(spec, "format", "csv")
        return cls(
            format=form,
            encoding=_text(spec, "encoding", "utf-8").lower(),
            delimiter=_text(spec, "delimiter", "\t" if form == "tsv" else ","),
            sheet=_text(spec, "sheet", "") or None,
            header_row=_whole(spec, "header_row", 1),
            columns=_texts(spec, "columns"),
            constants=_texts(spec, "constants"),
            count_rows=_flag(spec, "count_rows"),
            filters=tuple(
                Filter(column=_text(one, "column"), keep=_words(one, "keep")) for one in _objects(spec, "filters")
            ),
            net=_net(spec.get("net")),
            skip_rows=tuple(
                SkipRows(column=_text(one, "column"), equals=_words(one, "equals"))
                for one in _objects(spec, "skip_rows")
            ),
            decimal=_text(spec, "decimal", "."),
            thousands=_text(spec, "thousands", ""),
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the JSON form, with the fields that the format has."""
        spec: dict[str, Any] = {"format": self.format}
        if self.format == "xlsx":
            spec["sheet"] = self.sheet
        else:
            spec |= {"encoding": self.encoding, "delimiter": self.delimiter}
        net = self.net
        return spec | {
            "header_row": self.header_row,
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "count_rows": self.count_rows,
            "filters": [{"column": one.column, "keep": list(one.keep)} for one in self.filters],
            "net": None
            if net is None
            else {
                "column": net.column,
                "plus": list(net.plus),
                "minus": list(net.minus),
                "ignore": list(net.ignore),
            },
            "skip_rows": [{"column": one.column, "equals": list(one.equals)} for one in self.skip_rows],
            "decimal": self.decimal,
            "thousands": self.thousands,
        }

    def headers(self) -> list[str]:
        """List the headers that a file must have, each once, in the order of the profile."""
        named = [*self.columns.values(), *(one.column for one in self.filters)]
        if self.net is not None:
            named.append(self.net.column)
        named += [one.column for one in self.skip_rows]
        return list(dict.fromkeys(named))

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - the fields of the class
        """Give the profile with other values.

        Raises:
            BadProfile: They do not fit together.
        """
        return replace(self, **values)


def fold(text: str) -> str:
    """Bring a word to the form in which words are compared: case and surrounding blanks do not count."""
    return text.strip().casefold()


def _why_not(profile: FileProfile) -> str | None:
    """Say why a profile makes no sense; none where it does."""
    has = {*profile.columns, *profile.constants}
    strangers = sorted(has - set(ROLES))
    checks = (
        (profile.format not in FORMATS, f"A file is csv, tsv or xlsx, not “{profile.format}”."),
        (profile.encoding not in ENCODINGS, f"The encoding “{profile.encoding}” is not among {', '.join(ENCODINGS)}."),
        (
            len(profile.delimiter) != 1 or profile.delimiter in '"\r\n' or profile.delimiter.isalnum(),
            "The delimiter has to be one character, such as a comma.",
        ),
        (not 1 <= profile.header_row <= LAST_HEADER_ROW, "The header line has to be 1 or more."),
        (bool(strangers), f"A column cannot mean “{strangers[0] if strangers else ''}”."),
        (not has & {"account_id", "account_name"}, "No column says which account a row is about."),
        (not has & {"service_id", "service_name"}, "No column says which service a row is about."),
        (not profile.count_rows and "count" not in has, "No column holds the count, and rows are not counted."),
        (profile.decimal not in DECIMAL_MARKS, "The decimal mark is a point or a comma."),
        (profile.thousands not in THOUSANDS_MARKS, "The thousands mark is a comma, point, blank, apostrophe or none."),
        (profile.decimal == profile.thousands, "The decimal and the thousands mark cannot be the same."),
        (any(not header.strip() for header in profile.headers()), "A column's header is empty."),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _text(spec: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Read a text; a missing one is the default, or refused where there is none."""
    value = spec.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise BadProfile(f"The profile's “{name}” has to be a text.")
    return value


def _whole(spec: Mapping[str, Any], name: str, default: int) -> int:
    value = spec.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadProfile(f"The profile's “{name}” has to be a whole number.")
    return value


def _flag(spec: Mapping[str, Any], name: str) -> bool:
    value = spec.get(name, False)
    if not isinstance(value, bool):
        raise BadProfile(f"The profile's “{name}” has to be true or false.")
    return value


def _texts(spec: Mapping[str, Any], name: str) -> dict[str, str]:
    value = spec.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise BadProfile(f"The profile's “{name}” has to give a text for each name.")
    return dict(value)


def _objects(spec: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = spec.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise BadProfile(f"The profile's “{name}” has to be a list of objects.")
    return value


def _words(spec: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = spec.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadProfile(f"The profile's “{name}” has to be a list of words.")
    return tuple(value)


def _net(value: object) -> Net | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadProfile("The profile's “net” has to be an object or null.")
    strangers = sorted(set(value) - {"column", "plus", "minus", "ignore"})
    if strangers:
        raise BadProfile(f"The profile's “net” has no field “{strangers[0]}”.")
    return Net(
        column=_text(value, "column"),
        plus=_words(value, "plus"),
        minus=_words(value, "minus"),
        ignore=_words(value, "ignore"),
    )
