"""How a file is read, as the check page's form says it: from fields to a profile's JSON."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portal.services.errors import Invalid
from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import DELIMITERS, ENCODINGS, LAST_HEADER_ROW, ROLES, SPEC_VERSION
from portal.vendors.readers import loose
from portal.web.imports.fields import MOST_COLUMNS, fields_of, how_of, is_spelling, marks_of, roles_of
from portal.web.imports.form_lists import filters_of, skips_of, spellings_of
from portal.web.imports.form_measure import counting_of, days_of, units_of
from portal.web.imports.layout import LAYOUT, look
from portal.web.imports.words import DATES, DUPLICATES, EMPTY, MARKS, ROLE_TITLES

Form = Mapping[str, str]
_BLANK = re.compile(r"\s+")


def spec_of_form(old: Mapping[str, Any], form: Form, path: Path) -> dict[str, Any]:
    """Give the profile's JSON that a form describes.

    Args:
        old: How the file was read until now; what the form does not show stays.
        form: The fields.
        path: The kept file: with another layout it has other headers.

    Raises:
        Invalid: A field cannot be used.
    """
    spec = _layout(old, form)
    if any(spec.get(name) != old.get(name) for name in LAYOUT):
        return _trimmed(spec | {"columns": _columns_again(old.get("columns") or {}, look(path, spec).headers, path)})
    headers = look(path, spec).headers
    form = fields_of(spec, headers) | dict(form.items())
    if any(name.startswith("head-") for name in form):
        spec |= _columns(form, old, headers)
    spec["constants"] = _constants(form, spec)
    spec["filters"] = filters_of(form, old.get("filters") or [])
    spec["skip_rows"] = skips_of(form, old.get("skip_rows") or [])
    if form.get("how") == "rows" == how_of(old) and "count" in spec["columns"]:
        form["how"] = "sum"  # a column of quantities was named, where there was none before
    spec |= counting_of(form, old)
    spec["units"] = units_of(form, old.get("units") or [])
    spec |= days_of(form, old)
    if spec.get("count_rows") or spec.get("wide"):
        spec["columns"] = {role: header for role, header in spec["columns"].items() if role != "count"}
    if spec.get("wide"):
        spec["columns"] = {r: h for r, h in spec["columns"].items() if r not in {"service_id", "service_name", "term"}}
        spec["constants"] = {}
    return _trimmed(spec)


def one_of(form: Form, name: str, known: Sequence[str], default: str) -> str:
    """Give a choice of the form.

    Raises:
        Invalid: There is no such choice.
    """
    value = form.get(name, default)
    if value not in known:
        raise Invalid(f"“{value[:40]}” is no choice for “{name}”.", {name: "Choose one of the list."})
    return value


def _layout(old: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Read what decides which headers a file has, and how numbers and dates are written."""
    spec = dict(old)
    if spec.get("format") == "xlsx":
        spec["sheet"] = form.get("sheet", spec.get("sheet")) or None
    else:
        spec["encoding"] = one_of(form, "encoding", ENCODINGS, str(spec.get("encoding") or "utf-8"))
        words = {word: mark for mark, word in DELIMITERS.items()}
        delimiter = one_of(form, "delimiter", tuple(words), DELIMITERS.get(str(spec.get("delimiter")), "comma"))
        spec["delimiter"] = words[delimiter]
        spec["format"] = "tsv" if delimiter == "tab" else "csv"
    spec["header_row"] = _header_row(form.get("header_row", str(spec.get("header_row") or 1)))
    marks = one_of(form, "marks", tuple(MARKS), marks_of(spec))
    spec["decimal"], spec["thousands"] = MARKS[marks][:2]
    spec["dates"] = one_of(form, "dates", tuple(DATES), str(spec.get("dates") or ""))
    spec["empty_count"] = one_of(form, "empty_count", tuple(EMPTY), str(spec.get("empty_count") or "problem"))
    spec["duplicates"] = one_of(form, "duplicates", tuple(DUPLICATES), str(spec.get("duplicates") or ""))
    return spec


def _header_row(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit()) or not 1 <= int(word[:9]) <= LAST_HEADER_ROW:
        sentence = f"“{word[:40]}” is no line of headers. Type its number, 1 for the file's first line."
        raise Invalid(sentence, {"header_row": sentence})
    return int(word)


def _columns(form: Form, old: Mapping[str, Any], headers: Sequence[str]) -> dict[str, Any]:
    """Read the meanings of the columns; a role that a column has now needs no recipe any more.

    A column that was given the meaning of another one takes it over.

    Raises:
        Invalid: Two columns were given the same meaning.
    """
    before: Mapping[str, str] = old.get("columns") or {}
    was = [*roles_of(old, headers), *[""] * MOST_COLUMNS]
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for place in range(MOST_COLUMNS):
        header, role = form.get(f"head-{place}"), form.get(f"col-{place}", "")
        if header is None or role not in ROLES:
            continue
        if role in found and (was[place] == role) != (was[taken[role]] == role):
            if was[place] == role:
                continue  # another column was given this meaning just now; this one loses it
        elif role in found:
            sentence = f"Two columns mean “{ROLE_TITLES[role]}”: “{found[role]}” and “{header}”. Choose one of them."
            raise Invalid(sentence, {f"col-{place}": sentence})
        taken[role] = place
        found[role] = _as_before(role, header, before, old.get("also") or {})
    here = {loose(header) for header in headers[:MOST_COLUMNS]}
    also: Mapping[str, Sequence[str]] = old.get("also") or {}
    for role, header in before.items():  # of a sheet's name, or a field of a split cell: the page has no such column
        if role not in found and not {loose(one) for one in (header, *also.get(header, ()))} & here:
            found[role] = header
    values = dict(old.get("values") or {})
    for role in [role for role, value in values.items() if role in found or _shown(value, here)]:
        del values[role]
    words = spellings_of(form)
    if words and "term" in found:
        values["term"] = {"columns": [found.pop("term")], "words": words}
    return {"columns": {role: found[role] for role in ROLES if role in found}, "values": values}


def _shown(value: Mapping[str, Any], here: set[str]) -> bool:
    """Tell whether the page shows a recipe as a column with spellings."""
    return is_spelling(value) and loose(value["columns"][0]) in here


def _as_before(role: str, header: str, before: Mapping[str, str], also: Mapping[str, Sequence[str]]) -> str:
    """Keep the profile's own spelling of a header that is the same."""
    known = before.get(role)
    if known is None:
        return header
    return known if loose(header) in {loose(one) for one in (known, *also.get(known, ()))} else header


def _constants(form: Form, spec: Mapping[str, Any]) -> dict[str, str]:
    """Read what every row has: a service and a term, where no column says them."""
    found = {role: text for role, text in (spec.get("constants") or {}).items() if role.startswith("account")}
    has = {*(spec.get("columns") or {}), *(spec.get("values") or {})}
    service, term = (
        _BLANK.sub(" ", form.get(name, "")).strip()[:200] for name in ("service_constant", "term_constant")
    )
    if service and not has & {"service_id", "service_name"}:
        old = spec.get("constants") or {}
        found |= (
            {role: text for role, text in old.items() if role.startswith("service")}
            if service in {old.get("service_name"), old.get("service_id")}
            else {"service_name": service}
        )
    if term and "term" not in has:
        found["term"] = term
    return found


def _columns_again(old: Mapping[str, str], headers: Sequence[str], path: Path) -> dict[str, str]:
    """Give the columns' meanings after the layout changed: those of headers that are still there, or a new guess."""
    here = {loose(header) for header in headers}
    kept = {role: header for role, header in old.items() if loose(header) in here}
    if kept and len(kept) == len(old):
        return kept
    try:
        found = detect(path)
    except Unreadable:
        return kept
    guess = found.guess["columns"]
    if isinstance(guess, dict) and found.headers == tuple(headers):
        return {str(role): str(header) for role, header in guess.items()} | kept
    return kept


def _trimmed(spec: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing, and name the form."""
    plain: dict[str, Any] = {"dates": "", "empty_count": "problem", "duplicates": "", "values": {}, "wide": [],
                             "units": [], "days": None, "counted_on": None, "measure": None}  # fmt: skip
    found = {name: value for name, value in spec.items() if name not in plain or value not in (plain[name], None)}
    newer = [name for name in found if name in plain]
    return found | ({"spec_version": SPEC_VERSION} if newer or "spec_version" in found else {})
