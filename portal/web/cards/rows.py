"""What one row of the board shows and offers: the record of a card turned into words and buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import url_for

from portal.db.records import Card, Decision
from portal.domain.periods import Period, day_text
from portal.domain.quantities import plain
from portal.services import decisions
from portal.services.actors import Actor
from portal.services.cards import DECIDABLE, TO_DECIDE_KINDS
from portal.services.connections import SourceAge
from portal.web.cards.filters import BoardFilter
from portal.web.cards.limits import Limits
from portal.web.cards.words import KINDS, STATES, UNSETTLED, Sign, poll_delay

PSA = "connectwise"
_RECORD = "/v4_6_release/services/system_io/router/openrecord.rails"  # ConnectWise's own address of a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A button of a row.

    Args:
        action: The last part of its address: approve, adjust, dismiss, add, split, undo, confirm, retry.
        label: Verb and number.
        soft: What follows in lighter type, such as ", effective today".
        posts: True: it acts at once. False: it opens a form or a plan.
        key: The letter that presses it.
    """

    action: str
    label: str
    soft: str = ""
    posts: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why the first button is missing, and the way out.

    Args:
        link: The words of the link.
        href: Where it leads.
    """

    what: str
    why: str
    link: str
    href: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A card as its row shows it."""

    card: Card
    where: Where
    kind: Sign
    state: Sign
    state_words: str
    decision: Decision | None
    seen: str
    first: Act | None = None
    others: tuple[Act, ...] = ()
    blocked: Blocked | None = None
    old: Blocked | None = None
    tag: Sign | None = None
    sentence: str = ""
    origin: str = ""
    poll: int | None = None
    tickable: bool = False
    second: bool = False
    link: str | None = None

    @property
    def push_id(self) -> int | None:
        """The push of the latest decision, if it has one."""
        push = None if self.decision is None else self.decision.push
        return None if push is None else push.id

    @property
    def id(self) -> int:
        """The card's id."""
        return self.card.id

    @property
    def name(self) -> str:
        """What the card is called: its product and company."""
        return f"{self.title}, {self.card.company}"

    @property
    def title(self) -> str:
        """The product's name, or its Product ID."""
        return self.card.product_name or self.card.product

    @property
    def settled(self) -> bool:
        """Tell whether the row needs no more asking."""
        return self.card.state not in UNSETTLED

    @property
    def decidable(self) -> bool:
        """Tell whether a decision may be made on the card."""
        return self.card.state in DECIDABLE and self.card.kind != "stale"


def make_rows(cards: Sequence[Card], latest: Mapping[int, Decision], where: Where, polled: int = 0) -> list[Row]:
    """Make the rows of a list.

    Args:
        cards: In order.
        latest: Each card's latest decision with its push.
        where: What the rows have in common.
        polled: How often the row has asked already.
    """
    return [make_row(card, latest.get(card.id), where, polled) for card in cards]


def make_row(card: Card, decision: Decision | None, where: Where, polled: int = 0) -> Row:
    """Make the row of one card."""
    state = STATES[card.state]
    stale = card.state == "stale" or (card.kind == "stale" and card.state != "dismissed")
    may = where.by.at_least("biller")
    blocked = blocked_by(card, where) if card.state in DECIDABLE and not stale else None
    first, others = (None, ()) if not may else _acts(card, decision, where, blocked, stale=stale)
    tagged = card.state != "open" and not stale
    return Row(
        card=card,
        where=where,
        kind=KINDS["stale" if stale else card.kind],
        state=state,
        state_words=_state_words(card, decision, where),
        decision=decision,
        seen=decisions.seen_token(card),
        first=first,
        others=others,
        blocked=blocked if card.kind in {"increase", "decrease", "new_revenue", "to_split"} else None,
        old=blocked,
        tag=state if tagged else None,
        sentence=_sentence(card, decision, where),
        poll=poll_delay(polled) if card.state in UNSETTLED else None,
        tickable=may and card.state in DECIDABLE and not stale and card.kind in TO_DECIDE_KINDS,
        origin=_origin(card, where),
        second=card.state in DECIDABLE and not stale and where.limits.second_needed(card),
        link=where.psa_link(card.agreement_id),
    )


def blocked_by(card: Card, where: Where) -> Blocked | None:
    """Give the first source that is too old or held, ConnectWise before the vendors."""
    slugs = [slug for slug in card.vendors.split("|") if slug]
    for key in (PSA, *slugs):
        age = where.ages.get(key)
        if age is None or not age.too_old:  # a held file alone changes no number
            continue
        psa = key == PSA
        if age.held:
            return Blocked(
                what=f"{age.title} is held",
                why="A file waits for a person.",
                link="Review the feed",
                href="/imports",
            )
        hours = None if age.last_read_at is None else int((where.now - age.last_read_at).total_seconds() // 3600)
        return Blocked(
            what=f"{age.title} was never read" if hours is None else f"{age.title} is {_hours(hours)} old",
            why=f"Limit {_hours(age.limit_hours)}.",
            link="Sync now" if psa else "Import a newer file",
            href="/connections" if psa else "/imports",
        )
    return None


def _hours(hours: int) -> str:
    """Write an age or a limit: hours up to two days, then days."""
    return f"{hours} h" if hours <= 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days of hours


def effective(where: Where) -> str:
    """Say when an approval holds."""
    today = where.now.astimezone(where.zone).date()
    return ", effective today" if where.period.contains(today) else f", effective {day_text(today)}"


def approve_label(card: Card, where: Where, *, further: bool = False) -> tuple[str, str]:
    """Give the words of Approve: verb and number, then the date; an ellipsis where a further step follows."""
    verb = "Approve" if where.writing else "Plan"
    number = "" if card.proposed_quantity is None else f" {plain(card.proposed_quantity)}"
    return f"{verb}{number}", effective(where) + ("…" if further else "")


def _acts(
    card: Card, decision: Decision | None, where: Where, blocked: Blocked | None, *, stale: bool
) -> tuple[Act | None, tuple[Act, ...]]:
    """Choose the buttons of a card by its state, then by its kind."""
    if stale:
        return None, (Act(action="dismiss", label="Dismiss for good", posts=True, key="d"),)
    if card.state not in DECIDABLE:
        return _acts_of_decided(card, decision, where)
    adjust = Act(action="adjust", label="Adjust…", key="e")
    dismiss = Act(action="dismiss", label="Dismiss…", key="d")
    if card.state == "failed":
        return Act(action="retry", label="Try again", posts=True, key="a"), (adjust, dismiss)
    first: Act | None = None
    match card.kind:
        case "increase" | "decrease" if blocked is None:
            one_step = bool(card.facts.get("one_step")) and not where.limits.asks(card)
            label, soft = approve_label(card, where, further=not one_step)
            first = Act(action="approve", label=label, soft=soft, posts=one_step, key="a")
        case "new_revenue" if blocked is None:
            first = Act(action="add", label=f"Add {_number(card.proposed_quantity)}…", key="a")
        case "to_split":
            first = Act(action="split", label=f"Share {_number(card.vendor_quantity)}…", key="a")
        case _:
            pass
    others = {
        "increase": (adjust, dismiss),
        "decrease": (adjust, dismiss),
        "not_reported": (adjust, dismiss),
        "new_revenue": (dismiss,),
        "to_split": (dismiss,),
    }.get(card.kind, (adjust,))
    return first, others


def _acts_of_decided(card: Card, decision: Decision | None, where: Where) -> tuple[Act | None, tuple[Act, ...]]:
    """Choose the buttons of a card that is decided."""
    match card.state:
        case "waiting":
            first = None
            if decision is not None and where.by.at_least("manager") and not _by_same(decision, where.by):
                first = Act(
                    action="confirm",
                    label=f"Approve {_number(decision.quantity)} as second person",
                    posts=True,
                    key="a",
                )
            return first, (Act(action="undo", label="Take back", posts=True, key="u"),)
        case "planned":
            send = None
            if where.writing and decision is not None:
                label = f"Send {_number(decision.quantity)}".strip()
                send = Act(action="confirm", label=label, soft=effective(where), posts=True, key="a")
            return send, (Act(action="undo", label="Take back", posts=True, key="u"),)
        case "queued":
            return None, (Act(action="undo", label="Undo", posts=True, key="u"),)
        case "confirmed":
            return None, (Act(action="undo", label="Undo…", key="u"),)
        case "dismissed":
            return None, (Act(action="undo", label="Undo", posts=True, key="u"),)
        case _:
            return None, ()


def _by_same(decision: Decision, by: Actor) -> bool:
    return by.same_as(decision.by, decision.by_id)


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


VERBS = {
    "approve": "approved",
    "adjust": "adjusted to",
    "dismiss": "dismissed",
    "add": "added",
    "split": "shared",
    "undo": "undid",
}


def _state_words(card: Card, decision: Decision | None, where: Where) -> str:
    """Give the words of the state tag: "Approved 21, queued", "Confirmed 10:12"."""
    word = STATES[card.state].word
    if decision is None:
        return word
    if card.state == "queued":
        past = {"approve": "Approved", "adjust": "Adjusted to", "add": "Added", "undo": "Back to"}
        return f"{past.get(decision.action, 'Decided')} {_number(decision.quantity)}, queued"
    push = decision.push
    if card.state == "confirmed" and push is not None and push.settled_at is not None:
        return f"{word} {push.settled_at.astimezone(where.zone):%H:%M}"
    return word


def _sentence(card: Card, decision: Decision | None, where: Where) -> str:
    """Say in the row's second line what became of a decision."""
    if card.state == "open" or decision is None:
        return ""
    push = decision.push
    if card.state in {"failed", "changed_in_psa", "given_up", "stale"} and push is not None and push.cause:
        return push.cause
    when = decision.at.astimezone(where.zone)
    at = f"at {when:%H:%M}" if when.date() == where.now.astimezone(where.zone).date() else f"on {day_text(when.date())}"
    number = "" if decision.action in {"dismiss", "split", "undo"} else f" {_number(decision.quantity)}"
    words = f"{decision.by} {VERBS.get(decision.action, 'decided')}{number} {at}"
    if decision.second:
        words += f", {decision.second} confirmed"
    if decision.reason:
        words += f": “{decision.reason}”"
    if card.state == "waiting":
        words += "" if push is None or not push.cause else f" · {push.cause}"
        words += " You decided it; somebody else must confirm." if _by_same(decision, where.by) else ""
    return words


def _origin(card: Card, where: Where) -> str:
    """Say in a line where a card's numbers come from, and which line will change."""
    facts = card.facts
    if card.state == "stale" or card.kind == "stale":
        since = "" if card.stale_at is None else f" Seen {_moment(card.stale_at, where)}."
        return f"{card.stale_reason or 'Its agreement or company left.'}{since}"
    if card.kind == "psa_only":
        return "No vendor feeds this product"
    parts = [_sources(card, where)]
    if facts.get("period_note"):
        parts.append(str(facts["period_note"]))
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
        return f"{local:%H:%M}"
    text = day_text(local.date())
    return text if local.year != where.today.year else text.rsplit(" ", 1)[0]
