"""What only a person can say of a file, and what an answer changes in how it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.vendors.builtin import Builtin, builtin_named
from portal.vendors.detection import detect
from portal.vendors.errors import BadProfile, Unreadable
from portal.vendors.profiles import SPEC_VERSION, FileProfile
from portal.vendors.readers import loose
from portal.web.imports.layout import LAYOUT

Json = dict[str, Any]
_OWN = ("encoding", "delimiter", "sheet", "header_row")  # of the file, whichever profile reads it
_SETTLES: Mapping[str, tuple[str, ...]] = {  # fields whose change answers a question
    "count_rows": ("count_rows", "measure", "wide", "net"),
    "date_order": ("dates",),
    "marks": ("decimal", "thousands"),
    "encoding": ("encoding",),
    "template": ("columns",),
}
LEAVE = "leave"  # the answer that leaves everything as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A known file whose headers are not what they were.

    Args:
        name: Of the profile, for people.
        missing: Headers that it needs and the file lacks.
        added: Headers of the file that it does not know.
        spec: The profile's JSON.
    """

    name: str
    missing: tuple[str, ...]
    added: tuple[str, ...]
    spec: Mapping[str, Any]


def changed_builtin(path: Path) -> Changed | None:
    """Tell which ready-made profile a file resembles without fitting it."""
    try:
        near = detect(path).near
    except Unreadable:
        return None
    if near is None:
        return None
    name = f"{near.builtin.vendor}, {near.builtin.title}"
    return Changed(name=name, missing=near.missing, added=near.added, spec=near.builtin.spec)


def changed_saved(name: str, saved: Mapping[str, Any], headers: Sequence[str]) -> Changed | None:
    """Tell what a saved profile misses in a file that has most of its headers; none where it fits, or hardly."""
    try:
        profile = FileProfile.from_spec(saved)
    except BadProfile:
        return None
    here = {loose(header) for header in headers}
    wanted = profile.headers()
    missing = [one for one in wanted if not {loose(one), *map(loose, profile.also.get(one, ()))} & here]
    if not missing or len(missing) * 2 > len(wanted):
        return None
    known = {loose(header) for header in wanted}
    added = tuple(header for header in headers if loose(header) not in known)
    return Changed(name=f"the saved profile “{name}”", missing=tuple(missing), added=added, spec=saved)


def answered(
    old: Mapping[str, Any], spec: Json, form: Mapping[str, str], open_questions: Sequence[Json], path: Path
) -> tuple[Json, list[Json]]:
    """Apply the answers of a form. Whoever changes what a question is about has answered it too.

    Args:
        old: How the file was read until now.
        spec: How the file is read, as the rest of the form says.
        form: The fields; an answer is called `q-` and the question's kind.
        open_questions: As the import keeps them.
        path: The kept file.

    Returns:
        How the file is read now, and what is still open.
    """
    left = []
    for one in open_questions:
        kind = str(one.get("kind"))
        values = [value for name, value in form.items() if name == f"q-{kind}" and value]
        told = next(iter(values), "")
        if kind == "columns":
            spec, done = _columns(spec, one, form)
        elif kind == "changed_headers":
            spec, done = _renamed(spec, changed_builtin(path), form)
        else:
            done = bool(told) or any(spec.get(name) != old.get(name) for name in _SETTLES.get(kind, ()))
            if told and told != LEAVE:
                spec = _said(spec, kind, told)
        if not done:
            left.append(one)
    return spec, left


def with_other_names(form: Mapping[str, str], changed: Changed | None, spec: Json) -> Json:
    """Read a file as a saved profile whose headers have other names now, where a form says which."""
    return _renamed(spec, changed, form)[0]


def _said(spec: Json, kind: str, told: str) -> Json:
    """Apply one answer."""
    if kind == "count_rows":
        return _each_row(spec, told)
    if kind == "template":
        return _as(builtin_named(told), spec)
    what, _blank, mark = told.partition(" ")
    other = "," if mark == "." else "."
    thousands = {"decimal": other, "thousands": mark}
    answers: dict[str, Json] = {
        "date_order": {"dates": told, "spec_version": SPEC_VERSION},
        "encoding": {"encoding": told},
        "marks": thousands if what == "thousands" else {"decimal": mark, "thousands": ""},
    }
    return spec | answers.get(kind, {})


def _each_row(spec: Json, told: str) -> Json:
    """Count each row as one, or the column that is named."""
    columns = {role: header for role, header in (spec.get("columns") or {}).items() if role != "count"}
    if told == "true":
        return spec | {"count_rows": True, "columns": columns}
    header = told.removeprefix("column:")
    return spec if header == told else spec | {"count_rows": False, "columns": _given(columns, "count", header)}


def _as(builtin: Builtin | None, spec: Json) -> Json:
    """Read a file as a ready-made profile says, with its own layout."""
    if builtin is None:
        return spec
    layout = {name: spec[name] for name in (*LAYOUT, "decimal", "thousands") if name in spec}
    return builtin.profile(**layout).to_spec()


def _columns(spec: Json, question: Json, form: Mapping[str, str]) -> tuple[Json, bool]:
    """Give a column the meaning that was asked for."""
    role = role_of(question)
    told = form.get(f"q-columns-{role}", "")
    if told:
        columns = {name: header for name, header in (spec.get("columns") or {}).items() if name != role}
        spec = spec | {"columns": _given(columns, role, told)}
    has = {*(spec.get("columns") or {}), *(spec.get("constants") or {}), *(spec.get("values") or {})}
    return spec, bool(has & {role, role.replace("_name", "_id")})


def role_of(question: Mapping[str, Any]) -> str:
    """Tell which meaning a question is about."""
    return "account_name" if "account" in str(question.get("sentence")) else "service_name"


def _given(columns: Mapping[str, str], role: str, header: str) -> dict[str, str]:
    """Give a column a meaning; it loses the one that it had."""
    return {name: one for name, one in columns.items() if one != header} | {role: header}


def _renamed(spec: Json, changed: Changed | None, form: Mapping[str, str]) -> tuple[Json, bool]:
    """Read a file as a known one whose headers have other names now; where nobody says which, as before."""
    if changed is None or form.get("q-changed_headers") == LEAVE:
        return spec, True
    named = {missing: form.get(f"q-renamed-{place}", "") for place, missing in enumerate(changed.missing)}
    if not named or not all(named.values()):
        return spec, False
    also = dict(changed.spec.get("also") or {})
    for missing, header in named.items():
        for one in missing.split(" / ")[:1]:
            also[one] = [*also.get(one, ()), header]
    layout = {name: spec[name] for name in _OWN if name in spec}
    return {
        **changed.spec,
        **layout,
        "format": spec.get("format", "csv"),
        "also": also,
        "spec_version": SPEC_VERSION,
    }, True
