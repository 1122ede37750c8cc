"""The page on security: every requirement of the standard once, and behind each line a test that is there."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from portal.config import ROOT

PAGE = ROOT / "docs" / "security.md"
SECTIONS = (
    "1.1:22 1.2:1111122223 1.3:112222222223 1.4:222 1.5:123 2.1:122 2.2:112 2.3:12223 2.4:23 3.1:3 3.2:113 3.3:12223 "
    "3.4:11222233 3.5:11122333 3.6:3 3.7:22333 4.1:12233 4.2:23333 4.3:22 4.4:1222 5.1:2 5.2:112333 5.3:113 5.4:222 "
    "6.1:122 6.2:111111112222 6.3:11223333 6.4:112233 6.5:22222333 6.6:2223 6.7:33 6.8:2222 7.1:222 7.2:1111 7.3:22 "
    "7.4:11222 7.5:223 7.6:22 8.1:1233 8.2:1123 8.3:133 8.4:23 9.1:111 9.2:1222 10.1:22 10.2:223 10.3:22223 "
    "10.4:1111122222233333 10.5:22222 10.6:22 10.7:222 11.1:2233 11.2:22233 11.3:11233 11.4:1222 11.5:23 11.6:23 "
    "11.7:33 12.1:12233 12.2:11 12.3:22223 13.1:2333 13.2:222223 13.3:2233 13.4:1222233 14.1:22 14.2:12223333 "
    "14.3:122 15.1:12233 15.2:12233 15.3:1222222 15.4:3333 16.1:2 16.2:22222 16.3:2222 16.4:222 16.5:2223 17.1:23 "
    "17.2:22223333 17.3:22"
)
"""The sections of ASVS 5.0.0, each with the level of its first requirement, of its second, and so on."""
LEVELS = {
    f"{section}.{number}": int(level)
    for section, levels in (each.split(":") for each in SECTIONS.split())
    for number, level in enumerate(levels, 1)
}
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$")
LEFT_OUT = re.compile(r"^\| ((?:\d+\.\d+\.\d+(?:, )?)+) \| ([^|]+) \|$")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.fixture(scope="module")
def page() -> str:
    """The page."""
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page: str) -> dict[str, tuple[int, str, str]]:
    """Level, what the portal does, and its tests, by requirement."""
    found = (match for line in page.splitlines() if (match := ROW.match(line)))
    return {match[1]: (int(match[2]), match[4], match[5]) for match in found}


def test_the_levels_are_those_of_the_standard() -> None:
    assert Counter(LEVELS.values()) == {1: 70, 2: 183, 3: 92}


def test_every_requirement_of_both_levels_stands_there_once(page: str, rows: dict[str, tuple[int, str, str]]) -> None:
    lines = page.splitlines()
    named = [match[1] for line in lines if (match := ROW.match(line))]
    left_out = [each for line in lines if (match := LEFT_OUT.match(line)) for each in match[1].split(", ")]

    assert Counter([*named, *left_out]) == Counter(each for each, level in LEVELS.items() if level < 3)
    assert {each: level for each, (level, _, _) in rows.items()} == {each: LEVELS[each] for each in rows}


def test_each_line_names_tests_that_are_there(rows: dict[str, tuple[int, str, str]]) -> None:
    there = {
        f"{file.relative_to(ROOT).as_posix()}::{node.name}"
        for file in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }

    named = {each: {f"{file}::{name}" for file, name in TEST.findall(tests)} for each, (_, _, tests) in rows.items()}
    assert [each for each, tests in named.items() if not tests] == []
    assert {each: missing for each, tests in named.items() if (missing := tests - there)} == {}


def test_what_is_not_met_is_said_on_top_too(page: str, rows: dict[str, tuple[int, str, str]]) -> None:
    top = page.partition("## Not met, or in part")[2].partition("\n## ")[0]
    told = set(re.findall(r"\b\d+\.\d+\.\d+\b", top))
    marked = {
        each for each, (_, does, _) in rows.items() if re.search(r"\*\*(In part|Not met|Not the portal's):\*\*", does)
    }

    assert marked == told
    assert len(marked) > 10


@pytest.mark.parametrize("name", ["docs/security.md", "SECURITY.md"])
def test_its_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
        assert not target or (file.parent / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "SECURITY.md"])
def test_it_is_found_from_where_people_begin(name: str) -> None:
    assert "(docs/security.md)" in Path(ROOT / name).read_text(encoding="utf-8")
