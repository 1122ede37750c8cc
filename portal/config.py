"""Settings: read once from the environment (or a `.env` file), typed, and with secrets kept out of `repr`."""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "COUNTERSIGN_"
_KEY_SECONDS = 2.0  # how long another process may take to write the key it has just made


class BadSetting(ValueError):
    """A setting cannot be used. The text names it and says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed over.

    Args:
        tls: `whole` (from the first byte), `starttls`, or `none`.
        user: Who signs in there, or none.
        sender: The address in From.
    """

    host: str
    port: int
    tls: str
    user: str | None = field(repr=False)
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the portal needs to know before it starts.

    Args:
        database_url: SQLAlchemy URL, SQLite or PostgreSQL.
        queue_url: Where jobs wait: `sqlite:///`, `postgresql://` or `redis://`.
        secret_keys: Sign sessions and seal stored secrets; the first one signs, the others still open.
        time_zone: The MSP's zone: what "today" and a period are.
        now: Where the business clock starts, or none for the real one.
        trusted_proxies: Addresses whose forwarded headers count.
        base_url: How people reach the portal.
        mail: Where mails are handed over; none: nobody gets any.
        instance: Folder of the database, the uploads and the keys made at first start.
        demo: True for the demo, whose well-known sign-ins are refused elsewhere.
        origins: For `flask doctor`: where each setting came from.
    """

    database_url: str = field(repr=False)
    queue_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    time_zone: ZoneInfo
    now: datetime | None
    trusted_proxies: tuple[str, ...]
    base_url: str
    instance: Path
    demo: bool = False
    mail: MailServer | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def uploads(self) -> Path:
        """The folder that keeps imported files, named by their SHA-256."""
        return self.instance / "uploads"


def read_settings(environ: Mapping[str, str] | None = None, *, instance: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environ: Where to read them from; the process's environment if left out.
        instance: Overrides `COUNTERSIGN_INSTANCE` (default `instance/` in the project's root).

    Raises:
        BadSetting: A value cannot be used.
    """
    env = os.environ if environ is None else environ
    origins: dict[str, str] = {}

    def get(name: str, default: str) -> str:
        value = env.get(PREFIX + name, "").strip()
        origins[PREFIX + name] = "environment" if value else "default"
        return value or default

    folder = instance or Path(get("INSTANCE", str(ROOT / "instance")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"{PREFIX}INSTANCE: the folder {folder} cannot be made: {error.strerror}.") from error
    keys = get("SECRET_KEY", "")
    if keys:
        secret_keys = tuple(key.strip() for key in keys.split(",") if key.strip())
        if not secret_keys:
            raise BadSetting(f"{PREFIX}SECRET_KEY holds nothing but commas. Set a key, or unset it to have one made.")
    else:
        secret_keys = (_made_key(folder / "secret_key"),)
        origins[PREFIX + "SECRET_KEY"] = "made at first start, in the instance folder"
    return Settings(
        database_url=_database_url(get("DATABASE_URL", f"sqlite:///{folder / 'countersign.sqlite'}")),
        queue_url=_queue_url(get("QUEUE_URL", f"sqlite:///{folder / 'queue.sqlite'}")),
        secret_keys=secret_keys,
        time_zone=_zone(get("TIME_ZONE", "America/New_York")),
        now=_moment(get("NOW", "")),
        trusted_proxies=tuple(a.strip() for a in get("TRUSTED_PROXIES", "").split(",") if a.strip()),
        base_url=_base_url(get("BASE_URL", "http://127.0.0.1:8000")),
        instance=folder,
        demo=get("DEMO", "") == "1",
        mail=_mail(get("SMTP_URL", ""), get("MAIL_FROM", "")),
        origins=origins,
    )


def shown(settings: Settings) -> dict[str, str]:
    """Give each setting as `flask doctor` prints it, secrets masked."""
    hidden = {"secret_keys", "database_url", "queue_url", "mail", "origins"}
    values = {f.name: str(getattr(settings, f.name)) for f in fields(settings) if f.name not in hidden}
    values["secret_keys"] = f"{len(settings.secret_keys)} set, not shown"
    for name in ("database_url", "queue_url"):
        url = getattr(settings, name)
        head, at, tail = url.rpartition("@")
        values[name] = f"{head.split('//')[0]}//…@{tail}" if at else url
    mail = settings.mail
    values["smtp_url"] = "not set, so no mail is sent" if mail is None else _mail_words(mail)
    values["mail_from"] = "not set" if mail is None else mail.sender
    return values


def _mail_words(mail: MailServer) -> str:
    scheme = "smtps" if mail.tls == "whole" else "smtp"
    who = "" if mail.user is None else "…@"
    return f"{scheme}://{who}{mail.host}:{mail.port}{'?starttls=1' if mail.tls == 'starttls' else ''}"


def _made_key(path: Path) -> str:
    """Read the key made at first start, or make it (mode 600)."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    except OSError as error:
        raise BadSetting(f"{PREFIX}INSTANCE: {path.parent} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return _read_key(path)


def _read_key(path: Path) -> str:
    """Read the key; another process may be writing it at this very moment.

    Raises:
        BadSetting: It cannot be read, or is empty. A key is never made in its place: stored secrets would be lost.
    """
    until = time.monotonic() + _KEY_SECONDS
    while True:
        try:
            key = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"The secret key in {path} cannot be read. Restore the file, or its rights.") from error
        if key:
            return key
        if time.monotonic() > until:
            raise BadSetting(
                f"The secret key in {path} is empty. Restore the file. Without it, delete it: a new one is made, "
                "everybody signs in anew, and stored keys have to be entered anew."
            )
        time.sleep(0.05)  # another process that starts now is writing it; the wait is bounded by `until`


def _database_url(url: str) -> str:
    """Name the PostgreSQL driver that is installed when the URL names none."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    if url.startswith(("sqlite:", "postgresql+")):
        return url
    raise BadSetting(f"{PREFIX}DATABASE_URL has to begin with sqlite:/// or postgresql://.")


def _queue_url(url: str) -> str:
    if url.startswith(("sqlite:///", "postgresql://", "postgres://", "redis://", "rediss://")):
        return url
    raise BadSetting(f"{PREFIX}QUEUE_URL has to begin with sqlite:///, postgresql:// or redis://.")


def _mail(url: str, sender: str) -> MailServer | None:
    """Read where mails are handed over. The password stays out of every sentence."""
    name = f"{PREFIX}SMTP_URL"
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        host, port, options = "", None, {}
    well = host and parts.scheme in {"smtp", "smtps"} and not parts.path.strip("/") and not parts.fragment
    if not well or not set(options) <= {"starttls", "plain"} or not set(options.values()) <= {"0", "1"}:
        raise BadSetting(
            f"{name} has to look like smtp://user:password@host:587?starttls=1 or smtps://user:password@host."
        )
    tls = "whole" if parts.scheme == "smtps" else "starttls" if options.get("starttls") == "1" else "none"
    if tls == "none" and options.get("plain") != "1" and not _is_loopback(host):
        raise BadSetting(
            f"{name}: mails would go to {host} in the clear. Write smtps:// or add ?starttls=1; ?plain=1 allows it."
        )
    before, at, after = sender.partition("@")
    if not (before and at and after) or not sender.isascii() or set(before + after) & set("@ <>,;\t\r\n"):
        raise BadSetting(f"{PREFIX}MAIL_FROM: set the bare address that mails come from, like countersign@example.com.")
    usual = {"whole": 465, "starttls": 587, "none": 25}[tls]
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password or "")
    return MailServer(host=host, port=port or usual, tls=tls, user=user, password=password, sender=sender)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _base_url(url: str) -> str:
    """Give the address without a slash at its end."""
    try:
        parts = urlsplit(url)
        well = parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        well = False
    if not well:
        raise BadSetting(f"{PREFIX}BASE_URL: “{url}” is not an address like https://countersign.example.com.")
    return url.rstrip("/")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSetting(f"{PREFIX}TIME_ZONE: there is no time zone “{name}”. One is America/New_York.") from error


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadSetting(f"{PREFIX}NOW: “{text}” is not a moment like 2026-10-28T09:00:00-04:00.") from error
    if moment.tzinfo is None:
        raise BadSetting(f"{PREFIX}NOW needs an offset, as in 2026-10-28T09:00:00-04:00.")
    return moment
