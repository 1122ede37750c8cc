"""``flask cards``: export, plan, decide and split, with the same use cases as the screens."""

import csv
import json
import sys
from typing import Any

import click

from portal.cli._commands import Commands
from portal.cli._deciding import Wish, carry_out, decide_file
from portal.cli._splits import SPLIT_COLUMNS, set_split, split_rows
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.domain.steps import Plan
from portal.factory import clock
from portal.services import cards, decisions
from portal.services.errors import Refused

group = Commands("cards", help="Export, plan and decide cards.")


class _Month(click.ParamType):  # type: ignore[type-arg] # click is generic only for type checkers
    """A month as it stands in addresses: 2026-10."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Period:  # noqa: ANN401 - click's own
        """Read it."""
        try:
            return value if isinstance(value, Period) else Period.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


MONTH = _Month()


@group.command("export")
@click.option("--period", type=MONTH, required=True, help="The month, as 2026-10.")
def export(period: Period) -> None:
    """Write the month's cards as CSV."""
    for line in cards.export_csv(reading(), period):
        sys.stdout.write(line)


@group.command("plan")
@click.option("--agreement", type=int, required=True, help="The agreement's id.")
@click.option("--product", required=True, help="The Product ID.")
@click.option("--quantity", required=True, help="What the product's lines are to sum to.")
@click.option("--date", "day", default="", help="The effective date, as 2026-10-15; without one: immediately.")
def plan(agreement: int, product: str, quantity: str, day: str) -> None:
    """Print what would be written, as JSON; nothing is changed."""
    try:
        found = decisions.plan_write(
            reading(),
            agreement_id=agreement,
            product=product,
            quantity=quantity,
            day=day,
            today=clock().today(),
        )
    except Refused as error:
        found = Plan(refused=str(error))
    click.echo(json.dumps(found.as_json(), ensure_ascii=False))


@group.command("decide")
@click.option("--company", default="", help="The company, by id or exact name.")
@click.option("--product", default="", help="The Product ID.")
@click.option("--agreement", default="", help="The agreement's id, where the product stands on several.")
@click.option("--by", "email", default="", help="Who decides, by e-mail; their role and limits hold.")
@click.option("--approve", is_flag=True, help="The proposal becomes the PSA's quantity.")
@click.option("--adjust", metavar="QUANTITY", help="This becomes the PSA's quantity.")
@click.option("--dismiss", metavar="REASON", help="Nothing is written.")
@click.option("--add", metavar="QUANTITY", help="A new line, on the agreement of --to.")
@click.option("--undo", is_flag=True, help="Take the latest decision back.")
@click.option("--second", is_flag=True, help="Confirm as the second person.")
@click.option("--send", is_flag=True, help="Send what was planned while the portal was read-only.")
@click.option("--to", "to_agreement", default="", help="For --add: the agreement's id.")
@click.option("--price", default="", help="For --add: for one unit and billing cycle; without one the catalogue's.")
@click.option("--cost", default="", help="For --add: likewise.")
@click.option("--date", "day", default="", help="For --adjust and --add: the effective date, as 2026-10-15.")
@click.option("--reason", default="", help="Why.")
@click.option("--invoiced-ok", is_flag=True, help="Yes, the date was already invoiced.")
@click.option("--scheduled-ok", is_flag=True, help="Yes, a line begins later, and both will bill.")
@click.option("--too-old-ok", is_flag=True, help="Yes, a source is too old or held (managers, with --reason).")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False),
    help="Many at once, from a CSV file; the three ticks hold for all of its rows.",
)
@click.option("--period", type=MONTH, help="The month; without it the current one.")
def decide(
    company: str,
    product: str,
    agreement: str,
    email: str,
    *,
    approve: bool,
    adjust: str | None,
    dismiss: str | None,
    add: str | None,
    undo: bool,
    second: bool,
    send: bool,
    to_agreement: str,
    price: str,
    cost: str,
    day: str,
    reason: str,
    invoiced_ok: bool,
    scheduled_ok: bool,
    too_old_ok: bool,
    path: str | None,
    period: Period | None,
) -> None:
    """Decide a card, or many from a file. Exit 0: done; 1: refused, with a sentence; 2: misused."""
    given = {
        "approve": approve or None, "adjust": adjust, "dismiss": dismiss, "add": add,
        "undo": undo or None, "second": second or None, "send": send or None,
    }  # fmt: skip
    chosen = [name for name, value in given.items() if value is not None]
    ticks = {"invoiced_ok": invoiced_ok, "scheduled_ok": scheduled_ok, "too_old_ok": too_old_ok}
    new_line = {"--to": to_agreement, "--price": price, "--cost": cost}
    if path is not None:
        if chosen or company or product:
            raise click.UsageError("A file says what is decided; give no other decision beside it.")
        of_rows = {"--agreement": agreement, "--date": day, "--reason": reason} | new_line
        _refuse_beside(of_rows, "--file", "it stands in a column of the file, for each row")
        decide_file(path, email, period, ticks)
        return
    if len(chosen) != 1 or not company or not product:
        raise click.UsageError(
            "Give --company, --product and one of --approve, --adjust, --dismiss, --add, --undo, --second, --send."
        )
    if add is None:
        _refuse_beside(new_line, f"--{chosen[0]}", "it is about the new line of --add")
    if dismiss is not None:
        _refuse_beside({"--reason": reason}, "--dismiss", "the reason is what stands behind --dismiss")
    wish = Wish(
        company=company,
        product=product,
        decision=chosen[0],
        agreement=agreement,
        quantity=adjust or add or "",
        date=day,
        reason=dismiss if dismiss is not None else reason,
        to_agreement=to_agreement,
        price=price,
        cost=cost,
        **ticks,
    )
    _, sentence = carry_out(wish, email, period)
    click.echo(sentence)


def _refuse_beside(given: dict[str, str], what: str, why: str) -> None:
    """Refuse options that would be passed over beside another one.

    Raises:
        UsageError: With the first of them.
    """
    for name, text in given.items():
        if text:
            raise click.UsageError(f"{name} makes no sense beside {what}: {why}. Nothing was decided.")


@group.command("split")
@click.option("--company", required=True, help="The company, by id or exact name.")
@click.option("--product", required=True, help="The Product ID.")
@click.option("--all-to", type=int, help="The agreement that takes everything.")
@click.option("--fixed", multiple=True, metavar="AGREEMENT=QUANTITY", help="A fixed part; may be repeated.")
@click.option("--rest-to", type=int, help="The agreement that takes what the fixed parts leave.")
@click.option("--by", "email", default="", help="Who decides, by e-mail.")
def split(
    company: str, product: str, all_to: int | None, fixed: tuple[str, ...], rest_to: int | None, email: str
) -> None:
    """Say how one count is shared by several agreements, from now on."""
    parts: dict[int, str] = {}
    for text in fixed:
        agreement, sign, quantity = text.partition("=")
        if not sign or not agreement.strip().isdecimal():
            raise click.UsageError(f"“{text}” is no part. Write it as 4100=5: agreement, equals sign, quantity.")
        if int(agreement) in parts:
            raise click.UsageError(f"Agreement {int(agreement)} is given two fixed parts.")
        parts[int(agreement)] = quantity
    if (all_to is None) == (rest_to is None) or (all_to is not None and parts):
        raise click.UsageError("Give --all-to, or --fixed parts and --rest-to.")
    with transaction() as session:
        why_not = set_split(session, company, product, all_to, parts, rest_to, email)
    click.echo(
        f"From now on the count of {product} is shared so." + (f" Not yet this month: {why_not}" if why_not else "")
    )


@group.command("splits")
@click.option("--company", default="", help="Only of this company, by id or exact name.")
@click.option("--product", default="", help="Only of this Product ID.")
def splits(company: str, product: str) -> None:
    """Print how counts are shared, as CSV: a row for each agreement of a rule; without a quantity it takes the rest."""
    rows = split_rows(reading(), company, product, clock().zone)
    csv.writer(sys.stdout, lineterminator="\n").writerows([SPLIT_COLUMNS, *rows])
