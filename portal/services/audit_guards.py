"""The triggers by which the database itself refuses to change, delete or slip in an event.

A migration that makes a table anew, or a tool for databases, can drop them without a word. So they are looked for
whenever an event is written: without them the portal goes on showing everything, and people sign in, but it changes
nothing until somebody puts them back.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.services.errors import Refused

_SQLITE = {
    "audit_event_no_update": (
        "CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
    ),
    "audit_event_no_delete": (
        "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
    ),
    "audit_event_only_at_the_end": (
        "CREATE TRIGGER audit_event_only_at_the_end BEFORE INSERT ON audit_event "
        "WHEN NEW.n IS NOT (SELECT coalesce(max(n), 0) + 1 FROM audit_event) "
        "OR EXISTS (SELECT 1 FROM audit_event WHERE hash = NEW.hash) "
        "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
    ),
}
# PostgreSQL: each trigger with its type (bits of pg_trigger.tgtype), its function and what that does
_BEFORE_ANY_CHANGE = 2 + 8 + 16 + 32  # before delete, update or truncate, once a statement
_BEFORE_EACH_INSERT = 1 + 2 + 4
_POSTGRESQL = {
    "audit_event_no_change": (
        _BEFORE_ANY_CHANGE,
        "audit_event_refuse",
        "BEGIN RAISE EXCEPTION 'The audit trail is append-only.'; END",
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event FOR EACH STATEMENT",
    ),
    "audit_event_only_at_the_end": (
        _BEFORE_EACH_INSERT,
        "audit_event_at_the_end",
        (
            "BEGIN IF NEW.n IS DISTINCT FROM (SELECT coalesce(max(n), 0) + 1 FROM audit_event) "
            "THEN RAISE EXCEPTION 'The audit trail is append-only.'; END IF; RETURN NEW; END"
        ),
        "BEFORE INSERT ON audit_event FOR EACH ROW",
    ),
}
_SEEN = "audit_guards_seen"  # in a session's notes: the transaction in which they were found


class Unguarded(Refused):
    """The triggers are gone, so nothing is changed."""

    status = 503


def missing(session: Session) -> list[str]:
    """Name the triggers that are gone, switched off or not what they should be; none where all is well."""
    if session.get_bind().dialect.name == "sqlite":
        rows = session.execute(
            sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_event'")
        )
        found = {name: _plain(sql) for name, sql in rows}
        return [name for name, sql in _SQLITE.items() if found.get(name) != _plain(sql)]
    rows = session.execute(
        sa.text(
            "SELECT t.tgname, t.tgtype, t.tgenabled, t.tgqual IS NULL, p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = to_regclass('audit_event') AND NOT t.tgisinternal"
        )
    )
    stand = {
        name: (kind, function, _plain(body))
        for name, kind, enabled, always, function, body in rows
        if enabled in {"O", "A", b"O", b"A"} and always
    }
    return [
        name
        for name, (kind, function, body, _) in _POSTGRESQL.items()
        if stand.get(name) != (kind, function, _plain(body))
    ]


def require(session: Session) -> None:
    """Refuse to go on where a trigger is gone. Looked up once a transaction.

    Raises:
        Unguarded: One is.
    """
    transaction = session.get_transaction()
    if transaction is not None and session.info.get(_SEEN) is transaction:
        return
    gone = missing(session)
    if gone:
        raise Unguarded(sentence(gone))
    session.info[_SEEN] = session.get_transaction()


def sentence(gone: list[str]) -> str:
    """Say what is wrong, what was kept and what to do."""
    return (
        f"The database no longer protects the audit trail (missing: {', '.join(gone)}), so nothing was changed. "
        "Everything can still be read. An admin runs “flask --app app db upgrade”, then "
        "“flask --app app audit repair-guards”."
    )


def repair(session: Session) -> list[str]:
    """Put back what is missing.

    Args:
        session: A writing session.

    Returns:
        The names of what was put back.
    """
    gone = missing(session)
    if session.get_bind().dialect.name == "sqlite":
        for name in gone:
            session.execute(sa.text(f"DROP TRIGGER IF EXISTS {name}"))
            session.execute(sa.text(_SQLITE[name]))
        return gone
    for name in gone:
        _, function, body, when = _POSTGRESQL[name]
        session.execute(sa.text(f"DROP TRIGGER IF EXISTS {name} ON audit_event"))
        session.execute(
            sa.text(f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql")
        )
        session.execute(sa.text(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"))
    return gone


def _plain(sql: str | None) -> str:
    return " ".join((sql or "").split())
