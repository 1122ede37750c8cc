"""Wake a worker after a commit. Only a hint: what is to be done stands in our own tables."""

import sqlalchemy as sa

from portal.db.records import Push
from portal.db.session import reading
from portal.jobs.queue import wake_bulk, wake_push, wake_sync
from portal.services import decision_bulk

__all__ = ["wake_bulk", "wake_push", "wake_push_of", "wake_pushes_of", "wake_sync"]


def wake_push_of(card_id: int) -> None:
    """Tell a worker of the newest push of a card, if it waits to be sent."""
    query = sa.select(Push.id).where(Push.card_id == card_id, Push.state == "queued").order_by(Push.id.desc()).limit(1)
    for push_id in reading().scalars(query):
        wake_push(push_id)


def wake_pushes_of(batch_id: int) -> None:
    """Tell a worker of the pushes of a batch."""
    of_it = Push.decision.has(decision_bulk.members(batch_id))
    query = sa.select(Push.id).where(Push.state == "queued", of_it).order_by(Push.id)
    for push_id in reading().scalars(query):
        wake_push(push_id)
