import re
from pathlib import Path

from portal.vendors import packed, sheets, sums, texts, workbooks
from portal.vendors.profiles import NEWER

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "importing.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_[a-z_]+)`", PAGE))
    there = set()
    for file in TESTS.rglob("test_*.py"):
        there |= set(re.findall(r"^def (test_[a-z0-9_]+)", file.read_text(), re.MULTILINE))

    assert named - there == set()
    assert len(re.findall(r"^\| [0-9]+ \|", PAGE, re.MULTILINE)) == 23


def test_every_field_of_a_profile_stands_on_the_page() -> None:
    words = set(re.findall(r"`([a-z_]+)(?:\[\])?`", PAGE))

    assert set(NEWER) - words == set()


def test_the_limits_are_those_of_the_page() -> None:
    for limit in (
        f"{packed.MAX_TEXT >> 30} GB",
        f"{packed.SMALL >> 20} MB",
        f"{workbooks.MAX_PACKED >> 20} MB packed",
        f"{workbooks.MAX_UNPACKED >> 30} GB unpacked",
        f"{workbooks.MAX_STRINGS >> 20} MB of texts",
        f"{sheets.MAX_COLUMNS:,} columns",
        f"{sheets.MAX_ROWS:,} rows",
        f"{sums.MAX_COUNTS:,}",
    ):
        assert limit in PAGE
    assert texts.LONGEST_LINE >> 20 == 4
