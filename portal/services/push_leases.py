"""One agreement is written by one worker at a time. A worker that died loses its lease when the time is up."""

import os
import socket
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db.records import AgreementLease, Push

LEASE = timedelta(seconds=180)
"""Real time. Longer than any one call to ConnectWise may take, since it is renewed before each."""


def worker_name() -> str:
    """Make a name for one turn on one push, unique over all workers and time: host, process, a random part."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


def free_the_dead(session: Session, *, starting: bool = False) -> list[int]:
    """Take leases back from processes of this machine that are gone, so that nobody waits for their time to be up.

    Args:
        session: A writing session.
        starting: This process has only begun, so a lease of its own process id is a dead one's.

    Returns:
        The pushes that may go on.
    """
    freed = []
    for lease in session.scalars(sa.select(AgreementLease)):
        if is_gone(lease.worker, starting=starting):
            freed.append(lease.push_id)
            session.delete(lease)
    if freed:
        session.execute(
            sa.update(Push)
            .where(Push.id.in_(freed))
            .values(worker=None, leased_until=None)
            .execution_options(synchronize_session=False)
        )
    return freed


def is_gone(worker: str, *, starting: bool = False) -> bool:
    """Tell whether a worker's process is surely gone. That of another machine is not known to be.

    Args:
        worker: As `worker_name` made it.
        starting: This process has only begun, so one of its own process id is a dead one.
    """
    host, _, rest = worker.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not (pid.isascii() and pid.isdigit()):
        return False
    return not _alive(int(pid)) or (starting and int(pid) == os.getpid())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except OSError:
        return True
    return state != ["Z"]  # killed, and nobody has asked how it ended: containers without an init keep such ones


def take(
    session: Session, agreement_id: int, *, push_id: int, worker: str, real_now: datetime, lease: timedelta = LEASE
) -> bool:
    """Take or renew the lease of an agreement.

    Args:
        session: A writing session; commit at once.
        agreement_id: The agreement.
        push_id: The push that is to be written.
        worker: Who writes; unique among all workers, also over time.
        real_now: Real time.
        lease: How long it holds.

    Returns:
        Whether it is this worker's for this push now; else another one writes to the agreement.
    """
    mine = sa.and_(AgreementLease.worker == worker, AgreementLease.push_id == push_id)
    claimed = session.execute(
        sa.update(AgreementLease)
        .where(AgreementLease.agreement_id == agreement_id, sa.or_(mine, AgreementLease.until <= real_now))
        .values(push_id=push_id, worker=worker, until=real_now + lease)
        .returning(AgreementLease.agreement_id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if claimed is not None:
        return True
    try:
        with session.begin_nested():
            session.execute(
                sa.insert(AgreementLease).values(
                    agreement_id=agreement_id, push_id=push_id, worker=worker, until=real_now + lease
                )
            )
    except IntegrityError:
        return False
    return True


def drop(session: Session, agreement_id: int, *, push_id: int, worker: str) -> None:
    """Give a lease back, if it is still this worker's."""
    session.execute(
        sa.delete(AgreementLease)
        .where(
            AgreementLease.agreement_id == agreement_id,
            AgreementLease.push_id == push_id,
            AgreementLease.worker == worker,
        )
        .execution_options(synchronize_session=False)
    )
