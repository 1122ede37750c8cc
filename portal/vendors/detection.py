"""A first guess at how a file is to be read, for a person to look at: format, encoding, header line, columns, marks."""

import codecs
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from portal.vendors.builtin import Builtin, Near, nearest, recognise
from portal.vendors.cells import Cell, as_text, is_blank
from portal.vendors.dates import Settled
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.packed import head_of
from portal.vendors.profiles import SPEC_VERSION, FileProfile, SkipRows, fold
from portal.vendors.readers import header_names, kind_of, loose
from portal.vendors.sheets import sheet_names, sheet_rows
from portal.vendors.texts import marked_encoding, text_rows
from portal.vendors.understanding import ColumnGuess, Question, column_guesses, date_columns, questions, texts_of

LOOKED_AT = 400  # rows
_HEADERS_WITHIN = 60  # rows in which the header line is looked for
_KNOWN_WITHIN = 200  # rows in which a known file's header line is looked for
_HEAD = 1 << 20  # bytes
_NUL_SHARE = 5  # a text in UTF-16 has a NUL in every other byte; a fifth of them is enough
_ENOUGH = 2  # columns of a table, at least

# What vendors call their columns, folded and without blanks; the first that a file has is taken.
_NAMES: dict[str, tuple[str, ...]] = {
    "account_id": (
        "accountid", "customerid", "organizationid", "organisationid", "tenantid", "siteid", "clientid", "companyid",
        "customerno", "customernumber", "accountnumber", "accountno", "sitecode", "tenantref", "customertenantid",
        "account", "customerno.", "id",
    ),
    "account_name": (
        "accountname", "customername", "organizationname", "organisationname", "tenantname", "sitename", "clientname",
        "companyname", "customer", "organization", "organisation", "tenant", "site", "client", "company", "account",
        "enduser", "endcustomer", "name",
    ),
    "account_status": (
        "accountstatus", "accountstate", "customerstatus", "tenantstatus", "sitestatus", "state", "status",
    ),
    "service_id": (
        "sku", "skuid", "productid", "serviceid", "partnumber", "productcode", "packagecode", "plancode", "licensecode",
        "licencecode", "itemcode", "offerid", "deviceclass", "productsku", "plan", "package", "license", "licence",
    ),
    "service_name": (
        "skuname", "productname", "servicename", "product", "service", "plan", "package", "licence", "license", "offer",
        "offername", "description", "item", "sku",
    ),
    "term": ("term", "commitmentterm", "termandbillingcycle", "billingterm", "commitment"),
    "count": (
        "count", "quantity", "qty", "units", "seats", "licenses", "licences", "usage", "mailboxes", "devices", "users",
        "endpoints", "licensecount", "activelicenses", "total", "billablequantity", "menge",
    ),
}  # fmt: skip
_TOTALS = frozenset({"total", "totals", "grand total", "sum", "summe", "gesamt", "subtotal", "total:", "grand total:"})
_COMMA_DECIMAL = re.compile(r"-?(?:[0-9]{1,3}(?:[. ][0-9]{3})+|[0-9]+),[0-9]+")
_POINT_DECIMAL = re.compile(r"-?(?:[0-9]{1,3}(?:[, '][0-9]{3})+|[0-9]+)\.[0-9]+")
_GROUPED = re.compile(r"-?[0-9]{1,3}(?P<mark>[,. '])[0-9]{3}(?:(?P=mark)[0-9]{3})*(?:[.,][0-9]+)?")
_NUMBER = re.compile(r"[-(]?[0-9][0-9., '\u00a0]*\)?%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a file looks like.

    Args:
        profile: The guess, or none where account, service or count could not be told.
        guess: The same as JSON, also where something is missing, in the form of a profile.
        headers: Of the header line found.
        above: Rows above it.
        sample: Rows under it, each with its line.
        missing: What no column was found for, in words.
        sheets: Of a workbook.
        builtin: The ready-made profile that knows this file; then there is nothing to ask unless `questions` says so.
        near: The ready-made profile whose headers have changed, with what differs.
        template: An unverified one that a person may confirm.
        columns: What each column was taken for, and how sure that is.
        dates: Columns of dates, and in which order they stand.
        questions: What only a person can say.
    """

    profile: FileProfile | None
    guess: dict[str, object]
    headers: tuple[str, ...]
    above: tuple[tuple[int, tuple[str, ...]], ...]
    sample: tuple[tuple[int, tuple[str, ...]], ...]
    missing: tuple[str, ...]
    sheets: tuple[str, ...] = ()
    builtin: Builtin | None = None
    near: Near | None = None
    template: Builtin | None = None
    columns: tuple[ColumnGuess, ...] = ()
    dates: Mapping[str, Settled] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()


def detect(path: Path, filename: str = "") -> Detected:
    """Guess how a file is to be read.

    Args:
        path: The file.
        filename: Its name, of which only the suffix helps.

    Raises:
        Unreadable: It is of a kind that is never read, empty, or without anything like a table.
    """
    if kind_of(path) == "zip":
        names = sheet_names(path)
        found = [_sheet(path, name, tuple(names)) for name in names]
        tables = [one for one in found if one is not None]
        if not tables:
            raise Unreadable("No sheet of the workbook holds a table with several columns.")
        return min(tables, key=lambda one: (one.builtin is None, len(one.missing)))
    encoding = guess_encoding(path)
    delimiter, rows = _delimiter(path, encoding)
    form = "tsv" if delimiter == "\t" or filename.lower().endswith(".tsv") else "csv"
    return _table(rows, {"format": form, "encoding": encoding, "delimiter": delimiter}, ())


def _sheet(path: Path, name: str, names: tuple[str, ...]) -> Detected | None:
    """Look at one sheet; none where it holds no table."""
    try:
        return _table(list(islice(sheet_rows(path, name), LOOKED_AT)), {"format": "xlsx", "sheet": name}, names)
    except Unreadable:
        return None


def guess_encoding(path: Path) -> str:
    """Guess the encoding of a text: its mark, else UTF-16 by its zero bytes, else UTF-8, else Windows-1252."""
    marked = marked_encoding(path)
    if marked is not None:
        return marked
    head = head_of(path, _HEAD)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * _NUL_SHARE > len(head):
        return "utf-16-be" if even > odd else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _delimiter(path: Path, encoding: str) -> tuple[str, list[tuple[int, list[Cell]]]]:
    """Choose the delimiter that makes the steadiest table, and give the first rows read by it."""
    best: tuple[tuple[int, int], str, list[tuple[int, list[Cell]]]] | None = None
    refusal: Unreadable | None = None
    for delimiter in (",", ";", "\t", "|"):
        try:
            rows = list(islice(text_rows(path, encoding, delimiter), LOOKED_AT))
        except Unreadable as error:
            refusal = refusal or error
            continue
        widths = Counter(len(cells) for _line, cells in rows if len(cells) >= _ENOUGH)
        width, times = max(widths.items(), key=lambda one: (one[1], one[0]), default=(1, 0))
        score = (times, width)
        if best is None or score > best[0]:
            best = (score, delimiter, rows)
    if best is None:
        raise refusal or Unreadable("The file holds no table.")
    return best[1], best[2]


def _table(rows: Sequence[tuple[int, list[Cell]]], guess: dict[str, object], sheets: tuple[str, ...]) -> Detected:
    """Find the header line, and guess what the columns under it mean."""
    known = next((place for place, (_line, cells) in enumerate(rows[:_KNOWN_WITHIN]) if recognise(cells)), None)
    place = _header_place(rows) if known is None else known
    if place is None:
        raise Unreadable("No line of the file looks like the headers of a table with several columns.")
    line, cells = rows[place]
    headers = header_names(cells)
    under = [(number, values) for number, values in rows[place + 1 :] if not is_blank(values)]
    builtin = None if known is None else recognise(cells)
    dates = date_columns(headers, under)
    if builtin is None:
        columns = _columns(headers, under)
        guess |= _plain_guess(columns, headers, under) | {"header_row": line}
        missing = _missing(columns)
    else:
        guess, missing = _known_guess(builtin, guess, headers, under, dates) | {"header_row": line}, []
        found = guess["columns"]
        columns = dict(found) if isinstance(found, dict) else {}
    profile: FileProfile | None
    try:
        profile = FileProfile.from_spec(guess)
    except BadProfile:
        profile = None
    near = nearest(cells) if builtin is None else None
    template = recognise(cells, verified=False) if builtin is None else None
    count = columns.get("count")
    asked = questions(
        guess,
        missing,
        dates,
        texts_of(headers.index(count) if count in headers else None, under),
        builtin=builtin,
        near=near,
        template=template,
        encoding_is_sure=guess.get("encoding") not in {"cp1252", "iso-8859-1", "iso-8859-15"},
    )
    return Detected(
        profile=profile,
        guess=guess,
        headers=headers,
        above=tuple((number, _texts(values)) for number, values in rows[:place]),
        sample=tuple((number, _texts(values)) for number, values in under[:20]),
        missing=tuple(missing),
        sheets=sheets,
        builtin=builtin,
        near=near,
        template=template,
        columns=column_guesses(columns, headers, _NAMES, known=builtin is not None),
        dates=dates,
        questions=asked,
    )


def _plain_guess(
    columns: dict[str, str], headers: Sequence[str], under: Sequence[tuple[int, list[Cell]]]
) -> dict[str, object]:
    """Give the profile's JSON of a file that nobody knows."""
    return {
        "columns": columns,
        "constants": {},
        "count_rows": "count" not in columns,
        "filters": [],
        "net": None,
        "skip_rows": [{"column": one.column, "equals": list(one.equals)} for one in _totals(columns, headers, under)],
        **_marks(columns.get("count"), headers, under),
    }


def _known_guess(
    builtin: Builtin,
    layout: dict[str, object],
    headers: Sequence[str],
    under: Sequence[tuple[int, list[Cell]]],
    dates: Mapping[str, Settled],
) -> dict[str, object]:
    """Give the profile's JSON of a known file, with the layout and the marks that this copy of it has."""
    spec = builtin.profile(**layout).to_spec()
    wanted = builtin.profile().columns.get("count")
    count = next((header for header in headers if wanted is not None and loose(header) == loose(wanted)), None)
    spec |= _marks(count, headers, under)
    orders = {settled.order for settled in dates.values() if settled.order}
    if not spec.get("dates") and len(orders) == 1:
        spec |= {"dates": orders.pop(), "spec_version": SPEC_VERSION}
    return spec


def _missing(columns: Mapping[str, str]) -> list[str]:
    """Name in words what no column was found for."""
    missing = [
        words
        for words, roles in (("account", ("account_id", "account_name")), ("service", ("service_id", "service_name")))
        if not any(role in columns for role in roles)
    ]
    return missing if "count" in columns else [*missing, "count"]


def _header_place(rows: Sequence[tuple[int, list[Cell]]]) -> int | None:
    """Find the first row that is as wide as the table and holds names only."""
    widths = Counter(_width(cells) for _line, cells in rows if _width(cells) >= _ENOUGH)
    if not widths:
        return None
    common = max(widths.items(), key=lambda one: (one[1], one[0]))[0]
    best: tuple[int, int] | None = None
    for place, (_line, cells) in enumerate(rows[:_HEADERS_WITHIN]):
        texts = [as_text(cell) for cell in cells if as_text(cell)]
        named = sum(_loose(text) in names for names in _NAMES.values() for text in texts)
        wide = _width(cells) * _ENOUGH > common and len(texts) >= _ENOUGH
        words = wide and not any(_NUMBER.fullmatch(text) for text in texts) and len(set(texts)) == len(texts)
        if words and (best is None or named > best[0]):
            best = (named, place)
    return None if best is None else best[1]


def _width(cells: Sequence[Cell]) -> int:
    """Count the cells up to the last one that is not blank."""
    return max((place for place, cell in enumerate(cells, 1) if as_text(cell)), default=0)


def _columns(headers: Sequence[str], under: Sequence[tuple[int, list[Cell]]]) -> dict[str, str]:
    """Guess what the columns mean, by what vendors call them; each column means one thing."""
    loose = {_loose(header): header for header in reversed(headers)}
    found: dict[str, str] = {}
    # an id is looked for first, so that "Account" beside "Account name" is the id
    for role in ("count", "account_name", "account_id", "service_id", "service_name", "term", "account_status"):
        for name in _NAMES[role]:
            header = loose.get(name)
            if header is None or header in found.values():
                continue
            if role == "count" and not _numeric(headers.index(header), under):
                continue
            found[role] = header
            break
    order = ("account_id", "account_name", "account_status", "service_id", "service_name", "term", "count")
    return {role: found[role] for role in order if role in found}


def _numeric(place: int, under: Sequence[tuple[int, list[Cell]]]) -> bool:
    """Tell whether a column has a number anywhere; the other cells will be problems that a person sees."""
    texts = (as_text(cells[place]) for _line, cells in under if place < len(cells))
    return any(_NUMBER.fullmatch(text) for text in texts)


def _marks(count: str | None, headers: Sequence[str], under: Sequence[tuple[int, list[Cell]]]) -> dict[str, str]:
    """Guess the marks of numbers from the count column."""
    decimal, thousands = ".", ""
    if count is None:
        return {"decimal": decimal, "thousands": thousands}
    place = headers.index(count)
    texts = [
        cell.strip().replace("\u00a0", " ")
        for _line, cells in under
        if place < len(cells) and isinstance(cell := cells[place], str) and cell.strip()
    ]
    both = [text for text in texts if "," in text and "." in text]
    if any(text.rindex(",") > text.rindex(".") for text in both) or (not both and _comma_is_decimal(texts)):
        decimal = ","
    for text in texts:
        grouped = _GROUPED.fullmatch(text)
        if grouped is not None and grouped["mark"] != decimal:
            thousands = grouped["mark"]
            break
    return {"decimal": decimal, "thousands": thousands}


def _comma_is_decimal(texts: Sequence[str]) -> bool:
    """Tell whether the comma is the decimal mark of numbers none of which has both marks.

    It is where other than three digits follow it somewhere. A point that can be nothing but a decimal mark speaks
    against that; one before three digits does not, as `1.204` beside `12,5` groups thousands.
    """
    commas = sum(bool(_COMMA_DECIMAL.fullmatch(text)) for text in texts)
    points = sum(bool(_POINT_DECIMAL.fullmatch(text)) for text in texts)
    return _sure(texts, ",") and (commas > points or not _sure(texts, "."))


def _sure(texts: Sequence[str], mark: str) -> bool:
    """Tell whether a mark can be nothing but a decimal mark somewhere: no group of thousands follows it."""
    point = re.escape(mark)
    return any(
        re.fullmatch(rf"-?(?:(?:0+|[0-9]{{4,}}){point}[0-9]+|[0-9]+{point}(?:[0-9]{{1,2}}|[0-9]{{4,}}))", text)
        for text in texts
    )


def _totals(columns: dict[str, str], headers: Sequence[str], under: Sequence[tuple[int, list[Cell]]]) -> list[SkipRows]:
    """Find totals rows by their word in the columns of account and service."""
    found = []
    for role in ("account_id", "account_name", "service_id", "service_name"):
        header = columns.get(role)
        if header is None:
            continue
        place = headers.index(header)
        texts = {as_text(cells[place]) for _line, cells in under if place < len(cells)}
        words = sorted(text for text in texts if fold(text) in _TOTALS)
        if words:
            found.append(SkipRows(column=header, equals=tuple(words)))
    return found


def _loose(header: str) -> str:
    return "".join(letter for letter in header.casefold() if not letter.isspace() and letter not in "_-")


def _texts(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(as_text(cell) for cell in cells)
