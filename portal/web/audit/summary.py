"""The manager's view: what was decided, by whom and for how much, and what was overridden and why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import reading
from portal.domain.money import two_places
from portal.factory import clock
from portal.services import audit_summary
from portal.services.audit_summary import Group, Summary
from portal.web.access import may
from portal.web.audit.blueprint import bp
from portal.web.audit.exports import cell, csv_row, download
from portal.web.audit.queries import names
from portal.web.filters import weekday
from portal.web.forms import whole

WORDS = {"person": "Person", "company": "Company", "agreement": "Agreement", "product": "Product", "day": "Day"}
SORTS = {"decisions": "Most decisions", "money": "Most money"}
DOINGS = ("approved", "adjusted", "added", "dismissed", "shared", "undone")
SHOWN = 300  # groups on the page; the file holds all
_LINKED = ("person", "company", "agreement", "product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for.

    Args:
        ignored: A phrase for each value that was not understood.
    """

    by: str
    first: date
    last: date
    person: str
    company: int
    sort: str
    currency: str
    ignored: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """Give the same as parameters."""
        found = {
            "by": self.by,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "person": self.person,
            "company": self.company,
            "sort": "" if self.sort == "decisions" else self.sort,
            "currency": self.currency,
        }
        return {name: value for name, value in found.items() if value}


@bp.get("/audit/summary")
@may("read")
def summary() -> ResponseReturnValue:
    """Show what was decided in a range of days, by person, company, agreement, product or day, and what moves most."""
    asked = _asked()
    found = _summary(reading(), asked, clock().zone)
    if asked.currency not in {"", found.currency}:
        asked = replace(asked, currency="", ignored=(*asked.ignored, f"currency “{asked.currency}”"))
    return render_template(
        "audit/summary.html",
        asked=asked,
        found=found,
        words=WORDS,
        sorts=SORTS,
        doings=DOINGS,
        names=names(reading()),
        overrides=audit_summary.OVERRIDES,
        most=audit_summary.MOST,
        shown=SHOWN,
        trail_of=lambda group: _trail_of(asked, group),
        title_of=lambda group: weekday(date.fromisoformat(group.key)) if asked.by == "day" else group.title,
    )


@bp.get("/audit/summary.csv")
@may("read")
def summary_csv() -> ResponseReturnValue:
    """Export the same as CSV, a row for each group and currency."""
    asked, zone = _asked(), clock().zone

    def rows(session: Session) -> Iterator[str]:
        yield "\ufeff" + csv_row((asked.by, "from", "to", "decisions", *DOINGS, "overridden", *_MONEY))
        found = _summary(session, asked, zone)
        for group in (*found.groups, found.total):
            currencies = sorted({*group.raised, *group.lowered}) or [""]
            counts = [group.decisions, *(group.counts.get(name, 0) for name in DOINGS), group.overridden]
            for number, currency in enumerate(currencies):
                raised, lowered = group.raised.get(currency, Decimal()), group.lowered.get(currency, Decimal())
                figures = [str(each) if number == 0 else "" for each in counts]  # each decision counts once
                money = [str(two_places(each)) for each in (raised, lowered, raised + lowered, raised - lowered)]
                yield csv_row(
                    [cell(group.title), asked.first.isoformat(), asked.last.isoformat(), *figures, currency, *money]
                )

    return download(rows, "text/csv", "decisions", "csv")


_MONEY = ("currency", "raised_per_month", "lowered_per_month", "net_per_month", "moved_per_month")


def _asked() -> Asked:
    """Read the address; by default this month by person."""
    ignored = []
    by = request.args.get("by", "person")
    if by not in WORDS:
        ignored.append(f"by “{by[:40]}”")
        by = "person"
    sort = request.args.get("sort", "") or "decisions"
    if sort not in SORTS:
        ignored.append(f"sort “{sort[:40]}”")
        sort = "decisions"
    today = clock().today()
    days = {"from": today.replace(day=1), "to": today}
    for name, usual in list(days.items()):
        typed = request.args.get(name, "").strip()
        try:
            days[name] = date.fromisoformat(typed) if typed else usual
        except ValueError:
            ignored.append(f"{name} “{typed[:40]}”")
    return Asked(
        by=by,
        first=days["from"],
        last=days["to"],
        person=request.args.get("person", "").strip()[:200],
        company=whole(request.args, "company") or 0,
        sort=sort,
        currency=request.args.get("currency", "").strip().upper()[:8],
        ignored=tuple(ignored),
    )


def _summary(session: Session, asked: Asked, zone: ZoneInfo) -> Summary:
    following = asked.last if asked.last == date.max else asked.last + timedelta(days=1)
    return audit_summary.summarise(
        session,
        by=asked.by,
        since=_begin(asked.first, zone),
        until=_begin(following, zone),
        zone=zone,
        person=asked.person,
        company_id=asked.company,
        sort=asked.sort,
        currency=asked.currency,
    )


def _begin(day: date, zone: ZoneInfo) -> datetime:
    """Give the moment at which a day begins; the first and last years there are have no neighbours."""
    return datetime.combine(min(max(day, date(2, 1, 1)), date(9998, 12, 31)), time(), zone)


def _trail_of(asked: Asked, group: Group) -> str:
    """Give the address of the trail with just these decisions."""
    wanted: dict[str, Any] = {"what": "decisions", "from": asked.first.isoformat(), "to": asked.last.isoformat()}
    wanted |= {name: value for name, value in (("person", asked.person), ("company", asked.company)) if value}
    if asked.by == "day":
        wanted |= {"from": group.key, "to": group.key}
    elif group.key and asked.by in _LINKED:
        wanted[asked.by] = group.key
    return url_for("audit.index", **wanted)
