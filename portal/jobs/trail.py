"""What a worker does for the audit trail: note its head outside, check it, mail its head, tell counted refusals."""

import logging
from datetime import date

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.jobs.doing import real_now
from portal.services import audit, audit_anchors, audit_checks, audit_guards, audit_heads, audit_refusals
from portal.services.audit_chain import Anchor

log = logging.getLogger("portal.audit")
LOOK_AGAIN_SECONDS = 10.0  # after which a push is looked at again that waits for the trail's triggers


def is_unguarded() -> bool:
    """Tell whether the trail's triggers are gone, so that nothing may be changed. Needs an app context."""
    session = reading()
    session.rollback()
    gone = audit_guards.missing(session)
    session.rollback()
    return bool(gone)


class Trail:
    """Looks after the trail, time and again. Each look needs an app context."""

    def __init__(self) -> None:
        self._mailed: date | None = None
        self._gone: list[str] = []

    def look(self) -> bool:
        """Do what is due.

        Returns:
            True: to be looked at again soon.
        """
        now, zone = clock().now(), clock().zone
        file = audit_anchors.file_in(settings_of().instance)
        session = reading()
        session.rollback()
        head = audit.head(session)
        gone = audit_guards.missing(session)
        to_check = audit_checks.daily_is_due(session, now=now, zone=zone)
        at_work = audit_checks.running(session) is not None
        to_tell = audit_refusals.any_over(session, now=now)
        session.rollback()
        self._say(gone)
        if audit_anchors.is_due(audit_anchors.newest(file), head, real_now=real_now()):
            audit_anchors.note(file, head, real_now=real_now())
        if to_tell and not gone:
            with transaction() as store:
                audit_refusals.tell(store, now=now)
        if to_check:
            with transaction() as store:
                audit_checks.begin_daily(store, now=now, zone=zone)
        if to_check or at_work:
            audit_checks.carry_on(transaction, reading, self._noted, now=clock().now, real_now=real_now)
        self._mail(clock().today())
        return True

    @staticmethod
    def _noted() -> list[Anchor]:
        return audit_anchors.read(audit_anchors.file_in(settings_of().instance)).anchors

    def _mail(self, today: date) -> None:
        if self._mailed == today or settings_of().mail is None:
            return
        session = reading()
        session.rollback()
        to = audit_heads.recipients(session)
        session.rollback()
        if to:
            with transaction() as store:
                audit_heads.queue_mails(store, to, today=today, base_url=settings_of().base_url, real_now=real_now())
            self._mailed = today

    def _say(self, gone: list[str]) -> None:
        """Say once, loudly, that the database does not protect the trail any more."""
        if gone and gone != self._gone:
            log.critical("%s", audit_guards.sentence(gone))
            with transaction() as store:
                audit_checks.tell_unguarded(store, gone, now=clock().now())
        self._gone = gone
