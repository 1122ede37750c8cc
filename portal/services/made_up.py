"""Made-up data to look around: asked for on an empty store, loaded by a worker, and removed as a whole.

They can only be asked for while nothing is here that removing them would take away, and no other ConnectWise can be
connected beside them, so neither can ever be mixed with one's own. People, settings and the audit trail stay.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.base import Base
from portal.db.records import AgreementLease, Notice, Setting, SyncRun, UsageImport
from portal.services import audit, sample_sets, setting_up
from portal.services.actors import Actor, require
from portal.services.errors import Conflict
from portal.services.made_up_mark import ENDED, NAME

SILENT = timedelta(minutes=2)  # real time after which a loading that says nothing is taken up by another worker
SHOWN = 60  # things done that are kept for the page
OPEN = ("asked", "loading")
KEPT = frozenset({
    "alembic_version", "audit_check", "audit_event", "audit_refusal", "company_identity", "company_provider",
    "company_return", "half_sign_in", "known_browser", "mail", "notice", "one_time_link", "person", "recovery_code",
    "saved_view", "setting", "sign_in", "sign_in_attempt", "two_step",
})  # fmt: skip
"""Tables of people, settings and the audit trail, which made-up data leave as they are."""
PASSING = frozenset({
    "account_line_due", "agreement_lease", "agreement_wanted", "callback_refusal", "draft", "psa_question",
    "request_pace", "service_line_made", "sync_staged",
})  # fmt: skip
"""Tables of what passes by itself, so that a row in them makes no store one that is in use."""
_FOLLOWED = ("account_lines", "cards_all_made", "home_currency", "look_back_done", "schedule", sample_sets.MARK)
"""Names under which is kept what was done with the data, or came with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """How far made-up data are.

    Args:
        state: none, asked, loading, here or failed.
        asked_at: The moment around which the month is laid, by the business clock.
        by: Who asked.
        port: Where their ConnectWise listens on this machine.
        said: What was done so far, line by line.
        error: Why loading stopped.
        worker: Who loads.
        beat: When that one last said something; real time.
    """

    state: str = "none"
    asked_at: str = ""
    by: dict[str, Any] | None = None
    port: int | None = None
    said: tuple[str, ...] = ()
    error: str = ""
    worker: str = ""
    beat: str = ""

    @property
    def at_work(self) -> bool:
        """Whether a worker has to do something yet."""
        return self.state in OPEN

    @property
    def actor(self) -> Actor:
        """Who asked, as the one who loads."""
        found = self.by or {}
        return Actor(str(found.get("name", "")), found.get("person_id"), "admin", found.get("address"))

    def waits(self, real_now: datetime) -> bool:
        """Tell whether a worker is to begin, or to go on where another one stopped."""
        silent = not self.beat or real_now - datetime.fromisoformat(self.beat) > SILENT
        return self.state == "asked" or (self.state == "loading" and silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What removing made-up data takes away."""

    companies: int
    files: int
    cards: int
    decisions: int
    busy: str = ""


def standing(session: Session) -> MadeUp:
    """Tell how far made-up data are."""
    found = session.get(Setting, NAME, populate_existing=True)
    return MadeUp() if found is None else MadeUp(**{**found.value, "said": tuple(found.value.get("said", ()))})


def in_use(session: Session) -> list[str]:
    """Name the tables that hold anything which removing made-up data would take away."""
    tables = [each for each in Base.metadata.sorted_tables if each.name not in KEPT | PASSING]
    found = session.execute(
        sa.select(*(sa.exists(sa.select(sa.literal(1)).select_from(each)) for each in tables))
    ).one()
    return [each.name for each, filled in zip(tables, found, strict=True) if filled]


def ask(session: Session, *, by: Actor, now: datetime) -> None:
    """Ask for made-up data; a worker loads them.

    Args:
        session: A writing session.
        by: Who asks; an admin.
        now: By the business clock; the month is laid around it.

    Raises:
        NotAllowed: The role is too low.
        Conflict: The store is in use, or they are here already.
    """
    require(by, "admin", "set up the portal")
    found = standing(session)
    if found.state == "failed":
        keep(session, replace(found, state="asked", error="", worker="", beat=""), now=now)
        return
    if found.state != "none":
        raise Conflict("Made-up data are here already, or on their way. Nothing was changed.")
    if in_use(session):
        raise Conflict(
            "This portal holds data already, and made-up data are never mixed with them. Nothing was changed. "
            "To look around, start a portal of its own beside this one: make demo."
        )
    who = {"name": by.name, "person_id": by.person_id, "address": by.address}
    keep(session, MadeUp(state="asked", asked_at=now.isoformat(), by=who), now=now)
    audit.record(
        session, what="setting", action="made_up.ask", by=by, now=now, sentence="Chose made-up data, to look around."
    )


def keep(session: Session, made_up: MadeUp, *, now: datetime) -> None:
    """Note how far made-up data are; no event tells of each step of it."""
    value = {**asdict(made_up), "said": list(made_up.said[-SHOWN:])}
    session.merge(Setting(name=NAME, value=value, set_by=str((made_up.by or {}).get("name", "")), set_at=now))
    session.flush()


def begin(session: Session, *, worker: str, now: datetime, real_now: datetime) -> MadeUp | None:
    """Take up the loading, where it waits for a worker; none where it does not."""
    found = standing(session)
    if not found.waits(real_now):
        return None
    begun = replace(found, state="loading", worker=worker, beat=real_now.isoformat())
    keep(session, begun, now=now)
    return begun


def note(
    session: Session,
    worker: str,
    *,
    now: datetime,
    real_now: datetime,
    said: tuple[str, ...] | None = None,
    port: int | None = None,
    state: str = "loading",
    error: str = "",
) -> None:
    """Note what this worker has done; another one's loading, or one that was taken away, is left alone.

    Args:
        session: A writing session.
        worker: Which worker, as it began.
        now: By the business clock.
        real_now: Real time.
        said: All that was done so far; none: as it was.
        port: Where their ConnectWise listens; none: as it was.
        state: How far they are.
        error: Why loading stopped.

    Raises:
        Conflict: Somebody else loads by now.
    """
    found = standing(session)
    if found.worker != worker or found.state == "none":
        raise Conflict("Another worker loads the made-up data by now.")
    changed = replace(
        found,
        beat=real_now.isoformat(),
        said=found.said if said is None else said,
        port=found.port if port is None else port,
        state=state,
        error=error,
    )
    keep(session, changed, now=now)


def leaving(session: Session, *, real_now: datetime) -> Leaving:
    """Tell what removing made-up data takes away, and what it has to wait for."""
    tables = Base.metadata.tables
    numbers = session.execute(
        sa.select(
            *(
                sa.select(sa.func.count()).select_from(tables[name]).scalar_subquery()
                for name in ("psa_company", "usage_import", "card", "decision")
            )
        )
    ).one()
    return Leaving(
        companies=numbers[0], files=numbers[1], cards=numbers[2], decisions=numbers[3], busy=_busy(session, real_now)
    )


def _busy(session: Session, real_now: datetime) -> str:
    """Say what is at work on the data, so that nothing is removed under somebody's hands; empty: nothing."""
    if standing(session).at_work:
        return "The made-up data are still being loaded."
    lately = real_now - SILENT
    if session.scalar(sa.select(sa.exists().where(SyncRun.state == "running", SyncRun.heartbeat_at > lately))):
        return "A sync is at work."
    if session.scalar(sa.select(sa.exists().where(AgreementLease.until > real_now))):
        return "A write to the made-up ConnectWise is being sent."
    if session.scalar(sa.select(sa.exists().where(UsageImport.state == "reading", UsageImport.heartbeat_at > lately))):
        return "A file is being read."
    return ""


def remove(session: Session, *, by: Actor, now: datetime, real_now: datetime) -> list[str]:
    """Remove all made-up data, and all that was done with them. People, settings and the audit trail stay.

    Args:
        session: A writing session.
        by: Who removes them; an admin.
        now: By the business clock.
        real_now: Real time.

    Returns:
        The SHA-256 of each file that was imported, to be deleted.

    Raises:
        NotAllowed: The role is too low.
        Conflict: There are none, or somebody works with them just now.
    """
    require(by, "admin", "set up the portal")
    found = standing(session)
    if found.state == "none":
        raise Conflict("There are no made-up data here. Nothing was removed.")
    gone = leaving(session, real_now=real_now)
    if gone.busy:
        raise Conflict(f"{gone.busy} Nothing was removed. Wait until it has ended, then remove them.")
    decided = f"{gone.decisions} {'decision' if gone.decisions == 1 else 'decisions'}"
    files = list(session.scalars(sa.select(UsageImport.sha256).distinct()))
    session.flush()
    session.expunge_all()
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in KEPT:
            session.execute(sa.delete(table))
    session.execute(sa.delete(Notice).where(Notice.made_at >= datetime.fromisoformat(found.asked_at)))
    event = audit.record(
        session,
        what="setting",
        action="made_up.remove",
        by=by,
        now=now,
        sentence=f"Removed all made-up data, with {decided} on them.",
        details={"companies": gone.companies, "files": gone.files, "cards": gone.cards, "decisions": gone.decisions},
    )
    session.execute(sa.delete(Setting).where(Setting.name.in_((NAME, setting_up.NAME, *_FOLLOWED))))
    session.merge(Setting(name=ENDED, value={"n": event.n}, set_by=by.name, set_at=now))
    session.flush()
    return files
