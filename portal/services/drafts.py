"""What a person had typed when their session ended: kept, offered after sign-in, never carried out by itself."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Draft
from portal.services.errors import NotFound

LARGEST = 20_000  # characters of all fields together
KEPT = timedelta(days=7)
SECRET = ("password", "private_key", "secret", "token", "csrf")  # a field with one of these in its name is not kept
SECRETS = frozenset({"old", "code"})  # nor are the password of now and one-time codes


def keep(
    session: Session, *, person_id: int, path: str, fields: Iterable[tuple[str, str]], now: datetime
) -> Draft | None:
    """Keep the fields of a form that came after the session's end.

    Returns:
        What was kept; none where there was nothing to keep, or far too much.
    """
    typed = [[name, value] for name, value in fields if not is_secret(name)]
    if sum(len(name) + len(value) for name, value in typed) > LARGEST:
        return None
    session.execute(sa.delete(Draft).where(Draft.person_id == person_id, Draft.kept_at < now - KEPT))
    draft = Draft(person_id=person_id, path=path, fields={"typed": typed}, kept_at=now)
    session.add(draft)
    session.flush()
    return draft


def is_secret(name: str) -> bool:
    """Tell whether a field of this name may hold what is written down nowhere."""
    low = name.lower()
    return low in SECRETS or any(word in low for word in SECRET)


def newest(session: Session, person_id: int, *, now: datetime) -> Draft | None:
    """Give the newest draft of a person."""
    return session.scalar(
        sa.select(Draft)
        .where(Draft.person_id == person_id, Draft.kept_at > now - KEPT)
        .order_by(Draft.id.desc())
        .limit(1)
    )


def find(session: Session, draft_id: int, *, person_id: int) -> Draft:
    """Give a draft of this person.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    draft = session.get(Draft, draft_id)
    if draft is None or draft.person_id != person_id:
        raise NotFound("There is nothing kept under this address any more.")
    return draft


def drop(session: Session, draft_id: int, *, person_id: int) -> None:
    """Forget a draft; one that is gone already is no error."""
    session.execute(sa.delete(Draft).where(Draft.id == draft_id, Draft.person_id == person_id))
