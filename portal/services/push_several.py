"""Several pushes tried again or given up at once, each by itself: one that cannot be is left, and named."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.db.records import Push
from portal.services import pushes
from portal.services.actors import Actor, require
from portal.services.errors import Invalid, Refused

MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """What became of several pushes.

    Args:
        done: Those that were tried again, or given up.
        left: The others, each with why.
    """

    done: tuple[int, ...]
    left: tuple[tuple[int, str], ...]


def retry_many(session: Session, push_ids: Iterable[int], *, by: Actor, now: datetime) -> Several:
    """Try several pushes again; wake workers for `done` after the commit.

    Args:
        session: A writing session.
        push_ids: The pushes; each counts once.
        by: A biller or above.
        now: By the business clock.

    Raises:
        NotAllowed: The role does not allow it.
        Invalid: None was chosen, or more than `MOST`.
    """
    require(by, "biller", "try writes again")
    return _each(session, push_ids, lambda push_id: pushes.retry(session, push_id, by=by, now=now))


def give_up_many(
    session: Session, push_ids: Iterable[int], *, by: Actor, now: datetime, reason: str | None = None
) -> Several:
    """Give several pushes up; arguments and errors as in `retry_many`."""
    require(by, "biller", "give writes up")
    return _each(session, push_ids, lambda push_id: pushes.give_up(session, push_id, by=by, now=now, reason=reason))


def _each(session: Session, push_ids: Iterable[int], act: Callable[[int], Push]) -> Several:
    chosen = list(dict.fromkeys(push_ids))
    if not chosen:
        raise Invalid("No write is ticked. Nothing was changed.", {"push_id": "Tick a write."})
    if len(chosen) > MOST:
        raise Invalid(f"{len(chosen):,} writes are more than the {MOST} that are taken at once. Tick fewer.")
    done, left = [], []
    for push_id in chosen:
        try:
            with session.begin_nested():
                act(push_id)
        except Refused as error:
            left.append((push_id, str(error)))
        else:
            done.append(push_id)
    return Several(done=tuple(done), left=tuple(left))
