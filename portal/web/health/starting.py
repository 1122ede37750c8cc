"""What the portal looks at once, as it starts to serve."""

import logging

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import audit_checks, audit_guards

_log = logging.getLogger("portal.audit")


def look_at_start(app: Flask) -> list[str]:
    """Say loudly, in the log and to admins, that the database does not protect the audit trail.

    A store that does not answer yet, or was never migrated, is not looked at: `/health/ready` tells that.

    Returns:
        The names of the triggers that are gone; none where all is well.
    """
    with app.app_context():
        try:
            session = reading()
            if not sa.inspect(session.connection()).has_table("audit_event"):
                return []
            gone = audit_guards.missing(session)
            session.rollback()
            if gone:
                _log.critical("%s", audit_guards.sentence(gone))
                with transaction() as store:
                    audit_checks.tell_unguarded(store, gone, now=clock().now())
        except SQLAlchemyError:
            _log.exception("The audit trail could not be looked at as the portal started.")
            return []
    return gone
