"""One page of the vendor accounts: filtered, sorted, counted and cut by the store, at the same cost for any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountLine, AccountMapping, MappingRefusal, PsaCompany, Vendor, VendorAccount
from portal.domain.accounts import AccountVisibility
from portal.domain.exclusions import Exclusion
from portal.domain.likeness import Likely
from portal.domain.names import folded
from portal.services.exclusions import exclusion_of

PER_PAGE = 50
LEAST_SCORE = 50  # of 100: a suggestion below is shown, but never accepted with others
STATES = ("unmapped", "suggested", "attention", "outside", "mapped", "excluded", "all")
WARNINGS = 20  # named in a notice; the others are counted
_LOOK = (AccountVisibility.WARNING.value, AccountVisibility.NEEDS_DECISION.value)
_HELD_AT_ONCE = 400  # ids in one query


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
        refused: The company that a person last took off an unmapped one; it is not suggested again.
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
    suggestion: Likely | None = None
    refused: CompanyName | None = None

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
    def exclusion(self) -> Exclusion | None:
        """Why an excluded account is left out, and how long."""
        return exclusion_of(self.mapping) if self.mapping is not None and self.state == "excluded" else None

    @property
    def token(self) -> str:
        """What a form says it has seen: the mapping as it stood."""
        return token_of(self.mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsWanted:
    """What a page is asked to show.

    Args:
        state: One of `STATES`.
        vendor: A vendor's slug, or empty for any.
        q: Words that all have to be found.
        inactive: Whether hidden accounts are shown too, in every state.
        sort: units, score or name.
        page: From 1; one too far gives the last.
    """

    state: str = "unmapped"
    vendor: str = ""
    q: str = ""
    inactive: bool = False
    sort: str = "units"
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One page of accounts, with the figures around it.

    Args:
        rows: Of this page.
        total: Rows over all pages.
        by_state: How many accounts each state would show.
        by_vendor: Likewise each vendor, in the state that is shown.
        hidden: Inactive accounts that the tick box shows or hides.
        warnings: Accounts that are inactive by their status but still count: the first of them.
        warned: How many there are, with their units and about how much money a month.
        unreported: Mappings of accounts that no file has named; counted only where mapped ones are shown.
        anything: Whether there is any account at all.
    """

    rows: Sequence[AccountRow]
    total: int
    pages: int
    by_state: Mapping[str, int]
    by_vendor: Mapping[str, int]
    hidden: int
    warnings: Sequence[AccountRow]
    warned: tuple[int, Decimal, Decimal]
    unreported: int
    anything: bool


def token_of(mapping: AccountMapping | None) -> str:
    """Say in one word what an account is mapped to, so that a form can name what it has seen."""
    if mapping is None:
        return "unmapped"
    return f"company-{mapping.company_id}" if mapping.state == "mapped" else "excluded"


def account_page(session: Session, wanted: AccountsWanted) -> AccountPage:
    """Give the page of accounts that is asked for, in a number of queries and of rows that does not grow.

    Hidden accounts stand apart from the states: the tick box shows all of them that the vendor and the search leave,
    so that it reveals as many as it says.
    """
    here = [*found(wanted.q), *([Vendor.slug == wanted.vendor] if wanted.vendor else [])]
    counts = _counts(session, here)
    shown = _shown(wanted.state, inactive=wanted.inactive)
    total = counts[wanted.state] + (counts["hidden"] if wanted.inactive else 0)
    pages = max(1, -(-total // PER_PAGE))
    page = min(wanted.page, pages)
    rows = _rows(session, _order(_select().where(*here, shown), wanted).limit(PER_PAGE).offset((page - 1) * PER_PAGE))
    by_vendor = sa.select(Vendor.slug, sa.func.count()).select_from(AccountLine).join(Vendor).group_by(Vendor.slug)
    by_vendor = by_vendor.outerjoin(PsaCompany, PsaCompany.id == AccountLine.company_id)
    by_vendor = by_vendor.where(*found(wanted.q), shown)
    warning = AccountLine.visibility == AccountVisibility.WARNING.value
    sums = (summed(AccountLine.units), summed(AccountLine.money))
    warned = session.execute(sa.select(sa.func.count(), *sums).select_from(AccountLine).where(warning)).one()
    first = _select().where(warning).order_by(AccountLine.sort_units, AccountLine.title).limit(WARNINGS)
    return AccountPage(
        rows=rows,
        total=total,
        pages=pages,
        by_state={state: counts[state] for state in STATES},
        by_vendor=dict(session.execute(by_vendor).all()),
        hidden=counts["hidden"],
        warnings=_rows(session, first) if warned[0] else [],
        warned=(warned[0], warned[1], warned[2]),
        unreported=_unreported(session) if wanted.state in ("mapped", "all") else 0,
        anything=session.scalar(sa.select(sa.exists(sa.select(AccountLine.account_id)))) or False,
    )


def account_row(session: Session, account_id: int) -> AccountRow | None:
    """Read one account, also one that no file has counted; none: there is no such account."""
    query: Any = (
        sa.select(VendorAccount, Vendor, AccountLine, AccountMapping, PsaCompany)
        .join(Vendor, Vendor.id == VendorAccount.vendor_id)
        .outerjoin(AccountLine, AccountLine.account_id == VendorAccount.id)
        .outerjoin(AccountMapping, _MAPPED)
        .outerjoin(PsaCompany, PsaCompany.id == AccountMapping.company_id)
        .where(VendorAccount.id == account_id)
    )
    rows = _rows(session, query)
    return rows[0] if rows else None


def account_rows(session: Session, ids: Sequence[int]) -> list[AccountRow]:
    """Read several accounts, by name."""
    rows: list[AccountRow] = []
    for start in range(0, len(ids), _HELD_AT_ONCE):
        chunk = ids[start : start + _HELD_AT_ONCE]
        rows += _rows(session, _select().where(AccountLine.account_id.in_(chunk)))
    return sorted(rows, key=lambda row: (row.title.casefold(), row.id))


def suggested_rows(
    session: Session, wanted: AccountsWanted, *, score: int, limit: int | None = None
) -> tuple[list[AccountRow], int]:
    """Give the unmapped accounts of a vendor and a search whose suggestion has a score, the weakest first.

    Args:
        session: For reading.
        wanted: Vendor and search; the rest does not matter.
        score: At least.
        limit: Rows that are given.

    Returns:
        The rows, and how many there are.
    """
    here = [
        *found(wanted.q), *([Vendor.slug == wanted.vendor] if wanted.vendor else []),
        AccountLine.state == "unmapped", AccountLine.hidden.is_(False), AccountLine.score >= max(score, LEAST_SCORE),
        _STILL_SUGGESTED,
    ]  # fmt: skip
    count = sa.select(sa.func.count()).select_from(AccountLine).join(Vendor).where(*here)
    query = _select().where(*here).order_by(AccountLine.score, AccountLine.title, AccountLine.account_id)
    return _rows(session, query.limit(limit)), session.scalar(count) or 0


def company_names(session: Session, ids: set[int]) -> dict[int, CompanyName]:
    """Name companies by their PSA ids; an id that was never synced is named by its number."""
    names = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _HELD_AT_ONCE):
        chunk = ordered[start : start + _HELD_AT_ONCE]
        for company in session.scalars(sa.select(PsaCompany).where(PsaCompany.id.in_(chunk))):
            names[company.id] = _name(company.id, company)
    return {one: names.get(one) or _name(one, None) for one in ids}


def found(q: str) -> list[sa.ColumnElement[bool]]:
    """Give the conditions of a search: all words stand somewhere in an account's texts, without case and accents."""
    return [
        sa.or_(*(text.contains(word, autoescape=True) for text in (AccountLine.searched, AccountLine.searched_too)))
        for word in folded(q).split()
    ]


def summed(column: Any) -> sa.ColumnElement[Decimal]:  # noqa: ANN401 - a mapped column of exact decimals
    """Sum a column, exactly; nothing sums to zero."""
    found: sa.ColumnElement[Decimal] = sa.type_coerce(sa.func.coalesce(sa.func.sum(column), 0), column.type)
    return found


_MAPPED = sa.and_(
    AccountMapping.vendor_id == VendorAccount.vendor_id, AccountMapping.account_external_id == VendorAccount.external_id
)
_STILL_SUGGESTED = sa.and_(  # lines may be behind what has changed since; what is accepted never is
    sa.exists(sa.select(PsaCompany.id).where(PsaCompany.id == AccountLine.suggested_id, PsaCompany.in_scope.is_(True),
        PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None)).correlate(AccountLine)),
    ~sa.exists(sa.select(MappingRefusal.id).join(VendorAccount, sa.and_(
        VendorAccount.vendor_id == MappingRefusal.vendor_id,
        VendorAccount.external_id == MappingRefusal.account_external_id,
    )).where(VendorAccount.id == AccountLine.account_id, MappingRefusal.company_id == AccountLine.suggested_id)
        .correlate(AccountLine)),
)  # fmt: skip
_TROUBLE = sa.and_(
    AccountLine.state == "mapped",
    sa.or_(
        PsaCompany.id.is_(None),
        PsaCompany.deleted.is_(True),
        PsaCompany.gone_at.is_not(None),
        PsaCompany.in_scope.is_not(True),
    ),
)
_IN_STATE: Mapping[str, sa.ColumnElement[bool]] = {
    "unmapped": AccountLine.state == "unmapped",
    "suggested": sa.and_(AccountLine.state == "unmapped", AccountLine.score >= LEAST_SCORE),
    "attention": sa.or_(AccountLine.visibility.in_(_LOOK), _TROUBLE),
    "outside": sa.and_(_TROUBLE, AccountLine.units > 0),  # counted, and on no card: nobody reconciles the company
    "mapped": AccountLine.state == "mapped",
    "excluded": AccountLine.state == "excluded",
    "all": sa.true(),
}


def _shown(state: str, *, inactive: bool) -> sa.ColumnElement[bool]:
    """Tell which rows a state shows; hidden ones only come with the tick box, and then in every state."""
    seen = sa.and_(AccountLine.hidden.is_(False), _IN_STATE[state])
    return sa.or_(AccountLine.hidden.is_(True), seen) if inactive else seen


def _counts(session: Session, here: Sequence[sa.ColumnElement[bool]]) -> dict[str, int]:
    """Count what each state would show, in one row."""
    seen = AccountLine.hidden.is_(False)
    figures = [
        sa.func.coalesce(sa.func.sum(sa.case((sa.and_(seen, _IN_STATE[state]), 1), else_=0)), 0).label(state)
        for state in STATES
    ]
    hidden = sa.func.coalesce(sa.func.sum(sa.case((AccountLine.hidden.is_(True), 1), else_=0)), 0).label("hidden")
    query = sa.select(*figures, hidden).select_from(AccountLine).join(Vendor)
    query = query.outerjoin(PsaCompany, PsaCompany.id == AccountLine.company_id).where(*here)
    return {name: int(value) for name, value in session.execute(query).mappings().one().items()}


def _select() -> sa.Select[Any]:
    query: Any = sa.select(VendorAccount, Vendor, AccountLine, AccountMapping, PsaCompany).select_from(AccountLine)
    joined: sa.Select[Any] = (
        query.join(VendorAccount, VendorAccount.id == AccountLine.account_id)
        .join(Vendor, Vendor.id == AccountLine.vendor_id)
        .outerjoin(AccountMapping, _MAPPED)
        .outerjoin(PsaCompany, PsaCompany.id == AccountLine.company_id)
    )
    return joined


def _order(query: sa.Select[Any], wanted: AccountsWanted) -> sa.Select[Any]:
    """Order a page; names decide between equals, so that pages do not shuffle."""
    name = (AccountLine.title, AccountLine.account_id)
    if wanted.sort == "name":
        return query.order_by(*name)
    last = [AccountLine.hidden] if wanted.inactive else []
    if wanted.sort == "score":
        score: sa.ColumnElement[Any] = AccountLine.score.desc()
        if wanted.state not in ("unmapped", "suggested"):
            score = sa.case((AccountLine.state == "unmapped", AccountLine.score), else_=0).desc()
        return query.order_by(*last, score, AccountLine.sort_units, *name)
    return query.order_by(*last, AccountLine.sort_units, *name)


def _rows(session: Session, query: sa.Select[Any]) -> list[AccountRow]:
    rows = [_row(*row) for row in session.execute(query.execution_options(populate_existing=True))]
    refused = _refused(session, [row.id for row in rows if row.mapping is None])
    return [replace(row, refused=refused[row.id]) if row.id in refused else row for row in rows]


def _refused(session: Session, ids: Sequence[int]) -> dict[int, CompanyName]:
    """Give the company that a person last took off each of these accounts, if any."""
    mine = sa.and_(
        MappingRefusal.vendor_id == VendorAccount.vendor_id,
        MappingRefusal.account_external_id == VendorAccount.external_id,
        MappingRefusal.because != "excluded",
    )
    found = {}
    for start in range(0, len(ids), _HELD_AT_ONCE):
        query = (
            sa.select(VendorAccount.id, MappingRefusal.company_id, PsaCompany)
            .join(MappingRefusal, mine)
            .outerjoin(PsaCompany, PsaCompany.id == MappingRefusal.company_id)
            .where(VendorAccount.id.in_(ids[start : start + _HELD_AT_ONCE]))
            .order_by(MappingRefusal.id)
        )
        rows = session.execute(query)
        found.update({account_id: _name(company_id, company) for account_id, company_id, company in rows})
    return found


def _row(
    account: VendorAccount,
    vendor: Vendor,
    line: AccountLine | None,
    mapping: AccountMapping | None,
    company: PsaCompany | None,
) -> AccountRow:
    suggestion = None
    if mapping is None and line is not None and line.suggested_id is not None:
        suggestion = Likely(line.suggested_id, line.suggested_name, line.score, tuple(line.reasons))
    return AccountRow(
        id=account.id,
        vendor=vendor,
        external_id=account.external_id,
        name=account.name,
        status=account.status.strip(),
        visibility=AccountVisibility.ACTIVE if line is None else AccountVisibility(line.visibility),
        units=None if line is None else line.units,
        previous=None if line is None else line.previous,
        money=None if line is None else line.money,
        mapping=mapping,
        company=None if mapping is None or mapping.company_id is None else _name(mapping.company_id, company),
        suggestion=suggestion,
    )


def _name(company_id: int, company: PsaCompany | None) -> CompanyName:
    """Name a company, and say why the usage of its accounts is on no card."""
    if company is None:
        return CompanyName(company_id, f"Company {company_id}", "ConnectWise has shown no company with this id.")
    trouble = ""
    if company.deleted:
        trouble = "The company lies in the recycle bin of ConnectWise."
    elif company.gone_at is not None:
        trouble = "The company is gone from ConnectWise."
    elif not company.in_scope:
        trouble = company.scope_reason or "The company is not in scope."
    return CompanyName(company.id, company.name, trouble)


def _unreported(session: Session) -> int:
    """Count the mappings of accounts that no file has named."""
    named = sa.exists().where(_MAPPED, AccountLine.account_id == VendorAccount.id)
    return session.scalar(sa.select(sa.func.count()).select_from(AccountMapping).where(~named)) or 0
