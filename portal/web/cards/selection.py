"""Which cards a bulk decision is about, and what its preview says of them before anything is decided."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.db.records import Card
from portal.services import cards, decisions
from portal.services.errors import Invalid
from portal.web import filters as shown
from portal.web import forms
from portal.web.cards import queries
from portal.web.cards.filters import BoardFilter
from portal.web.cards.rows import blocked_by
from portal.web.cards.sentences import Where
from portal.web.cards.words import STATES, count_of

ACTIONS = {"approve": "Approve", "adjust": "Adjust", "dismiss": "Dismiss", "confirm": "Send"}
MOST = 5000  # cards decided at once
LARGEST = 3  # cards named as the largest
FIRST = 12  # cards that go along, listed to be looked at first
NAMED = 50  # cards that stay behind, listed
_RANK = {"Second person": 0, "Largest": 1, "Several writes": 2, "Decrease": 3}
_SEEN = re.compile(r"([0-9]{1,9})=([^\s=]{1,120})")
_CHUNK = 500  # ids in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The cards that were asked for.

    Args:
        ids: In the order of the board.
        all_match: All that match a filter, not ticked ones.
        without: Those that were unticked in the preview.
        seen: What the preview showed of each; empty before there was one.
    """

    ids: list[int]
    all_match: bool
    without: frozenset[int] = frozenset()
    seen: Mapping[int, str] = field(default_factory=dict)

    @property
    def chosen(self) -> list[int]:
        """Those that go along, if they can."""
        return [one for one in self.ids if one not in self.without]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A card to look at first, and why.

    Args:
        stays: It cannot go along.
        ticked: It goes along.
    """

    card: Card
    tag: str
    icon: str
    tone: str
    why: str
    stays: bool
    ticked: bool = True


@dataclass(slots=True, kw_only=True)
class Preview:
    """What a bulk decision would do."""

    action: str
    matching: int
    going: list[Card] = field(default_factory=list)
    staying: list[tuple[Card, str]] = field(default_factory=list)
    outliers: list[Outlier] = field(default_factory=list)
    unnamed: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)
    profit: dict[str, Decimal] = field(default_factory=dict)
    writes: int = 0
    agreements: int = 0
    second: int = 0

    @property
    def seen(self) -> str:
        """What the form carries of each card that may go along."""
        kept = {one.card.id: one.card for one in self.outliers if not one.stays} | {one.id: one for one in self.going}
        return " ".join(f"{card.id}={decisions.seen_token(card)}" for card in kept.values())

    @property
    def shown_ids(self) -> str:
        """The cards that have a tick box, as a field holds them."""
        return " ".join(str(one.card.id) for one in self.outliers if not one.stays)


def read_selection(
    session: Session, given: MultiDict[str, str], board: BoardFilter, *, deciding: bool = False
) -> Selection:
    """Read which cards are meant: those of a preview, the ticked ones, or all that match the filter.

    Args:
        session: For reading.
        given: The parameters or fields.
        board: The list.
        deciding: Something is to be decided, not only shown: all that match are meant only where that is said.

    Raises:
        Invalid: None is meant, or too many.
    """
    boxes = set(forms.wholes(given, "card_id"))
    with_box = _ids(given.get("shown", ""))
    without = frozenset(with_box) - boxes if with_box else frozenset()
    seen = {int(one): token for one, token in _SEEN.findall(given.get("seen", ""))}
    listed = _ids(given.get("ids", "")) or ([] if with_box else list(forms.wholes(given, "card_id")))
    all_match = given.get("scope", "") == "filter" or (not (deciding or listed) and given.get("scope", "") != "ticked")
    if seen:
        ids = list(seen)
    elif listed:
        ids, all_match = listed, False
    elif all_match:
        ids = queries.ordered_ids(session, board)
    else:
        ids = []
    if not ids:
        raise Invalid("No card is ticked. Nothing was decided. Tick some on the board, or take all that match.")
    if len(ids) > MOST:
        raise Invalid(f"{len(ids):,} cards are more than the {MOST:,} that are decided at once. Narrow the filter.")
    return Selection(ids=ids, all_match=all_match, without=without, seen=seen)


def preview(session: Session, selection: Selection, action: str, where: Where) -> Preview:
    """Say what a bulk decision would do, from what the cards hold; no card is planned one by one."""
    found = cards_of(session, selection.ids)
    made = Preview(action=action, matching=len(found))
    agreements = set()
    able = []
    for card in found:
        reason = why_stays(card, action, where)
        if reason is None:
            able.append(card)
        else:
            made.staying.append((card, reason))
    made.going = [card for card in able if card.id not in selection.without]
    for card in made.going:
        queries.add(made.revenue, card.currency, card.revenue_change)
        queries.add(made.profit, card.currency, card.profit_change)
        made.writes += writes_of(card, action)
        agreements.add(card.agreement_id)
        made.second += action in {"approve", "adjust"} and where.limits.second_needed(card)
    made.agreements = len(agreements)
    made.outliers, made.unnamed = _outliers(able, made.staying, action, where, selection.without)
    return made


def cards_of(session: Session, ids: Sequence[int]) -> list[Card]:
    """Read cards in the order of their ids given."""
    found: dict[int, Card] = {}
    for begin in range(0, len(ids), _CHUNK):
        query = sa.select(Card).where(Card.id.in_(ids[begin : begin + _CHUNK]))
        found |= {card.id: card for card in session.scalars(query)}
    return [found[one] for one in ids if one in found]


def why_stays(card: Card, action: str, where: Where) -> str | None:
    """Say why a card cannot go along; none where it can."""
    word = STATES[card.state].word.lower()
    if action == "confirm":
        return None if card.state == "planned" else f"Not planned: {word}."
    if action == "dismiss":
        return None if card.state in cards.DECIDABLE | {"stale"} else f"Decided already: {word}."
    why = _why_not_changed(card)
    if card.state == "stale":
        why = "It is stale and can only be dismissed."
    elif card.state not in cards.DECIDABLE:
        why = f"Decided already: {word}."
    if why is None and action == "adjust" and not card.prorates:
        why = "Its agreement does not prorate, so no date can be picked."
    if why is None and (blocked := blocked_by(card, where)) is not None:
        why = f"{blocked.what}. {blocked.why}"
    if why is None and action == "approve" and card.facts.get("later"):
        why = "A line begins later, and both would bill. Decide it by itself."
    return why


def _why_not_changed(card: Card) -> str | None:
    return {
        "increase": None,
        "decrease": None,
        "new_revenue": "New revenue: choose an agreement for it.",
        "not_reported": "No count arrived, so there is nothing to approve.",
        "to_split": "Share the count first.",
    }.get(card.kind, "Both quantities agree, or nothing is compared.")


def writes_of(card: Card, action: str) -> int:
    """Count the writes of a card: one for each line that changes; a dated decrease takes a new line and an end."""
    changing = card.facts.get("changing") or []
    if action == "dismiss":
        return 0
    if action == "adjust" and card.kind == "decrease":
        return sum(1 if one["after"] == "0" else 2 for one in changing)
    return max(len(changing), 1)


def _outliers(
    able: Iterable[Card],
    staying: Sequence[tuple[Card, str]],
    action: str,
    where: Where,
    without: frozenset[int],
) -> tuple[list[Outlier], int]:
    """Choose the cards to look at first: the largest, decreases, several writes, a second person, those that stay."""
    by_money = sorted(able, key=lambda card: (-abs(card.revenue_change or Decimal(0)), card.id))
    found: list[Outlier] = []
    for place, card in enumerate(by_money):
        named = _why_first(card, place, action, where)
        if named is not None:
            found.append(Outlier(card=card, stays=False, ticked=card.id not in without, **named))
    found = sorted(found, key=lambda one: _RANK[one.tag])[:FIRST]
    left = [
        Outlier(card=card, tag="Stays behind", icon="struck", tone="bad", why=why, stays=True, ticked=False)
        for card, why in staying
    ]
    return found + left[:NAMED], max(len(left) - NAMED, 0)


def _why_first(card: Card, place: int, action: str, where: Where) -> dict[str, str] | None:
    """Say why a card is looked at first; none where it is like the others."""
    changes = action in {"approve", "adjust"}
    writes = writes_of(card, action)
    tag = None
    if changes and where.limits.second_needed(card):
        tag = ("Second person", "seal", "accent", "It will wait for a second person.")
    elif place < LARGEST:
        tag = ("Largest", "up", "up", "Among the largest by money.")
    elif changes and writes > 1:
        tag = ("Several writes", "written", "warn", f"{count_of(writes, 'write')} to ConnectWise.")
    elif changes and card.kind == "decrease":
        amount = shown.signed_money(card.revenue_change, card.currency)
        tag = ("Decrease", "down", "down", f"It lowers the bill: {amount} a month.")
    return None if tag is None else dict(zip(("tag", "icon", "tone", "why"), tag, strict=True))


def _ids(text: str) -> list[int]:
    """Read ids as a field holds them, between blanks."""
    found = (int(one) for one in re.findall(r"\b[0-9]{1,9}\b", text))
    return list(dict.fromkeys(found))
