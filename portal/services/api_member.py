"""Who we are in ConnectWise: the name of our API member, by which its changes are told from those of people.

It is learned from what ConnectWise says of itself, before anything is written: its account (`/system/myAccount`,
assumption: not every release has it), else the callbacks that we registered. What ConnectWise answers to a write of
ours names it in any case. While it is not known, nothing is taken for ours whose answer was lost.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError
from portal.db.records import CallbackHook, Connection
from portal.services import audit
from portal.services.actors import SYSTEM

NAME = "connectwise"
_MOST = 3  # callbacks that are asked for


def our_callbacks(session: Session) -> list[int]:
    """Give the ids of the callbacks that we registered, and that may still stand."""
    hook = session.get(CallbackHook, NAME)
    return [] if hook is None else [int(each["id"]) for each in (*hook.registered, *hook.left)]


def find(client: ConnectWise, callback_ids: Sequence[int]) -> str:
    """Ask ConnectWise who we are; "": it does not say. Never raises for what ConnectWise does.

    Args:
        client: The PSA.
        callback_ids: Callbacks that we registered, as `our_callbacks` gave them.
    """
    try:
        if found := client.system.me():
            return found
    except ConnectWiseError:
        pass  # not every release tells, and not every role may ask
    for callback_id in callback_ids[:_MOST]:
        try:
            if found := client.system.callbacks.registrant(callback_id):
                return found
        except ConnectWiseError:
            continue
    return ""


def learn(session: Session, member: str, *, now: datetime) -> None:
    """Keep the name; with an event where it is new or another one than before.

    Args:
        session: A writing session.
        member: As ConnectWise writes it; empty: it does not tell.
        now: By the business clock.
    """
    connection = session.get(Connection, NAME)
    if connection is None or not member or connection.member == member:
        return
    before, connection.member = connection.member, member
    session.flush()
    audit.record(
        session,
        what="setting",
        action="connection.member",
        by=SYSTEM,
        now=now,
        sentence=f"ConnectWise names our API member “{member}”: its changes are ours.",
        before=before,
        after=member,
    )
