"""What the list of pushes shows: one part of the overview, narrowed to what was searched for, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.db.records import Card, Drift, PsaAgreement, Push
from portal.services import decision_bulk
from portal.services.push_overview import Show, condition
from portal.web.cards.sentences import did
from portal.web.cards.words import STATES, Sign
from portal.web.pushes.routes import abandonable, next_try, retryable, seconds_to, sentence, step_words

PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A push in the list.

    Args:
        did: Who decided what, such as "Jo Vale approved 21".
        steps: What is sent, in words.
        why: Why it stands where it stands.
        since: Since when it does: a moment of real time while it cannot go on, else by the business clock.
        worker: Which worker has it; "" for none.
        seconds: Until it is tried next; none where it is not waiting for that.
    """

    push: Push
    agreement: str
    sign: Sign
    did: str
    steps: tuple[str, ...]
    done: int
    why: str
    since: datetime
    worker: str
    seconds: int | None

    @property
    def retryable(self) -> bool:
        """Whether a person may try it again."""
        return retryable(self.push)

    @property
    def abandonable(self) -> bool:
        """Whether a person may give it up."""
        return abandonable(self.push)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the list."""

    rows: list[Row]
    total: int
    number: int
    pages: int


def page_of(session: Session, show: Show, words: str, number: int, *, batch_id: int | None = None) -> Page:
    """Read a page of one part of the overview, in a fixed number of queries.

    Args:
        session: For reading.
        show: The part.
        words: What company, product, agreement, cause or number has to contain; "" for all.
        number: Of the page, from 1; one that is not there becomes the nearest.
        batch_id: Only pushes of this batch.
    """
    where = [condition(show), *_narrowed(words)]
    if batch_id is not None:
        where.append(Push.decision.has(decision_bulk.members(batch_id)))
    total = session.scalar(sa.select(sa.func.count(Push.id)).join(Card, Card.id == Push.card_id).where(*where)) or 0
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(number, 1), pages)
    order = Push.id.desc() if show == "settled" else Push.id
    query = (
        sa.select(Push)
        .join(Card, Card.id == Push.card_id)
        .where(*where)
        .options(selectinload(Push.steps), joinedload(Push.card), joinedload(Push.decision))
        .order_by(order)
        .limit(PER_PAGE)
        .offset((number - 1) * PER_PAGE)
    )
    found = session.scalars(query).all()
    names = _agreements(session, {push.agreement_id for push in found})
    return Page(rows=[_row(push, names) for push in found], total=total, number=number, pages=pages)


def drifts_of(
    session: Session, words: str, number: int, *, known: bool
) -> tuple[Sequence[Drift], dict[int, str], int, int, int]:
    """Read a page of what was changed after it was confirmed.

    Args:
        session: For reading.
        words: As in `page_of`.
        number: Likewise.
        known: Also what somebody acknowledged, or what is over.

    Returns:
        The rows, names of agreements, how many there are, the page and the number of pages.
    """
    where = list(_narrowed(words))
    if not known:
        where += [Drift.acknowledged_at.is_(None), Drift.over_at.is_(None)]
    joined = sa.select(Drift).join(Push, Push.id == Drift.push_id).join(Card, Card.id == Push.card_id).where(*where)
    total = session.scalar(sa.select(sa.func.count()).select_from(joined.subquery())) or 0
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(number, 1), pages)
    loaded = joined.options(
        joinedload(Drift.push).joinedload(Push.card), joinedload(Drift.push).joinedload(Push.decision)
    )
    rows = session.scalars(loaded.order_by(Drift.id.desc()).limit(PER_PAGE).offset((number - 1) * PER_PAGE)).all()
    return rows, _agreements(session, {row.agreement_id for row in rows}), total, number, pages


def _narrowed(words: str) -> list[sa.ColumnElement[bool]]:
    if not words:
        return []
    fits = [
        column.icontains(words, autoescape=True)
        for column in (Card.company, Card.product, Card.product_name, Push.cause)
    ]
    agreement = sa.select(PsaAgreement.id).where(PsaAgreement.name.icontains(words, autoescape=True))
    fits.append(Push.agreement_id.in_(agreement))
    if words.isascii() and words.isdigit() and len(words) <= 9:  # noqa: PLR2004 - an id has nine digits at most
        fits += [Push.id == int(words), Push.agreement_id == int(words)]
    return [sa.or_(*fits)]


def _agreements(session: Session, ids: set[int]) -> dict[int, str]:
    query = sa.select(PsaAgreement.id, PsaAgreement.name).where(PsaAgreement.id.in_(ids))
    return dict(session.execute(query).all())


def _row(push: Push, names: dict[int, str]) -> Row:
    decision = push.decision
    return Row(
        push=push,
        agreement=names.get(push.agreement_id) or f"agreement {push.agreement_id}",
        sign=STATES[push.state],
        did=f"{decision.by} {did(decision)}",
        steps=tuple(step_words(step) for step in push.steps),
        done=sum(1 for step in push.steps if step.state in {"done", "found"}),
        why=sentence(push),
        since=push.troubled_since or push.settled_at or push.queued_at,
        worker=push.worker or "",
        seconds=None if push.worker is not None else seconds_to(next_try(push)),
    )
