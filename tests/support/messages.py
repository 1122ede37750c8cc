"""Every sentence that the portal says to people, in one file for review: `make messages` writes `docs/messages.txt`.

From the program: what is raised, announced, printed or written into the trail, and every other string that reads as a
sentence. From the templates: headings, paragraphs, notices and the sentences handed to macros. A place is a module
or a template, never a line, so that moving code changes nothing. `{name}` stands for a value, `[a|b]` for words of
which one is shown.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
from bs4 import BeautifulSoup
from bs4.element import Tag
from jinja2 import nodes

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "messages.txt"
_ELSEWHERE = {"sandbox"}  # it speaks as ConnectWise does
_SAYS = {"announce", "flash", "echo", "secho", "print", "Refusal", "Invalid", "NotFound", "Conflict", "NotAllowed"}
_NAMED = {"sentence", "message", "title", "why", "text", "reason", "help", "what_to_do", "todo"}
_NEVER = {"debug", "info", "warning", "error", "exception", "critical", "text", "execute", "compile", "getLogger"}
_SENTENCE = re.compile(r"[“(\[{A-Z0-9].*\s.*[a-z0-9”)}\]][.?…:]$|[“A-Z{].*[a-z”)}][.;?] [“{A-Z].*", re.DOTALL)
_FOR_US = {"TypeError", "RuntimeError", "KeyError", "AssertionError"}  # a mistake of the program, which no page shows
_NO_WORDS = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE FROM|CREATE|PRAGMA|BEGIN)\b|</?\w|^\W*$|\(\?")
_TALKING = "p, h1, h2, h3, summary, caption, li, legend, figcaption, .notice, .empty, .hint, .error"


def messages(root: Path = ROOT) -> list[tuple[str, str]]:
    """Give every message with its place, in the order of the places, each message once a place."""
    found: set[tuple[str, str]] = set()
    for file in sorted((root / "portal").rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if not _ELSEWHERE.intersection(parts):
            place = ".".join(parts).removesuffix(".__init__")
            found |= {(place, words) for words in of_module(file.read_text(encoding="utf-8"))}
    for file in sorted((root / "templates").rglob("*.html")):
        place = file.relative_to(root).as_posix()
        found |= {(place, words) for words in of_template(file.read_text(encoding="utf-8"))}
    return sorted(found)


def written(found: list[tuple[str, str]]) -> str:
    """Give the file: a place on a line, and its messages below, one a line."""
    lines: list[str] = []
    place = ""
    for where, words in found:
        if where != place:
            lines += ["", where] if lines else [where]
            place = where
        lines.append(f"  {words}")
    return "\n".join(lines) + "\n"


# Of the program


def of_module(source: str) -> Iterator[str]:
    """Give the messages of a module."""
    tree = ast.parse(source)
    silent = {id(node) for node in _silent(tree)}
    said = {id(node) for node in _said(tree)}
    inner = {id(part) for node in ast.walk(tree) if _text(node) is not None for part in _below(node)}
    for node in ast.walk(tree):
        if id(node) in silent or id(node) in inner:
            continue
        words = _text(node)
        if words is not None and _worth(words, said=id(node) in said):
            yield _line(words)


def _worth(words: str, *, said: bool) -> bool:
    whole = _line(words)
    if _NO_WORDS.search(whole) or not re.search(r"[a-z]{2}", re.sub(r"\{[^}]*\}", "", whole)):
        return False
    return bool(_SENTENCE.fullmatch(whole)) or (said and " " in whole)


def _silent(tree: ast.AST) -> Iterator[ast.AST]:
    """Give what nobody is told: docstrings, types, what is logged, and what a store or an expression reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Call) and _called(node) in _NEVER:
            for part in node.args:
                yield from ast.walk(part)
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _called(node.exc) in _FOR_US:
            yield from ast.walk(node.exc)
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield from ast.walk(node.annotation)


def _said(tree: ast.AST) -> Iterator[ast.AST]:
    """Give what is raised, announced, printed or named as a sentence, whatever its shape."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for part in node.exc.args:
                yield from ast.walk(part)
        elif isinstance(node, ast.Call):
            if _called(node) in _SAYS:
                for part in node.args:
                    yield from ast.walk(part)
            for named in node.keywords:
                if named.arg in _NAMED:
                    yield from _branches(named.value)
        elif isinstance(node, ast.Assign) and _errors_of_a_form(node):
            yield from ast.walk(node.value)


def _branches(node: ast.expr) -> Iterator[ast.AST]:
    if isinstance(node, ast.IfExp):
        yield from _branches(node.body)
        yield from _branches(node.orelse)
    else:
        yield node


def _errors_of_a_form(node: ast.Assign) -> bool:
    target = node.targets[0]
    return isinstance(target, ast.Subscript) and _name(target.value) in {"errors", "fields"}


def _text(node: ast.AST) -> str | None:
    """Give a string as it is said, or none of what is none: `{name}` for a value, `[a|b]` where one of two is said."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_text(part) or "" for part in values)
        case ast.FormattedValue(value=value):
            return _value(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _text(left), _text(right)
            if first is None and second is None:
                return None
            return (_value(left) if first is None else first) + (_value(right) if second is None else second)
    return None


def _value(node: ast.expr) -> str:
    if isinstance(node, ast.IfExp):
        yes, no = _text(node.body), _text(node.orelse)
        if yes is not None or no is not None:
            yes = _value(node.body) if yes is None else yes
            return f"[{yes}|{_value(node.orelse) if no is None else no}]"
    said = [part.value for part in getattr(node, "args", []) if isinstance(part, ast.Constant)]
    forms = "|".join(part for part in said if isinstance(part, str))
    return f"{{{_name(node)}{': ' * bool(forms)}{forms}}}"


def _name(node: ast.AST) -> str:  # noqa: PLR0911 - one return a kind of value
    """Give a value's last name: `card.product` is a product, `day(when)` a day."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Attribute(attr="join" | "strip" | "format", value=value), args=args):
            return _name(args[0]) if args else _name(value)
        case ast.Call(func=func):
            return _name(func)
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
            return name or _name(value)
        case ast.Subscript(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return _name(value)
        case ast.GeneratorExp(elt=value) | ast.ListComp(elt=value):
            return _name(value)
        case ast.BoolOp(values=values):
            return _name(values[0])
        case ast.BinOp(left=left):
            return _name(left)
    return "value"


def _called(node: ast.Call) -> str:
    return _name(node.func)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield from ast.walk(child)


def _line(words: str) -> str:
    return " ".join(words.split())


# Of the templates

_JINJA = jinja2.Environment(autoescape=True)
_OPENING = re.compile(r"\{%-?\s*(if|for)\b.*?%\}", re.DOTALL)
_OTHER = re.compile(r"\{%-?\s*(else|elif)\b.*?%\}", re.DOTALL)
_CLOSING = re.compile(r"\{%-?\s*(endif|endfor)\b.*?%\}", re.DOTALL)
_REST = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_SHOWN = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)


def of_template(source: str) -> Iterator[str]:
    """Give the messages of a template: the text of what talks, and sentences that it hands to macros."""
    for constant in _JINJA.parse(source).find_all(nodes.Const):
        if isinstance(constant.value, str) and _SENTENCE.fullmatch(_line(constant.value)):
            yield _line(constant.value)
    plain = _REST.sub("", _CLOSING.sub("]", _OTHER.sub("|", _OPENING.sub("[", source))))
    page = BeautifulSoup(_SHOWN.sub(lambda found: f"{{{_shown(found[1])}}}", plain), "html.parser")
    for element in page.select(_TALKING):
        if element.find_parent(_is_talking) is None and element.find(_is_talking) is None:
            words = re.sub(r"\{(icon|csrf|csrf_token)\} ?", "", _line(element.get_text(" ")))
            words = _balanced(words)
            if re.search(r"[a-z]{2} ", re.sub(r"\{[^}]*\}", "", words)):
                yield re.sub(r" ([.,;:?\]|])", r"\1", words)


def _balanced(words: str) -> str:
    """Take off a bracket at an end whose other one stands outside of the element."""
    words = words.replace("[]", "").strip("| ")
    while words.endswith("[") or (words.endswith("]") and words.count("]") > words.count("[")):
        words = words[:-1].rstrip("| ")
    while words.startswith("]") or (words.startswith("[") and words.count("[") > words.count("]")):
        words = words[1:].lstrip("| ")
    return words


def _is_talking(tag: Tag) -> bool:
    return tag.name in {"p", "summary", "caption", "li"}


def _shown(expression: str) -> str:
    """Give a value's last name: `row.psa|units` is `psa`, `count_of(n, "card")` is `count_of`."""
    found = re.match(r"\s*([\w.]+)", expression)
    return found[1].split(".")[-1] if found else "value"


if __name__ == "__main__":
    FILE.write_text(written(messages()), encoding="utf-8")
