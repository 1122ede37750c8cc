"""``flask cards``: export, plan, decide and split, with the same use cases as the screens."""

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.db.records import Card, Decision, PsaAgreement, PsaProduct
from portal.db.session import reading, transaction
from portal.domain.periods import Period
from portal.domain.steps import Plan
from portal.factory import clock
from portal.jobs.queue import wake_push
from portal.services import cards, decisions, rules_store
from portal.services.actors import require
from portal.services.decision_plans import read_quantity
from portal.services.errors import Invalid, NotFound, Refused

group = Commands("cards", help="Export, plan and decide cards.")

COLUMNS = ("company", "agreement", "product", "decision", "quantity", "date", "reason", "to_agreement")
_WORDS = ("approve", "adjust", "dismiss", "add", "undo", "second", "send")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One decision as the command line or a row of a file gives it; texts as typed, empty where not given."""

    company: str
    product: str
    decision: str
    agreement: str = ""
    quantity: str = ""
    date: str = ""
    reason: str = ""
    to_agreement: str = ""
    invoiced_ok: bool = False
    scheduled_ok: bool = False
    too_old_ok: bool = False


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
@click.option("--date", "day", default="", help="For --adjust and --add: the effective date, as 2026-10-15.")
@click.option("--reason", default="", help="Why.")
@click.option("--invoiced-ok", is_flag=True, help="Yes, the date was already invoiced.")
@click.option("--scheduled-ok", is_flag=True, help="Yes, a line begins later, and both will bill.")
@click.option("--too-old-ok", is_flag=True, help="Yes, a source is too old or held (managers, with --reason).")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), help="Many at once, from a CSV file.")
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
    if path is not None:
        if chosen or company or product:
            raise click.UsageError("A file says what is decided; give no other decision beside it.")
        _decide_file(path, email, period)
        return
    if len(chosen) != 1 or not company or not product:
        raise click.UsageError(
            "Give --company, --product and one of --approve, --adjust, --dismiss, --add, --undo, --second, --send."
        )
    wish = Wish(
        company=company,
        product=product,
        decision=chosen[0],
        agreement=agreement,
        quantity=adjust or add or "",
        date=day,
        reason=dismiss if dismiss is not None else reason,
        to_agreement=to_agreement,
        invoiced_ok=invoiced_ok,
        scheduled_ok=scheduled_ok,
        too_old_ok=too_old_ok,
    )
    try:
        _, sentence = _carry_out(wish, email, period)
    except Refused as error:
        _refuse(error)
    click.echo(sentence)


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
    try:
        with transaction() as session:
            why_not = _split(session, company, product, all_to, parts, rest_to, email)
    except Refused as error:
        _refuse(error)
    click.echo(
        f"From now on the count of {product} is shared so." + (f" Not yet this month: {why_not}" if why_not else "")
    )


def _split(
    session: Session,
    company: str,
    product: str,
    all_to: int | None,
    parts: Mapping[int, str],
    rest_to: int | None,
    email: str,
) -> str | None:
    """Set a split rule, and say why it cannot be applied to this month's count, if it cannot."""
    by, now, today = decisions.actor_of(session, email), clock().now(), clock().today()
    require(by, "biller", "set a split rule")
    company_id = decisions.company_of(session, company)
    period = Period.holding(today)
    waiting = _to_split(session, company_id, product, period)
    if waiting is not None:
        decisions.share(
            session,
            waiting.id,
            all_to=all_to,
            fixed=parts,
            rest_to=rest_to,
            by=by,
            now=now,
            today=today,
            zone=clock().zone,
        )
        return None
    _refuse_strangers(session, company_id, product, [one for one in (all_to, *parts, rest_to) if one is not None])
    rules_store.set_split(
        session,
        company_id=company_id,
        product=product,
        all_to=all_to,
        fixed={one: read_quantity(text, f"fixed-{one}") for one, text in parts.items()},
        rest_to=rest_to,
        by=by,
        now=now,
    )
    cards.make_cards(session, period=period, today=today, now=now, zone=clock().zone, company_ids=[company_id])
    session.flush()
    waiting = _to_split(session, company_id, product, period)
    return None if waiting is None else next(iter(reversed(waiting.facts["arithmetic"])), None)


def _refuse_strangers(session: Session, company_id: int, product: str, agreements: Sequence[int]) -> None:
    """Refuse a rule about a product or an agreement that the company cannot have: it would be a slip.

    Raises:
        Invalid: With what is unknown.
    """
    known = set(
        session.scalars(
            sa.select(PsaAgreement.id).where(PsaAgreement.company_id == company_id, PsaAgreement.gone_at.is_(None))
        )
    )
    stranger = next((one for one in agreements if one not in known), None)
    if stranger is not None:
        raise Invalid(f"Agreement {stranger} is not one of company {company_id}. Nothing was changed.")
    if session.scalars(sa.select(PsaProduct.id).where(PsaProduct.identifier == product).limit(1)).first() is None:
        raise Invalid(f"ConnectWise has no product {product}. Nothing was changed.")


def _to_split(session: Session, company_id: int, product: str, period: Period) -> Card | None:
    return (
        session.query(Card)
        .filter(
            Card.period == str(period),
            Card.company_id == company_id,
            Card.product == product,
            Card.kind == "to_split",
            Card.state.in_(sorted(cards.DECIDABLE)),
            Card.gone_at.is_(None),
        )
        .order_by(Card.agreement_id)
        .first()
    )


def _decide_file(path: str, email: str, period: Period | None) -> None:
    """Carry out a file row by row; a row that is refused leaves the others alone."""
    refused = False
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for values in _rows(path):
        try:
            state, sentence = _carry_out(Wish(**values), email, period)
        except Refused as error:
            state, sentence, refused = "refused", str(error), True
        writer.writerow([values["company"], values["agreement"], values["product"], state, sentence])
        sys.stdout.flush()
    if refused:
        raise click.exceptions.Exit(1)


def _rows(path: str) -> list[dict[str, Any]]:
    """Read all rows before the first one is decided, so that a broken file decides nothing.

    Raises:
        UsageError: It is no such file.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [name for name in ("company", "product", "decision") if name not in (rows.fieldnames or [])]
            if missing:
                raise click.UsageError(f"The file has no column {', '.join(missing)}. It needs {', '.join(COLUMNS)}.")
            return [{name: (row.get(name) or "").strip() for name in COLUMNS} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(
            f"The file cannot be read as CSV in UTF-8 with commas ({error}). Nothing was decided."
        ) from error


def _carry_out(wish: Wish, email: str, period: Period | None) -> tuple[str, str]:
    """Carry out one decision in a transaction of its own, and wake a worker.

    Returns:
        The card's state, and a sentence.
    """
    with transaction() as session:
        card = decisions.card_of(
            session,
            period=period or Period.holding(clock().today()),
            company=wish.company,
            product=wish.product,
            agreement_id=_id(wish.agreement, "agreement"),
        )
        decision = _decided(session, card, wish, email)
        push_id = None if decision.push is None else decision.push.id
        session.refresh(card)
        state, sentence = card.state, _sentence(card, decision)
    if push_id is not None:
        wake_push(push_id)
    return state, sentence


def _decided(session: Session, card: Card, wish: Wish, email: str) -> Decision:
    common: dict[str, Any] = {
        "by": decisions.actor_of(session, email),
        "now": clock().now(),
        "today": clock().today(),
        "reason": wish.reason or None,
    }
    dated: dict[str, Any] = {"invoiced_ok": wish.invoiced_ok, "scheduled_ok": wish.scheduled_ok}
    ticks: dict[str, Any] = {**dated, "too_old_ok": wish.too_old_ok}
    verbs: dict[str, Callable[[], Decision]] = {
        "approve": lambda: decisions.approve(session, card.id, **common, **ticks),
        "adjust": lambda: decisions.adjust(session, card.id, quantity=wish.quantity, day=wish.date, **common, **ticks),
        "dismiss": lambda: decisions.dismiss(session, card.id, **common),
        "add": lambda: decisions.add(
            session,
            card.id,
            quantity=wish.quantity or None,
            agreement_id=_id(wish.to_agreement, "to_agreement"),
            day=wish.date,
            **common,
            **ticks,
        ),
        "undo": lambda: decisions.undo(session, card.id, **common, **dated, zone=clock().zone),
        "second": lambda: decisions.confirm_second(session, card.id, **common, too_old_ok=wish.too_old_ok),
        "send": lambda: decisions.confirm_planned(session, card.id, **common, too_old_ok=wish.too_old_ok),
    }
    verb = verbs.get(wish.decision.casefold())
    if verb is None:
        raise Invalid(f"“{wish.decision}” is no decision. One of {', '.join(_WORDS)}.")
    if wish.date and wish.decision.casefold() not in {"adjust", "add"}:
        raise Invalid(f"{wish.decision.capitalize()} takes no date. Nothing was decided.")
    return verb()


def _sentence(card: Card, decision: Decision) -> str:
    if decision.push is None:
        done = "Taken back" if decision.action == "undo" else "Done"
        return f"{done}: {card.product} of {card.company} is {card.state.replace('_', ' ')}."
    words = " ".join(step["action"] for step in decision.plan["steps"])
    return f"{decision.action.capitalize()} for {card.product} of {card.company}: {card.state} ({words})."


def _id(text: str, name: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdecimal()):
        raise NotFound(f"“{text}” is no id of an agreement ({name}).")
    return int(text)


def _refuse(error: Refused) -> NoReturn:
    raise click.ClickException(str(error)) from error
