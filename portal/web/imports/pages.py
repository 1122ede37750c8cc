"""The pages of one import: checked while it is open, otherwise what became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import render_template, request
from sqlalchemy.orm import Session

from portal.db.records import UsageImport
from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock, settings_of
from portal.services.errors import NotFound
from portal.web.access import allowed
from portal.web.filters import period as period_words
from portal.web.forms import whole
from portal.web.htmx import swaps
from portal.web.imports.changes import condition, differences
from portal.web.imports.fields import GROUP, LISTED, fields_of
from portal.web.imports.movements import AT_ONCE, INLINE, compared
from portal.web.imports.queries import cards_behind, earlier_of, preview_of, problems
from portal.web.imports.questions import Changed, changed_builtin, changed_saved, role_of
from portal.web.imports.reading import free_name, kept_of, last_profile, saved_profile
from portal.web.imports.words import CHECK_WORDS

OPEN = ("reading", "ready", "failed")  # states in which a person still decides how the file is read
_SILENT = timedelta(seconds=8)  # real time after which nobody has begun to read
_DELAYS = (1, 1, 1, 2, 2, 3, 5)  # seconds between polls


def the_import(session: Session, import_id: int) -> UsageImport:
    """Read an import.

    Raises:
        NotFound: There is none.
    """
    found = session.get(UsageImport, import_id, populate_existing=True)
    if found is None:
        raise NotFound(f"There is no import {import_id}.")
    return found


def import_page(
    found: UsageImport, *, wrong: dict[str, str] | None = None, said: list[str] | None = None, was: str = ""
) -> str:
    """Give the page of an import, or only the part that a change swaps.

    Args:
        found: The import.
        wrong: What is wrong with the form, by field.
        said: What a change changed, as sentences.
        was: What the import said before it.
    """
    if found.state not in OPEN or not allowed("import"):
        return _done(found)
    context = _outcome(found, was) | _check(found, wrong or {}) | {"said": said or []}
    return render_template("imports/_check.html" if swaps("check") else "imports/check.html", **context)


def outcome_part(found: UsageImport) -> str:
    """Give what a poll swaps: how far the reading is, then what came of it, with the lines of the file beside it."""
    context = _outcome(found, request.args.get("was", ""))
    if found.state != "reading":
        context["preview"] = preview_of(reading(), found, settings_of().uploads)
    return render_template("imports/_outcome.html", **(context | {"polled": True}))


def _done(found: UsageImport) -> str:
    """Give the page of an import of which nothing is to be decided here."""
    session = reading()
    undecided, decided, stale = cards_behind(session, found) if found.state == "committed" else (0, 0, 0)
    return render_template(
        "imports/done.html",
        found=found,
        can_import=allowed("import"),
        earlier=earlier_of(session, found) if found.state == "same" else None,
        undecided=undecided,
        decided=decided,
        stale=stale,
        problems=problems(session, found, whole(request.args, "problems") or 1),
        open=found.state in OPEN,
    )


def _outcome(found: UsageImport, was: str) -> dict[str, Any]:
    """Read what came of reading a file: how far it is, its problems, what committing does."""
    session = reading()
    saved = saved_profile(session, found)
    asked = whole(request.args, "times") or 0
    ready = found.state == "ready"
    return {
        "found": found,
        "can_import": allowed("import"),
        "polled": False,
        "saved": saved,
        "profile_name": saved.name if saved is not None else free_name(session, found),
        "conditions": [condition(one) for one in found.spec.get("filters") or ()],
        "first": found.state == "reading" and (not found.spec or "profile" in found.notes.get("guessed", ())),
        "known": str(found.notes.get("how", "")).startswith("known as"),
        "differs": differences(found.spec, saved.spec if saved is not None else None),
        "problems": problems(session, found, whole(request.args, "problems") or 1),
        "compared": compared(session, found) if ready and found.counts <= AT_ONCE else None,
        "inline": INLINE,
        "was": _was(was or request.args.get("was", "")),
        "was_text": was or request.args.get("was", "")[:40],
        "delay": _DELAYS[min(asked, len(_DELAYS) - 1)],
        "asked": asked + 1,
        "silent": _silent(found),
        "questions": found.notes.get("questions", []),
    }


def _check(found: UsageImport, wrong: dict[str, str]) -> dict[str, Any]:
    """Read what the form of the check page shows."""
    session = reading()
    preview = preview_of(session, found, settings_of().uploads)
    headers = preview.looked.headers if preview.looked else ()
    values = fields_of(found.spec, headers) | ({name: request.form[name] for name in request.form} if wrong else {})
    month = Period.holding(clock().today())
    months = dict.fromkeys([str(month), str(month.previous), str(month.previous.previous), found.period or str(month)])
    moment = (found.counted_at or clock().now()).astimezone(clock().zone)
    return {
        "preview": preview,
        "headers": headers,
        "wrong": wrong,
        "values": {
            "period": found.period or "",
            "counted_at": moment.strftime("%Y-%m-%dT%H:%M"),
            "complete": "1" if found.complete else "0",
        }
        | values,
        "filter_places": _places(values, "filter"),
        "skip_places": _places(values, "skip"),
        "group_places": range(GROUP),
        "samples": _samples(headers, preview.lines),
        "changed": _changed(found, headers),
        "role_of": role_of,
        "months": [(one, period_words(one)) for one in sorted(months, reverse=True)],
        "notices": found.notes.get("notices", []),
        **CHECK_WORDS,
    }


def _places(values: dict[str, str], name: str) -> range:
    """Give the places of a list: those that are filled, and one that is free."""
    filled = [place for place in range(LISTED) if values.get(f"{name}-{place}-column")]
    return range(min(max(filled, default=-1) + 2, LISTED))


def _samples(headers: Any, lines: Any) -> dict[str, list[str]]:  # noqa: ANN401 - as the preview gives them
    """List the words that stand in each column of the lines that are shown, for conditions."""
    found = {}
    for place, header in enumerate(headers):
        words = dict.fromkeys(line.cells[place] for line in lines if place < len(line.cells) and line.kind != "other")
        found[header] = [word for word in words if word][:12]
    return found


def _changed(found: UsageImport, headers: Any) -> Changed | None:  # noqa: ANN401 - as the preview gives them
    """Tell which known file this one resembles without fitting it."""
    path = kept_of(found)
    if path is None:
        return None
    if any(one.get("kind") == "changed_headers" for one in found.notes.get("questions", [])):
        return changed_builtin(path)
    if found.profile_id is not None or "also" in found.spec:
        return None
    saved = last_profile(reading(), found)
    return None if saved is None else changed_saved(saved.name, saved.spec, headers)


def _was(text: str) -> tuple[int, int, int] | None:
    """Read what an import said before a change: counts, lines with a problem, lines left out."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):  # noqa: PLR2004
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])


def _silent(found: UsageImport) -> str:
    """Say that nobody reads a file that waits, once that is likely; else an empty text."""
    if found.state != "reading" or found.reader is not None:
        return ""
    waited = clock().now() - found.imported_at if found.heartbeat_at is None else datetime.now(UTC) - found.heartbeat_at
    asked = whole(request.args, "times") or 0
    if waited <= _SILENT and asked < len(_DELAYS):
        return ""
    return (
        "No worker has taken this file yet. Is one running? Whoever runs the portal starts it with “make worker”; "
        "it is read then."
    )
