"""All meanings of statuses, types and vendors' words as one readable file: written, compared, applied as a whole.

The form is that of the sample sets' `statuses.json`: sorted, an entry a line. Meanings that a file does not have stay
as they are. Meanings hang on ids, so a file may name rows that ConnectWise does not have yet.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import PsaListRow, RowMeaning, Vendor, VendorWordMeaning
from portal.domain.periods import local_day
from portal.services import remaking
from portal.services.actors import Actor, require
from portal.services.errors import Invalid
from portal.services.import_vendors import LONGEST_TITLE, vendor_by_name
from portal.services.json_files import lists_text, read_json
from portal.services.mapping_entries import LARGEST_ID, LONGEST
from portal.services.status_effects import Effect, joint_effect
from portal.services.status_words import MEANINGS, ListName, title_of
from portal.services.statuses import set_meaning
from portal.services.vendor_words import folded, set_vendor_word

LISTS: Mapping[str, str] = {"company_statuses": "status", "company_types": "type", "vendor_statuses": "vendor"}
_WORDS = {"status": "company status", "type": "company type", "vendor": "vendor's word"}
Key = tuple[str, str | int, str]
"""The list, the PSA's id or the vendor's title, and for a vendor its folded word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningChange:
    """An entry that differs from what holds.

    Args:
        where: Which entry of the file, in words.
        key: What the meaning hangs on.
        name: The name or word in the file.
        before: The meaning that holds; none: no decision.
        after: The meaning in the file.
        note: What a reader should know besides, or "".
    """

    where: str
    key: Key
    name: str
    before: str | None
    after: str
    note: str = ""

    @property
    def title(self) -> str:
        """Name what it is about."""
        if self.key[0] == "vendor":
            return f"{self.key[1]}: “{self.name}”"
        return f"{_WORDS[self.key[0]]} {self.key[1]} “{self.name}”"


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry that cannot be used, and why."""

    where: str
    title: str
    reason: str


@dataclass(slots=True, kw_only=True)
class StatusDiff:
    """What a file would change. With a refused entry nothing can be applied."""

    changes: list[MeaningChange] = field(default_factory=list)
    refused: list[RefusedEntry] = field(default_factory=list)
    equal: int = 0
    new_vendors: list[str] = field(default_factory=list)


def export_statuses(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Give all meanings, sorted by id, or by vendor and word."""
    given = list(session.scalars(sa.select(RowMeaning).order_by(RowMeaning.psa_id)))
    words = session.execute(
        sa.select(Vendor.title, VendorWordMeaning).join(Vendor, Vendor.id == VendorWordMeaning.vendor_id)
    )
    rows = {
        name: [
            {"id": row.psa_id, "name_last_seen": row.name_last_seen, "meaning": row.meaning}
            for row in given
            if row.list == list_name
        ]
        for name, list_name in LISTS.items()
        if list_name != "vendor"
    }
    said = [{"vendor": title, "word": row.shown, "meaning": row.meaning} for title, row in words]
    return {**rows, "vendor_statuses": sorted(said, key=lambda one: (one["vendor"], folded(one["word"])))}


def statuses_text(data: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write all meanings as the file, an entry a line."""
    return lists_text(data, list(LISTS))


def read_statuses_text(text: str) -> dict[str, Any]:
    """Read the file.

    Raises:
        Invalid: It is no JSON, or not of this form.
    """
    data = read_json(text)
    if not isinstance(data, dict) or not all(isinstance(data.get(name, []), list) for name in LISTS):
        raise Invalid(f"The file has to hold lists named {_named(LISTS)}. Nothing was changed.")
    strangers = sorted(str(name) for name in data.keys() - LISTS.keys())
    if strangers:
        raise Invalid(f"The file has “{strangers[0][:60]}”, which means nothing here. Nothing was changed.")
    if not data:
        raise Invalid(f"The file has none of {_named(LISTS)}. Nothing was changed.")
    return data


def diff_statuses(session: Session, data: Mapping[str, Any]) -> StatusDiff:
    """Compare a file with what holds; changes nothing.

    Args:
        session: For reading.
        data: As `read_statuses_text` gives it. Anything in its entries may be wrong.
    """
    diff = StatusDiff()
    stored = _stored(session)
    known = {(row.list, row.id): row for row in session.scalars(sa.select(PsaListRow))}
    titles = {vendor.title.casefold(): vendor.title for vendor in session.scalars(sa.select(Vendor))}
    titles |= {vendor.slug: vendor.title for vendor in session.scalars(sa.select(Vendor))}
    seen: set[Key] = set()
    for name, list_name in LISTS.items():
        for number, raw in enumerate(data.get(name, []), start=1):
            where = f"{name}, entry {number}"
            try:
                key, shown, meaning = _entry(raw, list_name, titles)
                if key in seen:
                    raise Invalid("It stands in the file twice.")  # noqa: TRY301 - refused like every other mistake
            except Invalid as error:
                said = json.dumps(raw, ensure_ascii=False, default=str)[:200]
                diff.refused.append(RefusedEntry(where, said, str(error)))
                continue
            seen.add(key)
            if list_name == "vendor" and key[1] not in titles.values() and key[1] not in diff.new_vendors:
                diff.new_vendors.append(str(key[1]))
            if stored.get(key) == meaning:
                diff.equal += 1
                continue
            row = known.get((list_name, int(key[1]))) if list_name != "vendor" else None
            note = "" if list_name == "vendor" else _note(row, shown)
            change = MeaningChange(where=where, key=key, name=shown, before=stored.get(key), after=meaning, note=note)
            diff.changes.append(change)
    return diff


def effect_of_file(session: Session, diff: StatusDiff, *, now: datetime, zone: ZoneInfo) -> Effect:
    """Tell what all changes of a file would do together."""
    wanted = {(_psa_list(one), int(one.key[1])): one.after for one in diff.changes if one.key[0] != "vendor"}
    return joint_effect(session, wanted, today=local_day(now, zone), zone=zone)


def apply_statuses_file(
    session: Session, data: Mapping[str, Any], *, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> StatusDiff:
    """Apply a file: everything at once, or nothing. Each meaning has its own audit event.

    Args:
        session: A writing session.
        data: As for `diff_statuses`.
        by: Who does it; an admin.
        now: By the business clock.
        zone: The portal's time zone; given, the cards are made anew at once.

    Returns:
        What was changed.

    Raises:
        NotAllowed: The role is too low.
        Invalid: An entry is refused; nothing was changed.
    """
    require(by, "admin", "give statuses and types a meaning")
    diff = diff_statuses(session, data)
    if diff.refused:
        first = diff.refused[0]
        count = "1 entry is" if len(diff.refused) == 1 else f"{len(diff.refused)} entries are"
        raise Invalid(f"{count} refused, the first is {first.where}: {first.reason} Nothing was changed.")
    for one in diff.changes:
        if one.key[0] == "vendor":
            vendor = vendor_by_name(session, str(one.key[1]), create=True, by=by, now=now)
            set_vendor_word(session, vendor.id, one.name, one.after, by=by, now=now)
        else:
            set_meaning(session, _psa_list(one), int(one.key[1]), one.after, by=by, now=now, name=one.name)
    if diff.changes and zone is not None:
        remaking.remake(session, now=now, zone=zone)
    return diff


def _psa_list(change: MeaningChange) -> ListName:
    return "type" if change.key[0] == "type" else "status"


def _stored(session: Session) -> dict[Key, str]:
    """Read the meanings that hold."""
    found: dict[Key, str] = {}
    for row in session.scalars(sa.select(RowMeaning)):
        found[row.list, row.psa_id, ""] = row.meaning
    query = sa.select(Vendor.title, VendorWordMeaning.word, VendorWordMeaning.meaning)
    for title, word, meaning in session.execute(query.join(Vendor, Vendor.id == VendorWordMeaning.vendor_id)):
        found["vendor", title, word] = meaning
    return found


def _note(row: PsaListRow | None, name: str) -> str:
    """Say where ConnectWise's row differs from the file's."""
    if row is None:
        return "ConnectWise has no row with this id; the meaning is kept for it."
    if row.gone_at is not None:
        return "It was deleted in ConnectWise; the meaning holds for the companies that still carry it."
    return "" if row.name == name else f"ConnectWise calls it “{row.name}”; it will be flagged as renamed."


def _entry(raw: object, list_name: str, titles: Mapping[str, str]) -> tuple[Key, str, str]:
    """Read one entry: its key, the name or word, the meaning.

    Raises:
        Invalid: With the reason.
    """
    if not isinstance(raw, Mapping):
        raise Invalid("It is no object.")
    fields = {"vendor", "word", "meaning"} if list_name == "vendor" else {"id", "name_last_seen", "meaning"}
    strangers = sorted(str(name) for name in set(raw) - fields)
    if strangers:
        raise Invalid(f"It has a field “{strangers[0][:60]}”, which means nothing here.")
    meaning = _text(raw, "meaning")
    if meaning not in MEANINGS[list_name]:
        raise Invalid(f"Its meaning is “{meaning[:60]}”, not one of {_named(MEANINGS[list_name])}.")
    if list_name == "vendor":
        vendor, word = " ".join(_text(raw, "vendor").split()), _text(raw, "word")
        if len(vendor) > LONGEST_TITLE:
            raise Invalid(f"A vendor's name has 1 to {LONGEST_TITLE} characters.")
        return ("vendor", titles.get(vendor.casefold(), vendor), folded(word)), word, meaning
    number = raw.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= LARGEST_ID:
        raise Invalid("Its “id” has to be ConnectWise's id, a whole number.")
    return (list_name, number, ""), _text(raw, "name_last_seen"), meaning


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or "\0" in value:
        raise Invalid(f"Its “{name}” has to be a text of 1 to {LONGEST} characters.")
    return value.strip()


def _named(names: Mapping[str, str] | tuple[str, ...]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def words_of(change: MeaningChange) -> str:
    """Say a change as before → after."""
    return f"{title_of(change.before)} → {title_of(change.after)}"
