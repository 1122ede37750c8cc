"""What the accounts page shows: every vendor account with its counts, its mapping and how it is to be seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    PsaCompany,
    UsageCount,
    UsageImport,
    Vendor,
    VendorAccount,
    VendorWordMeaning,
)
from portal.domain.accounts import AccountMeaning, AccountVisibility, account_visibility
from portal.domain.periods import Period
from portal.domain.quantities import plus
from portal.services.suggestions import Suggestion, suggest
from portal.services.usage_store import standing_usage
from portal.web.mapping.filters import PER_PAGE, GridFilter
from portal.web.mapping.prices import Feeds, read_feeds

LEAST_SCORE = 50  # of 100: a suggestion below is shown, but never accepted with others


class CompanyName(NamedTuple):
    """A company as a mapping names it; `trouble` says why its usage is on no card."""

    id: int
    name: str
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One vendor account.

    Args:
        units: Counted now, over all services that are not excluded; none: not counted in the period.
        previous: Likewise, in the month before.
        money: About how much a month, at catalogue prices; none: no mapped service, or no price.
        state: unmapped, mapped or excluded.
        company: Of a mapped account.
        suggestion: Of an unmapped one.
    """

    id: int
    vendor: Vendor
    external_id: str
    name: str
    status: str
    visibility: AccountVisibility
    units: Decimal | None
    previous: Decimal | None
    money: Decimal | None
    mapping: AccountMapping | None
    company: CompanyName | None
    suggestion: Suggestion | None = None

    @property
    def state(self) -> str:
        """Unmapped, mapped or excluded."""
        return "unmapped" if self.mapping is None else self.mapping.state

    @property
    def title(self) -> str:
        """The account's name, or its id where the vendor gives no name."""
        return self.name or self.external_id

    @property
    def hidden(self) -> bool:
        """Whether it is inactive and counted nothing in this month and the last."""
        return self.visibility is AccountVisibility.HIDDEN

    @property
    def warning(self) -> bool:
        """Whether its status means inactive while it still counts."""
        return self.visibility is AccountVisibility.WARNING

    @property
    def undecided(self) -> bool:
        """Whether nobody has said yet what its status word means."""
        return self.visibility is AccountVisibility.NEEDS_DECISION

    @property
    def attention(self) -> bool:
        """Whether somebody should look at it, mapped or not."""
        return self.warning or self.undecided or bool(self.company and self.company.trouble)

    @property
    def token(self) -> str:
        """What a form says it has seen: the mapping as it stood."""
        return token_of(self.mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountGrid:
    """One page of accounts, with the figures around it.

    Args:
        rows: Of this page.
        total: Rows over all pages.
        by_state: How many accounts each state would show.
        by_vendor: Likewise each vendor, in the state that is shown.
        hidden: Inactive accounts that the tick box shows or hides.
        warnings: All accounts that are inactive by their status but still count.
        unreported: Mappings of accounts that no file has named.
        anything: Whether there is any account at all.
    """

    rows: Sequence[AccountRow]
    total: int
    pages: int
    by_state: Mapping[str, int]
    by_vendor: Mapping[str, int]
    hidden: int
    warnings: Sequence[AccountRow]
    unreported: int
    anything: bool


def token_of(mapping: AccountMapping | None) -> str:
    """Say in one word what an account is mapped to, so that a form can name what it has seen."""
    if mapping is None:
        return "unmapped"
    return f"company-{mapping.company_id}" if mapping.state == "mapped" else "excluded"


@dataclass(slots=True)
class _Reading:
    """What is read once for all rows."""

    feeds: Feeds
    now: dict[tuple[int, str], list[tuple[str, str, Decimal]]] = field(default_factory=dict)
    before: dict[tuple[int, str], list[tuple[str, str, Decimal]]] = field(default_factory=dict)
    words: dict[tuple[int, str], str] = field(default_factory=dict)
    companies: dict[int, CompanyName] = field(default_factory=dict)


def account_rows(session: Session, period: Period, zone: ZoneInfo, *, only: int | None = None) -> list[AccountRow]:
    """Read every vendor account, or one, in a fixed number of queries. Suggestions are not among it."""
    reading = _Reading(feeds=read_feeds(session))
    for month, into in ((period, reading.now), (period.previous, reading.before)):
        for vendor_id, counts in standing_usage(session, month, zone).items():
            for (account, service, term), count in counts.items():
                into.setdefault((vendor_id, account), []).append((service, term, count.quantity))
    reading.words = {(w.vendor_id, w.word): w.meaning for w in session.scalars(sa.select(VendorWordMeaning))}
    vendors = {vendor.id: vendor for vendor in session.scalars(sa.select(Vendor))}
    accounts = sa.select(VendorAccount)
    mappings = sa.select(AccountMapping)
    if only is None:
        counted = sa.select(UsageCount.account_id).join(UsageImport).where(UsageImport.state == "committed")
        accounts = accounts.where(VendorAccount.id.in_(counted))
    else:
        accounts = accounts.where(VendorAccount.id == only)
        mappings = mappings.join(
            VendorAccount,
            sa.and_(
                VendorAccount.vendor_id == AccountMapping.vendor_id,
                VendorAccount.external_id == AccountMapping.account_external_id,
            ),
        ).where(VendorAccount.id == only)
    mapped = {(m.vendor_id, m.account_external_id): m for m in session.scalars(mappings)}
    reading.companies = company_names(session, {m.company_id for m in mapped.values() if m.company_id is not None})
    return [
        _row(account, vendors[account.vendor_id], mapped.get((account.vendor_id, account.external_id)), reading)
        for account in session.scalars(accounts)
    ]


def company_names(session: Session, ids: set[int]) -> dict[int, CompanyName]:
    """Name companies by their PSA ids; an id that was never synced is named by its number."""
    if not ids:
        return {}
    columns = (PsaCompany.id, PsaCompany.name, PsaCompany.deleted, PsaCompany.gone_at, PsaCompany.in_scope)
    # all companies rather than a list of ids: a list of thousands is more than SQLite takes
    rows = session.execute(sa.select(*columns, PsaCompany.scope_reason)).all()
    found = {
        row.id: CompanyName(
            row.id, row.name, _trouble(row.deleted, row.gone_at is not None, row.in_scope, row.scope_reason)
        )
        for row in rows
        if row.id in ids
    }
    for missing in ids - found.keys():
        found[missing] = CompanyName(missing, f"Company {missing}", "ConnectWise has shown no company with this id.")
    return found


def _trouble(deleted: bool, gone: bool, in_scope: bool | None, reason: str) -> str:
    """Say why the usage of a mapped account is on no card, or nothing."""
    if deleted:
        return "The company lies in the recycle bin of ConnectWise."
    if gone:
        return "The company is gone from ConnectWise."
    if not in_scope:
        return reason or "The company is not in scope."
    return ""


def _row(account: VendorAccount, vendor: Vendor, mapping: AccountMapping | None, reading: _Reading) -> AccountRow:
    """Put one row together."""
    key = (account.vendor_id, account.external_id)
    now, before = reading.now.get(key), reading.before.get(key)
    word = account.status.strip().casefold()
    meaning = None if word and key_of(account) not in reading.words else reading.words.get(key_of(account), "active")
    return AccountRow(
        id=account.id,
        vendor=vendor,
        external_id=account.external_id,
        name=account.name,
        status=account.status.strip(),
        visibility=account_visibility(AccountMeaning(meaning) if meaning else None, _sum(now), _sum(before)),
        units=None if now is None else reading.feeds.units(account.vendor_id, now),
        previous=None if before is None else reading.feeds.units(account.vendor_id, before),
        money=reading.feeds.money(account.vendor_id, now or ()),
        mapping=mapping,
        company=None if mapping is None or mapping.company_id is None else reading.companies[mapping.company_id],
    )


def key_of(account: VendorAccount) -> tuple[int, str]:
    """Give the place of an account's status word among all vendors' words."""
    return (account.vendor_id, account.status.strip().casefold())


def _sum(counts: Sequence[tuple[str, str, Decimal]] | None) -> Decimal:
    """Sum the units of all services."""
    total = Decimal(0)
    for _service, _term, units in counts or ():
        total = plus(total, units)
    return total


def account_grid(session: Session, period: Period, zone: ZoneInfo, wanted: GridFilter) -> AccountGrid:
    """Give the page of accounts that is asked for.

    Hidden accounts stand apart from the states: the tick box shows all of them that the vendor and the search leave,
    so that it reveals as many as it says.
    """
    every = account_rows(session, period, zone)
    unmapped = [row for row in every if row.state == "unmapped"]
    suggestions = _suggestions(session, unmapped)
    every = [_with(row, suggestions.get(row.id)) for row in every]
    found = [row for row in every if wanted.matches(*_searched(row))]
    here = [row for row in found if not wanted.vendor or row.vendor.slug == wanted.vendor]
    shown = [row for row in here if _shows(row, wanted.state, inactive=wanted.inactive)]
    shown.sort(key=_order(wanted.sort))
    pages = max(1, -(-len(shown) // PER_PAGE))
    page = min(wanted.page, pages)
    named = {(row.vendor.id, row.external_id) for row in every}
    mapped = session.execute(sa.select(AccountMapping.vendor_id, AccountMapping.account_external_id))
    return AccountGrid(
        rows=shown[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(shown),
        pages=pages,
        by_state={
            state: sum(_shows(row, state, inactive=False) for row in here)
            for state in ("unmapped", "suggested", "attention", "mapped", "excluded", "all")
        },
        by_vendor={
            slug: sum(row.vendor.slug == slug and _shows(row, wanted.state, inactive=wanted.inactive) for row in found)
            for slug in {row.vendor.slug for row in every}
        },
        hidden=sum(row.hidden for row in here),
        warnings=sorted((row for row in every if row.warning), key=_order("units")),
        unreported=sum((vendor_id, account) not in named for vendor_id, account in mapped),
        anything=bool(every),
    )


def _suggestions(session: Session, rows: Sequence[AccountRow]) -> Mapping[int, Suggestion]:
    """Suggest companies for the unmapped accounts."""
    if not rows:
        return {}
    wanted = {row.id for row in rows}
    accounts = [account for account in session.scalars(sa.select(VendorAccount)) if account.id in wanted]
    return suggest(session, accounts)


def _with(row: AccountRow, suggestion: Suggestion | None) -> AccountRow:
    """Put a suggestion beside a row."""
    return row if suggestion is None else replace(row, suggestion=suggestion)


def _searched(row: AccountRow) -> tuple[str | None, ...]:
    """Give the texts of a row that a search looks through."""
    return (
        row.name,
        row.external_id,
        row.status,
        row.vendor.title,
        row.company.name if row.company else None,
        row.mapping.reason if row.mapping else None,
        row.suggestion.name if row.suggestion else None,
        " ".join(row.suggestion.reasons) if row.suggestion else None,
    )


def _shows(row: AccountRow, state: str, *, inactive: bool) -> bool:
    """Tell whether a state shows a row; hidden ones only come with the tick box, and then in every state."""
    if row.hidden:
        return inactive
    if state == "suggested":
        return row.suggestion is not None and row.suggestion.score >= LEAST_SCORE
    if state == "attention":
        return row.attention
    return state in ("all", row.state)


def _order(sort: str) -> Callable[[AccountRow], tuple[object, ...]]:
    """Give the key of an order; names decide between equals, so that pages do not shuffle."""

    def key(row: AccountRow) -> tuple[object, ...]:
        name = (row.title.casefold(), row.vendor.slug, row.external_id)
        if sort == "units":
            return (row.hidden, -(row.units or Decimal(0)), -(row.previous or Decimal(0)), *name)
        if sort == "score":
            return (row.hidden, -(row.suggestion.score if row.suggestion else 0), -(row.units or Decimal(0)), *name)
        return name

    return key


def with_suggestion(session: Session, row: AccountRow) -> AccountRow:
    """Put its suggestion beside a single row, if it is unmapped."""
    found = _suggestions(session, [row]) if row.state == "unmapped" else {}
    return _with(row, found.get(row.id))


def with_suggestions(session: Session, rows: Sequence[AccountRow]) -> list[AccountRow]:
    """Put their suggestions beside the unmapped ones of these rows."""
    found = _suggestions(session, [row for row in rows if row.state == "unmapped"])
    return [_with(row, found.get(row.id)) for row in rows]
