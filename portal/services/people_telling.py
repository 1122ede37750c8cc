"""Telling a person what happened to their own sign-in: on their next page, and by mail where mails are sent.

Nobody chooses whether to be told of these: they are how somebody notices that another one is at their account.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Notice, Person
from portal.services import mail
from portal.services.notices import Post

KIND = "own.sign-in"


def tell(
    session: Session,
    person: Person,
    sentence: str,
    *,
    subject: str,
    now: datetime,
    post: Post | None,
    real_now: datetime,
) -> None:
    """Tell a person of a change to their sign-in.

    Args:
        session: A writing session.
        person: Whom.
        sentence: What happened and what to do. It also stands in the mail, so it holds no secret.
        subject: Of the mail, without the portal's name.
        now: By the business clock.
        post: What mails need; none where none are sent.
        real_now: Real time; it keeps one cause apart from the next.
    """
    cause = f"sign-in {person.id} {real_now.isoformat()}"[:64]
    older = sa.update(Notice).where(
        Notice.person_id == person.id, Notice.kind == KIND, Notice.sentence == sentence, Notice.dismissed_at.is_(None)
    )
    session.execute(older.values(dismissed_at=now))
    session.add(
        Notice(
            person_id=person.id, kind=KIND, cause=cause, tone="warn", sentence=sentence, link="/profile", made_at=now
        )
    )
    session.flush()
    if post is not None:
        body = f"{sentence}\n\n{post.base_url}/profile\n\n-- \nYou get this because it is about your own sign-in.\n"
        subject = f"Countersign: {subject}"
        mail.queue(session, recipient=person.email, cause=cause, subject=subject, body=body, real_now=post.real_now)
