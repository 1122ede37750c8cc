"""What people are told of work that nobody waits for: on their next page, and by mail where they chose that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Notice, Person, SyncRun
from portal.domain.periods import day_text, local_day
from portal.services import mail
from portal.services.actors import SYSTEM

OWN_RUNS = "mail_own_runs"
FAILURES = "mail_failures"
CHOICES = (OWN_RUNS, FAILURES)
"""Names of a person's preferences: mails about runs they asked for; mails about scheduled runs that fail."""
SHOWN = 5  # at most, on one page
_WHOLE = {"full": "full sync", "quick": "quick sync"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a mail needs to be written.

    Args:
        base_url: How people reach the portal.
        zone: The portal's time zone.
        real_now: Real time.
    """

    base_url: str
    zone: ZoneInfo
    real_now: datetime


def tell(
    session: Session,
    *,
    kind: str,
    sentence: str,
    link: str,
    by_name: str | None,
    now: datetime,
    cause: str = "",
    tone: str = "ok",
) -> list[Notice]:
    """Put a notice on the pages of whoever asked for something, or of every admin.

    A newer notice of a kind takes the place of an older one. The same cause is told to the same person once.

    Args:
        session: A writing session.
        kind: What sort of thing is told, at most 32 characters.
        sentence: What happened and what to do.
        link: A path of the portal that shows more.
        by_name: Who asked, by the name that runs and audit events keep; none: every admin.
        now: By the business clock.
        cause: What it is about, at most 64 characters; the link if left out.
        tone: ok, warn or bad.

    Returns:
        The notices that are new.
    """
    made = []
    for person in _people(session, by_name):
        about = cause or link[:64]
        if session.scalar(sa.select(sa.exists().where(Notice.person_id == person.id, Notice.cause == about))):
            continue
        older = sa.update(Notice).where(
            Notice.person_id == person.id, Notice.kind == kind, Notice.dismissed_at.is_(None)
        )
        session.execute(older.values(dismissed_at=now))
        made.append(
            Notice(person_id=person.id, kind=kind, cause=about, tone=tone, sentence=sentence, link=link, made_at=now)
        )
    session.add_all(made)
    session.flush()
    return made


def tell_runs(session: Session, *, now: datetime, post: Post | None = None) -> list[int]:
    """Tell people of the runs that have ended since the last time.

    Who asked for a run is told of its end; every admin of the first scheduled run that fails after one that did not.
    When a whole picture was read, what admins were told of failures before is taken off their pages.

    Args:
        session: A writing session.
        now: By the business clock.
        post: What mails need; none where none are sent.

    Returns:
        The runs.
    """
    ended = sa.select(SyncRun).where(SyncRun.told.is_(False), SyncRun.state.in_(("done", "failed")))
    runs = list(session.scalars(ended.order_by(SyncRun.id).limit(100)))
    for run in runs:
        run.told = True
        if run.requested_by != SYSTEM.name:
            _tell_who_asked(session, run, now=now, post=post)
        elif run.state == "failed" and run.kind in _WHOLE and _first_in_a_row(session, run):
            _tell_admins(session, run, now=now, post=post)
        if run.state == "done" and run.kind in _WHOLE:
            settled = sa.update(Notice).where(Notice.kind == "sync.failed", Notice.dismissed_at.is_(None))
            session.execute(settled.values(dismissed_at=now))
    session.flush()
    return [run.id for run in runs]


def untold_runs(session: Session) -> bool:
    """Tell whether a run has ended of which nobody was told; reads only."""
    return bool(
        session.scalar(sa.select(sa.exists().where(SyncRun.told.is_(False), SyncRun.state.in_(("done", "failed")))))
    )


def open_notices(session: Session, person_id: int) -> list[Notice]:
    """List what a person was told and has not dismissed, newest first."""
    query = sa.select(Notice).where(Notice.person_id == person_id, Notice.dismissed_at.is_(None))
    return list(session.scalars(query.order_by(Notice.id.desc()).limit(SHOWN)))


def dismiss(session: Session, notice_id: int, *, person_id: int, now: datetime) -> None:
    """Take a notice off a person's pages. One of somebody else, or one that is gone, is left alone."""
    mine = sa.update(Notice).where(Notice.id == notice_id, Notice.person_id == person_id, Notice.dismissed_at.is_(None))
    session.execute(mine.values(dismissed_at=now))


def dismiss_about(session: Session, link: str, *, person_id: int, now: datetime) -> None:
    """Take the notices that lead to a page off a person's pages: they have seen it."""
    mine = sa.update(Notice).where(Notice.person_id == person_id, Notice.link == link, Notice.dismissed_at.is_(None))
    session.execute(mine.values(dismissed_at=now))


def _people(session: Session, by_name: str | None) -> Sequence[Person]:
    who = Person.role == "admin" if by_name is None else Person.name == by_name
    return session.scalars(sa.select(Person).where(Person.active.is_(True), who).order_by(Person.id)).all()


def _first_in_a_row(session: Session, run: SyncRun) -> bool:
    """Tell whether the scheduled runs worked until this one; what a person tried in between and failed says nothing."""
    telling = sa.or_(SyncRun.state == "done", sa.and_(SyncRun.state == "failed", SyncRun.requested_by == SYSTEM.name))
    earlier = sa.select(SyncRun.state).where(SyncRun.id < run.id, SyncRun.kind.in_(sorted(_WHOLE)), telling)
    return session.scalar(earlier.order_by(SyncRun.id.desc()).limit(1)) != "failed"


def _tell_who_asked(session: Session, run: SyncRun, *, now: datetime, post: Post | None) -> None:
    well = run.state == "done"
    if well and run.kind not in _WHOLE:
        return  # whoever read one agreement again sees it where they asked
    what = _WHOLE.get(run.kind, "reading an agreement again")
    sentence = f"The {what} is done: {_moved_words(run)}." if well else f"The {what} failed. {run.error or ''}".strip()
    if not well and run.kind not in _WHOLE:
        sentence = f"Reading agreement {run.agreement_id} again failed. {run.error or ''}".strip()
    _tell(
        session,
        run,
        kind=f"run.{run.kind}",
        sentence=sentence,
        by_name=run.requested_by,
        wish=OWN_RUNS,
        subject=f"Countersign: the {what} {'is done' if well else 'failed'}",
        now=now,
        post=post,
    )


def _tell_admins(session: Session, run: SyncRun, *, now: datetime, post: Post | None) -> None:
    _tell(
        session,
        run,
        kind="sync.failed",
        sentence=f"The scheduled {_WHOLE[run.kind]} failed. {run.error or ''}".strip(),
        by_name=None,
        wish=FAILURES,
        subject=f"Countersign: the scheduled {_WHOLE[run.kind]} failed",
        now=now,
        post=post,
    )


def _tell(
    session: Session,
    run: SyncRun,
    *,
    kind: str,
    sentence: str,
    by_name: str | None,
    wish: str,
    subject: str,
    now: datetime,
    post: Post | None,
) -> None:
    link, cause = f"/activity/{run.id}", f"run {run.id}"
    tone = "ok" if run.state == "done" else "bad"
    made = tell(session, kind=kind, sentence=sentence, link=link, by_name=by_name, now=now, cause=cause, tone=tone)
    if post is None or not made:
        return
    body = _body(run, subject, link, now=now, post=post)
    for notice in made:
        person = session.get_one(Person, notice.person_id)
        if (person.preferences or {}).get(wish):
            mail.queue(session, recipient=person.email, cause=cause, subject=subject, body=body, real_now=post.real_now)


def _body(run: SyncRun, subject: str, link: str, *, now: datetime, post: Post) -> str:
    """Write a mail: that it ended, and where to look. What ConnectWise said, names and amounts stay in the portal."""
    local = now.astimezone(post.zone)
    what = subject.removeprefix("Countersign: ")
    said = (
        f"{_moved_words(run).capitalize()}."
        if run.state == "done"
        else "The last picture of ConnectWise stays in use. Why, and what to do, stands on its page."
    )
    return (
        f"{what[0].upper()}{what[1:]} ({day_text(local_day(now, post.zone))}, {local:%H:%M}, {post.zone}).\n{said}\n\n"
        f"{post.base_url}{link}\n\n-- \nWhich mails you get is set on {post.base_url}/profile\n"
    )


def _moved_words(run: SyncRun) -> str:
    moved = sum(int(found.get(name, 0)) for found in (run.counts or {}).values() for name in ("new", "changed", "gone"))
    if not moved:
        return "nothing had changed"
    return f"{moved:,} {'record is' if moved == 1 else 'records are'} different from before"
