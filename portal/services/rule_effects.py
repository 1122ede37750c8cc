"""What a rule would do before it is set or ended: the cards are made with it, and nothing is written."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision, Rule
from portal.domain.cards import Card as MadeCard
from portal.domain.cards import CardKind
from portal.domain.periods import Period
from portal.domain.rules import Seen
from portal.services import card_facts, rule_numbers, rules_store
from portal.services.card_making import TO_DECIDE_KINDS, UNSENT, open_state, state_with
from portal.services.card_picture import Picture, picture

_AT_A_TIME = 400  # companies whose cards are made at once
_WORDS = {
    "no_change": ("becomes no change", "become no change"),
    "increase": ("becomes an increase", "become increases"),
    "decrease": ("becomes a decrease", "become decreases"),
    "to_split": ("is to be split", "are to be split"),
    "alone": ("is left alone", "are left alone"),
    "back": ("comes back to be decided", "come back to be decided"),
    "other": ("proposes another quantity", "propose other quantities"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a card shows with one set of rules."""

    kind: str
    state: str
    proposed: Decimal | None
    difference: Decimal | None
    revenue: Decimal | None
    sentence: str

    def __eq__(self, other: object) -> bool:
        """Tell whether two looks ask for the same; how they came about may differ."""
        return isinstance(other, Look) and self._asks() == other._asks()

    def __hash__(self) -> int:
        return hash(self._asks())

    def _asks(self) -> tuple[object, ...]:
        return (self.kind, self.state, self.proposed, self.difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A card that would look different.

    Args:
        card_id: None where the card is not stored yet.
        withdrawn: It carries a decision of which nothing was sent, and which would be taken back.
    """

    period: str
    company_id: int
    company: str
    agreement: str
    product: str
    currency: str
    card_id: int | None
    before: Look
    after: Look
    withdrawn: bool

    @property
    def sort(self) -> str:
        """What becomes of it, as a key of the words that count such cards."""
        if self.after.state == "dismissed" and self.before.state != "dismissed":
            return "alone"
        if self.after.state == "open" and self.before.state != "open" and self.after.kind in TO_DECIDE_KINDS:
            return "back"
        return self.after.kind if self.after.kind != self.before.kind else "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a rule would do.

    Args:
        looked_at: How many cards the rule is about.
        changes: Those that would look different, by company.
    """

    looked_at: int
    changes: tuple[Change, ...] = field(default=())

    @property
    def withdrawn(self) -> int:
        """How many decisions of which nothing was sent would be taken back."""
        return sum(change.withdrawn for change in self.changes)

    @property
    def token(self) -> str:
        """A text that changes whenever the effect does."""
        rows = [
            (one.period, one.company_id, one.card_id, one.product, one.agreement, one.before, one.after)
            for one in self.changes
        ]
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]

    @property
    def sentence(self) -> str:
        """Say it for people."""
        if not self.looked_at:
            return "No card is of this now."
        if not self.changes:
            cards = "card it is about looks" if self.looked_at == 1 else "cards it is about look"
            return f"No card would change: the {self.looked_at:,} {cards} the same with it."
        number = len(self.changes)
        sorts = Counter(change.sort for change in self.changes)
        said = ", ".join(f"{many:,} {_words(sort)[many > 1]}" for sort, many in sorts.most_common())
        text = f"{number:,} {'card' if number == 1 else 'cards'} would change: {said}."
        if self.withdrawn == 1:
            text += " 1 decision of which nothing was sent is taken back."
        elif self.withdrawn:
            text += f" {self.withdrawn:,} decisions of which nothing was sent are taken back."
        return text


def _words(sort: str) -> tuple[str, str]:
    return _WORDS.get(sort, _WORDS["other"])


def effect_of(
    session: Session, *, adding: Rule | None, ending: Collection[Rule] = (), today: date, zone: ZoneInfo
) -> Effect:
    """Make the cards that a change of rules is about, as they are and as they would be.

    Args:
        session: For reading.
        adding: A rule that is not stored; none: rules only end.
        ending: Stored rules on the same thing.
        today: In the portal's time zone.
        zone: The portal's time zone.
    """
    aim = adding if adding is not None else next(iter(ending))
    without, plus = [rule.id for rule in ending], [] if adding is None else [adding]
    changes: list[Change] = []
    looked_at = 0
    for month, seen in _pictures(session, aim, today=today, zone=zone):
        other = replace(seen, rules=rules_store.rule_book(session, seen.day, without=without, plus=plus))
        stored = _Stored(session, month, seen)
        for before, after in zip(seen.cards(), other.cards(), strict=True):
            looked_at += 1
            change = stored.change(before, after, other)
            if change is not None:
                changes.append(change)
    changes.sort(key=lambda one: (one.period, one.company.casefold(), one.company_id, one.agreement, one.product))
    return Effect(looked_at=looked_at, changes=tuple(changes))


def numbers_now(
    session: Session, *, company_id: int | None, product: str | None, today: date, zone: ZoneInfo
) -> dict[str, Any]:
    """Give the numbers that an ignore rule on this is set for: those of all cards that ask for a decision.

    Args:
        session: For reading.
        company_id: The company; none: all.
        product: The product; none: all of the company's.
        today: In the portal's time zone.
        zone: The portal's time zone.
    """
    found: dict[Period, dict[tuple[int, str], Seen]] = {month: {} for month in months(session, today)}
    aim = Rule(company_id=company_id, product=product)
    for month, seen in _pictures(session, aim, today=today, zone=zone):
        whole: dict[tuple[int, str], Decimal] = {}
        counts = {(one.company_id, one.product): one.units for one in seen.usage}
        asking = set()
        for card in seen.cards():
            key = (card.company_id, card.product)
            whole[key] = whole.get(key, Decimal(0)) + (card.psa or Decimal(0))
            if card.kind in TO_DECIDE_KINDS:
                asking.add(key)
        found[month] |= {key: Seen(vendor=counts.get(key), psa=whole[key]) for key in asking}
    return rule_numbers.stored(
        {month: [(company, name, one) for (company, name), one in rows.items()] for month, rows in found.items()}
    )


def companies_of(session: Session, rule: Rule, today: date) -> list[int]:
    """Give the companies whose cards a rule is about, in the months that are looked at."""
    if rule.company_id is not None:
        return [rule.company_id]
    query = sa.select(Card.company_id).where(
        Card.product == rule.product, Card.period.in_([str(month) for month in months(session, today)])
    )
    return sorted(set(session.scalars(query)))


def months(session: Session, today: date) -> list[Period]:
    """Give the months whose cards are made anew after a change: the current one, and the last while it has cards."""
    current = Period.holding(today)
    earlier = session.scalar(sa.select(sa.exists().where(Card.period == str(current.previous))))
    return [current.previous, current] if earlier else [current]


def _pictures(session: Session, aim: Rule, *, today: date, zone: ZoneInfo) -> Iterator[tuple[Period, Picture]]:
    """Read what the cards that a rule is about are made of, some companies at a time."""
    companies = companies_of(session, aim, today)
    for month in months(session, today):
        for start in range(0, len(companies), _AT_A_TIME):
            group = companies[start : start + _AT_A_TIME]
            seen = picture(session, period=month, today=today, zone=zone, company_ids=group)
            if aim.product is not None:
                seen = replace(
                    seen,
                    lines=tuple(line for line in seen.lines if line.product == aim.product),
                    usage=tuple(one for one in seen.usage if one.product == aim.product),
                )
            yield month, seen


class _Stored:
    """The stored cards of a month and some companies, with the decisions on them."""

    def __init__(self, session: Session, month: Period, seen: Picture) -> None:
        self.seen, self.month = seen, month
        self.names = {one.id: one.name for one in seen.agreements.values()}
        ids = sorted(seen.company_ids or ())
        cards = session.scalars(sa.select(Card).where(Card.period == str(month), Card.company_id.in_(ids)))
        self.cards = {(card.company_id, card.agreement_id, card.product): card for card in cards}
        wanted = [card.decision_id for card in self.cards.values() if card.decision_id is not None]
        self.decisions: Mapping[int, Decision] = {one.id: one for one in _decisions(session, wanted)}

    def change(self, before: MadeCard, after: MadeCard, other: Picture) -> Change | None:
        """Compare a card made with the rules that hold and with others; none where it asks for the same."""
        if before == after or before.kind is CardKind.STALE:
            return None
        card = self.cards.get((before.company_id, before.agreement_id, before.product))
        decision = None if card is None or card.decision_id is None else self.decisions.get(card.decision_id)
        now, then = self._look(before, self.seen, card, decision), self._look(after, other, card, decision)
        if now == then:
            return None
        return Change(
            period=str(self.month),
            company_id=before.company_id,
            company=self.seen.companies[before.company_id].name,
            agreement="" if before.agreement_id is None else self.names.get(before.agreement_id, ""),
            product=before.product,
            currency=before.currency or "",
            card_id=None if card is None else card.id,
            before=now,
            after=then,
            withdrawn=card is not None and card.state in UNSENT and then.state != card.state,
        )

    def _look(self, made: MadeCard, seen: Picture, card: Card | None, decision: Decision | None) -> Look:
        values = card_facts.values(made, seen, self.names)
        return Look(
            kind=values["kind"],
            state=open_state(values) if card is None else state_with(card, values, decision),
            proposed=values["proposed_quantity"],
            difference=values["difference"],
            revenue=values["revenue_change"],
            sentence="; ".join(made.arithmetic),
        )


def _decisions(session: Session, ids: Sequence[int]) -> Iterable[Decision]:
    for start in range(0, len(ids), _AT_A_TIME):
        yield from session.scalars(sa.select(Decision).where(Decision.id.in_(ids[start : start + _AT_A_TIME])))
