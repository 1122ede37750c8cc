"""Connections: where ConnectWise is and with which keys, whether it may be written to, and how old each source is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import AddressRefused, normalise
from portal.db.records import Card, Connection, SyncRun, UsageImport, Vendor
from portal.domain.periods import Period, day_text
from portal.services import audit, made_up_mark
from portal.services.actors import Actor, require
from portal.services.card_making import TO_DECIDE_KINDS
from portal.services.errors import Invalid, NotFound
from portal.services.sealing import Sealer

NAME = "connectwise"
LONGEST_LIMIT = 24 * 366  # hours
LIMITS = {"requests_a_minute": (10, 6000), "parallel": (1, 16), "bundle_size": (2, 100)}
"""From and to, both allowed; a bundle size of 0 means none."""
_TAIL = 4  # characters of a key that are shown, so that people know which one it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAge:
    """How old a source's numbers are.

    Args:
        key: `connectwise`, or the vendor's slug.
        title: For people.
        last_read_at: The last successful read or commit; none: never.
        limit_hours: From which age on it blocks approval.
        too_old: Whether it does.
        held_periods: Months, as `2026-10`, of which a file waits for a person.
        active_run_id: The sync that waits or works, if any.
        blocks: How many open cards of the current month it keeps from being approved.
    """

    key: str
    title: str
    kind: Literal["psa", "file"]
    last_read_at: datetime | None
    limit_hours: int
    too_old: bool
    held_periods: frozenset[str] = frozenset()
    active_run_id: int | None = None
    blocks: int = 0

    @property
    def held(self) -> bool:
        """Tell whether any file of it waits for a person."""
        return bool(self.held_periods)

    def blocks_approval(self, period: str) -> bool:
        """Tell whether a card of this month may not be approved on its numbers: too old, or held."""
        return self.too_old or period in self.held_periods


def get_connectwise(session: Session) -> Connection | None:
    """Give the ConnectWise connection, if there is one."""
    return session.get(Connection, NAME)


def is_another_psa(connection: Connection | None, url: str, company: str) -> bool:
    """Tell whether an address and company lead to another ConnectWise than the stored ones.

    Another release of the same site is the same ConnectWise. What is mirrored, mapped and meant hangs on ids of the one
    it was made for, and its key is shown to no other.
    """
    if connection is None:
        return False
    try:
        site = normalise(url, allow_private=True).site
    except AddressRefused:
        return True
    stored = normalise(connection.url, allow_private=True).site
    return (site, company.strip().lower()) != (stored, connection.company.lower())


def set_connectwise(
    session: Session,
    *,
    url: str,
    company: str,
    public_key: str,
    private_key: str | None,
    client_id: str,
    allow_private: bool = False,
    ca_certificates: str | None = None,
    key_expires: date | None = None,
    sealer: Sealer,
    by: Actor,
    now: datetime,
) -> Connection:
    """Store the connection. A new one starts read-only, and so does one that leads to another PSA.

    Args:
        session: A writing session.
        url: The site or the full base.
        company: ConnectWise's company id.
        public_key: The API member's public key.
        private_key: Its private key; none keeps the stored one, as long as address and company stay the same.
        client_id: The integration's GUID.
        allow_private: Whether it may stand inside the own network.
        ca_certificates: Authorities of one's own, as `certificates.read_authorities` gave them; empty: none any more;
            none: as they are.
        key_expires: The first day on which the private key may not work any more; none: nobody has said.
        sealer: Seals the key.
        by: Who sets it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: A value is missing or the address is none; `fields` names it.
    """
    require(by, "admin", "set connections")
    given = {"company": company.strip(), "public_key": public_key.strip(), "client_id": client_id.strip()}
    missing = {name: "Fill this in." for name, value in given.items() if not value}
    if missing:
        raise Invalid("Company, public key and client ID are all needed.", missing)
    try:
        address = normalise(url, allow_private=allow_private)
    except AddressRefused as error:
        raise Invalid(str(error), {"url": str(error)}) from error
    base = address.base
    made_up_mark.refuse_another(session, base)
    connection = session.get(Connection, NAME)
    same_psa = connection is not None and not is_another_psa(connection, base, given["company"])
    key = (private_key or "").strip()
    if not key and not same_psa:
        # a stored key must not be sent to wherever somebody points the connection
        sentence = "Put in the private key: another address or company needs it anew."
        raise Invalid(sentence, {"private_key": sentence})
    before = None if connection is None else _named(connection)
    if connection is None:
        connection = Connection(name=NAME, sealed_private_key="", key_tail="")
    if not same_psa:
        connection.writing = False
        connection.member = None
        connection.last_read_at = connection.last_full_at = connection.changed_since = None
    if connection.public_key != given["public_key"]:
        connection.member = None  # another key may be another API member's
    if key:
        connection.sealed_private_key = sealer.seal(key)
        connection.key_tail = key[-_TAIL:] if len(key) > 2 * _TAIL else ""
    connection.url, connection.allow_private = base, allow_private
    connection.company, connection.public_key, connection.client_id = (
        given["company"],
        given["public_key"],
        given["client_id"],
    )
    if ca_certificates is not None:
        connection.ca_certificates = ca_certificates or None
    connection.key_expires = key_expires
    connection.set_by, connection.set_at = by.name, now
    session.add(connection)
    session.flush()
    audit.record(
        session,
        what="setting",
        action="connection.set",
        by=by,
        now=now,
        sentence=f"Connected ConnectWise at {base}." if before is None else "Changed the connection to ConnectWise.",
        before=before,
        after=_named(connection),
        details={"new_private_key": bool(key), "allow_private": allow_private, "writing": connection.writing},
    )
    return connection


def set_limits(
    session: Session, *, requests_a_minute: int, parallel: int, bundle_size: int, by: Actor, now: datetime
) -> Connection:
    """Set how much is asked of ConnectWise at once.

    Args:
        session: A writing session.
        requests_a_minute: Over all workers; 10 to 6,000.
        parallel: Reads at the same time; 1 to 16.
        bundle_size: Reads in one bundle; 0: no bundles, else 2 to 100.
        by: Who sets it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        NotFound: ConnectWise is not connected yet.
        Invalid: A number is out of its range; `fields` names it.
    """
    require(by, "admin", "set connections")
    connection = _connected(session)
    given = {"requests_a_minute": requests_a_minute, "parallel": parallel, "bundle_size": bundle_size}
    wrong = {
        name: f"Choose from {least} to {most:,}{' or 0 for none' if name == 'bundle_size' else ''}."
        for name, (least, most) in LIMITS.items()
        if not (least <= given[name] <= most or (name == "bundle_size" and given[name] == 0))
    }
    if wrong:
        raise Invalid(next(iter(wrong.values())), wrong)
    before = {name: getattr(connection, name) for name in LIMITS}
    if before != given:
        for name, value in given.items():
            setattr(connection, name, value)
        session.flush()
        audit.record(
            session,
            what="setting",
            action="connection.limits",
            by=by,
            now=now,
            sentence="Changed how much is asked of ConnectWise at once.",
            before=_in_words(before),
            after=_in_words(given),
        )
    return connection


def set_writing(session: Session, on: bool, *, by: Actor, now: datetime) -> Connection:
    """Switch writing on or off. What was planned before stays planned.

    Raises:
        NotAllowed: Only an admin may.
        NotFound: ConnectWise is not connected yet.
    """
    require(by, "admin", "switch writing to ConnectWise")
    connection = _connected(session)
    if connection.writing != on:
        connection.writing = on
        session.flush()
        words = {True: "on", False: "off"}
        audit.record(
            session,
            what="setting",
            action="connection.writing",
            by=by,
            now=now,
            sentence=f"Switched writing to ConnectWise {words[on]}.",
            before=words[not on],
            after=words[on],
        )
    return connection


def set_age_limit(session: Session, key: str, hours: int, *, by: Actor, now: datetime) -> None:
    """Set from which age on a source blocks approval.

    Args:
        session: A writing session.
        key: `connectwise`, or the vendor's slug.
        hours: 1 to 8784.
        by: Who sets it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        NotFound: No such source.
        Invalid: The hours are out of range.
    """
    require(by, "admin", "set how old a source may be")
    if not 1 <= hours <= LONGEST_LIMIT:
        sentence = f"Choose from 1 to {LONGEST_LIMIT} hours."
        raise Invalid(sentence, {"hours": sentence})
    source: Connection | Vendor
    if key == NAME:
        source, title = _connected(session), "ConnectWise"
    else:
        vendor = session.scalar(sa.select(Vendor).where(Vendor.slug == key))
        if vendor is None:
            raise NotFound(f"There is no source “{key}”.")
        source, title = vendor, vendor.title
    before, source.age_limit_hours = source.age_limit_hours, hours
    session.flush()
    if before != hours:
        audit.record(
            session,
            what="setting",
            action="source.limit",
            by=by,
            now=now,
            sentence=f"Changed from which age on {title} blocks approval.",
            before=f"{before} h",
            after=f"{hours} h",
        )


def source_ages(session: Session, now: datetime, zone: ZoneInfo) -> list[SourceAge]:
    """Tell how old each source is: ConnectWise first, then the vendors with files, by title."""
    period = str(Period.of(now, zone))
    cards = sa.select(Card.vendors).where(
        Card.period == period, Card.state == "open", Card.kind.in_(sorted(TO_DECIDE_KINDS)), Card.gone_at.is_(None)
    )
    fed_by = list(session.scalars(cards))
    run = session.scalar(
        sa.select(SyncRun.id).where(SyncRun.state.in_(("queued", "running"))).order_by(SyncRun.id.desc()).limit(1)
    )
    held: dict[int, set[str]] = {}
    for vendor_id, month in session.execute(
        sa.select(UsageImport.vendor_id, UsageImport.period).where(UsageImport.state == "held")
    ):
        held.setdefault(vendor_id, set()).add(month or "")
    psa = _psa_age(session, now, run_id=run, blocks=len(fed_by))
    vendors = session.scalars(sa.select(Vendor).order_by(Vendor.title))
    # a file that was looked at and thrown away makes no source
    accepted = sa.select(UsageImport.vendor_id).where(UsageImport.state.in_(("committed", "held", "rejected")))
    with_files = set(session.scalars(accepted.distinct()))
    return [
        *([psa] if psa is not None else []),
        *(
            _vendor_age(
                vendor,
                now,
                held_periods=frozenset(held.get(vendor.id, ())),
                period=period,
                blocks=sum(f"|{vendor.slug}|" in each for each in fed_by),
            )
            for vendor in vendors
            if vendor.id in with_files or vendor.last_commit_at is not None
        ),
    ]


def is_too_old(session: Session, vendor_slugs: Collection[str], now: datetime) -> list[SourceAge]:
    """Give what blocks an approval: ConnectWise and those of these vendors that are older than their limits."""
    query = sa.select(Vendor).where(Vendor.slug.in_(sorted(vendor_slugs))).order_by(Vendor.title)
    psa = _psa_age(session, now)
    ages: Iterable[SourceAge] = [
        *([psa] if psa is not None else []),
        *(_vendor_age(vendor, now) for vendor in session.scalars(query)),
    ]
    return [age for age in ages if age.too_old]


def _psa_age(session: Session, now: datetime, *, run_id: int | None = None, blocks: int = 0) -> SourceAge | None:
    connection = session.get(Connection, NAME)
    if connection is None:
        return None
    too_old = _older(connection.last_read_at, connection.age_limit_hours, now)
    return SourceAge(
        key=NAME,
        title="ConnectWise",
        kind="psa",
        last_read_at=connection.last_read_at,
        limit_hours=connection.age_limit_hours,
        too_old=too_old,
        active_run_id=run_id,
        blocks=blocks if too_old else 0,
    )


def _vendor_age(
    vendor: Vendor, now: datetime, *, held_periods: frozenset[str] = frozenset(), period: str = "", blocks: int = 0
) -> SourceAge:
    too_old = _older(vendor.last_commit_at, vendor.age_limit_hours, now)
    return SourceAge(
        key=vendor.slug,
        title=vendor.title,
        kind="file",
        last_read_at=vendor.last_commit_at,
        limit_hours=vendor.age_limit_hours,
        too_old=too_old,
        held_periods=held_periods,
        blocks=blocks if too_old or period in held_periods else 0,
    )


def _older(read_at: datetime | None, limit_hours: int, now: datetime) -> bool:
    return read_at is None or now - read_at > timedelta(hours=limit_hours)


def _connected(session: Session) -> Connection:
    connection = session.get(Connection, NAME)
    if connection is None:
        raise NotFound("ConnectWise is not connected yet. An admin can connect it under Connections.")
    return connection


def _named(connection: Connection) -> str:
    inside = ", inside the own network" if connection.allow_private else ""
    pem = connection.ca_certificates or ""
    own = f", authorities of its own: {pem.count('BEGIN CERTIFICATE')}" if pem else ""
    key = f", key ends with {connection.key_tail}" if connection.key_tail else ""
    if connection.key_expires is not None:
        key += f", key expires on {day_text(connection.key_expires)}"
    return (
        f"{connection.url}, company {connection.company}, public key {connection.public_key}{key}, client ID "
        f"{connection.client_id}{inside}{own}"
    )


def _in_words(limits: Mapping[str, int]) -> str:
    return (
        f"{limits['requests_a_minute']} requests a minute, {limits['parallel']} reads at the same time, "
        f"{'bundles of ' + str(limits['bundle_size']) if limits['bundle_size'] else 'no bundles'}"
    )
