"""Where numbers come from: the ConnectWise connection, its runs, and settings of the portal itself."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base
from portal.db.types import Json, JsonList, Timestamp


class Connection(Base):
    """The ConnectWise connection (`name` = connectwise). Its key is sealed. Writing is off until an admin says so."""

    __tablename__ = "connection"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    url: Mapped[str]  # the full API base
    company: Mapped[str]
    public_key: Mapped[str]
    sealed_private_key: Mapped[str]
    key_tail: Mapped[str] = mapped_column(sa.String(8))  # the last characters, so that people know which key it is
    key_expires: Mapped[date | None]  # the first day on which the private key may not work any more
    client_id: Mapped[str]
    allow_private: Mapped[bool] = mapped_column(default=False)
    writing: Mapped[bool] = mapped_column(default=False)
    age_limit_hours: Mapped[int] = mapped_column(default=24)
    member: Mapped[str | None]  # the API member's identifier, once seen in `_info.updatedBy`
    set_by: Mapped[str]
    set_at: Mapped[Timestamp]
    last_read_at: Mapped[Timestamp | None]  # the last successful read (quick or full), by the business clock
    last_full_at: Mapped[Timestamp | None]
    changed_since: Mapped[Timestamp | None]  # PSA time up to which changes are known: a quick sync asks from here
    ca_certificates: Mapped[str | None]  # PEM: authorities that are trusted for this host beside the usual ones
    requests_a_minute: Mapped[int] = mapped_column(default=600, server_default="600")  # at most, over all workers
    parallel: Mapped[int] = mapped_column(default=8, server_default="8")  # reads at the same time, at most
    bundle_size: Mapped[int] = mapped_column(default=25, server_default="25")  # reads in one bundle; 0: no bundles


class RequestPace(Base):
    """How many calls to ConnectWise may go just now, over all workers. Real time throughout."""

    __tablename__ = "request_pace"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # the connection
    tokens: Mapped[int] = mapped_column(sa.BigInteger)  # millionths of a call, at `counted_at`
    counted_at: Mapped[Timestamp]
    wait_until: Mapped[Timestamp | None]  # ConnectWise asked for fewer calls: none goes before


class PsaQuestion(Base):
    """Something a person wants to know of ConnectWise now; a worker asks, so that no page waits on the PSA."""

    __tablename__ = "psa_question"
    __table_args__ = (sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", "state_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(
        sa.String(16)
    )  # "test": a connection's rights; "trail": an agreement's audit trail
    subject: Mapped[str] = mapped_column(sa.String(64), default="")  # what it is about: an agreement's id
    asked: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # what was given along; nothing secret
    sealed: Mapped[str | None]  # what was given along and is secret; cleared once it is answered
    state: Mapped[str] = mapped_column(sa.String(16), default="queued", index=True)
    worker: Mapped[str | None] = mapped_column(sa.String(80))
    asked_by: Mapped[str]
    asked_at: Mapped[Timestamp]  # by the business clock
    started_at: Mapped[Timestamp | None]  # real time, as is the next
    finished_at: Mapped[Timestamp | None]
    answer: Mapped[Json] = mapped_column(sa.JSON(), default=dict)
    error: Mapped[str | None]  # a sentence


class SyncRun(Base):
    """One sync: what it read, how far it is, and what came of it."""

    __tablename__ = "sync_run"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('full', 'quick', 'agreement', 'wanted')", "kind_known"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", "state_known"),
        sa.Index(
            "one_running_sync",
            "running_mark",
            unique=True,
            sqlite_where=sa.text("running_mark = 1"),
            postgresql_where=sa.text("running_mark = 1"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    agreement_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(sa.String(16), default="queued")
    running_mark: Mapped[int | None]  # 1 while it runs, so that the database refuses a second one
    requested_by: Mapped[str]
    queued_at: Mapped[Timestamp]
    started_at: Mapped[Timestamp | None]  # real time, as are the next two; of the first start, where it was resumed
    heartbeat_at: Mapped[Timestamp | None]
    finished_at: Mapped[Timestamp | None]
    phase: Mapped[str] = mapped_column(default="")  # in words
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    counts: Mapped[Json] = mapped_column(sa.JSON(), default=dict)  # resource -> {new, changed, gone, same, skipped}
    skipped: Mapped[JsonList] = mapped_column(sa.JSON(), default=list)  # [{what, id, reason}]
    error: Mapped[str | None]
    # one a part of the reading: {name, title, done, total, state: waiting|working|done, seconds, skipped}
    parts: Mapped[JsonList] = mapped_column(sa.JSON(), default=list, server_default="[]")
    resumed: Mapped[int] = mapped_column(default=0, server_default="0")  # how often it went on after its worker died
    worker: Mapped[str | None] = mapped_column(sa.String(80))  # which process carries it
    tries: Mapped[int] = mapped_column(default=0, server_default="0")  # in a row in which ConnectWise did not answer
    try_at: Mapped[Timestamp | None]  # real time: until then it waits for a ConnectWise that does not answer
    told: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # people have their notices of its end


class SyncStaged(Base):
    """Something that a run has read and not applied yet, so that it can go on where it stopped."""

    __tablename__ = "sync_staged"

    run_id: Mapped[int] = mapped_column(sa.ForeignKey("sync_run.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(sa.String(24), primary_key=True)
    key: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True, autoincrement=False)  # an id of that part
    body: Mapped[str] = mapped_column(sa.Text())  # JSON
    latest: Mapped[Timestamp | None]  # the PSA's latest change in it


class AgreementWanted(Base):
    """An agreement that somebody wants read anew at once: a callback of ConnectWise, or a person."""

    __tablename__ = "agreement_wanted"

    agreement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cause: Mapped[str] = mapped_column(sa.String(64))
    asked_at: Mapped[Timestamp]  # real time, as is the next moment
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[Timestamp | None]  # not before then, after a try that failed


class Setting(Base):
    """A setting that people change on screen."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[Json] = mapped_column(sa.JSON())
    set_by: Mapped[str]
    set_at: Mapped[Timestamp]
