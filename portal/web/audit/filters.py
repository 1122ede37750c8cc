"""What the audit trail is asked to show, and the conditions that follow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from portal.db.records import AuditEvent
from portal.services.audit_reading import Column, Question
from portal.web.forms import whole

WHATS = {
    "decisions": ("Decisions", ("decision",)),
    "writes": ("Writes to ConnectWise", ("write",)),
    "mapping": ("Mapping", ("mapping",)),
    "settings": ("Settings", ("setting",)),
    "numbers": ("Imports and syncs", ("usage", "sync")),
    "sign-ins": ("Sign-ins", ("sign-in",)),
    "refusals": ("Refusals", ("refusal",)),
}
KNOWN = ("q", "person", "what", "company", "agreement", "card", "push", "product", "from", "to", "before", "upto")
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
    push: int | None = None
    product: str = ""
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
        for name in ("company", "agreement", "card", "push", "before", "upto"):
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
            push=numbers["push"],
            product=args.get("product", "").strip()[:LONGEST],
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
            "push": self.push,
            "product": self.product,
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
        }
        return {name: value for name, value in found.items() if value}

    def first_page(self) -> Self:
        """Give the same filters from the newest event on."""
        return replace(self, before=None, upto=None)

    def question(self, zone: ZoneInfo, upto: int) -> Question:
        """Give what is asked of the trail, without the page; the most selective filter first."""
        equal: list[tuple[Column, tuple[Any, ...]]] = []
        for column, value in (
            (AuditEvent.card_id, self.card),
            (AuditEvent.push_id, self.push),
            (AuditEvent.agreement_id, self.agreement),
            (AuditEvent.company_id, self.company),
            (AuditEvent.product, self.product or None),
            (AuditEvent.person, self.person or None),
        ):
            if value is not None:
                equal.append((column, (value,)))
        if self.what:
            equal.append((AuditEvent.what, WHATS[self.what][1]))
        following = self.until + timedelta(days=1) if self.until is not None and self.until < date.max else None
        return Question(
            equal=equal,
            since=None if self.since is None else _midnight(self.since, zone),
            until=None if following is None else _midnight(following, zone),
            words=self.q,
            upto=upto,
        )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the moment at which a day begins in a zone."""
    try:
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time(), tzinfo=UTC)
