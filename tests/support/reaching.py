"""Which functions of the portal reach another one, read from the source: calls, references and what is re-exported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Node = tuple[str, str]
"""A module and the name of a function or class at its top level."""


@dataclass(slots=True)
class Module:
    """What the source of a module says.

    Args:
        bodies: Its functions and classes.
        names: Imported names, with the module and the name there; an empty name: the module itself.
        bound: Names bound at the top level to an expression, such as a table of functions.
    """

    bodies: dict[str, ast.AST] = field(default_factory=dict)
    names: dict[str, Node] = field(default_factory=dict)
    bound: dict[str, ast.AST] = field(default_factory=dict)


@cache
def modules() -> dict[str, Module]:
    """Read every module of the portal."""
    found: dict[str, Module] = {}
    for path in sorted((ROOT / "portal").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = Module()
    for path in sorted((ROOT / "portal").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module, tree = found[name], ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                module.bodies[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                module.bound |= {target.id: node.value for target in targets if isinstance(target, ast.Name)}
        for part in ast.walk(tree):
            if isinstance(part, ast.ImportFrom) and part.module:
                for alias in part.names:
                    whole = f"{part.module}.{alias.name}"
                    module.names[alias.asname or alias.name] = (
                        (whole, "") if whole in found else (part.module, alias.name)
                    )
    return found


def reaches(start: Node, goals: set[Node]) -> bool:
    """Tell whether a function reaches one of others, by whatever way."""
    seen: set[Node] = set()
    todo = [start]
    while todo:
        node = todo.pop()
        if node in goals:
            return True
        if node in seen:
            continue
        seen.add(node)
        todo += _mentioned(node)
    return False


@cache
def _mentioned(node: Node) -> tuple[Node, ...]:
    return tuple(_read(node))


def _read(node: Node) -> Iterator[Node]:
    """Give what the body of a function mentions, as far as the imports tell what it is."""
    module = modules().get(node[0])
    if module is None:
        return
    if node[1] in module.names:
        yield module.names[node[1]]
        return
    body = module.bodies.get(node[1]) or module.bound.get(node[1])
    for part in ast.walk(body) if body is not None else ():
        if isinstance(part, ast.Name):
            if part.id in module.bodies or part.id in module.bound:
                yield (node[0], part.id)
            elif part.id in module.names:
                yield module.names[part.id]
        elif isinstance(part, ast.Attribute):
            if isinstance(part.value, ast.Name) and module.names.get(part.value.id, ("", "x"))[1] == "":
                yield (module.names[part.value.id][0], part.attr)
            else:
                yield from _methods().get(part.attr, ())


@cache
def _methods() -> dict[str, list[Node]]:
    """Give the classes with a method of a name that appends an event itself, since their objects are passed on."""
    found: dict[str, list[Node]] = {}
    for name, module in modules().items():
        for class_name, body in module.bodies.items():
            for method in body.body if isinstance(body, ast.ClassDef) else ():
                if isinstance(method, ast.FunctionDef) and "audit.record(" in ast.unparse(method):
                    found.setdefault(method.name, []).append((name, class_name))
    return found
