"""Views of the board under a name: a person's own, and shared ones that managers keep for everybody.

One of them may open the board for a person by itself. What is shared concerns others too and is in the audit trail.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Person, SavedView
from portal.services import audit, people
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound

LONGEST = 60  # characters of a name
MOST = 50  # views of one person
DEFAULT = "board_view"  # the preference that holds the id of the view with which the board opens


def seen_by(session: Session, person_id: int) -> list[SavedView]:
    """Give a person's own views and the shared ones, own first, each by name."""
    query = sa.select(SavedView).where(sa.or_(SavedView.owner_id == person_id, SavedView.shared.is_(True)))
    return list(session.scalars(query.order_by(SavedView.owner_id != person_id, SavedView.key, SavedView.id)))


def owners(session: Session, views: list[SavedView]) -> dict[int, str]:
    """Give the names of those whose views these are, by their id."""
    ids = {view.owner_id for view in views}
    return dict(session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids))).all())


def default_of(session: Session, person_id: int, preferences: Mapping[str, Any]) -> SavedView | None:
    """Give the view with which the board opens for a person; none where it is gone or no longer shared."""
    chosen = preferences.get(DEFAULT)
    view = session.get(SavedView, chosen) if isinstance(chosen, int) else None
    return view if view is not None and (view.shared or view.owner_id == person_id) else None


def save(session: Session, *, name: str, query: str, shared: bool, by: Actor, now: datetime) -> SavedView:
    """Keep a filter under a name.

    Args:
        session: A writing session.
        name: As people will read it.
        query: The board's parameters, as it reads them.
        shared: Everybody sees it.
        by: Anybody who signs in; sharing takes a manager.
        now: By the business clock.

    Raises:
        NotAllowed: It is to be shared, and the role is too low.
        Invalid: The name is empty or too long, or there are too many.
        Conflict: The person has a view of this name.
    """
    owner = _person(by)
    if shared:
        require(by, "manager", "share views")
    named = _name(session, owner, name)
    number = session.scalar(sa.select(sa.func.count()).select_from(SavedView).where(SavedView.owner_id == owner))
    if (number or 0) >= MOST:
        sentence = f"You have {MOST} views already. Delete one, then save this one."
        raise Invalid(sentence, {"name": sentence})
    view = SavedView(
        owner_id=owner, name=named, key=named.casefold(), query=query, shared=shared, made_at=now, changed_at=now
    )
    session.add(view)
    session.flush()
    if shared:
        _tell(session, view, "share", f"Shared the view “{named}” of the board.", by, now, after=query)
    return view


def rename(session: Session, view_id: int, *, name: str, by: Actor, now: datetime) -> SavedView:
    """Give a view another name.

    Raises:
        NotFound: No such view, or it is another person's own.
        NotAllowed: It is shared by somebody else, and the role is too low.
        Invalid: The name is empty or too long.
        Conflict: Its owner has a view of this name.
    """
    view = _to_change(session, view_id, by)
    before = view.name
    if name.strip() == before:
        return view
    view.name = _name(session, view.owner_id, name, but=view.id)
    view.key, view.changed_at = view.name.casefold(), now
    session.flush()
    if view.shared:
        said = f"Renamed the shared view “{before}” to “{view.name}”."
        _tell(session, view, "rename", said, by, now, before=before, after=view.name)
    return view


def share(session: Session, view_id: int, *, shared: bool, by: Actor, now: datetime) -> SavedView:
    """Share a view with everybody, or keep it for its owner again.

    Raises:
        NotFound: No such view, or it is another person's own.
        NotAllowed: The role is too low.
    """
    require(by, "manager", "share views")
    view = _to_change(session, view_id, by)
    if view.shared != shared:
        view.shared, view.changed_at = shared, now
        session.flush()
        said = f"Shared the view “{view.name}” of the board." if shared else f"Stopped sharing the view “{view.name}”."
        change = {"after": view.query} if shared else {"before": view.query}
        _tell(session, view, "share" if shared else "unshare", said, by, now, **change)
    return view


def delete(session: Session, view_id: int, *, by: Actor, now: datetime) -> str:
    """Delete a view; for whom it opened the board, the board opens as it is.

    Returns:
        Its name.

    Raises:
        NotFound: No such view, or it is another person's own.
        NotAllowed: It is shared by somebody else, and the role is too low.
    """
    view = _to_change(session, view_id, by)
    if view.shared:
        said = f"Deleted the shared view “{view.name}” of the board."
        _tell(session, view, "delete", said, by, now, before=view.query)
    session.delete(view)
    session.flush()
    return view.name


def open_with(session: Session, view_id: int | None, *, by: Actor) -> SavedView | None:
    """Let the board open with a view for this person, or as it is with none.

    Raises:
        NotFound: No such view, or it is another person's own.
    """
    owner = _person(by)
    view = None if view_id is None else _seen(session, view_id, by)
    people.set_preferences(session, owner, {DEFAULT: None if view is None else view.id})
    return view


def _person(by: Actor) -> int:
    if by.person_id is None:
        raise NotAllowed("Views belong to people who sign in.")
    return by.person_id


def _seen(session: Session, view_id: int, by: Actor) -> SavedView:
    view = session.get(SavedView, view_id)
    if view is None or not (view.shared or view.owner_id == by.person_id):
        raise NotFound("There is no such view. It may have been deleted, or its owner no longer shares it.")
    return view


def _to_change(session: Session, view_id: int, by: Actor) -> SavedView:
    view = _seen(session, view_id, by)
    if view.shared:
        require(by, "manager", "change a shared view")
    return view


def _name(session: Session, owner: int, name: str, *, but: int | None = None) -> str:
    text = " ".join(name.split())
    if not text or len(text) > LONGEST:
        sentence = f"Give the view a name of at most {LONGEST} characters."
        raise Invalid(sentence, {"name": sentence})
    query = sa.select(SavedView.id).where(SavedView.owner_id == owner, SavedView.key == text.casefold())
    if (found := session.scalar(query)) is not None and found != but:
        raise Conflict(
            f"There is a view “{text}” already. Nothing was changed; choose another name, or delete that one."
        )
    return text


def _tell(
    session: Session,
    view: SavedView,
    action: str,
    sentence: str,
    by: Actor,
    now: datetime,
    *,
    before: str | None = None,
    after: str | None = None,
) -> None:
    audit.record(
        session,
        what="setting",
        action=f"view.{action}",
        by=by,
        now=now,
        sentence=sentence,
        before=before,
        after=after,
        details={"view": view.id, "query": view.query},
    )
