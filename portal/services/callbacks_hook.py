"""Where ConnectWise posts to: an address with a token that a worker registers there, and that an admin switches."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise
from portal.connectwise.errors import ConnectWiseError, OutcomeUnknown, Rejected, Unreachable
from portal.db.records import CallbackHook, CallbackPost, CallbackRefusal, Connection
from portal.services import audit, push_leases
from portal.services.actors import Actor, require
from portal.services.callbacks import NAME, token_hash
from portal.services.errors import Conflict, NotFound
from portal.services.sealing import Sealer

TYPES = ("agreement", "company")
"""What is registered: agreements, and companies, whose status decides about the scope. The reference knows no callback
of an addition; a change of one is taken to come as its agreement's."""
LEASE = timedelta(minutes=5)
AGAIN = timedelta(minutes=1)  # after ConnectWise did not answer
CHECK = timedelta(days=1)  # how often it is looked whether they still stand
_PATH = "/system/callbacks"
_A_PAGE, _MOST_PAGES = 1000, 20

OpenSession = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedShown:
    """How many posts were refused for a reason.

    Args:
        today: On this day (UTC).
        all: In the last 60 days.
    """

    reason: str
    today: int
    all: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HookShown:
    """Callbacks as the screen shows them.

    Args:
        state: off, wanted, registered or failed.
        waiting: Posts that wait for their key.
        left: Ids of callbacks in ConnectWise that a person has to delete there.
    """

    state: str
    error: str
    registered: tuple[str, ...]
    left: tuple[int, ...]
    registered_at: datetime | None
    accepted: int
    accepted_at: datetime | None
    waiting: int
    refused: tuple[RefusedShown, ...]

    @property
    def on(self) -> bool:
        """Whether posts are taken."""
        return self.state != "off"


def shown(session: Session, *, real_now: datetime) -> HookShown:
    """Give how callbacks are doing."""
    hook = session.get(CallbackHook, NAME)
    today = sa.func.sum(sa.case((CallbackRefusal.day == real_now.date(), CallbackRefusal.times), else_=0))
    refused = session.execute(
        sa.select(
            CallbackRefusal.reason, today, sa.func.sum(CallbackRefusal.times), sa.func.max(CallbackRefusal.last_at)
        )
        .group_by(CallbackRefusal.reason)
        .order_by(CallbackRefusal.reason)
    )
    waiting = sa.select(sa.func.count()).select_from(CallbackPost).where(CallbackPost.state == "waiting")
    return HookShown(
        state="off" if hook is None else hook.state,
        error="" if hook is None else hook.error or "",
        registered=() if hook is None else tuple(str(each["type"]) for each in hook.registered),
        left=() if hook is None else tuple(int(each["id"]) for each in hook.left),
        registered_at=None if hook is None else hook.registered_at,
        accepted=0 if hook is None else hook.accepted,
        accepted_at=None if hook is None else hook.accepted_at,
        waiting=session.scalar(waiting) or 0,
        refused=tuple(
            RefusedShown(reason=reason, today=int(now or 0), all=int(times or 0), last_at=last)
            for reason, now, times, last in refused
        ),
    )


def switch_on(session: Session, *, sealer: Sealer, by: Actor, now: datetime, real_now: datetime) -> None:
    """Ask for callbacks, at an address that nobody knew before; a worker registers it.

    Called again, the address changes: what was registered posts to one that is no longer taken.

    Args:
        session: A writing session.
        sealer: Seals the token.
        by: An admin.
        now: By the business clock.
        real_now: Real time.

    Raises:
        NotAllowed: The role is too low.
        NotFound: ConnectWise is not connected yet.
    """
    require(by, "admin", "switch callbacks")
    if session.get(Connection, NAME) is None:
        raise NotFound("ConnectWise is not connected yet. An admin can connect it under Connections.")
    hook = session.get(CallbackHook, NAME, populate_existing=True)
    was_on = hook is not None and hook.state != "off"
    if hook is None:
        hook = CallbackHook(name=NAME, registered=[], left=[], accepted=0)
        session.add(hook)
    token = secrets.token_urlsafe(32)
    hook.token_hash, hook.sealed_token = token_hash(token), sealer.seal(token)
    hook.left = [*hook.left, *hook.registered]
    hook.registered, hook.registered_at, hook.error = [], None, None
    hook.state, hook.worker, hook.leased_until, hook.next_try_at = "wanted", None, None, None
    if not was_on:
        hook.accepted, hook.accepted_at = 0, None
    hook.set_by, hook.set_at = by.name, real_now
    session.flush()
    sentence = "Changed the address to which ConnectWise posts." if was_on else "Switched callbacks of ConnectWise on."
    audit.record(
        session, what="setting", action="callbacks.on", by=by, now=now, sentence=sentence,
        before="on" if was_on else "off", after="on",
    )  # fmt: skip


def switch_off(session: Session, *, by: Actor, now: datetime, real_now: datetime) -> None:
    """Take no more posts. What was registered stays in ConnectWise until a person deletes it there.

    Raises:
        NotAllowed: The role is too low.
        Conflict: They are off already.
    """
    require(by, "admin", "switch callbacks")
    hook = session.get(CallbackHook, NAME, populate_existing=True)
    if hook is None or hook.state == "off":
        raise Conflict("Callbacks are off already. Somebody was quicker.")
    hook.left = [*hook.left, *hook.registered]
    hook.registered, hook.registered_at, hook.error = [], None, None
    hook.token_hash = hook.sealed_token = None
    hook.state, hook.worker, hook.leased_until, hook.next_try_at = "off", None, None, None
    hook.set_by, hook.set_at = by.name, real_now
    session.flush()
    audit.record(
        session, what="setting", action="callbacks.off", by=by, now=now,
        sentence="Switched callbacks of ConnectWise off.", before="on", after="off",
    )  # fmt: skip


def forget_left(session: Session, *, by: Actor, now: datetime) -> None:
    """Take a person's word that what was left in ConnectWise is deleted there.

    Raises:
        NotAllowed: The role is too low.
    """
    require(by, "admin", "switch callbacks")
    hook = session.get(CallbackHook, NAME, populate_existing=True)
    if hook is None or not hook.left:
        return
    gone = ", ".join(str(each["id"]) for each in hook.left)
    hook.left = []
    session.flush()
    audit.record(
        session, what="setting", action="callbacks.forgotten", by=by, now=now,
        sentence=f"Said that the callbacks {gone} are deleted in ConnectWise.",
    )  # fmt: skip


def is_due(session: Session, real_now: datetime) -> bool:
    """Tell whether a worker has to register callbacks, or to look whether they still stand; reads only."""
    return bool(session.scalar(sa.select(sa.exists().where(CallbackHook.name == NAME, _due(real_now)))))


def register(
    open_session: OpenSession,
    client: ConnectWise,
    *,
    base_url: str,
    sealer: Sealer,
    real_now: Callable[[], datetime],
) -> bool:
    """Register what is missing in ConnectWise. Each time it is looked first, so nothing is registered twice.

    Args:
        open_session: Opens one writing transaction and commits it at its end.
        client: The PSA.
        base_url: How ConnectWise reaches the portal.
        sealer: Opens the token.
        real_now: Real time.

    Returns:
        Whether all stands.
    """
    worker = push_leases.worker_name()
    with open_session() as session:
        hook = session.get(CallbackHook, NAME, populate_existing=True)
        claim = sa.update(CallbackHook).where(CallbackHook.name == NAME, _due(real_now()))
        claim = claim.values(worker=worker, leased_until=real_now() + LEASE)
        claimed = session.execute(claim.returning(CallbackHook.name)).scalar_one_or_none()
        if hook is None or claimed is None or hook.sealed_token is None:
            return False
        url = f"{base_url}/callbacks/connectwise/{sealer.open(hook.sealed_token)}"
    values: dict[str, Any]
    try:
        found, listed = _registered(client, url)
        values = {"state": "registered", "registered": found, "registered_at": real_now(), "error": None}
    except Unreachable as error:
        listed = None
        values = {"error": f"{error} It is tried again by itself.", "next_try_at": real_now() + AGAIN}
    except OutcomeUnknown as error:
        listed = None
        values = {"error": str(error), "next_try_at": real_now() + AGAIN}
    except ConnectWiseError as error:
        listed, values = None, {"state": "failed", "error": _why(error)}
    with open_session() as session:
        hook = session.get(CallbackHook, NAME, populate_existing=True)
        if hook is None or hook.worker != worker:
            return False  # switched meanwhile: what was made posts to an address that nobody takes
        for name, value in ({"worker": None, "leased_until": None, "next_try_at": None} | values).items():
            setattr(hook, name, value)
        if listed is not None:
            hook.left = [each for each in hook.left if each["id"] in listed]
    return values.get("state") == "registered"


def _due(real_now: datetime) -> sa.ColumnElement[bool]:
    free = sa.or_(CallbackHook.leased_until.is_(None), CallbackHook.leased_until < real_now)
    rested = sa.or_(CallbackHook.next_try_at.is_(None), CallbackHook.next_try_at <= real_now)
    old = sa.and_(CallbackHook.state == "registered", CallbackHook.registered_at < real_now - CHECK)
    return sa.and_(free, rested, sa.or_(CallbackHook.state == "wanted", old))


def _registered(client: ConnectWise, url: str) -> tuple[list[dict[str, Any]], set[int]]:
    """Register what does not stand yet; give ours, and the ids of all that is active."""
    rows = [row for row in _all_of(client) if row.get("inactiveFlag") is not True]
    active = {found_id for row in rows if isinstance(found_id := row.get("id"), int)}
    found: list[dict[str, Any]] = []
    for kind in TYPES:
        ours = next((row for row in rows if _is_ours(row, kind, url)), None)
        if ours is None:
            body = {"description": "Countersign", "url": url, "objectId": 1, "type": kind, "level": "owner"}
            made = client.transport.post(_PATH, body).value
            ours = made if isinstance(made, Mapping) else {}
        if isinstance(ours.get("id"), int):
            found.append({"id": ours["id"], "type": kind})
    return found, active


def _all_of(client: ConnectWise) -> list[Mapping[str, object]]:
    """Read all callbacks that stand in ConnectWise."""
    rows: list[Mapping[str, object]] = []
    for page in range(1, _MOST_PAGES + 1):
        answer = client.transport.get(_PATH, {"page": str(page), "pageSize": str(_A_PAGE)})
        found = answer.value if isinstance(answer.value, list) else []
        rows += [row for row in found if isinstance(row, Mapping)]
        if not answer.more:
            break
    return rows


def _is_ours(row: Mapping[str, object], kind: str, url: str) -> bool:
    same = str(row.get("type", "")).lower() == kind and str(row.get("level", "")).lower() == "owner"
    return same and row.get("url") == url


def _why(error: ConnectWiseError) -> str:
    if isinstance(error, Rejected) and error.forbidden:
        return (
            "The role of the API member may not register callbacks. In ConnectWise, under System, Security Roles, give "
            "it Add and Inquire for callbacks (System), then switch them on again."
        )
    return f"ConnectWise did not take the callbacks: {error}"
