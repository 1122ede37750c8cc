"""The whole mapping as one readable file: written, compared, applied at once or not at all.

The form is that of the sample sets' `mapping.json`: sorted, an entry a line. Entries that a file does not have stay as
they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from portal.db.records import AccountMapping, ServiceMapping, ServiceProduct, Vendor
from portal.domain.quantities import plain
from portal.services import audit
from portal.services.actors import Actor, require
from portal.services.card_remaking import cards_anew
from portal.services.errors import Invalid
from portal.services.exclusions import keep_exclusion
from portal.services.import_vendors import vendor_by_name
from portal.services.json_files import lists_text, read_json
from portal.services.mapping_entries import Entry, read_entry
from portal.services.service_lines import forget


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that differs from what is stored. `before` is none where nothing was."""

    entry: Entry
    before: str | None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """An entry that cannot be used, and why."""

    where: str
    title: str
    reason: str


@dataclass(slots=True, kw_only=True)
class MappingDiff:
    """What a file would change. With a refused entry nothing can be applied."""

    maps: list[Change] = field(default_factory=list)
    moves: list[Change] = field(default_factory=list)
    excludes: list[Change] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    equal: int = 0
    new_vendors: list[str] = field(default_factory=list)

    @property
    def changes(self) -> list[Change]:
        """Everything that would change."""
        return [*self.maps, *self.moves, *self.excludes]


def export_mapping(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Give the whole mapping, sorted by vendor and id."""
    accounts = []
    query = sa.select(AccountMapping, Vendor.title).join(Vendor, Vendor.id == AccountMapping.vendor_id)
    for row, title in session.execute(query):
        entry: dict[str, Any] = {
            "vendor": title,
            "account_id": row.account_external_id,
            "account_name": row.account_name,
            "state": row.state,
        }
        accounts.append(entry | (_excluded(row) if row.company_id is None else {"company_id": row.company_id}))
    services = []
    more = (
        sa.select(ServiceMapping, Vendor.title)
        .join(Vendor, Vendor.id == ServiceMapping.vendor_id)
        .options(selectinload(ServiceMapping.products))
    )
    for mapping, title in session.execute(more):
        entry = {
            "vendor": title,
            "service_id": mapping.service_external_id,
            "service_name": mapping.service_name,
            "term": mapping.term,
            "state": mapping.state,
        }
        if mapping.state == "excluded":
            entry |= _excluded(mapping)
        else:
            entry["products"] = [{"product": one.product, "factor": plain(one.factor)} for one in mapping.products]
            entry |= {"terms": "all"} if mapping.every_term else {}
        services.append(entry)
    return {
        "accounts": sorted(accounts, key=lambda one: (one["vendor"], one["account_id"])),
        "services": sorted(services, key=lambda one: (one["vendor"], one["service_id"], one["term"])),
    }


def _excluded(row: AccountMapping | ServiceMapping) -> dict[str, Any]:
    """Give why a row is left out; a name and an end only where it has them."""
    found: dict[str, Any] = {"reason": row.reason}
    if row.excluded_as is not None:
        found["excluded_as"] = row.excluded_as
    if row.excluded_until is not None:
        found["until"] = row.excluded_until.isoformat()
    return found


def mapping_text(data: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write a mapping as the file, an entry a line."""
    return lists_text(data, ("accounts", "services"))


def read_mapping_text(text: str) -> dict[str, Any]:
    """Read the file.

    Raises:
        Invalid: It is no JSON, or not of this form; names the line.
    """
    data = read_json(text)
    if not isinstance(data, dict) or not all(isinstance(data.get(name, []), list) for name in ("accounts", "services")):
        raise Invalid("The file has to hold two lists, “accounts” and “services”. Nothing was changed.")
    if not {"accounts", "services"} & set(data):
        raise Invalid("The file has neither “accounts” nor “services”. Nothing was changed.")
    return data


def diff_mapping(session: Session, data: Mapping[str, Any]) -> MappingDiff:
    """Compare a mapping file with what is stored; changes nothing.

    Args:
        session: For reading.
        data: As `export_mapping` gives it, or as read from a file. Anything in it may be wrong.
    """
    stored = _stored(session)
    diff = MappingDiff()
    seen: set[tuple[str, ...]] = set()
    titles = {vendor.title.casefold(): vendor.title for vendor in session.scalars(sa.select(Vendor))}
    titles |= {vendor.slug: vendor.title for vendor in session.scalars(sa.select(Vendor))}
    line = 1
    for what, name in (("account", "accounts"), ("service", "services")):
        found = data.get(name, [])
        for raw in found if isinstance(found, list) else []:
            line += 1
            _compare(diff, seen, titles, stored, raw, what, f"line {line}")
        line += 2 if name == "accounts" else 0
    return diff


def apply_mapping_file(
    session: Session, data: Mapping[str, Any], *, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> MappingDiff:
    """Apply a mapping file: everything at once, or nothing.

    Args:
        session: A writing session.
        data: As for `diff_mapping`.
        by: Who does it.
        now: By the business clock.
        zone: The portal's time zone; given, the cards are made anew at once.

    Returns:
        What was changed.

    Raises:
        Invalid: An entry is refused; nothing was changed.
    """
    require(by, "biller", "map accounts and services")
    diff = diff_mapping(session, data)
    if diff.refused:
        first = diff.refused[0]
        count = "1 entry is" if len(diff.refused) == 1 else f"{len(diff.refused)} entries are"
        raise Invalid(f"{count} refused, the first on {first.where}: {first.reason} Nothing was changed.")
    for change in diff.changes:
        vendor = vendor_by_name(session, change.entry.key[0], create=True, by=by, now=now)
        store = _store_account if change.entry.what == "account" else _store_service
        store(session, vendor, change.entry, by, now)
    session.flush()
    if diff.changes:
        forget(session)
        audit.record(
            session,
            what="mapping",
            action="mapping.file",
            by=by,
            now=now,
            sentence=f"Applied a mapping file: {len(diff.maps)} mapped, {len(diff.moves)} moved, "
            f"{len(diff.excludes)} excluded, {diff.equal} equal.",
            details={
                "changes": [
                    {"what": one.entry.title(), "before": one.before, "after": one.entry.value()}
                    for one in diff.changes
                ]
            },
        )
        if zone is not None:
            cards_anew(session, now=now, zone=zone)
    return diff


def _compare(
    diff: MappingDiff,
    seen: set[tuple[str, ...]],
    titles: Mapping[str, str],
    stored: Mapping[tuple[str, ...], Entry],
    raw: object,
    what: str,
    where: str,
) -> None:
    """Put one entry of a file into its list."""
    try:
        entry = read_entry(raw, what, where, titles)
    except Invalid as error:
        diff.refused.append(RefusedLine(where, json.dumps(raw, ensure_ascii=False, default=str)[:200], str(error)))
        return
    key = (what, *entry.key)
    if key in seen:
        diff.refused.append(RefusedLine(where, entry.title(), "It stands in the file twice."))
        return
    seen.add(key)
    if entry.every_term:
        whole = ("every term", *entry.key[:2])
        if whole in seen:
            diff.refused.append(RefusedLine(where, entry.title(), "Another entry speaks for every term of it."))
            return
        seen.add(whole)
    if entry.key[0].casefold() not in titles and entry.key[0] not in diff.new_vendors:
        diff.new_vendors.append(entry.key[0])
    old = stored.get(key)
    if old is not None and (old.state, old.value()) == (entry.state, entry.value()):
        diff.equal += 1
        return
    change = Change(entry, None if old is None else old.value())
    if entry.state == "excluded":
        diff.excludes.append(change)
    elif old is None:
        diff.maps.append(change)
    else:
        diff.moves.append(change)


def _stored(session: Session) -> dict[tuple[str, ...], Entry]:
    """Read what is stored, as entries of a file."""
    data = export_mapping(session)
    found: dict[tuple[str, ...], Entry] = {}
    for what, name in (("account", "accounts"), ("service", "services")):
        for raw in data[name]:
            entry = read_entry(raw, what, "", {})
            found[what, *entry.key] = entry
    return found


def _store_account(session: Session, vendor: Vendor, entry: Entry, by: Actor, now: datetime) -> None:
    row = session.scalars(
        sa.select(AccountMapping).where(
            AccountMapping.vendor_id == vendor.id, AccountMapping.account_external_id == entry.key[1]
        )
    ).one_or_none()
    if row is None:
        row = AccountMapping(vendor_id=vendor.id, account_external_id=entry.key[1])
        session.add(row)
    row.state, row.company_id, row.how = entry.state, entry.company_id, "file"
    keep_exclusion(row, entry.exclusion)
    row.account_name, row.decided_by, row.decided_at = entry.name, by.name, now


def _store_service(session: Session, vendor: Vendor, entry: Entry, by: Actor, now: datetime) -> None:
    if entry.every_term:  # one mapping alone speaks for every term
        others = sa.update(ServiceMapping).where(
            ServiceMapping.vendor_id == vendor.id, ServiceMapping.service_external_id == entry.key[1]
        )
        session.execute(others.values(every_term=False))
    row = session.scalars(
        sa.select(ServiceMapping).where(
            ServiceMapping.vendor_id == vendor.id,
            ServiceMapping.service_external_id == entry.key[1],
            ServiceMapping.term == entry.key[2],
        )
    ).one_or_none()
    if row is None:
        row = ServiceMapping(vendor_id=vendor.id, service_external_id=entry.key[1], term=entry.key[2])
        session.add(row)
    else:
        row.products = []
        session.flush()  # the old products go before the same ones may come back
    row.products = [
        ServiceProduct(position=place, product=product, factor=factor)
        for place, (product, factor) in enumerate(entry.products)
    ]
    row.state, row.every_term = entry.state, entry.every_term
    keep_exclusion(row, entry.exclusion)
    row.service_name, row.decided_by, row.decided_at = entry.name, by.name, now
