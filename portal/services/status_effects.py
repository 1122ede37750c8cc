"""What meanings would do before they are given: companies that join or leave the scope, and the cards that follow."""

from collections import Counter
from collections.abc import Collection, Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What meanings would do to the companies that carry the rows.

    Args:
        stay: Companies in scope before and after.
        join: Names of those that would come into scope.
        leave: Names of those that would leave it.
        open_cards: Cards of the latter that would become stale.
        coming: Cards that would be made for the former; none: not counted.
        writes: Decided writes of the latter, not yet sent, that would be stopped.
    """

    stay: int
    join: tuple[str, ...]
    leave: tuple[str, ...]
    open_cards: int
    coming: int | None = None
    writes: int = 0

    @property
    def sentence(self) -> str:
        """Say it for people."""
        stays = _many(self.stay, "company stays", "companies stay")
        joins = _many(len(self.join), "joins", "join")
        if self.join and self.coming is not None:
            joins += f" with {_many(self.coming, 'card', 'cards')}"
        leaves = _many(len(self.leave), "leaves", "leave")
        text = f"{stays} in scope, {joins}, {leaves}"
        if not self.leave:
            return f"{text}."
        if not self.open_cards:
            text = f"{text}, without open cards."
        else:
            text += f" with {_many(self.open_cards, 'open card: it becomes', 'open cards: they become')} stale."
        if self.writes:
            text += f" {_many(self.writes, 'write that waits is', 'writes that wait are')} stopped."
        return text

    @property
    def done(self) -> str:
        """Say it once the meanings are given."""
        parts = []
        if self.join:
            cards = "" if self.coming is None else f" with {_many(self.coming, 'card', 'cards')}"
            parts.append(f"{_many(len(self.join), 'company joined', 'companies joined')} the scope{cards}")
        if self.leave:
            cards = f" with {_many(self.open_cards, 'open card', 'open cards')}, now stale" if self.open_cards else ""
            parts.append(f"{_many(len(self.leave), 'company left', 'companies left')} the scope{cards}")
        return f"{'; '.join(parts)}." if parts else "No company joined or left the scope."


def effect_of(session: Session, list_name: ListName, psa_id: int, meaning: str) -> Effect:
    """Tell what one meaning would do, before it is given.

    Raises:
        Invalid: There is no such meaning.
    """
    return effects_of(session, {(list_name, psa_id): meaning})[list_name, psa_id]


def effects_of(session: Session, wanted: Wanted) -> dict[tuple[ListName, int], Effect]:
    """Tell of several meanings what each would do if it were given alone; more of them need no more queries.

    Raises:
        Invalid: There is no such meaning.
    """
    for (list_name, _psa_id), meaning in wanted.items():
        check(list_name, meaning)
    world = _World(session)
    moves = {key: world.moves({key: meaning}) for key, meaning in wanted.items()}
    left = {company.id for _stay, _join, leave in moves.values() for company in leave}
    cards, writes = _open_cards(session, left), _writes(session, left)
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
    found = _effect(stay, join, leave, _open_cards(session, left), _writes(session, left))
    return replace(found, coming=_coming(session, join, today=today, zone=zone))


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
    stay: int, join: list[PsaCompany], leave: list[PsaCompany], cards: Counter[int], writes: Counter[int]
) -> Effect:
    return Effect(
        stay=stay,
        join=tuple(sorted(company.name for company in join)),
        leave=tuple(sorted(company.name for company in leave)),
        open_cards=sum(cards[company.id] for company in leave),
        writes=sum(writes[company.id] for company in leave),
    )


def _open_cards(session: Session, company_ids: Collection[int]) -> Counter[int]:
    """Count the cards to decide of companies, by company."""
    if not company_ids:
        return Counter()
    query = (
        sa.select(Card.company_id, sa.func.count())
        .where(
            Card.company_id.in_(company_ids),
            Card.state.in_(sorted(DECIDABLE | UNSENT)),
            Card.kind.in_(sorted(TO_DECIDE_KINDS)),
            Card.gone_at.is_(None),
        )
        .group_by(Card.company_id)
    )
    return Counter(dict(session.execute(query).all()))


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


def _coming(session: Session, join: list[PsaCompany], *, today: date, zone: ZoneInfo) -> int:
    """Count the cards of this month that companies would get in scope."""
    if not join:
        return 0
    ids = {company.id for company in join}
    seen = picture(session, period=Period.holding(today), today=today, zone=zone, company_ids=ids)
    inside = {number: replace(company, in_scope=True) for number, company in seen.companies.items()}
    return sum(card.kind is not CardKind.STALE for card in replace(seen, companies=inside).cards())


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
