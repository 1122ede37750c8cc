"""``flask doctor``: every setting and where it came from, and whether the parts answer."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from portal.config import PREFIX, ROOT, Settings, shown
from portal.db.records import Connection, Person
from portal.db.session import reading
from portal.factory import clock, settings_of
from portal.services import audit_anchors, audit_checks, audit_guards, mail

PRIVATE = 0o077  # bits of a file's mode that let others in
SHORTEST_KEY = 32  # characters that nobody guesses
_ADMINS = (
    sa.select(sa.func.count())
    .select_from(Person)
    .where(Person.role == "admin", Person.active.is_(True), Person.password_hash.is_not(None))
)


@click.command("doctor")
@with_appcontext
def group() -> None:
    """Print each setting with where it came from (secrets masked), and check what the portal stands on.

    Ends with 1 when something keeps the portal from working.
    """
    settings = settings_of()
    click.echo("Settings")
    for name, value in sorted(shown(settings).items()):
        variable = PREFIX + ("SECRET_KEY" if name == "secret_keys" else name.upper())
        origin = settings.origins.get(variable, "")
        click.echo(f"  {variable:28} {value}{f'  ({origin})' if origin else ''}")
    click.echo("\nChecks")
    bad = False
    for title, look in CHECKS:
        well, sentence = look(settings)
        bad = bad or not well
        click.echo(f"  {'ok  ' if well else 'BAD '} {title}: {sentence}")
    for sentence in _hints(settings):
        click.echo(f"  note {sentence}")
    if bad:
        sys.exit(1)


def _python(_settings: Settings) -> tuple[bool, str]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return (3, 11) <= sys.version_info[:2] <= (3, 13), f"{found}; 3.11, 3.12 and 3.13 are supported"


def _packages(_settings: Settings) -> tuple[bool, str]:
    try:
        return True, ", ".join(f"{name} {version(name)}" for name in ("flask", "sqlalchemy", "huey"))
    except PackageNotFoundError as error:
        return False, f"{error} is missing: install requirements.txt"


def _store(_settings: Settings) -> tuple[bool, str]:
    try:
        at = reading().execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except SQLAlchemyError:
        return False, "does not answer or was never migrated: run “flask --app app db upgrade”"
    head = ScriptDirectory(str(ROOT / "migrations")).get_current_head()
    if at != head:
        return False, f"is at migration {at}, the newest is {head}: run “flask --app app db upgrade”"
    return True, f"{reading().get_bind().dialect.name}, at the newest migration ({at})"


def _trail(settings: Settings) -> tuple[bool, str]:
    try:
        gone = audit_guards.missing(reading())
        last = audit_checks.last(reading())
    except SQLAlchemyError:
        return False, "cannot be read: run “flask --app app db upgrade”"
    if gone:
        return False, f"the database does not protect it: run “flask --app app audit repair-guards” ({', '.join(gone)})"
    if last is not None and not last.ok:
        return False, f"{last.why} “flask --app app audit verify” says whether it still is so"
    noted = audit_anchors.newest(audit_anchors.file_in(settings.instance))
    outside = "its head was not noted outside the database yet" if noted is None else f"head noted at event {noted.n}"
    return True, f"the database protects it; {outside}"


def _folders(settings: Settings) -> tuple[bool, str]:
    for folder in (settings.instance, settings.uploads):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            return False, f"{folder} cannot be written: {error.strerror}"
    return True, "instance and uploads can be written"


def _keys(settings: Settings) -> tuple[bool, str]:
    file: Path = settings.instance / "secret_key"
    if file.exists() and file.stat().st_mode & PRIVATE:
        return False, f"others may read {file}: run “chmod 600 {file}”"
    if min(len(key) for key in settings.secret_keys) < SHORTEST_KEY:
        return False, f"a secret key is shorter than {SHORTEST_KEY} characters: choose a longer one"
    return True, f"{len(settings.secret_keys)} in use"


CHECKS: tuple[tuple[str, Callable[[Settings], tuple[bool, str]]], ...] = (
    ("Python", _python),
    ("Packages", _packages),
    ("Store", _store),
    ("Audit trail", _trail),
    ("Folders", _folders),
    ("Secret keys", _keys),
)


def _mail_hints() -> Iterator[str]:
    """Say how mails are doing."""
    try:
        state = mail.state(reading())
    except SQLAlchemyError:
        return
    if state.error:
        yield f"mail: {state.error}"
    if state.failed:
        yield f"mail: {state.failed} {'was' if state.failed == 1 else 'were'} given up in the last 30 days"
    if state.waiting:
        yield f"mail: {state.waiting} {'waits' if state.waiting == 1 else 'wait'} for a worker or for the next try"


def _hints(settings: Settings) -> Iterator[str]:
    """Say what works, but may surprise."""
    if settings.now is not None:
        yield f"the clock was set: it is {clock().now():%Y-%m-%d %H:%M} UTC here, whatever the day"
    if settings.demo:
        yield "this is the demo: everybody knows its passwords"
    near = any(host in settings.base_url for host in ("//127.", "//localhost", "//[::1]"))
    if settings.base_url.startswith("http://") and not near:
        yield "people reach the portal without TLS: put a proxy with a certificate in front of it"
    if settings.base_url.startswith("https://") and not settings.trusted_proxies:
        yield f"{PREFIX}TRUSTED_PROXIES is empty, so every visitor has the address of the proxy"
    if settings.mail is not None:
        yield from _mail_hints()
    try:
        connection = reading().get(Connection, "connectwise")
        admins = reading().scalar(_ADMINS)
    except SQLAlchemyError:
        return
    if not admins:
        yield "no admin can sign in yet: run “flask --app app users create you@example.com --role admin”"
    if connection is None:
        yield "ConnectWise is not connected yet"
    elif not connection.writing:
        yield "read-only mode: decisions are planned, nothing is sent to ConnectWise"
