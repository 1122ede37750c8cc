"""What the source itself shows: nothing is run that came as text, what is secret is random, packages are pinned."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from portal.config import ROOT

RUNS = {"eval", "exec", "compile", "__import__"}
STARTS = {"subprocess", "pty", "commands"}
FROM_TEXT = {"render_template_string", "from_string", "system", "popen", "execv", "spawnl", "spawnv", "posix_spawn"}
BY_HAND = {"portal/demo.py"}  # a command that starts the demo's parts; no request leads to it
LOADS = {"pickle", "marshal", "shelve", "yaml", "jsonpickle"}
ONLY_CHOOSES = {
    "portal/services/mail.py": "how long a mail waits", "portal/services/push_waiting.py": "how long a push waits",
    "portal/connectwise/patience.py": "how long a call waits",
    "portal/services/push_leases.py": "the name of a turn, which opens nothing",
    "portal/connectwise/diagnosis.py": "reads what was typed",
}  # fmt: skip
"""Where chance or a UUID decides nothing that must not be guessed. The sandbox breaks things by chance."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted((ROOT / "portal").rglob("*.py")):
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def called(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "re":
                found.add(node.func.attr if node.func.attr in FROM_TEXT else "")
    return found


def test_no_module_of_the_portal_starts_a_process_or_runs_text() -> None:
    found = {
        name: (imported(tree) & (STARTS | LOADS)) | (called(tree) & (RUNS | FROM_TEXT))
        for name, tree in modules()
        if name not in BY_HAND
    }

    assert {name: what for name, what in found.items() if what} == {}
    assert called(ast.parse("eval(x); os.system(y); re.compile(z)")) >= {"eval", "system"}


def test_what_is_secret_comes_from_the_operating_system() -> None:
    by_chance = {name for name, tree in modules() if imported(tree) & {"random", "uuid"}}

    assert {name for name in by_chance if not name.startswith("portal/sandbox/")} == set(ONLY_CHOOSES)
    bits = [
        int(size)
        for file in (ROOT / "portal").rglob("*.py")
        for size in re.findall(r"secrets\.token_(?:urlsafe|bytes)\((\d+)\)", file.read_text(encoding="utf-8"))
    ]
    assert bits
    assert min(bits) * 8 >= 128


def test_the_script_keeps_nothing_in_the_browser() -> None:
    script = (ROOT / "static" / "js" / "portal.js").read_text(encoding="utf-8")

    kept = ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches.", "window.name")
    merges = ("__proto__", "Object.assign", "eval(", "new Function", "insertAdjacentHTML", "document.write")
    assert [word for word in (*kept, *merges) if word in script] == []


def test_every_package_is_pinned_with_its_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        packages = [part for part in re.split(r"\n(?=[A-Za-z0-9])", text) if part and not part.startswith("#")]
        loose = [
            part.split("\n")[0] for part in packages if "==" not in part.split("\n")[0] or "--hash=sha256:" not in part
        ]
        assert len(packages) > 30
        assert loose == []
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_the_folder_of_files_holds_only_what_browsers_need() -> None:
    kinds = {
        Path(file).suffix for file in (ROOT / "static").rglob("*") if file.is_file() and file.stem != "htmx-LICENSE"
    }

    assert kinds <= {".css", ".js", ".svg", ".png", ".ico", ".woff2", ".txt", ".webmanifest"}
