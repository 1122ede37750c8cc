"""What meanings would do before they are given: companies that join or leave the scope, and the cards that follow."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, PsaCompany, Push
from portal.domain.cards import CardKind
from portal.domain.periods import Period
from portal.domain.scope import Scope
from portal.services import scope
from portal.services.card_making import DECIDABLE, TO_DECIDE_KINDS, UNSENT
from portal.services.card_picture import picture
from portal.services.status_words import ListName, check

Wanted = Mapping[tuple[ListName, int], str]
"""(`status` or `type`, the PSA's id) to the meaning that somebody is about to give."""

_Sort = tuple[int, bool, bool]  # of a card: its company, whether it is to be decided, whether it has no agreement


@dataclass(frozen=True, slots=True)
class CardCount:
    """Cards that people have not settled.

    Args:
        to_decide: Those that ask for a decision.
        others: The rest: equal numbers, products that no vendor counts.
    """

    to_decide: int = 0
    others: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.to_decide + self.others

    def __bool__(self) -> bool:
        return self.total > 0

    def __str__(self) -> str:
        decide = _many(self.to_decide, "card to decide", "cards to decide")
        if not self.others:
            return decide
        if not self.to_decide:
            return _many(self.others, "card that asks nothing", "cards that ask nothing")
        return f"{decide} and {_many(self.others, 'other', 'others')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What meanings would do to the companies that carry the rows.

    Args:
        stay: Companies in scope before and after.
        join: Names of those that would come into scope.
        leave: Names of those that would leave it.
        cards: Cards of the latter that would become stale.
        loose: Of these, those without an agreement: they go, since there is nothing to write to.
        coming: Cards of the same months that would come for the former; none: not counted.
        writes: Decided writes of the latter, not yet sent, that would be stopped.
    """

    stay: int
    join: tuple[str, ...]
    leave: tuple[str, ...]
    cards: CardCount
    loose: int = 0
    coming: CardCount | None = None
    writes: int = 0

    @property
    def sentence(self) -> str:
        """Say it for people."""
        stays = _many(self.stay, "company stays", "companies stay")
        joins = _many(len(self.join), "joins", "join")
        if self.join and self.coming is not None:
            joins += f" with {self.coming or 'no card'}"
        leaves = _many(len(self.leave), "leaves", "leave")
        text = f"{stays} in scope, {joins}, {leaves}"
        if not self.leave:
            return f"{text}."
        text += f" with {self.cards}: {self._fate('becomes', 'become')}." if self.cards else ", without open cards."
        if self.writes:
            text += f" {_many(self.writes, 'write that waits is', 'writes that wait are')} stopped."
        return text

    def _fate(self, one: str, more: str) -> str:
        """Say what becomes of the cards of those that leave: those without an agreement go."""
        stale = self.cards.total - self.loose
        said = [f"{stale} {one if stale == 1 else more} stale"] if stale else []
        if self.loose:
            said.append(f"{self.loose} without an agreement {'goes' if self.loose == 1 else 'go'}")
        return " and ".join(said)

    @property
    def done(self) -> str:
        """Say it once the meanings are given."""
        parts = []
        if self.join:
            cards = "" if self.coming is None else f" with {self.coming or 'no card'}"
            parts.append(f"{_many(len(self.join), 'company joined', 'companies joined')} the scope{cards}")
        if self.leave:
            cards = f" with {self.cards}: {self._fate('became', 'became')}" if self.cards else ""
            parts.append(f"{_many(len(self.leave), 'company left', 'companies left')} the scope{cards}")
        return f"{'; '.join(parts)}." if parts else "No company joined or left the scope."


def effect_of(session: Session, list_name: ListName, psa_id: int, meaning: str, *, today: date) -> Effect:
    """Tell what one meaning would do, before it is given.

    Raises:
        Invalid: There is no such meaning.
    """
    return effects_of(session, {(list_name, psa_id): meaning}, today=today)[list_name, psa_id]


def effects_of(session: Session, wanted: Wanted, *, today: date) -> dict[tuple[ListName, int], Effect]:
    """Tell of several meanings what each would do if it were given alone; more of them need no more queries.

    Raises:
        Invalid: There is no such meaning.
    """
    for (list_name, _psa_id), meaning in wanted.items():
        check(list_name, meaning)
    world = _World(session)
    moves = {key: world.moves({key: meaning}) for key, meaning in wanted.items()}
    left = {company.id for _stay, _join, leave in moves.values() for company in leave}
    cards, writes = _open_cards(session, left, _months(session, today)), _writes(session, left)
    return {key: _effect(stay, join, leave, cards, writes) for key, (stay, join, leave) in moves.items()}


def joint_effect(session: Session, wanted: Wanted, *, today: date, zone: ZoneInfo) -> Effect:
    """Tell what several meanings would do if all were given at once, with the cards that would come.

    Args:
        session: For reading.
        wanted: The meanings; they need not differ from those that hold.
        today: In the portal's time zone.
        zone: The portal's time zone.

    Raises:
        Invalid: There is no such meaning.
    """
    for (list_name, _psa_id), meaning in wanted.items():
        check(list_name, meaning)
    stay, join, leave = _World(session).moves(wanted)
    left = {company.id for company in leave}
    months = _months(session, today)
    found = _effect(stay, join, leave, _open_cards(session, left, months), _writes(session, left))
    return replace(found, coming=_coming(session, join, months, today=today, zone=zone))


class _World:
    """The companies with their scope as it is, read once."""

    def __init__(self, session: Session) -> None:
        self.known = scope.meanings(session)
        self.companies = scope.carriers(session)

    def moves(self, wanted: Wanted) -> tuple[int, list[PsaCompany], list[PsaCompany]]:
        """Give how many of the carriers stay in scope, and which join and leave it."""
        would: dict[tuple[str, int], str] = {**self.known}
        would.update({(name, psa_id): meaning for (name, psa_id), meaning in wanted.items()})
        stay, join, leave = 0, [], []
        for company, types in self.companies:
            if company.deleted or company.gone_at is not None:
                continue
            rows = {("status", company.status_id), *(("type", one) for one in types)}
            if not rows & wanted.keys():
                continue
            after: Scope = scope.scope_with(company, types, would)
            if company.in_scope and after.in_scope:
                stay += 1
            elif after.in_scope:
                join.append(company)
            elif company.in_scope:
                leave.append(company)
        return stay, join, leave


def _effect(
    stay: int, join: list[PsaCompany], leave: list[PsaCompany], cards: Counter[_Sort], writes: Counter[int]
) -> Effect:
    ids = {company.id for company in leave}
    going = Counter[tuple[bool, bool]]()
    for (company_id, to_decide, loose), number in cards.items():
        if company_id in ids:
            going[to_decide, loose] += number
    return Effect(
        stay=stay,
        join=tuple(sorted(company.name for company in join)),
        leave=tuple(sorted(company.name for company in leave)),
        cards=CardCount(going[True, False] + going[True, True], going[False, False] + going[False, True]),
        loose=going[True, True] + going[False, True],
        writes=sum(writes[company.id] for company in leave),
    )


def _months(session: Session, today: date) -> list[Period]:
    """Give the months whose cards are made anew after a change: the current one, and the last while it has cards."""
    current = Period.holding(today)
    earlier = session.scalar(sa.select(sa.exists().where(Card.period == str(current.previous))))
    return [current.previous, current] if earlier else [current]


def _open_cards(session: Session, company_ids: Collection[int], months: Sequence[Period]) -> Counter[_Sort]:
    """Count the cards of companies that nobody has settled, whether there is something to decide or not."""
    if not company_ids:
        return Counter()
    sort = (Card.company_id, Card.kind.in_(sorted(TO_DECIDE_KINDS)), Card.agreement_id.is_(None))
    query = (
        sa.select(*sort, sa.func.count())
        .where(
            Card.company_id.in_(company_ids),
            Card.period.in_([str(month) for month in months]),
            Card.state.in_(sorted(DECIDABLE | UNSENT)),
            Card.gone_at.is_(None),
        )
        .group_by(*sort)
    )
    return Counter({(one, bool(decide), bool(loose)): number for one, decide, loose, number in session.execute(query)})


def _writes(session: Session, company_ids: Collection[int]) -> Counter[int]:
    """Count the decided writes of companies that no worker has begun, by company."""
    if not company_ids:
        return Counter()
    query = (
        sa.select(Card.company_id, sa.func.count())
        .join(Push, Push.card_id == Card.id)
        .where(Card.company_id.in_(company_ids), Push.state.in_(sorted(UNSENT | {"queued"})))
        .group_by(Card.company_id)
    )
    return Counter(dict(session.execute(query).all()))


def _coming(
    session: Session, join: list[PsaCompany], months: Sequence[Period], *, today: date, zone: ZoneInfo
) -> CardCount:
    """Count the cards that companies would get in scope."""
    found = CardCount()
    ids = {company.id for company in join}
    for month in months if ids else ():
        seen = picture(session, period=month, today=today, zone=zone, company_ids=ids)
        inside = {number: replace(company, in_scope=True) for number, company in seen.companies.items()}
        cards = [card for card in replace(seen, companies=inside).cards() if card.kind is not CardKind.STALE]
        cards = [card for card in cards if card.ignored is None]  # a rule leaves those alone: nobody is asked
        decide = sum(card.kind in TO_DECIDE_KINDS for card in cards)
        found = CardCount(found.to_decide + decide, found.others + len(cards) - decide)
    return found


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
