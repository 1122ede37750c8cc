"""Several accounts at once: a preview of what would be done, then each change on its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.domain.quantities import plus
from portal.factory import clock
from portal.services import mapping
from portal.services.errors import Invalid
from portal.web.access import current_actor, may
from portal.web.filters import quantity
from portal.web.forms import whole, wholes
from portal.web.htmx import announce
from portal.web.mapping.accounts import LEAST_SCORE, AccountRow, account_rows, with_suggestions
from portal.web.mapping.common import back, bp, database, period, to_list

AT_MOST = 500  # accounts in one go: as many as a page could ever tick, and a limit for hand-made requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One ticked account in the preview.

    Args:
        company_id: Where it would go; none: it stays as it is.
        company: Its name.
        stays: Why it stays behind, or empty.
    """

    row: AccountRow
    company_id: int | None
    company: str
    stays: str


@bp.get("/accounts/preview")
@may("map")
def preview() -> ResponseReturnValue:
    """Show what would be done with the ticked accounts; nothing is changed yet."""
    do = "exclude" if request.args.get("do") == "exclude" else "map"
    rows = _ticked(database(), wholes(request.args, "account_id"))
    chosen = [_chosen(row, do) for row in rows]
    return render_template(
        "mapping/preview.html",
        do=do,
        going=[one for one in chosen if not one.stays],
        staying=[one for one in chosen if one.stays],
        back=back(),
        wrong="",
        reason="",
    )


@bp.post("/accounts/map")
@may("map")
def map_many() -> ResponseReturnValue:
    """Map the accounts of a preview, each to the company it names; what moved meanwhile is left out and named."""
    done: list[AccountRow] = []
    left: list[str] = []
    with transaction() as session:
        for row in _ticked(session, wholes(request.form, "account_id")):
            company = whole(request.form, f"company-{row.id}")
            if company is None or row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
                continue
            mapping.map_account(session, row.id, company, by=current_actor(), now=clock().now(), zone=clock().zone)
            done.append(row)
    return _finished("Mapped", done, left)


@bp.post("/accounts/exclude")
@may("map")
def exclude_many() -> ResponseReturnValue:
    """Exclude the accounts of a preview, all for one reason."""
    reason = request.form.get("reason", "").strip()[:300]
    if not reason:
        chosen = [_chosen(row, "exclude") for row in _ticked(database(), wholes(request.form, "account_id"))]
        return render_template(
            "mapping/preview.html",
            do="exclude",
            going=[one for one in chosen if not one.stays],
            staying=[one for one in chosen if one.stays],
            back=back(),
            wrong="A reason is missing. Say in a few words why they are left out.",
            reason="",
        ), 422
    done: list[AccountRow] = []
    left: list[str] = []
    with transaction() as session:
        for row in _ticked(session, wholes(request.form, "account_id")):
            if row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
                continue
            mapping.exclude_account(
                session, row.id, reason=reason, by=current_actor(), now=clock().now(), zone=clock().zone
            )
            done.append(row)
    return _finished("Excluded", done, left)


def _ticked(session: Session, ids: Sequence[int]) -> list[AccountRow]:
    """Read the ticked accounts, in the order of their names.

    Raises:
        Invalid: Nothing was ticked, or more than one page could tick.
    """
    wanted = set(ids)
    if not wanted:
        raise Invalid("Nothing was ticked. Go back and tick the accounts that you mean.")
    if len(wanted) > AT_MOST:
        raise Invalid(f"{len(wanted)} accounts are too many for one go. Tick {AT_MOST} at most.")
    rows = [row for row in account_rows(session, period(), clock().zone) if row.id in wanted]
    return sorted(with_suggestions(session, rows), key=lambda row: (row.title.casefold(), row.id))


def _chosen(row: AccountRow, do: str) -> Chosen:
    """Say what would become of one ticked account."""
    if do == "exclude":
        stays = "" if row.mapping is None else "It is decided already."
        return Chosen(row=row, company_id=None, company="", stays=stays)
    if row.mapping is not None:
        if row.mapping.how == "exact_name" and row.company is not None:
            return Chosen(row=row, company_id=row.company.id, company=row.company.name, stays="")
        return Chosen(row=row, company_id=None, company="", stays="It is decided already.")
    if row.suggestion is None:
        return Chosen(row=row, company_id=None, company="", stays="No company comes close.")
    if row.suggestion.score < LEAST_SCORE:
        stays = f"Its suggestion, {row.suggestion.name}, has only {row.suggestion.score} of 100: choose it by hand."
        return Chosen(row=row, company_id=None, company="", stays=stays)
    return Chosen(row=row, company_id=row.suggestion.company_id, company=row.suggestion.name, stays="")


def _finished(verb: str, done: Sequence[AccountRow], left: Sequence[str]) -> ResponseReturnValue:
    """Go back to the list and say what was done."""
    units = Decimal(0)
    for row in done:
        units = plus(units, row.units or Decimal(0))
    sentence = f"{verb} {len(done)} {'account' if len(done) == 1 else 'accounts'}, {quantity(units)} units."
    if left:
        sentence += f" Left as they are, since they changed meanwhile: {', '.join(left)}."
    announce(sentence)
    return to_list("mapping.accounts", "accounts")
