import json
from pathlib import Path
from typing import Any

import pytest

from portal.vendors.errors import BadProfile
from portal.vendors.profiles import OF_ONE_FILE, FileProfile
from tests.vendors.conftest import COLUMNS, plain_profile

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.mark.parametrize("name", ["small", "traps"])
def test_a_profile_survives_its_json_form(name: str) -> None:
    entries = json.loads((SAMPLES / name / "profiles.json").read_text())["files"]

    for entry in entries:
        spec = {field: value for field, value in entry.items() if field not in OF_ONE_FILE}
        assert FileProfile.from_spec(entry).to_spec() == spec


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "pdf"}, "csv, tsv or xlsx"),
        ({"encoding": "utf-7"}, "encoding “utf-7”"),
        ({"delimiter": ""}, "one character"),
        ({"delimiter": '"'}, "one character"),
        ({"delimiter": "ab"}, "one character"),
        ({"header_row": 0}, "header line"),
        ({"header_row": "3"}, "whole number"),
        ({"header_row": True}, "whole number"),
        ({"columns": {"service_id": "SKU", "count": "Units"}}, "which account"),
        ({"columns": {"account_id": "Account", "count": "Units"}}, "which service"),
        ({"columns": {"account_id": "Account", "service_id": "SKU"}}, "holds the count"),
        ({"columns": COLUMNS | {"price": "Price"}}, "cannot mean “price”"),
        ({"columns": COLUMNS | {"term": " "}}, "header is empty"),
        ({"columns": ["Account"]}, "“columns”"),
        ({"decimal": "'"}, "decimal mark"),
        ({"thousands": "_"}, "thousands mark"),
        ({"decimal": ",", "thousands": ","}, "cannot be the same"),
        ({"filters": [{"column": "A"}, 3]}, "list of objects"),
        ({"filters": [{"keep": ["x"]}]}, "“column”"),
        ({"net": {"column": "C", "times": []}}, "no field “times”"),
        ({"net": "C"}, "“net”"),
        ({"count_rows": "yes"}, "true or false"),
        ({"sheets": []}, "no field “sheets”"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadProfile, match=words):
        plain_profile(**changes)


def test_a_constant_may_stand_for_a_column() -> None:
    profile = plain_profile(
        columns={"account_id": "Account", "count": "Units"}, constants={"service_id": "BACKUP", "term": "Monthly"}
    )

    assert profile.headers() == ["Account", "Units"]
