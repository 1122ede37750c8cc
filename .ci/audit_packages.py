"""Asks whether an advisory stands against a package that the portal runs on, as pinned in requirements.txt.

Nothing is resolved or installed: names and versions are in the file. Fails where an advisory is found that is not
passed over in advisories.toml. Where the advisories cannot be asked, says so and fails nothing: a check that needs the
internet must not keep anybody from working without it.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PINNED = HERE.parent / "requirements.txt"
PASSED = HERE / "advisories.toml"
SECONDS = 60  # for all packages together
MISUSED = 2  # the exit code of a command whose options are not understood
FURTHEST = timedelta(days=90)  # how long an advisory may be passed over without being looked at again


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it.

    Args:
        fails: Whether `make check` fails.
        sentences: What is said.
    """

    fails: bool
    sentences: tuple[str, ...]


def judge(report: Mapping[str, Any] | None, passed: Sequence[Mapping[str, Any]], *, today: date) -> Verdict:
    """Say what a report of pip-audit means.

    Args:
        report: As pip-audit writes it; none where it wrote none.
        passed: The advisories to pass over.
        today: In UTC.
    """
    wrong = [sentence for entry in passed if (sentence := _wrong(entry, today))]
    asked, unasked, found = [], [], []
    for package in (report or {}).get("dependencies", ()):
        if "skip_reason" in package:  # an index without advisories answers that there is no such package
            unasked.append(str(package["name"]))
            continue
        asked.append(str(package["name"]))
        against = package.get("vulns", ())
        found += [_told(package, each) for each in against if not any(_is_passed(one, package, each) for one in passed)]
    said = [*found, *wrong]
    if not asked:
        said.append("The advisories could not be asked, so nothing is known about the packages. Ask again online.")
    elif unasked:
        said.append(f"Nobody could be asked about {', '.join(sorted(unasked))}.")
    if asked and not found:
        said.append(f"No advisory against {len(asked)} packages but what is passed over: {len(passed)}.")
    return Verdict(bool(found or wrong), tuple(said))


def ask(pinned: Path = PINNED, *, seconds: float = SECONDS) -> dict[str, Any] | None:
    """Ask for the advisories; none where they cannot be had in time.

    Raises:
        SystemExit: pip-audit is not there, or does not know our options any more.
    """
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--disable-pip", "--require-hashes",
        "--format", "json", "--progress-spinner", "off", "--timeout", "10",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603 - our own words
        report = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return None
    except json.JSONDecodeError:
        if done.returncode == MISUSED or "No module named" in done.stderr:
            raise SystemExit(f"pip-audit does not run: {done.stderr.strip().splitlines()[-1]}") from None
        return None
    return report if isinstance(report, dict) else None


def _is_passed(entry: Mapping[str, Any], package: Mapping[str, Any], advisory: Mapping[str, Any]) -> bool:
    names = {advisory["id"], *advisory.get("aliases", ())}
    return entry.get("package") == package["name"] and entry.get("id") in names


def _told(package: Mapping[str, Any], advisory: Mapping[str, Any]) -> str:
    mended = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
    return f"{package['name']} {package['version']}: {advisory['id']}, mended in {mended}. Raise it and run make lock."


def _wrong(entry: Mapping[str, Any], today: date) -> str:
    """Say what is wrong with an entry of the list, or nothing."""
    name, until = entry.get("id", "?"), entry.get("until")
    if not entry.get("package") or not str(entry.get("reason", "")).strip() or type(until) is not date:
        return f"advisories.toml: {name} needs package, reason and a day (until)."
    if until < today:
        return f"advisories.toml: {name} was passed over until {until}. Look at it again."
    if until > today + FURTHEST:
        return f"advisories.toml: {name} is passed over for more than {FURTHEST.days} days. Choose an earlier day."
    return ""


def main() -> int:
    """Ask, say what came of it, and end with 1 where it fails."""
    passed = tomllib.loads(PASSED.read_text(encoding="utf-8")).get("passed", [])
    verdict = judge(ask(), passed, today=datetime.now(UTC).date())
    sys.stdout.write("".join(f"{sentence}\n" for sentence in verdict.sentences))
    return int(verdict.fails)


if __name__ == "__main__":
    sys.exit(main())
