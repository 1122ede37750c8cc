"""The check page's form: what nobody changes stays as it is, and each part says what it should."""

from pathlib import Path
from typing import Any

import pytest

from portal.services.errors import Invalid
from portal.vendors.builtin import BUILTINS, Builtin
from portal.vendors.profiles import FileProfile
from portal.web.imports.changes import changes
from portal.web.imports.fields import fields_of
from portal.web.imports.form import spec_of_form

HEADERS = ("Client", "Item", "Quantity", "Billed", "Kind", "Day", "Money", "From", "Until")
SPEC: dict[str, Any] = {
    "format": "csv", "encoding": "utf-8", "delimiter": ",", "header_row": 1, "constants": {}, "count_rows": False,
    "columns": {"account_name": "Client", "service_name": "Item", "count": "Quantity"}, "filters": [], "net": None,
    "skip_rows": [], "decimal": ".", "thousands": "",
}  # fmt: skip


def a_file(folder: Path, headers: tuple[str, ...]) -> Path:
    path = folder / "kept"
    path.write_text(",".join(headers) + "\n" + ",".join("1" for _header in headers) + "\n", encoding="utf-8")
    return path


def posted(spec: dict[str, Any], headers: tuple[str, ...]) -> dict[str, str]:
    """What a browser sends of a page that nobody touched."""
    return fields_of(spec, headers) | {f"head-{place}": header for place, header in enumerate(headers)}


@pytest.mark.parametrize("builtin", BUILTINS, ids=lambda one: one.name)
def test_a_form_that_nobody_touched_changes_nothing(builtin: Builtin, tmp_path: Path) -> None:
    headers = tuple(header for header in builtin.headers if not header.startswith("("))
    spec = builtin.profile(format="csv", all_sheets=False).to_spec()

    again = spec_of_form(spec, posted(spec, headers), a_file(tmp_path, headers))

    assert changes(spec, again) == []
    assert FileProfile.from_spec(again) == FileProfile.from_spec(spec)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"how": "rows", "col-2": ""}, {"count_rows": True}),
        ({"how": "distinct", "m-column": "Client", "col-2": ""}, {"measure": {"how": "distinct", "column": "Client"}}),
        ({"how": "latest", "m-column": "Day"}, {"measure": {"how": "latest", "column": "Day"}}),
        ({"how": "max"}, {"measure": {"how": "max"}}),
        ({"how": "days", "m-column": "Day", "m-take": "mean", "m-over": "month"},
         {"measure": {"how": "days", "column": "Day", "take": "mean", "over": "month"}}),
        ({"how": "net", "net-column": "Kind", "net-plus": "charge, renewal", "net-minus": "refund"},
         {"net": {"column": "Kind", "plus": ["charge", "renewal"], "minus": ["refund"], "ignore": []}}),
        ({"how": "signed_sum", "m-amount": "Money", "m-end": "Until", "m-group-0": "Client"},
         {"measure": {"how": "signed_sum", "group": ["Client"], "amount": "Money", "end": "Until"}}),
        ({"how": "last_charge", "m-amount": "Money", "m-start": "From", "m-end": "Until"},
         {"measure": {"how": "last_charge", "amount": "Money", "start": "From", "end": "Until"}}),
        ({"how": "wide", "wide-2": "1", "wide-2-service": "Seats", "wide-3": "1"},
         {"wide": [{"column": "Quantity", "service": "Seats", "name": ""},
                   {"column": "Billed", "service": "Billed", "name": ""}]}),
        ({"filter-0-column": "Kind", "filter-0-test": "blank-not"},
         {"filters": [{"column": "Kind", "keep": [], "test": "blank", "not": True}]}),
        ({"filter-0-column": "Kind", "filter-0-words": "a; b, c", "filter-0-otherwise": "out",
          "filter-1-column": "Money", "filter-1-test": "above", "filter-1-words": "0"},
         {"filters": [{"column": "Kind", "keep": ["a", "b, c"], "otherwise": "out"},
                      {"column": "Money", "keep": ["0"], "test": "above"}]}),
        ({"skip-0-column": "Client", "skip-0-words": "Total"},
         {"skip_rows": [{"column": "Client", "equals": ["Total"]}]}),
        ({"u-divide": "1073741824", "u-from": "bytes", "u-to": "GiB", "u-places": "0", "u-direction": "up"},
         {"units": [{"divide": "1073741824", "from": "bytes", "to": "GiB", "places": 0, "direction": "up"}]}),
        ({"days-from": "From", "days-to": "Until"}, {"days": {"from": "From", "to": "Until"}}),
        ({"col-4": "term", "term_words": "Monthly = P1M, 1 month"},
         {"values": {"term": {"columns": ["Kind"], "words": {"Monthly": ["P1M", "1 month"]}}}}),
        ({"col-1": "", "service_constant": "Filter"}, {"constants": {"service_name": "Filter"}}),
        ({"dates": "dmy", "empty_count": "zero", "duplicates": "drop"},
         {"dates": "dmy", "empty_count": "zero", "duplicates": "drop"}),
    ],
)  # fmt: skip
def test_each_part_of_the_form_says_how_a_file_is_read(
    tmp_path: Path, fields: dict[str, str], part: dict[str, Any]
) -> None:
    path = a_file(tmp_path, HEADERS)

    spec = spec_of_form(SPEC, posted(SPEC, HEADERS) | fields, path)

    assert {name: spec.get(name) for name in part} == part
    assert FileProfile.from_spec(spec).format == "csv"
    assert changes(SPEC, spec) != []
    assert changes(spec, spec_of_form(spec, posted(spec, HEADERS), path)) == []


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"how": "distinct"}, "m-column"), ({"how": "net", "net-column": "Kind"}, "net-plus"),
        ({"how": "wide"}, "wide"),
        ({"how": "wide", "wide-2": "1", "wide-2-service": "X", "wide-3": "1", "wide-3-service": "X"}, "wide"),
        ({"filter-0-column": "Kind", "filter-0-test": "above", "filter-0-words": "many"}, "filter-0-words"),
        ({"filter-0-column": "Kind", "filter-0-test": "guess", "filter-0-words": "x"}, "filter-0-words"),
        ({"skip-0-column": "Kind"}, "skip-0-words"), ({"u-divide": "0"}, "u-divide"), ({"u-times": "=1+1"}, "u-times"),
        ({"term_words": "Monthly"}, "term_words"), ({"days-to": "Until"}, "days-from"), ({"u-places": "9"}, "u-places"),
        ({"dates": "sideways"}, "dates"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_its_field(tmp_path: Path, fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        spec_of_form(SPEC, posted(SPEC, HEADERS) | fields, a_file(tmp_path, HEADERS))

    assert wrong in refused.value.fields


def test_a_condition_is_taken_away_by_its_button(tmp_path: Path) -> None:
    spec = SPEC | {"filters": [{"column": "Kind", "keep": ["a"]}, {"column": "Day", "keep": ["b"]}]}

    left = spec_of_form(spec, posted(spec, HEADERS) | {"remove": "filter-0"}, a_file(tmp_path, HEADERS))

    assert left["filters"] == [{"column": "Day", "keep": ["b"]}]
