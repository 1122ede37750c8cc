"""How a vendor's file is read: its format, its header line, what its columns mean, which rows count.

A profile is kept as JSON, in the form of the sample sets' `profiles.json`, less what belongs to one file alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from portal.vendors.dates import ORDERS
from portal.vendors.errors import BadProfile
from portal.vendors.profile_parts import CountedOn, Days, Filter, Measure, Split, Unit, Value, Wide, also_of, values_of
from portal.vendors.spec import flag_of, object_of, objects_of, one_of, only, text_of, texts_of, whole_of, words_of

__all__ = [
    "ROLES",
    "CountedOn",
    "Days",
    "FileProfile",
    "Filter",
    "Measure",
    "Net",
    "SkipRows",
    "Split",
    "Unit",
    "Value",
    "Wide",
    "fold",
]

SPEC_VERSION = 2  # of the JSON form; 1 had plain columns, filters, charge words and totals rows alone
SHEET, ROW = "(sheet)", "(row)"  # columns that every file read sheet by sheet has
FORMATS = ("csv", "tsv", "xlsx")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1", "iso-8859-15")
ROLES = ("account_id", "account_name", "account_status", "service_id", "service_name", "term", "count")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = ("", ",", ".", " ", "'")
# what belongs to one file, not to how the vendor's files are read
OF_ONE_FILE = frozenset({"file", "vendor", "period", "counted_at", "complete", "import_step"})
LAST_HEADER_ROW = 10_000
FIND_WITHIN = 200  # lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Charge lines: words whose quantity is added or subtracted, and words that carry money only."""

    column: str
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        only(spec, "net", ("column", "plus", "minus", "ignore"))
        return cls(
            column=text_of(spec, "column"),
            plus=words_of(spec, "plus"),
            minus=words_of(spec, "minus"),
            ignore=words_of(spec, "ignore"),
        )

    def spec(self) -> dict[str, Any]:
        """Give the JSON form."""
        lists = {"plus": list(self.plus), "minus": list(self.minus), "ignore": list(self.ignore)}
        return {"column": self.column} | lists


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRows:
    """Totals and end lines: rows whose column has one of these words are no data."""

    column: str
    equals: tuple[str, ...]

    @classmethod
    def of(cls, spec: Mapping[str, Any], where: str) -> Self:
        """Read the JSON form."""
        only(spec, where, ("column", "equals"))
        return cls(column=text_of(spec, "column"), equals=words_of(spec, "equals"))

    def spec(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"column": self.column, "equals": list(self.equals)}


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
        signs: Units that may stand at a number and say nothing, such as `%` or `€`.
        empty_count: An empty count is a `problem`, `zero`, or the row is left `out`.
        member: Which file of an archive, by name or pattern; empty: the only one.
        all_sheets: Every visible sheet is read; its name stands in the column `(sheet)`.
        skip_sheets: Of those, the ones that hold something else.
        comment: Lines of a text that begin so are no rows.
        find_header: The headers are looked for from `header_row` on, in the first `FIND_WITHIN` lines.
        end: Rows that end the table, as totals rows are named; all after them is another table.
        ends_blank: The first blank row ends the table.
        also: Header to other names that are taken for it.
        values: Role to a recipe, where a column alone does not say it.
        measure: How rows become a count.
        wide: Columns that hold the counts of one service each.
        ones: Rows that count one each, whatever stands in the count: devices beside seats.
        day_columns: Words that count one in columns whose header is a day; the measure is of `days`.
        units: Conversions; the first that applies to a row holds.
        dates: The order of dates, one of `dates.ORDERS`; empty: only dates that can be read in one way.
        days: The days that a row covers.
        part_month: The same for charge lines: those that cover less than a month are left out.
        counted_on: Where the day of counting stands.
        duplicates: Rows that are equal cell for cell: not looked for (empty), `report`ed, or `drop`ped.
        not_reported: Rows that say that an account could not be asked; they never count as zero.
        split: A cell that holds several rows.
        parent: Column with the id of the account above, whose own rows repeat this one's.

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
    signs: tuple[str, ...] = ()
    empty_count: str = "problem"
    member: str = ""
    all_sheets: bool = False
    skip_sheets: tuple[str, ...] = ()
    comment: str = ""
    find_header: bool = False
    end: tuple[SkipRows, ...] = ()
    ends_blank: bool = False
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)
    wide: tuple[Wide, ...] = ()
    ones: tuple[Filter, ...] = ()
    day_columns: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    dates: str = ""
    days: Days | None = None
    part_month: Days | None = None
    counted_on: CountedOn | None = None
    duplicates: str = ""
    not_reported: tuple[Filter, ...] = ()
    split: Split | None = None
    parent: str = ""

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
        known = {one.name for one in fields(cls)} | {"spec_version"}
        unknown = sorted(set(spec) - known - OF_ONE_FILE)
        version = whole_of(spec, "spec_version", 1)
        if version > SPEC_VERSION:
            raise BadProfile(f"The profile is of form {version}; this portal reads up to {SPEC_VERSION}.")
        if unknown:
            raise BadProfile(f"A profile has no field “{unknown[0]}”.")
        form = text_of(spec, "format", "csv")
        days, part, counted_on = object_of(spec, "days"), object_of(spec, "part_month"), object_of(spec, "counted_on")
        split, net = object_of(spec, "split"), object_of(spec, "net")
        return cls(
            format=form,
            encoding=text_of(spec, "encoding", "utf-8").lower(),
            delimiter=text_of(spec, "delimiter", "\t" if form == "tsv" else ","),
            sheet=text_of(spec, "sheet", "") or None,
            header_row=whole_of(spec, "header_row", 1),
            columns=texts_of(spec, "columns"),
            constants=texts_of(spec, "constants"),
            count_rows=flag_of(spec, "count_rows"),
            filters=tuple(Filter.of(one) for one in objects_of(spec, "filters")),
            net=None if net is None else Net.of(net),
            skip_rows=tuple(SkipRows.of(one, "skip_rows") for one in objects_of(spec, "skip_rows")),
            decimal=text_of(spec, "decimal", "."),
            thousands=text_of(spec, "thousands", ""),
            signs=words_of(spec, "signs"),
            empty_count=one_of(text_of(spec, "empty_count", "problem"), "empty_count", ("problem", "zero", "out")),
            member=text_of(spec, "member", ""),
            all_sheets=flag_of(spec, "all_sheets"),
            skip_sheets=words_of(spec, "skip_sheets"),
            comment=text_of(spec, "comment", ""),
            find_header=flag_of(spec, "find_header"),
            end=tuple(SkipRows.of(one, "end") for one in objects_of(spec, "end")),
            ends_blank=flag_of(spec, "ends_blank"),
            also=also_of(spec),
            values=values_of(spec),
            measure=Measure.of(object_of(spec, "measure") or {}),
            wide=tuple(Wide.of(one) for one in objects_of(spec, "wide")),
            ones=tuple(Filter.of(one, "ones") for one in objects_of(spec, "ones")),
            day_columns=words_of(spec, "day_columns"),
            units=tuple(Unit.of(one) for one in objects_of(spec, "units")),
            dates=one_of(text_of(spec, "dates", ""), "dates", ORDERS),
            days=None if days is None else Days.of(days),
            part_month=None if part is None else Days.of(part, "part_month"),
            counted_on=None if counted_on is None else CountedOn.of(counted_on),
            duplicates=one_of(text_of(spec, "duplicates", ""), "duplicates", ("", "report", "drop")),
            not_reported=tuple(Filter.of(one, "not_reported") for one in objects_of(spec, "not_reported")),
            split=None if split is None else Split.of(split),
            parent=text_of(spec, "parent", ""),
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the JSON form, with the fields that the format has and of the newer ones those that say something."""
        spec: dict[str, Any] = {"format": self.format}
        if self.format == "xlsx":
            spec["sheet"] = self.sheet
        else:
            spec |= {"encoding": self.encoding, "delimiter": self.delimiter}
        spec |= {
            "header_row": self.header_row,
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "count_rows": self.count_rows,
            "filters": [one.spec() for one in self.filters],
            "net": None if self.net is None else self.net.spec(),
            "skip_rows": [one.spec() for one in self.skip_rows],
            "decimal": self.decimal,
            "thousands": self.thousands,
        }
        newer = {name: json_of(value) for name in NEWER if (value := getattr(self, name)) != getattr(_PLAIN, name)}
        return spec | ({"spec_version": SPEC_VERSION} | newer if newer else {})

    def headers(self) -> list[str]:
        """List the headers that a file must have, each once, in the order of the profile."""
        named = [*self.columns.values(), *(one.column for one in self.filters)]
        if self.net is not None:
            named.append(self.net.column)
        named += [one.column for one in (*self.skip_rows, *self.end)]
        named += [one.column for one in self.wide] + [one.column for one in (*self.not_reported, *self.ones)]
        # of a list of which the first filled one is taken, one is enough
        named += [header for one in self.values.values() if one.take != "first" for header in one.columns]
        named += self.measure.headers()
        for days in (self.days, self.part_month):
            named += [] if days is None else [one for one in (days.first, days.last) if one]
        if self.counted_on is not None and self.counted_on.column:
            named.append(self.counted_on.column)
        if self.split is not None:
            named.append(self.split.column)
        named += [self.parent] if self.parent else []
        named += [one.only.column for one in self.units if one.only is not None]
        return [one for one in dict.fromkeys(named) if not self.is_made(one)]

    def choices(self) -> list[tuple[str, ...]]:
        """List groups of headers of which a file needs one at least."""
        return [
            one.columns
            for one in self.values.values()
            if one.take == "first" and not any(map(self.is_made, one.columns))
        ]

    def is_made(self, header: str) -> bool:
        """Tell whether a column is none of the file's: the sheet's name, or a field of a split cell."""
        return header in {SHEET, ROW} or (self.split is not None and header.startswith(f"{self.split.column}."))

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
    has = {*profile.columns, *profile.constants, *profile.values}
    has |= {"service_id", "count"} if profile.wide else set()
    counted = profile.count_rows or bool(profile.day_columns) or profile.measure.how == "distinct"
    twice = len({(one.service, one.term) for one in profile.wide}) < len(profile.wide)
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
        (not counted and "count" not in has, "No column holds the count, and rows are not counted."),
        (twice, "Two columns of the profile hold the same service and term."),
        (
            bool(profile.day_columns) and profile.measure.how != "days",
            "Columns of days need a measure of days: the largest, the mean or the last.",
        ),
        (
            profile.measure.how == "days" and not (profile.day_columns or profile.measure.column),
            "The profile's “measure” needs a column to take “days” of.",
        ),
        (
            bool(profile.wide or profile.split) and profile.measure.how not in {"sum", "max"},
            "Rows that are several services can be summed, or the largest taken.",
        ),
        (profile.decimal not in DECIMAL_MARKS, "The decimal mark is a point or a comma."),
        (profile.thousands not in THOUSANDS_MARKS, "The thousands mark is a comma, point, blank, apostrophe or none."),
        (profile.decimal == profile.thousands, "The decimal and the thousands mark cannot be the same."),
        (any(not header.strip() for header in profile.headers()), "A column's header is empty."),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def json_of(value: object) -> object:
    """Give the JSON form of a field."""
    if isinstance(value, tuple):
        return [json_of(one) for one in value]
    if isinstance(value, Mapping):
        return {key: json_of(one) for key, one in value.items()}
    return value.spec() if hasattr(value, "spec") else value


_PLAIN = FileProfile(columns={"account_id": "a", "service_id": "s", "count": "c"})
_FIRST_FORM = (
    "format",
    "encoding",
    "delimiter",
    "sheet",
    "header_row",
    "columns",
    "constants",
    "count_rows",
    "filters",
    "net",
    "skip_rows",
    "decimal",
    "thousands",
)
NEWER = tuple(one.name for one in fields(FileProfile) if one.name not in _FIRST_FORM)
