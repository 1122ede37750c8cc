"""What `make check` makes of advisories: found ones fail, passed ones do for a while, and silence is said."""

import importlib.util
import json
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from portal.config import ROOT

TODAY = date(2026, 10, 28)
ENTRY = {"id": "PYSEC-2026-7", "package": "flask", "until": date(2026, 11, 30), "reason": "Not used here."}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """The script, which is no part of the portal."""
    spec = importlib.util.spec_from_file_location("audit_packages", ROOT / ".ci" / "audit_packages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def report(*vulns: dict[str, Any], skipped: tuple[str, ...] = ()) -> dict[str, Any]:
    """A report as pip-audit writes it: two packages that were asked about, and some that were not."""
    return {
        "dependencies": [
            {"name": "flask", "version": "3.1.3", "vulns": list(vulns)},
            {"name": "click", "version": "8.5.1", "vulns": []},
            *({"name": name, "skip_reason": "Dependency not found"} for name in skipped),
        ],
        "fixes": [],
    }


def found(**other: Any) -> dict[str, Any]:
    return {"id": "PYSEC-2026-7", "aliases": ["CVE-2026-1"], "fix_versions": ["3.1.4"], "description": "…"} | other


def test_an_advisory_fails_and_says_what_to_raise(audit: ModuleType) -> None:
    verdict = audit.judge(report(found()), [], today=TODAY)

    assert verdict.fails
    assert verdict.sentences == ("flask 3.1.3: PYSEC-2026-7, mended in 3.1.4. Raise it and run make lock.",)


def test_without_one_nothing_fails(audit: ModuleType) -> None:
    verdict = audit.judge(report(), [], today=TODAY)

    assert not verdict.fails
    assert verdict.sentences == ("No advisory against 2 packages but what is passed over: 0.",)


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-1"])
def test_one_that_is_passed_over_does_not_fail_by_any_of_its_names(audit: ModuleType, name: str) -> None:
    assert not audit.judge(report(found()), [ENTRY | {"id": name}], today=TODAY).fails


@pytest.mark.parametrize("other", [{"package": "click"}, {"id": "PYSEC-2026-8"}])
def test_it_is_passed_over_for_its_own_package_and_name_alone(audit: ModuleType, other: dict[str, str]) -> None:
    assert audit.judge(report(found()), [ENTRY | other], today=TODAY).fails


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"until": date(2026, 10, 27)}, "until 2026-10-27. Look at it again"),
        ({"until": date(2027, 10, 27)}, "more than 90 days"),
        ({"until": "2026-11-30"}, "a day (until)"),
        ({"reason": " "}, "reason"),
        ({"package": ""}, "package"),
    ],
)
def test_an_entry_without_reason_or_day_or_past_it_fails(audit: ModuleType, other: dict[str, Any], said: str) -> None:
    verdict = audit.judge(report(), [ENTRY | other], today=TODAY)

    assert verdict.fails
    assert said in verdict.sentences[0]


@pytest.mark.parametrize(
    "silent", [None, {}, {"dependencies": [{"name": "flask", "skip_reason": "Dependency not found on PyPI"}]}]
)
def test_where_nobody_can_be_asked_it_says_so_and_does_not_fail(audit: ModuleType, silent: Any) -> None:
    verdict = audit.judge(silent, [], today=TODAY)

    assert not verdict.fails
    assert verdict.sentences == (
        "The advisories could not be asked, so nothing is known about the packages. Ask again online.",
    )


def test_a_package_that_nobody_knows_is_named(audit: ModuleType) -> None:
    verdict = audit.judge(report(skipped=("waitress",)), [], today=TODAY)

    assert not verdict.fails
    assert "Nobody could be asked about waitress." in verdict.sentences


@pytest.mark.parametrize(
    ("words", "gives"),
    [
        ("import time; time.sleep(60)", None),
        ("raise SystemExit('no line')", None),
        ("print('[]')", None),
        (f"print({json.dumps(json.dumps(report()))})", report()),
    ],
)
def test_asking_ends_in_time_and_takes_nothing_but_a_report(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, gives: Any
) -> None:
    stand_in(tmp_path, monkeypatch, audit, words)

    assert audit.ask(seconds=0.5 if "sleep" in words else 20) == gives


@pytest.mark.parametrize(
    "words",
    ["import sys; sys.stderr.write('usage: x\\n'); sys.exit(2)", "raise SystemExit('No module named pip_audit')"],
)
def test_a_tool_that_does_not_run_is_no_silence(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    stand_in(tmp_path, monkeypatch, audit, words)

    with pytest.raises(SystemExit, match="pip-audit does not run"):
        audit.ask()


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audit: ModuleType, words: str) -> None:
    """Put something else in the place of the Python that runs pip-audit."""
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{words}\n")
    python.chmod(0o755)
    monkeypatch.setattr(audit.sys, "executable", str(python))
