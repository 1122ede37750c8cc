"""The words of a row's second line and of its state: where its numbers come from, what became of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import url_for

from portal.db.records import Card, Decision
from portal.domain.periods import Period
from portal.services.actors import Actor
from portal.services.connections import SourceAge
from portal.web.cards.filters import BoardFilter
from portal.web.cards.limits import Limits
from portal.web.cards.words import STATES
from portal.web.filters import hour_words, quantity
from portal.web.locale_choice import current_locale

_RECORD = "/v4_6_release/services/system_io/router/openrecord.rails"  # ConnectWise's own address of a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What all rows of a list have in common.

    Args:
        board: The list that the rows stand in; none on a card's own page.
        ages: Of ConnectWise and the vendors, by key.
        titles: Vendors by slug.
        writing: The portal writes to the PSA; false: decisions are planned and kept.
        site: Where people open ConnectWise, or none while there is no connection.
    """

    now: datetime
    zone: ZoneInfo
    period: Period
    by: Actor
    ages: Mapping[str, SourceAge]
    titles: Mapping[str, str]
    limits: Limits
    writing: bool
    board: BoardFilter | None = None
    site: str | None = None

    @property
    def today(self) -> date:
        """The day in the portal's time zone."""
        return self.now.astimezone(self.zone).date()

    @property
    def back(self) -> str | None:
        """The list's address, which each of its rows carries; none on a card's own page."""
        return None if self.board is None else self.board.back()

    @property
    def named(self) -> bool:
        """Tell whether each row names its company."""
        return self.board is None or self.board.names_companies

    @property
    def ticks(self) -> bool:
        """Tell whether there is a tick column: for people who may decide."""
        return self.by.at_least("biller")

    def list_url(self, opened: int | None) -> str:
        """Give the list's address with a card open in it."""
        return url_for("cards.index", **(self.board.args(open=opened) if self.board else {}))

    def psa_link(self, agreement_id: int | None) -> str | None:
        """Give the address of an agreement in ConnectWise, for people."""
        if self.site is None or agreement_id is None:
            return None
        return f"{self.site}{_RECORD}?recordType=AgreementFV&recid={agreement_id}"


def by_same(decision: Decision, by: Actor) -> bool:
    """Tell whether this is the person who decided."""
    return by.same_as(decision.by, decision.by_id)


def number(value: Decimal | None) -> str:
    """Write a quantity, or nothing where there is none."""
    return "" if value is None else quantity(value)


VERBS = {
    "approve": "approved",
    "adjust": "adjusted to",
    "dismiss": "dismissed",
    "add": "added",
    "split": "shared",
    "undo": "undid this",
}


def did(decision: Decision, at: str = "") -> str:
    """Say what a person did, as it follows their name: "approved 21 at 09:00", "undid this at 09:00, back to 20".

    Args:
        decision: What was decided; the quantity of an undo is what holds after it.
        at: When, such as "at 09:00"; empty: it is not said.
    """
    verb, count = VERBS.get(decision.action, "decided"), number(decision.quantity)
    if decision.action == "undo":
        return f"{verb} {at}".rstrip() + (f", back to {count}" if count else "")
    words = verb if decision.action in {"dismiss", "split"} else f"{verb} {count}".rstrip()
    return f"{words} {at}".rstrip()


def state_words(card: Card, decision: Decision | None) -> str:
    """Give the words of the state tag: "Approved 21, queued", "Confirmed 10:12"."""
    word = STATES[card.state].word
    if decision is None:
        return word
    if card.state == "queued":
        past = {"approve": "Approved", "adjust": "Adjusted to", "add": "Added", "undo": "Back to"}
        return f"{past.get(decision.action, 'Decided')} {number(decision.quantity)}, queued"
    push = decision.push
    if card.state == "confirmed" and push is not None and push.settled_at is not None:
        return f"{word} {hour_words(push.settled_at)}"
    return word


def sentence(card: Card, decision: Decision | None, where: Where) -> str:
    """Say in the row's second line what became of a decision."""
    if card.state == "open" or decision is None:
        return ""
    push = decision.push
    if card.state in {"failed", "changed_in_psa", "given_up", "stale"} and push is not None and push.cause:
        return push.cause
    when = decision.at.astimezone(where.zone)
    today = when.date() == where.now.astimezone(where.zone).date()
    at = f"at {hour_words(decision.at)}" if today else f"on {current_locale().day(when.date())}"
    words = f"{decision.by} {did(decision, at)}"
    if decision.second:
        words += f", {decision.second} confirmed"
    if decision.reason:
        words += f": “{decision.reason}”"
    if card.state == "waiting":
        words += "" if push is None or not push.cause else f" · {push.cause}"
        words += " You decided it; somebody else must confirm." if by_same(decision, where.by) else ""
    return words


def origin(card: Card, where: Where) -> str:
    """Say in a line where a card's numbers come from, and which line will change."""
    facts = card.facts
    if card.state == "stale" or card.kind == "stale":
        since = "" if card.stale_at is None else f" Noticed {_moment(card.stale_at, where)}."
        return f"{card.stale_reason or 'Its agreement or company left.'}{since}"
    if card.kind == "psa_only":
        return "No vendor feeds this product"
    parts = [_sources(card, where)]
    changing = facts.get("changing") or []
    if card.kind in {"increase", "decrease"} and changing:
        lines = facts.get("lines") or []
        if len(lines) > 1 and len(changing) == 1:
            parts.append(f"{len(lines)} lines, newest {changing[0]['id']}: {_change(changing[0])}")
        else:
            parts += [f"line {one['id']}: {_change(one)}" for one in changing[:3]]
            if len(changing) > 3:  # noqa: PLR2004 - three lines are named, the rest counted
                parts.append(f"{len(changing) - 3} more lines")
    if facts.get("included") not in {None, "", "0"}:
        parts.append(f"{facts['included']} included")
    if facts.get("later"):
        parts.append("a line begins later")
    return " · ".join(part for part in parts if part)


def _sources(card: Card, where: Where) -> str:
    """Name the vendors with the age of their last file, each once."""
    if card.kind == "not_reported":
        titles = [where.titles.get(slug, slug) for slug in card.vendors.split("|") if slug]
        sent = " and ".join(titles) or "The vendor"
        return f"{sent} sent no count for this company"
    newest: dict[str, datetime] = {}
    for source in card.facts.get("sources", ()):
        counted = datetime.fromisoformat(source["counted_at"])
        title = source["vendor"]
        newest[title] = max(counted, newest.get(title, counted))
    return ", ".join(f"{title}, {_moment(counted, where)}" for title, counted in newest.items())


def _change(one: Mapping[str, str]) -> str:
    return f"{one['before']} → {one['after']}"


def _moment(moment: datetime, where: Where) -> str:
    """Write a moment shortly: the time today, else the day, in the year without its number."""
    local = moment.astimezone(where.zone)
    if local.date() == where.today:
        return hour_words(moment)
    return current_locale().day(local.date(), year=local.year != where.today.year)
