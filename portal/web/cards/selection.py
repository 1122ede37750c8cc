"""Which cards a bulk decision is about, and what its preview says of them before anything is decided."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.db.records import Card, Decision
from portal.domain.unusual import unusual
from portal.services import cards, decisions
from portal.services.errors import Invalid
from portal.web import forms
from portal.web.cards import bulk_facts, queries
from portal.web.cards.bulk_facts import Now, Terms
from portal.web.cards.filters import BoardFilter
from portal.web.cards.rows import blocked_by
from portal.web.cards.sentences import Where, by_same
from portal.web.cards.words import STATES, count_of
from portal.web.filters import day_words

ACTIONS = {
    "approve": "Approve",
    "adjust": "Adjust",
    "dismiss": "Dismiss",
    "confirm": "Send",
    "second": "Confirm",
}
MOST = 5000  # cards decided at once
LARGEST = 3  # cards named as the largest
FIRST = 12  # cards that go along, listed to be looked at first
NAMED = 500  # cards that stay behind, listed
_RANK = {
    "Unusual": 0,
    "Second person": 1,
    "Largest": 2,
    "Already invoiced": 3,
    "Several writes": 4,
    "Decrease": 5,
    "Left out": 6,
}
_CHANGES = {"approve", "adjust"}
_SEEN = re.compile(r"([0-9]{1,9})=([^\s=]{1,120})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The cards that were asked for.

    Args:
        ids: In the order of the board.
        all_match: All that match a filter, not ticked ones.
        without: Those that were unticked in the preview, now or when it was drawn before.
        seen: What the preview showed of each that may go along; empty before there was one.
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
class Flag:
    """One reason to look at a card first.

    Args:
        why: What the tag does not say by itself; may be empty.
    """

    tag: str
    icon: str
    tone: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a preview knows of its cards besides what they hold.

    Args:
        before: What each pair counted in the months before.
        pending: The decisions that wait for a second person, or to be sent, by card.
        terms: What the one date means for each card.
        day: That date.
        invoiced_ok: It may lie in a period that was already invoiced.
    """

    where: Where
    before: Mapping[tuple[int, str], Now] = field(default_factory=dict)
    pending: Mapping[int, Decision] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    day: date | None = None
    invoiced_ok: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A card to look at first, and why.

    Args:
        stays: It cannot go along.
        ticked: It goes along.
    """

    card: Card
    flags: tuple[Flag, ...]
    stays: bool
    ticked: bool = True

    @property
    def why(self) -> str:
        """All reasons that say more than their tag."""
        return " ".join(flag.why for flag in self.flags if flag.why)


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
    flagged: dict[str, int] = field(default_factory=dict)
    warning: str = ""
    without: frozenset[int] = frozenset()
    pending: Mapping[int, Decision] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)

    @property
    def suits(self) -> str:
        """Say which days suit every card; empty where any day does."""
        return bulk_facts.suits_words(self.terms, day_words)

    def after(self, card: Card) -> Decimal | None:
        """Give the quantity that a card has afterwards: what was decided, else the proposal."""
        if self.action == "dismiss":
            return card.psa_quantity
        decision = self.pending.get(card.id)
        return card.proposed_quantity if decision is None else decision.quantity

    def money(self, card: Card) -> Decimal | None:
        """Give what a card changes a month: what was decided, else the proposal."""
        decision = self.pending.get(card.id)
        return card.revenue_change if decision is None else bulk_facts.money_of(decision)

    @property
    def seen(self) -> str:
        """What the form carries of each card that may go along."""
        kept = {one.card.id: one.card for one in self.outliers if not one.stays} | {one.id: one for one in self.going}
        return " ".join(f"{card.id}={decisions.seen_token(card)}" for card in kept.values())

    @property
    def shown_ids(self) -> str:
        """The cards that have a tick box, as a field holds them."""
        return " ".join(str(one.card.id) for one in self.outliers if not one.stays)

    @property
    def left_out(self) -> str:
        """The cards that were unticked and have no box now, as a field holds them: they are to stay so."""
        return " ".join(str(card.id) for card, _ in self.staying if card.id in self.without)


def read_selection(
    session: Session, given: MultiDict[str, str], board: BoardFilter, *, deciding: bool = False
) -> Selection:
    """Read which cards are meant: the ticked ones, or all that match the filter.

    Args:
        session: For reading.
        given: The parameters or fields.
        board: The list.
        deciding: Something is decided: of a preview only what it showed as going along, never a card that matches
            since; without one, all that match only where that is said. Otherwise the whole selection is shown anew.

    Raises:
        Invalid: None is meant, or too many.
    """
    boxes = set(forms.wholes(given, "card_id"))
    with_box = _ids(given.get("shown", ""))
    without = frozenset(_ids(given.get("without", ""))) | (frozenset(with_box) - boxes)
    seen = {int(one): token for one, token in _SEEN.findall(given.get("seen", ""))}
    listed = _ids(given.get("ids", "")) or ([] if with_box else list(forms.wholes(given, "card_id")))
    all_match = given.get("scope", "") == "filter" or (not (deciding or listed) and given.get("scope", "") != "ticked")
    if deciding and "seen" in given:
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


def preview(
    session: Session,
    selection: Selection,
    action: str,
    where: Where,
    *,
    day: date | None = None,
    invoiced_ok: bool = False,
) -> Preview:
    """Say what a bulk decision would do, from what the cards hold; no card is planned one by one.

    Args:
        session: For reading.
        selection: The cards.
        action: One of `ACTIONS`.
        where: What the cards have in common.
        day: The one effective date of an Adjust, if one was picked.
        invoiced_ok: A date in a period that was already invoiced is meant; without it such cards stay behind.
    """
    found = cards_of(session, selection.ids)
    known = Known(
        where=where,
        before=bulk_facts.counted_before(session, found) if action in _CHANGES else {},
        pending=bulk_facts.pending(session, found) if action in {"second", "confirm"} else {},
        terms=bulk_facts.terms(session, _datable(found), day, where.today) if action == "adjust" else Terms(),
        day=day,
        invoiced_ok=invoiced_ok,
    )
    made = Preview(action=action, matching=len(found), without=selection.without, terms=known.terms)
    agreements = set()
    able = []
    for card in found:
        reason = why_stays(card, action, known)
        if reason is None:
            able.append(card)
        else:
            made.staying.append((card, reason))
    made.going = [card for card in able if card.id not in selection.without]
    made.pending = known.pending
    for card in made.going:
        queries.add(made.revenue, card.currency, made.money(card))
        if not known.pending:
            queries.add(made.profit, card.currency, card.profit_change)
        made.writes += writes_of(card, action, known)
        agreements.add(card.agreement_id)
        made.second += action in _CHANGES and where.limits.second_needed(card)
    made.agreements = len(agreements)
    _look_first(made, able, known, selection.without)
    if day is not None and known.terms.invoiced:
        made.warning = bulk_facts.invoiced_words(day, len(known.terms.invoiced))
    return made


def cards_of(session: Session, ids: Sequence[int]) -> list[Card]:
    """Read cards in the order of their ids given, in one query."""
    found = {card.id: card for card in session.scalars(sa.select(Card).where(Card.id.in_(ids)))}
    return [found[one] for one in ids if one in found]


def _datable(found: Sequence[Card]) -> list[Card]:
    """Give the cards that an Adjust from one date may be about at all."""
    return [
        card for card in found if card.prorates and card.state in cards.DECIDABLE and _why_not_changed(card) is None
    ]


def why_stays(card: Card, action: str, known: Known) -> str | None:
    """Say why a card cannot go along; none where it can."""
    word = STATES[card.state].word.lower()
    if action == "confirm":
        return None if card.state == "planned" else f"Not planned: {word}."
    if action == "second":
        return _why_not_second(card, known)
    if action == "dismiss":
        return None if card.state in cards.DECIDABLE | {"stale"} else f"Decided already: {word}."
    why = _why_not_changed(card)
    if card.state == "stale":
        why = "It is stale and can only be dismissed."
    elif card.state not in cards.DECIDABLE:
        why = f"Decided already: {word}."
    if why is None and action == "adjust":
        why = _why_not_from(card, known) if card.prorates else _NOT_PRORATED
    if why is None and (blocked := blocked_by(card, known.where)) is not None:
        why = f"{blocked.what}. {blocked.why}"
    if why is None and action == "approve" and card.facts.get("later"):
        why = "A line begins later, and both would bill. Decide it by itself."
    return why


_NOT_PRORATED = "Its agreement does not prorate, so no date can be picked."


def _why_not_from(card: Card, known: Known) -> str | None:
    """Say why a card cannot be adjusted from the date."""
    if card.id in known.terms.invoiced and not known.invoiced_ok:
        return "The date lies in a period that was already invoiced, and that is not ticked."
    return known.terms.refused.get(card.id)


def _why_not_second(card: Card, known: Known) -> str | None:
    """Say why a card cannot be confirmed by this person as the second one."""
    first, by = known.pending.get(card.id), known.where.by
    if card.state != "waiting" or first is None:
        return f"It does not wait for a second person: {STATES[card.state].word.lower()}."
    if by_same(first, by):
        return "You decided it; somebody else must confirm."
    if not by.at_least("manager"):
        return f"{first.by} decided it; a manager or an admin may confirm."
    blocked = blocked_by(card, known.where)
    return None if blocked is None else f"{blocked.what}. {blocked.why}"


def _why_not_changed(card: Card) -> str | None:
    return {
        "increase": None,
        "decrease": None,
        "new_revenue": "New revenue: choose an agreement for it.",
        "not_reported": "No count arrived, so there is no quantity to take over.",
        "to_split": "Share the count first.",
    }.get(card.kind, "Both quantities agree, or nothing is compared.")


def writes_of(card: Card, action: str, known: Known) -> int:
    """Count the writes of a card: one for each line that changes; a dated decrease takes a new line and an end."""
    changing = card.facts.get("changing") or []
    if action == "dismiss":
        return 0
    if action == "adjust" and card.kind == "decrease" and card.id not in known.terms.at_once:
        return sum(1 if one["after"] == "0" else 2 for one in changing)
    return max(len(changing), 1)


def _look_first(made: Preview, able: Iterable[Card], known: Known, without: frozenset[int]) -> None:
    """Choose the cards to look at first: unusual, largest, decreases, several writes, second person; those that stay.

    All are counted; the first few are listed, with all that were unticked, and of what stays behind as many as a page
    holds.
    """
    by_money = sorted(able, key=lambda card: (-abs(made.money(card) or Decimal(0)), card.id))
    found: list[Outlier] = []
    for place, card in enumerate(by_money):
        flags = tuple(sorted(_flags(card, place, made.action, known), key=lambda flag: _RANK[flag.tag]))
        for flag in flags:
            made.flagged[flag.tag] = made.flagged.get(flag.tag, 0) + 1
        if card.id in without:
            flags = flags or (Flag(tag="Left out", icon="struck", tone=""),)
        if flags:
            found.append(Outlier(card=card, stays=False, ticked=card.id not in without, flags=flags))
    found = sorted(found, key=lambda one: _RANK[one.flags[0].tag])
    found = [one for place, one in enumerate(found) if place < FIRST or not one.ticked]
    left = [
        Outlier(
            card=card, stays=True, ticked=False, flags=(Flag(tag="Stays behind", icon="struck", tone="bad", why=why),)
        )
        for card, why in made.staying
    ]
    made.outliers, made.unnamed = found + left[:NAMED], max(len(left) - NAMED, 0)


def _flags(card: Card, place: int, action: str, known: Known) -> list[Flag]:
    """Say why a card is looked at first; none where it is like the others."""
    flags = [Flag(tag="Largest", icon="up", tone="up")] if place < LARGEST else []
    if action not in _CHANGES:
        return flags
    before = known.before.get((card.company_id, card.product))
    strange = None if before is None else unusual(before.count, before.history)
    if strange is not None:
        flags.append(Flag(tag="Unusual", icon="warn", tone="warn", why=strange))
    if known.where.limits.second_needed(card):
        flags.append(Flag(tag="Second person", icon="seal", tone="accent", why="It will wait for a second person."))
    if card.id in known.terms.invoiced:
        flags.append(Flag(tag="Already invoiced", icon="warn", tone="warn"))
    writes = writes_of(card, action, known)
    if writes > 1:
        words = f"{count_of(writes, 'write')} to ConnectWise."
        flags.append(Flag(tag="Several writes", icon="written", tone="warn", why=words))
    if card.kind == "decrease":
        flags.append(Flag(tag="Decrease", icon="down", tone="down"))
    return flags


def _ids(text: str) -> list[int]:
    """Read ids as a field holds them, between blanks."""
    found = (int(one) for one in re.findall(r"\b[0-9]{1,9}\b", text))
    return list(dict.fromkeys(found))
