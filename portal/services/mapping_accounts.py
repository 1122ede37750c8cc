"""Which company a vendor account is, or why it is left out; and which suggestions people have refused.

A mapping hangs on the vendor's own ids, so it survives a disconnect and may precede any file.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, AccountMapping, MappingRefusal, PsaCompany, VendorAccount
from portal.domain.exclusions import Exclusion
from portal.domain.periods import day_text, local_day
from portal.services.account_pages import LEAST_SCORE
from portal.services.actors import SYSTEM, Actor, require
from portal.services.errors import Invalid, NotFound
from portal.services.exclusions import exclusion_of, keep_exclusion, read_exclusion, words_of
from portal.services.mapping_common import anew, record
from portal.services.suggestions import exact_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of an account: a company, or an exclusion; neither: it is unmapped.

    Args:
        how: Of a mapped one: `person`, `exact_name` or `file`.
    """

    company_id: int | None = None
    exclusion: Exclusion | None = None
    how: str = "person"

    @classmethod
    def by(cls, row: AccountMapping | None) -> Self:
        """Give what a mapping says."""
        if row is None:
            return cls()
        if row.company_id is None:
            return cls(exclusion=exclusion_of(row), how=row.how)
        return cls(company_id=row.company_id, how=row.how)

    def to_json(self) -> dict[str, Any] | None:
        """Write it, so that it can be said again."""
        if self.company_id is not None:
            return {"company": self.company_id, "how": self.how}
        if self.exclusion is None:
            return None
        kind, until = self.exclusion.kind, self.exclusion.until
        return {
            "reason": self.exclusion.reason,
            "as": "" if kind is None else kind.value,
            "until": "" if until is None else until.isoformat(),
        }

    @classmethod
    def from_json(cls, said: dict[str, Any] | None) -> Self:
        """Read what `to_json` wrote."""
        if said is None:
            return cls()
        if "company" in said:
            return cls(company_id=said["company"], how=said["how"])
        return cls(exclusion=read_exclusion(reason=said["reason"], kind=said["as"], until=said["until"]))


def map_account(
    session: Session,
    account_id: int,
    company_id: int,
    *,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    how: str = "person",
) -> AccountMapping:
    """Say which company a vendor account is; or move it to another one, which refuses the first one for it.

    Args:
        session: A writing session.
        account_id: Our id of the vendor account.
        company_id: The PSA's id of the company, which may never have been synced.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone; given, the cards of the companies concerned are made anew at once.
        how: `person`, `exact_name` or `file`.

    Raises:
        NotFound: There is no such account.
        Invalid: The company lies in the recycle bin.
    """
    account = _account(session, account_id, by)
    before = Said.by(mapping_of(session, account))
    row = say(session, account, Said(company_id=company_id, how=how), by=by, now=now)
    if row is None:
        raise NotFound(f"There is no vendor account {account_id}.")
    if (before.company_id, before.how) != (company_id, how):
        anew(session, now, zone, company_ids={one for one in (company_id, before.company_id) if one is not None})
    return row


def map_exact_names(
    session: Session, *, by: Actor, now: datetime, zone: ZoneInfo | None = None
) -> list[AccountMapping]:
    """Map every unmapped account whose name is that of exactly one company in scope. For the first set-up alone.

    The mappings are marked (`how` is `exact_name`), so that a person can confirm or undo them. Arguments as for
    `map_account`.
    """
    known = sa.and_(
        AccountMapping.vendor_id == VendorAccount.vendor_id,
        AccountMapping.account_external_id == VendorAccount.external_id,
    )
    unmapped = session.scalars(
        sa.select(VendorAccount).where(~sa.exists().where(known)).order_by(VendorAccount.id)
    ).all()
    fitting = exact_names(session, unmapped)
    made = [
        map_account(session, account_id, company_id, by=by, now=now, how="exact_name")
        for account_id, company_id in sorted(fitting.items())
    ]
    if made:
        anew(session, now, zone, company_ids=set(fitting.values()))
    return made


def exclude_account(
    session: Session,
    account_id: int,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    zone: ZoneInfo | None = None,
    kind: str = "",
    until: date | str | None = None,
) -> AccountMapping:
    """Leave a vendor account out, with a reason. Other arguments as for `map_account`.

    Args:
        session: A writing session.
        account_id: Our id of the vendor account.
        reason: Free words; may be empty beside a name.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone.
        kind: A named exclusion (`ExclusionKind`), or empty.
        until: The last day on which it is left out; after it the account is unmapped again. None: for good.

    Raises:
        NotFound: There is no such account.
        Invalid: The reason is missing or too long, there is no such name, or the day is past.
    """
    account = _account(session, account_id, by)
    today = None if zone is None else local_day(now, zone)
    exclusion = read_exclusion(reason=reason, kind=kind, until=until, today=today)
    before = Said.by(mapping_of(session, account))
    row = say(session, account, Said(exclusion=exclusion), by=by, now=now)
    if row is None:
        raise NotFound(f"There is no vendor account {account_id}.")
    anew(session, now, zone, company_ids=() if before.company_id is None else (before.company_id,))
    return row


def unmap_account(
    session: Session, account_id: int, *, by: Actor, now: datetime, zone: ZoneInfo | None = None, refuse: bool = True
) -> None:
    """Take back what was said about a vendor account; it is unmapped again. Other arguments as for `map_account`.

    Args:
        session: A writing session.
        account_id: Our id of the vendor account.
        by: Who says so.
        now: By the business clock.
        zone: The portal's time zone.
        refuse: Whether the company that it was mapped to is not suggested for it again.

    Raises:
        NotFound: There is no such account.
    """
    account = _account(session, account_id, by)
    before = Said.by(mapping_of(session, account))
    say(session, account, Said(), by=by, now=now, refuse=refuse)
    anew(session, now, zone, company_ids=() if before.company_id is None else (before.company_id,))


def end_exclusions(session: Session, *, now: datetime, zone: ZoneInfo) -> int:
    """Let exclusions end whose last day is past: the accounts are unmapped again, and shown. Once a day is enough.

    Returns:
        How many ended.
    """
    return end_exclusions_before(session, local_day(now, zone), now=now)


def ended_before(today: date) -> sa.ColumnElement[bool]:
    """Give the condition that an account was left out up to a day that is past."""
    return sa.and_(AccountMapping.state == "excluded", AccountMapping.excluded_until < today)


def end_exclusions_before(session: Session, today: date, *, now: datetime) -> int:
    """Let exclusions end whose last day lies before a day in the portal's time zone; see `end_exclusions`."""
    rows: Any = session.execute(
        sa.select(AccountMapping, VendorAccount)
        .outerjoin(
            VendorAccount,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
        .where(ended_before(today))
        .order_by(AccountMapping.id)
    ).all()
    for row, account in rows:
        title = title_of(account) if account else f"the account {row.account_external_id}"
        before, until = words_of(row), row.excluded_until
        session.delete(row)
        record(
            session,
            "mapping.account",
            f"The exclusion of {title} ended{'' if until is None else ' after ' + day_text(until)}. "
            "It is unmapped again.",
            by=SYSTEM,
            now=now,
            before=before,
            after="unmapped",
        )
    session.flush()
    return len(rows)


def say(
    session: Session,
    account: VendorAccount,
    said: Said,
    *,
    by: Actor,
    now: datetime,
    refuse: bool = True,
    row: AccountMapping | None = None,
    read: bool = False,
) -> AccountMapping | None:
    """Write what is said of an account, with its audit event; cards are left to the caller.

    Args:
        session: A writing session.
        account: The vendor account.
        said: What is said; nothing: it is unmapped.
        by: Who says so; may map.
        now: By the business clock.
        refuse: Whether a company that it leaves is not suggested for it again.
        row: Its mapping, where the caller has read it.
        read: Whether the caller has, so that none means that it has none.

    Raises:
        Invalid: The company lies in the recycle bin.
    """
    company = None if said.company_id is None else session.get(PsaCompany, said.company_id)
    if company is not None and (company.deleted or company.gone_at is not None):
        raise Invalid(f"{company.name} was deleted in ConnectWise. Choose another company.")
    row = row if row is not None or read else mapping_of(session, account)
    before = Said.by(row)
    if before == said:
        return row
    told = None if row is None else _words(session, row)
    if refuse:
        _learn(session, account, before, said, by=by, now=now)
    if said.company_id is None and said.exclusion is None:
        session.delete(row)
        session.flush()
        _record(session, f"Took back the mapping of {title_of(account)}.", told, "unmapped", by=by, now=now)
        return None
    if row is None:
        row = AccountMapping(vendor_id=account.vendor_id, account_external_id=account.external_id)
        session.add(row)
    row.state = "excluded" if said.exclusion is not None else "mapped"
    row.company_id, row.how = said.company_id, said.how
    keep_exclusion(row, said.exclusion)
    row.account_name, row.decided_by, row.decided_at = account.name, by.name, now
    session.flush()
    if said.exclusion is None:
        name = f"company {said.company_id}" if company is None else company.name
        record(
            session, "mapping.account", f"Mapped {title_of(account)} to {name}.",
            by=by, now=now, before=told, after=name, company=company, company_id=said.company_id,
        )  # fmt: skip
        return row
    plain = said.exclusion.kind is None and said.exclusion.until is None
    after = "excluded" if plain else words_of(row)
    _record(session, f"Excluded {title_of(account)}.", told, after, by=by, now=now, reason=said.exclusion.reason)
    return row


def mapping_of(session: Session, account: VendorAccount) -> AccountMapping | None:
    """Give the mapping of an account."""
    return session.scalars(
        sa.select(AccountMapping).where(
            AccountMapping.vendor_id == account.vendor_id, AccountMapping.account_external_id == account.external_id
        )
    ).one_or_none()


def title_of(account: VendorAccount) -> str:
    """Name an account in a sentence."""
    return f"the account “{account.name or account.external_id}” of {account.vendor.title}"


def _learn(session: Session, account: VendorAccount, before: Said, after: Said, *, by: Actor, now: datetime) -> None:
    """Remember which company a person does not want for an account, or wants after all."""
    mine = sa.and_(
        MappingRefusal.vendor_id == account.vendor_id, MappingRefusal.account_external_id == account.external_id
    )
    if after.company_id is not None:
        session.execute(sa.delete(MappingRefusal).where(mine, MappingRefusal.company_id == after.company_id))
    elif before.exclusion is not None and after.exclusion is None:
        session.execute(sa.delete(MappingRefusal).where(mine, MappingRefusal.because == "excluded"))
    line = session.get(AccountLine, account.id)
    refused, because = before.company_id, "undone" if after.company_id is None else "moved"
    if before == Said() and after.exclusion is not None and line is not None and line.score >= LEAST_SCORE:
        refused, because = line.suggested_id, "excluded"
    if refused is None or refused == after.company_id or (after.exclusion is not None and because != "excluded"):
        return
    known = session.scalar(sa.select(sa.exists().where(mine, MappingRefusal.company_id == refused)))
    if not known:
        session.add(
            MappingRefusal(
                vendor_id=account.vendor_id, account_external_id=account.external_id, account_name=account.name,
                company_id=refused, because=because, refused_by=by.name, refused_at=now,
            )
        )  # fmt: skip
    if line is not None and line.suggested_id == refused and because != "excluded":
        line.suggested_id, line.suggested_name, line.score, line.reasons = None, "", 0, []
    session.flush()


def _account(session: Session, account_id: int, by: Actor) -> VendorAccount:
    require(by, "biller", "map accounts and services")
    found = session.get(VendorAccount, account_id)
    if found is None:
        raise NotFound(f"There is no vendor account {account_id}.")
    return found


def _record(
    session: Session,
    sentence: str,
    before: str | None,
    after: str,
    *,
    by: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    record(session, "mapping.account", sentence, by=by, now=now, before=before, after=after, reason=reason)


def _words(session: Session, row: AccountMapping) -> str:
    if row.company_id is None:
        plain = row.excluded_as is None and row.excluded_until is None
        return f"excluded ({row.reason})" if plain else words_of(row)
    company = session.get(PsaCompany, row.company_id)
    return f"company {row.company_id}" if company is None else company.name
