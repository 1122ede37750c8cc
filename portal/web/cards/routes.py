"""Reading the board: the list, a card, its plan, the rows behind a count, and the list as CSV."""

from collections.abc import Iterator

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import Card, UsageImport, VendorAccount, VendorService
from portal.db.session import reading
from portal.services import cards
from portal.services.errors import NotFound
from portal.web import frame
from portal.web.access import may
from portal.web.cards import answers, context, detail, export, queries, why
from portal.web.cards.blueprint import bp
from portal.web.cards.forms import read_form
from portal.web.cards.words import STATES
from portal.web.htmx import announce, beside, swaps

PLANS = ("approve", "adjust", "add", "undo", "split")


@bp.get("/cards")
@may("read")
def index() -> ResponseReturnValue:
    """Show the board, only its list, or the rows of a fold."""
    session = reading()
    if not request.args and (own := context.default_view(session)) is not None:
        return redirect(own)
    board, titles = context.asked_for(session)
    frame.look_at(board.period)
    made = context.board_context(session, board, titles)
    if swaps(f"fold-{board.show}-rows"):
        return render_template("cards/_fold.html", **made)
    made |= context.index_extras(session, board, titles, made)
    if board.open in made["rows"]:
        made["details"] = {board.open: "cards/_why.html"}
        made |= why.why(session, made["rows"][board.open])
    elif board.open is not None and not swaps("cards"):
        if number := queries.page_holding(session, board, board.open):
            # no anchor: beside one a browser would not put the focus on the card's title
            return redirect(url_for(".index", **board.args(page=None if number == 1 else number)))
        made["elsewhere"] = session.get(Card, board.open)
    if not swaps("cards"):
        return render_template("cards/index.html", **made)
    beside(render_template("cards/_count.html", oob=True, **made))
    beside(render_template("cards/_tabs.html", oob=True, **made))
    beside(render_template("cards/_choices.html", **made))
    beside(render_template("cards/_views.html", oob=True, **made))
    return render_template("cards/_cards.html", **made)


@bp.get("/cards.csv")
@may("read")
def export_csv() -> ResponseReturnValue:
    """Give the cards of the filter as CSV; the board's page and open card do not count; `bom=1` is for spreadsheets."""
    session = reading()
    board, _ = context.asked_for(session)
    # made before it is sent: whoever reads slowly keeps no transaction open
    lines = list(export.lines(session, board, bom="bom" in request.args))
    name = f"cards-{board.period}{'' if board.show == 'all' else '-' + board.show}.csv"

    def body() -> Iterator[str]:
        yield from lines

    answer = Response(body(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@bp.get("/cards/<int:card_id>")
@may("read")
def show(card_id: int) -> ResponseReturnValue:
    """Show a card with why its numbers are what they are; `fold=1` gives the row alone, to be swapped."""
    session = reading()
    found = context.find_card(session, card_id)
    asked = request.args.get("asked")
    folded = request.args.get("fold") == "1"
    settled = asked is not None and found.state not in cards.IN_FLIGHT
    if settled:
        announce(f"{STATES[found.state].word}: {found.product_name or found.product}, {found.company}.")
    return answers.card(card_id, below=None if folded else "why", decided=settled)


@bp.get("/cards/<int:card_id>/plan")
@may("read")
def plan(card_id: int) -> ResponseReturnValue:
    """Show what a decision would write, as it is typed: the part below a form's fields, or the form's page."""
    session = reading()
    found = context.find_card(session, card_id)
    action = request.args.get("action", "")
    if action not in PLANS:
        typed = "quantity" in request.args or "date" in request.args
        action = {"new_revenue": "add", "to_split": "split"}.get(found.kind, "adjust" if typed else "approve")
    form = read_form(request.args)
    status = 422 if form.errors else 200
    if not swaps(f"plan-{card_id}"):
        return answers.card(card_id, below=action, form=form, status=status)
    row = context.one_row(session, found, context.list_of_row(session))
    if action == "split":
        made = detail.split_context(session, row, form)
        return render_template("cards/_sharing.html", row=row, form=form, **made)
    made = detail.plan_context(session, row, action, form)
    if action == "adjust":
        dates = detail.adjust_dates(session, row, form)
        if dates.open:
            beside(render_template("cards/_date_hint.html", row=row, dates=dates, oob=True))
    return make_response(render_template("cards/_plan.html", row=row, form=form, **made), status)


@bp.get("/cards/<int:card_id>/rows/<int:account_id>/<int:service_id>/<int:import_id>")
@may("read")
def rows(card_id: int, account_id: int, service_id: int, import_id: int) -> ResponseReturnValue:
    """Show the rows of the vendor's file behind one count."""
    session = reading()
    found = context.find_card(session, card_id)
    account = session.get(VendorAccount, account_id)
    service = session.get(VendorService, service_id)
    usage = session.get(UsageImport, import_id)
    if account is None or service is None or usage is None:
        raise NotFound("There is no such count. The file may have been undone; the card shows what stands now.")
    behind = cards.rows_behind(session, account_id, service_id, import_id)
    if not behind:
        raise NotFound(f"No row of {usage.filename} counts {service.external_id} for {account.external_id}.")
    return render_template(
        "cards/rows.html",
        card=found,
        account=account,
        service=service,
        usage_import=usage,
        behind=behind,
        headers=list(dict.fromkeys(name for one in behind for name in one.cells)),
        total=sum((one.units for one in behind if one.units is not None), start=0),
    )
