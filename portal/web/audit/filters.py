"""What the audit trail is asked to show, and the conditions that follow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.db.records import AuditEvent
from portal.web.forms import whole

WHATS = {
    "decisions": ("Decisions", ("decision",)),
    "writes": ("Writes to ConnectWise", ("write",)),
    "mapping": ("Mapping", ("mapping",)),
    "settings": ("Settings", ("setting",)),
    "numbers": ("Imports and syncs", ("usage", "sync")),
    "sign-ins": ("Sign-ins", ("sign-in",)),
}
KNOWN = ("q", "person", "what", "company", "agreement", "card", "from", "to", "before", "upto")
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """The parameters of `/audit`.

    Args:
        since: The first day, in the portal's zone.
        until: The last day, which is included.
        before: Only events with a smaller number: the next page, stable while events arrive.
        upto: The newest number when the first page was shown; newer ones are a link, never an insertion.
        ignored: A phrase for each value that was not understood.
    """

    q: str = ""
    person: str = ""
    what: str = ""
    company: int | None = None
    agreement: int | None = None
    card: int | None = None
    since: date | None = None
    until: date | None = None
    before: int | None = None
    upto: int | None = None
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Self:
        """Read the parameters of an address; what is not understood is left out and named."""
        ignored = [name[:40] for name in args if name not in KNOWN]
        numbers: dict[str, int | None] = {}
        for name in ("company", "agreement", "card", "before", "upto"):
            numbers[name] = whole(args, name)
            if args.get(name, "").strip() and numbers[name] is None:
                ignored.append(f"{name} “{args[name][:40]}”")
        days: dict[str, date | None] = {"from": None, "to": None}
        for name in days:
            value = args.get(name, "").strip()
            try:
                days[name] = date.fromisoformat(value) if value else None
            except ValueError:
                ignored.append(f"{name} “{value[:40]}”")
        what = args.get("what", "")
        if what and what not in WHATS:
            ignored.append(f"what “{what[:40]}”")
            what = ""
        return cls(
            q=args.get("q", "").strip()[:LONGEST],
            person=args.get("person", "").strip()[:LONGEST],
            what=what,
            company=numbers["company"],
            agreement=numbers["agreement"],
            card=numbers["card"],
            before=numbers["before"],
            upto=numbers["upto"],
            since=days["from"],
            until=days["to"],
            ignored=tuple(ignored),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.chosen)

    @property
    def chosen(self) -> dict[str, Any]:
        """The filters as parameters, without the page."""
        found = {
            "q": self.q,
            "person": self.person,
            "what": self.what,
            "company": self.company,
            "agreement": self.agreement,
            "card": self.card,
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
        }
        return {name: value for name, value in found.items() if value}

    def first_page(self) -> Self:
        """Give the same filters from the newest event on."""
        return replace(self, before=None, upto=None)

    def conditions(self, zone: ZoneInfo) -> list[sa.ColumnElement[bool]]:
        """Give the conditions on events, without the page."""
        found: list[sa.ColumnElement[bool]] = []
        if self.q:
            found.append(_matches(self.q))
        if self.person:
            found.append(AuditEvent.person == self.person)
        if self.what:
            found.append(AuditEvent.what.in_(WHATS[self.what][1]))
        for column, value in (
            (AuditEvent.company_id, self.company),
            (AuditEvent.agreement_id, self.agreement),
            (AuditEvent.card_id, self.card),
        ):
            if value is not None:
                found.append(column == value)
        if self.since is not None:
            found.append(AuditEvent.at >= _midnight(self.since, zone))
        if self.until is not None and self.until < date.max:
            found.append(AuditEvent.at < _midnight(self.until + timedelta(days=1), zone))
        return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the moment at which a day begins in a zone."""
    try:
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time(), tzinfo=UTC)


def _matches(words: str) -> sa.ColumnElement[bool]:
    """Match company, product, agreement or id."""
    part = f"%{words.replace('^', '^^').replace('%', '^%').replace('_', '^_')}%"
    texts = (AuditEvent.sentence, AuditEvent.company, AuditEvent.product, AuditEvent.reason)
    found = sa.or_(*(column.ilike(part, escape="^") for column in texts))
    number = whole({"q": words.lstrip("#")}, "q")
    if number is None:
        return found
    ids = (AuditEvent.n, AuditEvent.company_id, AuditEvent.agreement_id, AuditEvent.card_id, AuditEvent.push_id)
    return sa.or_(found, *(column == number for column in ids))
