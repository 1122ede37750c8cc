"""One decision of the command line, or a row of a file, carried out with the same use cases as the screens."""

import csv
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from portal.db.records import Card, Decision
from portal.db.session import transaction
from portal.domain.periods import Period
from portal.factory import clock
from portal.jobs.queue import wake_push
from portal.services import decisions
from portal.services.errors import Invalid, NotFound, Refused

COLUMNS = ("company", "agreement", "product", "decision", "quantity", "date", "reason", "to_agreement")
MORE_COLUMNS = ("price", "cost")  # of a line that is added; a file may leave them out
_WORDS = ("approve", "adjust", "dismiss", "add", "undo", "second", "send")


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
    price: str = ""
    cost: str = ""
    invoiced_ok: bool = False
    scheduled_ok: bool = False
    too_old_ok: bool = False


def decide_file(path: str, email: str, period: Period | None, ticks: Mapping[str, Any]) -> None:
    """Carry out a file row by row; a row that is refused leaves the others alone.

    Args:
        path: A CSV file in UTF-8 with `COLUMNS`.
        email: Who decides.
        period: The month; none: the current one.
        ticks: What holds for all rows, by name, such as `invoiced_ok`.
    """
    refused = False
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for values in _rows(path):
        try:
            state, sentence = carry_out(Wish(**values, **ticks), email, period)
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
            return [{name: (row.get(name) or "").strip() for name in (*COLUMNS, *MORE_COLUMNS)} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(
            f"The file cannot be read as CSV in UTF-8 with commas ({error}). Nothing was decided."
        ) from error


def carry_out(wish: Wish, email: str, period: Period | None) -> tuple[str, str]:
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
            price=wish.price,
            cost=wish.cost,
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
    if (wish.price or wish.cost) and wish.decision.casefold() != "add":
        raise Invalid(f"{wish.decision.capitalize()} takes no price and no cost. Nothing was decided.")
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
