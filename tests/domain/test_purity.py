"""The rules stay pure: no float, no clock, no file, nothing but the standard library."""

import ast
import sys
from pathlib import Path

import pytest

MODULES = sorted((Path(__file__).parents[2] / "portal" / "domain").glob("*.py"))
every_module = pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
IMPURE = {"now", "utcnow", "today", "open", "print", "getenv", "environ"}


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@every_module
def test_no_module_knows_a_float(path: Path) -> None:
    found = [
        node
        for node in nodes(path)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]

    assert not found


@every_module
def test_a_module_imports_the_standard_library_and_its_neighbours(path: Path) -> None:
    names = {alias.name for node in nodes(path) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes(path) if isinstance(node, ast.ImportFrom)}
    foreign = {
        name
        for name in names
        if not name.startswith("portal.domain") and name.partition(".")[0] not in sys.stdlib_module_names
    }

    assert not foreign


@every_module
def test_no_module_asks_the_clock_or_opens_a_file(path: Path) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }

    assert not called & IMPURE
