"""Whether this store holds made-up data, and which events tell of such data that are gone."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Setting
from portal.services.errors import Invalid

NAME = "made_up"  # how far made-up data are; it comes and goes with them, and is no setting that people make
ENDED = "made_up_ended"  # the event up to which all that is told of companies, cards and writes may be made up
HOST = "http://127.0.0.1:"
STAYS_AWAY = (
    "This portal holds made-up data, which are never mixed with yours. Remove them first, under Set up; then connect "
    "your own ConnectWise. Nothing was stored."
)


def is_here(session: Session) -> bool:
    """Tell whether made-up data are here, or on their way."""
    return session.get(Setting, NAME) is not None


def refuse_another(session: Session, url: str) -> None:
    """Refuse to connect a ConnectWise beside made-up data.

    Raises:
        Invalid: Made-up data are here, and this is not their ConnectWise.
    """
    mark = session.get(Setting, NAME)
    if mark is None:
        return
    port = mark.value.get("port")
    if port is None or not f"{url.rstrip('/')}/".startswith(f"{HOST}{port}/"):
        raise Invalid(STAYS_AWAY, {"url": STAYS_AWAY})


def of_now(session: Session) -> sa.ColumnElement[bool]:
    """Give the condition that an event may tell of what the store holds now, since ids of made-up things come again."""
    ended = session.get(Setting, ENDED)
    return sa.true() if ended is None else AuditEvent.n > int(ended.value["n"])
