"""What the page of a run and the history read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only

from portal.db.records import SyncRun
from portal.web import forms
from portal.web.connections.queries import RunShown, shown, worked_seconds

NAMES = {
    "full": "Full sync",
    "quick": "Quick sync",
    "agreement": "Agreement read again",
    "wanted": "Agreements read again",
}
OUTCOMES = {"done": "Done", "failed": "Failed", "active": "At work or waiting"}
PER_PAGE = 50
USUAL_OF = 10  # runs of a kind of which the median is taken
_STATES = {"done": ("done",), "failed": ("failed",), "active": ("queued", "running")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs the history shows; what the address says otherwise is left out and named."""

    kind: str = ""
    outcome: str = ""
    page: int = 1
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, args: Mapping[str, str]) -> "RunFilter":
        """Read the filter from an address."""
        given = {name: args.get(name, "").strip() for name in ("kind", "outcome", "page")}
        page = forms.whole(args, "page")
        wrong = [
            name
            for name, known in (
                ("kind", given["kind"] in {"", *NAMES}),
                ("outcome", given["outcome"] in {"", *OUTCOMES}),
            )
            if not known
        ]
        if given["page"] and page is None:
            wrong.append("page")
        wrong += sorted(set(args) - set(given))
        return cls(
            kind="" if "kind" in wrong else given["kind"],
            outcome="" if "outcome" in wrong else given["outcome"],
            page=page or 1,
            ignored=tuple(f"{name[:30]} “{args[name][:30]}”" for name in wrong),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.kind or self.outcome)

    def where(self) -> list[sa.ColumnElement[bool]]:
        """Give the conditions."""
        found: list[sa.ColumnElement[bool]] = []
        if self.kind:
            found.append(SyncRun.kind == self.kind)
        if self.outcome:
            found.append(SyncRun.state.in_(_STATES[self.outcome]))
        return found

    def url(self, page: int) -> str:
        """Give the address of another page of the same filter."""
        chosen = {"kind": self.kind, "outcome": self.outcome, "page": str(page) if page > 1 else ""}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"/activity?{query}" if query else "/activity"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A page of runs, newest first.

    Args:
        usual: By kind, how many seconds the last runs took in the middle.
    """

    runs: list[RunShown]
    total: int
    page: int
    pages: int
    usual: dict[str, int]


def history(session: Session, wanted: RunFilter) -> History:
    """Read a page of the history; one behind the last is the last."""
    where = wanted.where()
    total = session.scalar(sa.select(sa.func.count()).select_from(SyncRun).where(*where)) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(wanted.page, pages)
    query = sa.select(SyncRun).where(*where).order_by(SyncRun.id.desc()).limit(PER_PAGE).offset((page - 1) * PER_PAGE)
    return History(
        runs=[shown(run) for run in session.scalars(query)],
        total=total,
        page=page,
        pages=pages,
        usual={kind: seconds for kind in NAMES if (seconds := usual_seconds(session, kind)) is not None},
    )


def usual_seconds(session: Session, kind: str, *, but: int | None = None) -> int | None:
    """Give how long the last runs of a kind worked in the middle, in seconds; none with fewer than two.

    Args:
        session: A session.
        kind: Of which kind.
        but: A run that does not count.
    """
    query = sa.select(SyncRun).where(
        SyncRun.kind == kind, SyncRun.state == "done", SyncRun.started_at.is_not(None), SyncRun.finished_at.is_not(None)
    )
    if but is not None:
        query = query.where(SyncRun.id != but)
    told = load_only(SyncRun.state, SyncRun.started_at, SyncRun.finished_at, SyncRun.parts, SyncRun.resumed)
    last = session.scalars(query.options(told).order_by(SyncRun.id.desc()).limit(USUAL_OF))
    took = [seconds for run in last if (seconds := worked_seconds(run)) is not None]
    return median_low(took) if len(took) > 1 else None


def waits_seconds(run: SyncRun) -> int | None:
    """Give the seconds until a run asks a ConnectWise again that did not answer; none where it does not wait."""
    until: datetime | None = run.try_at
    if until is None or run.state not in {"queued", "running"}:
        return None
    left = until - datetime.now(UTC)
    return None if left <= timedelta() else int(left.total_seconds()) + 1


def skipped_rows(run: SyncRun) -> list[list[str]]:
    """Give what a run skipped as rows of a table, under a head."""
    found: list[dict[str, Any]] = run.skipped or []
    return [
        ["what", "id", "reason"],
        *([str(each["what"]), str(each.get("id") or ""), str(each["reason"])] for each in found),
    ]
