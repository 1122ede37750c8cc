"""What one row of the board shows and offers: the record of a card turned into words and buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import url_for

from portal.db.records import Card, Decision
from portal.services import decisions
from portal.services.cards import DECIDABLE, TO_DECIDE_KINDS
from portal.web.cards.sentences import Where, by_same, number, origin, sentence, state_words
from portal.web.cards.words import KINDS, STATES, UNSETTLED, Sign, poll_delay
from portal.web.filters import quantity
from portal.web.locale_choice import current_locale

PSA = "connectwise"
UNDOABLE = frozenset({"waiting", "planned", "queued", "confirmed", "dismissed"})
"""States of a card whose decision may be taken back together with others."""


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
        state_words=state_words(card, decision),
        decision=decision,
        seen=decisions.seen_token(card),
        first=first,
        others=others,
        blocked=blocked if card.kind in {"increase", "decrease", "new_revenue", "to_split"} else None,
        old=blocked,
        tag=state if tagged else None,
        sentence=sentence(card, decision, where),
        poll=poll_delay(polled) if card.state in UNSETTLED else None,
        tickable=may
        and (_undoable(card, where) or (card.state in DECIDABLE and not stale and card.kind in TO_DECIDE_KINDS)),
        origin=origin(card, where),
        second=card.state in DECIDABLE and not stale and where.limits.second_needed(card),
        link=where.psa_link(card.agreement_id),
    )


def _undoable(card: Card, where: Where) -> bool:
    """Tell whether a card is ticked to be undone: decided, in the list of what is decided."""
    return (
        where.board is not None
        and where.board.show == "decided"
        and card.state in UNDOABLE
        and card.decision_id is not None
    )


def blocked_by(card: Card, where: Where) -> Blocked | None:
    """Give the first source that is too old or held, ConnectWise before the vendors."""
    slugs = [slug for slug in card.vendors.split("|") if slug]
    for key in (PSA, *slugs):
        age = where.ages.get(key)
        if age is None or not age.blocks_approval(card.period):
            continue
        psa = key == PSA
        if age.held:
            return Blocked(
                what=f"{age.title} is held",
                why="A file waits for a person.",
                link="Review the feed",
                href=url_for("connections.held", key=key),
            )
        hours = None if age.last_read_at is None else int((where.now - age.last_read_at).total_seconds() // 3600)
        return Blocked(
            what=f"{age.title} was never read" if hours is None else f"{age.title} is {_hours(hours)} old",
            why=f"Limit {_hours(age.limit_hours)}.",
            link="Sync now" if psa else "Import a newer file",
            href=url_for("connections.index" if psa else "imports.index"),
        )
    return None


def _hours(hours: int) -> str:
    """Write an age or a limit: hours up to two days, then days."""
    return f"{hours} h" if hours <= 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days of hours


def effective(where: Where) -> str:
    """Say when an approval holds."""
    today = where.now.astimezone(where.zone).date()
    return ", effective today" if where.period.contains(today) else f", effective {current_locale().day(today)}"


def approve_label(card: Card, where: Where, *, further: bool = False) -> tuple[str, str]:
    """Give the words of Approve: verb and number, then the date; an ellipsis where a further step follows."""
    verb = "Approve" if where.writing else "Plan"
    number = "" if card.proposed_quantity is None else f" {quantity(card.proposed_quantity)}"
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
            first = Act(action="add", label=f"Add {number(card.proposed_quantity)}…", key="a")
        case "to_split":
            first = Act(action="split", label=f"Share {number(card.vendor_quantity)}…", key="a")
        case _:
            pass
    others = {
        "increase": (adjust, dismiss),
        "decrease": (adjust, dismiss),
        "not_reported": (adjust, dismiss),
        "new_revenue": (dismiss,),
        "to_split": (dismiss,),
    }.get(card.kind, (adjust,))
    return first, (*others, *_taking_back(card, decision))


def _taking_back(card: Card, decision: Decision | None) -> tuple[Act, ...]:
    """Offer to undo what stands behind a card that can be decided again: an undo, or how its count is shared."""
    if decision is not None and card.state == "undone" and decision.push is not None:
        return (Act(action="undo", label="Undo the undo…", key="u"),)
    if decision is not None and card.state == "open" and decision.action == "split":
        return (Act(action="undo", label="Undo the share", posts=True, key="u"),)
    return ()


def _acts_of_decided(card: Card, decision: Decision | None, where: Where) -> tuple[Act | None, tuple[Act, ...]]:
    """Choose the buttons of a card that is decided."""
    match card.state:
        case "waiting":
            first = None
            if decision is not None and where.by.at_least("manager") and not by_same(decision, where.by):
                first = Act(
                    action="confirm",
                    label=f"Approve {number(decision.quantity)} as second person",
                    posts=True,
                    key="a",
                )
            return first, (Act(action="undo", label="Take back", posts=True, key="u"),)
        case "planned":
            send = None
            if where.writing and decision is not None:
                label = f"Send {number(decision.quantity)}".strip()
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
