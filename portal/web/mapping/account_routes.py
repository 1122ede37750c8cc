"""Vendor accounts: the list, one account's row, and what can be decided about it."""

from collections.abc import Mapping
from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.domain.exclusions import ExclusionKind
from portal.factory import clock
from portal.services import mapping
from portal.services.errors import Invalid, NotFound
from portal.services.exclusions import read_exclusion
from portal.services.suggestions import SURE
from portal.web.access import allowed, current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce, swaps
from portal.web.mapping.accounts import AccountRow, account_grid, account_row, bring_up_to_date
from portal.web.mapping.common import (
    around,
    back,
    bp,
    database,
    hold_seen,
    months,
    period,
    send_missing,
    to_list,
    vendors,
)
from portal.web.mapping.companies import Picks, find_companies
from portal.web.mapping.filters import GridFilter
from portal.web.mapping.reach import account_result, open_cards_of

REASON = 300  # characters of a reason


@bp.before_request
def _lines_up_to_date() -> None:
    """Let all mapping pages rest on what holds now, and what is posted on what its form could have shown."""
    g.lines_behind = bring_up_to_date()


@bp.get("/")
@may("read")
def index() -> ResponseReturnValue:
    """Lead to the accounts."""
    return to_list("mapping.accounts", "")


@bp.get("/accounts")
@may("read")
def accounts() -> ResponseReturnValue:
    """Show the vendor accounts, or only their list when a filter swaps it."""
    session = database()
    choices = vendors(session)
    wanted = GridFilter.read(request.args, [vendor.slug for vendor in choices])
    here: dict[str, Any] = {
        "grid": account_grid(session, wanted),
        "behind": g.lines_behind,
        "score": SURE,
        "batch": mapping.latest_batch(session, now=clock().now()) if allowed("map") else None,
        "wanted": wanted,
        "vendors": choices,
        "months": months(),
        "back": request.query_string.decode(errors="replace")[:1000],
        "can_map": allowed("map"),
    }
    if swaps("accounts"):
        return render_template("mapping/_accounts.html", **here)
    return render_template("mapping/accounts.html", **here, **around(session, "accounts"))


@bp.get("/accounts/<int:account_id>")
@may("read")
def account(account_id: int) -> ResponseReturnValue:
    """Show one account: its row, with the search (`do=pick`) or the reason (`do=exclude`) opened in it."""
    session = database()
    row = _row(session, account_id)
    do = request.args.get("do", "")
    mode = do if do in {"pick", "exclude"} and allowed("map") else ""
    return _answer(row, mode=mode, search=request.args.get("q", "").strip()[:200])


@bp.get("/companies")
@may("map")
def companies() -> ResponseReturnValue:
    """List the companies that a search finds, as buttons of one account; deleted companies never."""
    session = database()
    row = _row(session, whole(request.args, "account") or 0)
    q = request.args.get("q", "").strip()[:200]
    if swaps(f"pick-{row.id}"):
        return render_template(
            "mapping/_companies.html", row=row, picks=find_companies(session, q), search=q, back=back()
        )
    return _answer(row, mode="pick", search=q)


@bp.post("/accounts/<int:account_id>/map")
@may("map")
def map_account(account_id: int) -> ResponseReturnValue:
    """Map an account to a company, or move it to another one."""
    company = whole(request.form, "company")
    if company is None:
        raise Invalid("No company was chosen. Nothing was changed.", {"company": "Choose a company from the list."})
    with transaction() as session:
        row = _row(session, account_id)
        hold_seen(row.token, _as_it_is(row))
        was = _was(row)
        mapping.map_account(session, account_id, company, by=current_actor(), now=clock().now(), zone=clock().zone)
        return _done(session, account_id, was)


@bp.post("/accounts/<int:account_id>/exclude")
@may("map")
def exclude_account(account_id: int) -> ResponseReturnValue:
    """Leave an account out, with a reason or under a name, for good or up to a day."""
    reason = request.form.get("reason", "").strip()[:REASON]
    kind, until = request.form.get("excluded_as", ""), request.form.get("until", "")
    try:
        read_exclusion(reason=reason, kind=kind, until=until, today=clock().today())
    except Invalid as error:
        return _answer(_row(database(), account_id), mode="exclude", wrong=error.fields or {"reason": str(error)}), 422
    with transaction() as session:
        row = _row(session, account_id)
        hold_seen(row.token, _as_it_is(row))
        was = _was(row)
        mapping.exclude_account(
            session,
            account_id,
            reason=reason,
            kind=kind,
            until=until,
            by=current_actor(),
            now=clock().now(),
            zone=clock().zone,
        )
        return _done(session, account_id, was)


@bp.post("/accounts/<int:account_id>/undo")
@may("map")
def undo_account(account_id: int) -> ResponseReturnValue:
    """Put an account back to what it was (`was`), or make it unmapped."""
    kind, _colon, value = request.form.get("was", "").partition(":")
    company = whole({"company": value}, "company") if kind == "company" else None
    with transaction() as session:
        row = _row(session, account_id)
        hold_seen(row.token, _as_it_is(row))
        by, now = current_actor(), clock().now()
        if company is not None:
            mapping.map_account(session, account_id, company, by=by, now=now, zone=clock().zone)
        elif kind == "excluded" and value.strip():
            name, until, reason = [*value.split(":", 2), "", ""][:3]
            if name not in ("", *ExclusionKind):  # a hand-made value
                name, until, reason = "", "", value
            mapping.exclude_account(
                session,
                account_id,
                reason=reason.strip()[:REASON],
                kind=name,
                until=until,
                by=by,
                now=now,
                zone=clock().zone,
            )
        else:
            mapping.unmap_account(session, account_id, by=by, now=now, zone=clock().zone)
        return _done(session, account_id, None)


def _row(session: Session, account_id: int) -> AccountRow:
    """Read one account.

    Raises:
        NotFound: There is none.
    """
    found = account_row(session, account_id)
    if found is None:
        raise NotFound(f"There is no vendor account {account_id}.")
    return found


def _was(row: AccountRow) -> str:
    """Say what an account was, so that Undo can put it back."""
    if row.mapping is None:
        return ""
    if row.state == "mapped":
        return f"company:{row.mapping.company_id}"
    until = row.mapping.excluded_until
    end = "" if until is None else until.isoformat()
    return f"excluded:{row.mapping.excluded_as or ''}:{end}:{row.mapping.reason or ''}"


def _as_it_is(row: AccountRow) -> str:
    """Say what an account is now, and who said so."""
    if row.mapping is None:
        return f"“{row.title}” is unmapped by now."
    if row.company is None:
        return f"{row.mapping.decided_by} has excluded “{row.title}”."
    return f"{row.mapping.decided_by} has mapped “{row.title}” to {row.company.name}."


def _answer(row: AccountRow, *, mode: str, search: str = "", wrong: Mapping[str, str] | None = None) -> str:
    """Give an account's row, or the page around it."""
    session = database()
    touched = ""
    if mode == "pick" and row.company is not None:
        count = open_cards_of(session, period(), row.vendor.slug, company_id=row.company.id)
        cards = "1 open card" if count == 1 else f"{count} open cards"
        touched = f"Moving it takes its units off {cards} of {row.company.name}."
    context: dict[str, Any] = {
        "row": row,
        "mode": mode,
        "touched": touched,
        "search": search,
        "picks": find_companies(session, search) if mode == "pick" else Picks(),
        "reason": request.form.get("reason", ""),
        "excluded_as": request.form.get("excluded_as", ""),
        "until": request.form.get("until", ""),
        "kinds": list(ExclusionKind),
        "today": clock().today().isoformat(),
        "wrong": wrong or {},
        "back": back(),
        "can_map": allowed("map"),
    }
    template = "mapping/_account.html" if swaps(f"account-{row.id}") else "mapping/account.html"
    return render_template(template, **context)


def _done(session: Session, account_id: int, was: str | None) -> ResponseReturnValue:
    """Answer a decision with the row as it is now, or go back to the list.

    Undo puts back what stands in `was`; none: nothing is left to undo.
    """
    row = _row(session, account_id)
    result = account_result(session, period(), row)
    announce(f"{row.title}: {result}")
    if swaps(f"account-{account_id}"):
        send_missing(session)
        return render_template(
            "mapping/_account.html", row=row, mode="", result=result, was=was, back=back(), can_map=True
        )
    return to_list("mapping.accounts", f"account-{account_id}")
