"""Several accounts at once: a preview of what would be done, then all of it in one transaction, undone as a whole."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.db.session import transaction
from portal.domain.exclusions import ExclusionKind
from portal.domain.quantities import plus
from portal.factory import clock
from portal.services import mapping
from portal.services.account_pages import suggested_rows
from portal.services.errors import Conflict, Invalid
from portal.services.exclusions import read_exclusion
from portal.services.mapping_bulk import AT_MOST
from portal.services.suggestions import SURE
from portal.web.access import current_actor, may
from portal.web.filters import quantity
from portal.web.forms import whole, wholes
from portal.web.htmx import announce
from portal.web.mapping.accounts import LEAST_SCORE, AccountRow, rows_of, wanted_of
from portal.web.mapping.common import back, bp, database, to_list, vendors
from portal.web.mapping.filters import GridFilter

TICKED = 500  # accounts of one page's ticks: more than a page has, and a limit for hand-made requests
SHOWN = 200  # pairs of a whole set that a preview lists: the weakest
SCORES = (100, 95, SURE, 75, LEAST_SCORE)


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
    return _preview(_ticked(database(), wholes(request.args, "account_id")), do)


@bp.get("/accounts/suggested")
@may("map")
def suggested() -> ResponseReturnValue:
    """Show what would be done with every suggestion of a score and more, the weakest first."""
    session = database()
    wanted, score = _wanted(session, request.args), _score(request.args)
    rows, total = suggested_rows(session, wanted_of(wanted), score=score, limit=AT_MOST)
    return render_template(
        "mapping/suggested.html",
        rows=rows[:SHOWN],
        total=total,
        going=len(rows),
        companies=len({row.suggestion.company_id for row in rows if row.suggestion}),
        units=_units(rows),
        score=score,
        scores=SCORES,
        sure=SURE,
        wanted=wanted,
        vendors=vendors(session),
        digest=_digest(rows),
        back=back(),
    )


@bp.post("/accounts/map")
@may("map")
def map_many() -> ResponseReturnValue:
    """Map the accounts of a preview, each to the company it names; what moved meanwhile is left out and named."""
    pairs: dict[int, int] = {}
    left: list[str] = []
    with transaction() as session:
        rows = _ticked(session, wholes(request.form, "account_id"))
        for row in rows:
            company = whole(request.form, f"company-{row.id}")
            if company is None or row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
            else:
                pairs[row.id] = company
        if pairs:
            mapping.map_many(session, pairs, by=current_actor(), now=clock().now(), zone=clock().zone)
    return _finished("Mapped", [row for row in rows if row.id in pairs], left)


@bp.post("/accounts/suggested")
@may("map")
def accept_suggested() -> ResponseReturnValue:
    """Accept every suggestion of a preview but those that were unticked, all or none."""
    spared = set(wholes(request.form, "shown")) - set(wholes(request.form, "account_id"))
    with transaction() as session:
        wanted, score = _wanted(session, request.form), _score(request.form)
        rows, _total = suggested_rows(session, wanted_of(wanted), score=score, limit=AT_MOST)
        if _digest(rows) != request.form.get("digest", ""):
            raise Conflict("The suggestions have changed since you looked. Nothing was changed; look at them again.")
        rows = [row for row in rows if row.id not in spared]
        pairs = {row.id: row.suggestion.company_id for row in rows if row.suggestion is not None}
        mapping.map_many(session, pairs, by=current_actor(), now=clock().now(), zone=clock().zone)
    return _finished("Mapped", rows, [])


@bp.post("/accounts/exclude")
@may("map")
def exclude_many() -> ResponseReturnValue:
    """Exclude the accounts of a preview, all for one reason."""
    reason = request.form.get("reason", "").strip()[:300]
    kind, until = request.form.get("excluded_as", ""), request.form.get("until", "")
    try:
        read_exclusion(reason=reason, kind=kind, until=until, today=clock().today())
    except Invalid as error:
        rows = _ticked(database(), wholes(request.form, "account_id"))
        return _preview(rows, "exclude", wrong=error.fields or {"reason": str(error)}), 422
    left: list[str] = []
    done: list[AccountRow] = []
    with transaction() as session:
        for row in _ticked(session, wholes(request.form, "account_id")):
            if row.token != request.form.get(f"seen-{row.id}", row.token):
                left.append(row.title)
            else:
                done.append(row)
        if done:
            mapping.exclude_many(
                session,
                [row.id for row in done],
                reason=reason,
                kind=kind,
                until=until,
                by=current_actor(),
                now=clock().now(),
                zone=clock().zone,
            )
    return _finished("Excluded", done, left)


@bp.post("/accounts/batches/<int:batch_id>/undo")
@may("map")
def undo_batch(batch_id: int) -> ResponseReturnValue:
    """Put the accounts of a batch back to what they were; what was decided since stays and is named."""
    with transaction() as session:
        undone = mapping.undo_batch(session, batch_id, by=current_actor(), now=clock().now(), zone=clock().zone)
    accounts = "1 account is" if undone.done == 1 else f"{undone.done} accounts are"
    sentence = f"Taken back: {accounts} what they were before."
    if undone.done == 1:
        sentence = f"Taken back: {accounts} what it was before."
    announce(sentence + _left(undone.left, "since they were decided otherwise or their company was deleted"))
    return to_list("mapping.accounts", "accounts")


def _wanted(session: Session, values: Any) -> GridFilter:  # noqa: ANN401 - the query or the form
    return GridFilter.read(values, [vendor.slug for vendor in vendors(session)])


def _score(values: Any) -> int:  # noqa: ANN401 - the query or the form
    """Read the least score: 50 to 100; another one is the score from which suggestions are sure."""
    asked = whole(values, "score")
    return SURE if asked is None or not LEAST_SCORE <= asked <= max(SCORES) else asked


def _digest(rows: Sequence[AccountRow]) -> str:
    """Say in one word which pairs a preview showed."""
    pairs = [f"{row.id}:{row.suggestion.company_id if row.suggestion else 0}" for row in rows]
    return hashlib.sha256(" ".join(sorted(pairs)).encode()).hexdigest()[:32]


def _ticked(session: Session, ids: Sequence[int]) -> list[AccountRow]:
    """Read the ticked accounts, in the order of their names.

    Raises:
        Invalid: Nothing was ticked, or more than one page could tick.
    """
    wanted = sorted(set(ids))
    if not wanted:
        raise Invalid("Nothing was ticked. Go back and tick the accounts that you mean.")
    if len(wanted) > TICKED:
        raise Invalid(f"{len(wanted)} accounts are too many for one go. Tick {TICKED} at most.")
    return rows_of(session, wanted)


def _preview(rows: Sequence[AccountRow], do: str, *, wrong: Mapping[str, str] | None = None) -> str:
    """Show what would become of accounts; the weakest suggestions first."""
    chosen = [_chosen(row, do) for row in rows]
    chosen.sort(key=lambda one: one.row.suggestion.score if one.row.suggestion else 0)
    return render_template(
        "mapping/preview.html",
        do=do,
        going=[one for one in chosen if not one.stays],
        staying=[one for one in chosen if one.stays],
        back=back(),
        wrong=wrong or {},
        reason=request.form.get("reason", ""),
        excluded_as=request.form.get("excluded_as", ""),
        until=request.form.get("until", ""),
        kinds=list(ExclusionKind),
        today=clock().today().isoformat(),
    )


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


def _units(rows: Sequence[AccountRow]) -> Decimal:
    units = Decimal(0)
    for row in rows:
        units = plus(units, row.units or Decimal(0))
    return units


def _left(titles: Sequence[str], why: str) -> str:
    if not titles:
        return ""
    more = f" and {len(titles) - 10} more" if len(titles) > 10 else ""  # noqa: PLR2004 - ten names can be read
    return f" Left as they are, {why}: {', '.join(titles[:10])}{more}."


def _finished(verb: str, done: Sequence[AccountRow], left: Sequence[str]) -> ResponseReturnValue:
    """Go back to the list and say what was done."""
    sentence = f"{verb} {len(done)} {'account' if len(done) == 1 else 'accounts'}, {quantity(_units(done))} units."
    announce(sentence + _left(left, "since they changed meanwhile"))
    return to_list("mapping.accounts", "accounts")
