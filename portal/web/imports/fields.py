"""How a file is read, as the fields of the check page show it: from a profile's JSON to field names and values."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.vendors.profiles import DELIMITERS
from portal.vendors.readers import loose
from portal.web.imports.words import MARKS, TESTS

LISTED = 12  # filters and totals lines that the page shows
GROUP = 4  # columns that tell a subscription apart
MOST_COLUMNS = 200


def fields_of(spec: Mapping[str, Any], headers: Sequence[str]) -> dict[str, str]:
    """Give the fields of the form, by name.

    Args:
        spec: The profile's JSON.
        headers: Of the file.
    """
    found = {
        "encoding": str(spec.get("encoding") or "utf-8"),
        "delimiter": DELIMITERS.get(str(spec.get("delimiter") or ","), "comma"),
        "sheet": str(spec.get("sheet") or ""),
        "header_row": str(spec.get("header_row") or 1),
        "marks": marks_of(spec),
        "dates": str(spec.get("dates") or ""),
        "how": how_of(spec),
        "count_rows": "1" if spec.get("count_rows") else "",
        "empty_count": str(spec.get("empty_count") or "problem"),
        "duplicates": str(spec.get("duplicates") or ""),
        "service_constant": _constant(spec, "service"),
        "term_constant": str((spec.get("constants") or {}).get("term") or ""),
    }
    found |= {f"col-{place}": role for place, role in enumerate(roles_of(spec, headers))}
    found |= _of_measure(spec.get("measure") or {}, spec.get("net") or {})
    found |= _of_lists(spec)
    found |= _of_wide(spec, headers)
    found |= _of_units(spec)
    found |= _of_days(spec)
    return found


def roles_of(spec: Mapping[str, Any], headers: Sequence[str]) -> list[str]:
    """Say what each column means, by its place; a term with spellings has its column too."""
    places = {loose(header): place for place, header in reversed(list(enumerate(headers)))}
    roles = [""] * len(headers)
    named = {role: [header] for role, header in (spec.get("columns") or {}).items()}
    named |= {role: value["columns"] for role, value in (spec.get("values") or {}).items() if is_spelling(value)}
    also = {loose(header): others for header, others in (spec.get("also") or {}).items()}
    for role, (header,) in named.items():
        names = [header, *also.get(loose(header), ())]
        place = next((places[loose(name)] for name in names if loose(name) in places), None)
        if place is not None and not roles[place]:
            roles[place] = role
    return roles


def is_spelling(value: Mapping[str, Any]) -> bool:
    """Tell whether a recipe is a column whose words are brought to one spelling, and nothing more."""
    return len(value.get("columns") or ()) == 1 and not value.get("pattern") and value.get("take", "first") == "first"


def how_of(spec: Mapping[str, Any]) -> str:
    """Name the choice of what a count is."""
    if spec.get("wide"):
        return "wide"
    how = str((spec.get("measure") or {}).get("how") or "sum")
    if how != "sum":
        return how
    if spec.get("net"):
        return "net"
    return "rows" if spec.get("count_rows") else "sum"


def marks_of(spec: Mapping[str, Any]) -> str:
    """Give the word for the marks of numbers."""
    wanted = (spec.get("decimal") or ".", spec.get("thousands") or "")
    return next((word for word, marks in MARKS.items() if marks[:2] == wanted), "point")


def joined(words: Sequence[str]) -> str:
    """Write words into one field, with semicolons where a comma stands in one of them."""
    return ("; " if any("," in word for word in words) else ", ").join(words)


def _constant(spec: Mapping[str, Any], what: str) -> str:
    constants = spec.get("constants") or {}
    return str(constants.get(f"{what}_name") or constants.get(f"{what}_id") or "")


def _of_measure(measure: Mapping[str, Any], net: Mapping[str, Any]) -> dict[str, str]:
    """Give the fields of what a count is."""
    found = {f"m-{name}": str(measure.get(name) or "") for name in ("column", "amount", "start", "end")}
    found["m-per"] = str(measure.get("per") or "count")
    found["m-take"] = str(measure.get("take") or "max")
    found["m-over"] = str(measure.get("over") or "named")
    found |= {f"m-group-{place}": header for place, header in enumerate((measure.get("group") or ())[:GROUP])}
    found["net-column"] = str(net.get("column") or "")
    return found | {f"net-{name}": joined(net.get(name) or ()) for name in ("plus", "minus", "ignore")}


def _of_lists(spec: Mapping[str, Any]) -> dict[str, str]:
    """Give the fields of conditions, totals lines and spellings."""
    found: dict[str, str] = {}
    tests = {(test, turned): word for word, (test, turned, _words) in TESTS.items()}
    for place, one in enumerate((spec.get("filters") or ())[:LISTED]):
        word = tests.get((one.get("test", "is"), bool(one.get("not"))))
        found |= {
            f"filter-{place}-column": one["column"],
            f"filter-{place}-test": word or "is",
            f"filter-{place}-words": joined(one.get("keep") or ()),
            f"filter-{place}-otherwise": one.get("otherwise", "zero"),
        }
    for place, one in enumerate((spec.get("skip_rows") or ())[:LISTED]):
        found |= {f"skip-{place}-column": one["column"], f"skip-{place}-words": joined(one.get("equals") or ())}
    words = ((spec.get("values") or {}).get("term") or {}).get("words") or {}
    found["term_words"] = "\n".join(f"{kept} = {joined(others)}" for kept, others in words.items())
    return found


def _of_wide(spec: Mapping[str, Any], headers: Sequence[str]) -> dict[str, str]:
    """Give the fields of columns that hold a service each."""
    places = {loose(header): place for place, header in reversed(list(enumerate(headers)))}
    found: dict[str, str] = {}
    for one in spec.get("wide") or ():
        place = places.get(loose(one["column"]))
        if place is not None:
            found |= {f"wide-{place}": "1", f"wide-{place}-service": str(one.get("name") or one["service"])}
    return found


def _of_units(spec: Mapping[str, Any]) -> dict[str, str]:
    """Give the fields of the conversion."""
    one: Mapping[str, Any] = next(iter(spec.get("units") or ()), {})
    return {
        "u-divide": str(one.get("divide") or ""),
        "u-times": str(one.get("times") or ""),
        "u-from": str(one.get("from") or ""),
        "u-to": str(one.get("to") or ""),
        "u-places": "" if one.get("places", -1) == -1 else str(one["places"]),
        "u-direction": str(one.get("direction") or "nearest"),
    }


def _of_days(spec: Mapping[str, Any]) -> dict[str, str]:
    """Give the fields of the days that a row covers, and of the day of counting."""
    days, counted_on = spec.get("days") or {}, spec.get("counted_on") or {}
    return {
        "days-from": str(days.get("from") or ""),
        "days-to": str(days.get("to") or ""),
        "counted_on": str(counted_on.get("column") or ""),
    }
