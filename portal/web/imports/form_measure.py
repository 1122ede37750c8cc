"""What a count is, as the check page's form says it: rows, values, snapshots, charge lines, columns, units, days."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from portal.services.errors import Invalid
from portal.web.imports.fields import GROUP, MOST_COLUMNS
from portal.web.imports.form_lists import words_in
from portal.web.imports.words import COUNTING, DIRECTIONS, OVER, PER, TAKE

_FACTOR = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")
_NEEDS = {  # columns without which a way to count makes no sense
    "distinct": (("m-column", "Whose different values are counted?"),),
    "latest": (("m-column", "Which column tells the snapshots apart, such as a date?"),),
    "days": (("m-column", "Which column tells the days?"),),
    "net": (("net-column", "Which column says whether a line is a charge or a refund?"),),
    "signed_sum": (("m-amount", "Which column holds the money?"), ("m-end", "Which column holds the last day?")),
    "last_charge": (
        ("m-amount", "Which column holds the money?"),
        ("m-start", "Which column holds the first day?"),
        ("m-end", "Which column holds the last day?"),
    ),
}


def counting_of(form: Mapping[str, str], old: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a count is.

    Raises:
        Invalid: A column is missing without which it makes no sense.
    """
    how = form.get("how", "sum")
    if how not in COUNTING:
        raise Invalid("There is no such way to count.", {"how": "Choose one of the list."})
    missing = {name: sentence for name, sentence in _NEEDS.get(how, ()) if not form.get(name)}
    if how == "days" and old.get("day_columns"):
        missing = {}  # each day has a column of its own
    if missing:
        raise Invalid(f"{COUNTING[how]}: {next(iter(missing.values()))}", missing)
    found: dict[str, Any] = {
        "count_rows": how == "rows" or (how in {"latest", "days"} and form.get("count_rows") == "1"),
        "net": _net(form) if how == "net" else None,
        "wide": _wide(form, old.get("wide") or ()) if how == "wide" else [],
        "measure": None,
    }
    if how in {"distinct", "latest", "max", "days", "signed_sum", "last_charge"}:
        found["measure"] = _measure(how, form, old.get("measure") or {})
    if how != "days" and old.get("day_columns"):
        found["day_columns"] = []
    return found


def _measure(how: str, form: Mapping[str, str], old: Mapping[str, Any]) -> dict[str, Any]:
    """Read how rows become a count; what a way does not need is left out."""
    found: dict[str, Any] = {"how": how}
    if how in {"distinct", "latest", "days"}:
        found |= {"column": form["m-column"]} if form.get("m-column") else {}
    if how == "latest":
        found["per"] = _known(form, "m-per", PER, "count")
    if how == "days":
        found["take"] = _known(form, "m-take", TAKE, "max")
        found["over"] = _known(form, "m-over", OVER, "named")
    if how in {"signed_sum", "last_charge"}:
        group = [form.get(f"m-group-{place}", "") for place in range(GROUP)]
        found["group"] = list(dict.fromkeys(filter(None, group))) + list((old.get("group") or ())[GROUP:])
        found |= {name: form[f"m-{name}"] for name in ("amount", "start", "end") if form.get(f"m-{name}")}
    plain = {"per": "count", "take": "max", "over": "named", "group": []}
    return {name: value for name, value in found.items() if value != plain.get(name)}


def _known(form: Mapping[str, str], name: str, words: Mapping[str, str], default: str) -> str:
    value = form.get(name) or default
    if value not in words:
        raise Invalid(f"“{value[:40]}” is no choice.", {name: "Choose one of the list."})
    return value


def _net(form: Mapping[str, str]) -> dict[str, Any]:
    """Read which words add, subtract, and carry money only.

    Raises:
        Invalid: No word adds or subtracts.
    """
    lists = {name: words_in(form.get(f"net-{name}", "")) for name in ("plus", "minus", "ignore")}
    if not lists["plus"] and not lists["minus"]:
        sentence = f"Which words of “{form['net-column']}” add? Type them, such as: charge, renewal"
        raise Invalid(sentence, {"net-plus": sentence})
    return {"column": form["net-column"], **lists}


def _wide(form: Mapping[str, str], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read which columns hold a service each.

    Raises:
        Invalid: None does, or two are the same service.
    """
    before = {one["column"]: one for one in old}
    found: list[dict[str, Any]] = []
    for place in range(MOST_COLUMNS):
        header = form.get(f"head-{place}")
        if header is None or form.get(f"wide-{place}") != "1":
            continue
        name = " ".join(form.get(f"wide-{place}-service", "").split())[:200] or header
        known = before.get(header, {})
        same = name in {known.get("name"), known.get("service")}
        found.append(dict(known) if same else {**known, "column": header, "service": name, "name": ""})
    if not found:
        raise Invalid("Tick the columns that hold a count each.", {"wide": "Tick the columns that hold a count each."})
    names = [(one["service"], one.get("term", "")) for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        sentence = f"Two columns are the service “{twice[0]}”. Give one of them another name."
        raise Invalid(sentence, {"wide": sentence})
    return found


def units_of(form: Mapping[str, str], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read the conversion; further ones, which the form does not show, stay.

    Raises:
        Invalid: A factor is no number above zero.
    """
    factors = {}
    for name in ("divide", "times"):
        text = form.get(f"u-{name}", "").strip().replace(",", "").replace(" ", "")
        if text in {"", "1"}:
            continue
        if not _FACTOR.fullmatch(text) or not text.strip("0."):
            sentence = f"“{text[:40]}” is no factor. Type a number above zero, such as 1024."
            raise Invalid(sentence, {f"u-{name}": sentence})
        factors[name] = text
    places = form.get("u-places", "")
    if places not in {"", "0", "1", "2", "3", "4"}:
        raise Invalid("Numbers are kept with 0 to 4 decimals.", {"u-places": "Choose one of the list."})
    rest = [dict(one) for one in old[1:]]
    if not factors and not places:
        return rest
    words = {name: form.get(f"u-{name}", "").strip()[:40] for name in ("from", "to")}
    one: dict[str, Any] = factors | {name: word for name, word in words.items() if word}
    if places:
        direction = _known(form, "u-direction", DIRECTIONS, "nearest")
        one |= {"places": int(places)} | ({} if direction == "nearest" else {"direction": direction})
    if old and old[0].get("only"):
        one["only"] = old[0]["only"]
    return [one, *rest]


def days_of(form: Mapping[str, str], old: Mapping[str, Any]) -> dict[str, Any]:
    """Read which columns hold the days that a row covers, and the day of counting.

    Raises:
        Invalid: There is a last day and no first one.
    """
    first, last = form.get("days-from", ""), form.get("days-to", "")
    if last and not first:
        sentence = "Choose the column of the first day too, or none of both."
        raise Invalid(sentence, {"days-from": sentence})
    before = old.get("days") or {}
    days = {**{name: value for name, value in before.items() if name == "inclusive"}, "from": first} if first else None
    if days is not None and last:
        days["to"] = last
    patterns = {name: value for name, value in (old.get("counted_on") or {}).items() if name != "column"}
    counted_on = ({"column": form["counted_on"]} if form.get("counted_on") else {}) | patterns
    return {"days": days, "counted_on": counted_on or None}
