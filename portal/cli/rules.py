"""``flask rules``: the rules that bend what is proposed, listed, set after a look at what they do, and ended."""

import csv
import sys
from datetime import date
from decimal import Decimal

import click
from sqlalchemy.orm import Session

from portal.cli._commands import Commands
from portal.cli._people import actor_by_email
from portal.db.session import reading, transaction
from portal.domain.quantities import BadQuantity, parse_quantity
from portal.factory import clock
from portal.services import decisions, rule_reading, rules, rules_store
from portal.services.errors import Invalid
from portal.services.rule_effects import Effect
from portal.services.rules_store import RuleValues

group = Commands("rules", help="Rounding, minimum, floor, tolerance and ignore, on a product, a company or the pair.")
COLUMNS = ("rule", "state", "kind", "company_id", "company", "product", "says", "set_by", "set_at")
_EVERY = 1_000_000  # rules that one list holds


@group.command("list")
@click.option("--company", help="By id, identifier or exact name.")
@click.option("--product", help="A Product ID.")
@click.option("--kind", type=click.Choice(rules_store.KINDS))
@click.option("--state", type=click.Choice(["in_force", "expiring", "ended", "all"]), default="in_force")
def list_(*, company: str | None, product: str | None, kind: str | None, state: str) -> None:
    """Print rules as CSV: those with a last day first."""
    session = reading()
    page = rule_reading.list_rules(
        session,
        today=clock().today(),
        kind=kind or "",
        state=state,
        company_id=None if company is None else decisions.company_of(session, company),
        product=product or "",
        size=_EVERY,
    )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for shown in page.rules:
        rule = shown.rule
        said = rules_store.words(rule)
        moment = rule.set_at.astimezone(clock().zone).isoformat(timespec="minutes")
        company_id = "" if rule.company_id is None else rule.company_id
        writer.writerow(
            [rule.id, shown.state, rule.kind, company_id, shown.company, rule.product or "", said, rule.set_by, moment]
        )


@group.command("set")
@click.argument("kind", type=click.Choice(rules_store.KINDS))
@click.option("--company", help="By id, identifier or exact name; left out: every company.")
@click.option("--product", help="A Product ID; left out: every product of the company.")
@click.option("--quantity", help="Minimum and floor: units.")
@click.option("--until", help="The last day, such as 2027-03-31; left out: without an end.")
@click.option("--round", "mode", type=click.Choice(["up", "down", "nearest"]), help="Rounding.")
@click.option("--to", help="Rounding: the size of a step; left out: 1.")
@click.option("--units", help="Tolerance: units of the product.")
@click.option("--percent", help="Tolerance: of the PSA quantity.")
@click.option("--money", help="Tolerance: size of the monthly revenue change.")
@click.option("--reference", help="Where it is agreed.")
@click.option("--reason", help="Why; an ignore rule needs it.")
@click.option("--apply", "to_apply", is_flag=True, help="Set it; without this only what it would do is printed.")
@click.option("--by", "email", help="The e-mail address of who sets it.")
def set_(
    *,
    kind: str,
    company: str | None,
    product: str | None,
    until: str | None,
    mode: str | None,
    reference: str | None,
    reason: str | None,
    to_apply: bool,
    email: str | None,
    **numbers: str | None,
) -> None:
    """Say what a rule would do, or set it; one of its kind on the same thing ends."""
    values = RuleValues(
        until=_day(until),
        mode=mode,
        reference=reference,
        reason=reason,
        quantity=_number("quantity", numbers["quantity"]),
        to=_number("to", numbers["to"]),
        units=_number("units", numbers["units"]),
        percent=_number("percent", numbers["percent"]),
        money=_number("money", numbers["money"]),
    )
    with transaction() as session:
        by = actor_by_email(session, email)
        company_id = None if company is None else decisions.company_of(session, company)
        now, zone = clock().now(), clock().zone
        effect = rules.effect_of_setting(
            session, kind=kind, company_id=company_id, product=product, values=values, by=by, now=now, zone=zone
        )
        if to_apply:
            rule = rules.set_rule(
                session, kind=kind, company_id=company_id, product=product, values=values, by=by, now=now, zone=zone
            )
            _say(effect)
            click.echo(f"Rule {rule.id} holds: {rules_store.words(rule)}.")
            return
    _say(effect)
    click.echo("Nothing was changed. With --apply it is set.")


@group.command("end")
@click.argument("rule_id", type=click.IntRange(1))
@click.option("--reason", help="Why.")
@click.option("--apply", "to_apply", is_flag=True, help="End it; without this only what it would do is printed.")
@click.option("--by", "email", help="The e-mail address of who ends it.")
def end(*, rule_id: int, reason: str | None, to_apply: bool, email: str | None) -> None:
    """Say what ending a rule would do, or end it; it stays in the history."""
    with transaction() as session:
        by = actor_by_email(session, email)
        effect = _effect_of_ending(session, rule_id)
        if to_apply:
            rule = rules.end_rule(session, rule_id, by=by, now=clock().now(), zone=clock().zone, reason=reason)
            _say(effect)
            click.echo(f"Ended: {rules_store.words(rule)}.")
            return
    _say(effect)
    click.echo("Nothing was changed. With --apply it ends.")


def _effect_of_ending(session: Session, rule_id: int) -> Effect:
    shown = rule_reading.rule_shown(session, rule_id, clock().today())
    return rules.effect_of_ending(session, shown.rule, now=clock().now(), zone=clock().zone)


def _say(effect: Effect) -> None:
    for change in effect.changes:
        where = f"{change.company}, {change.agreement or 'no agreement yet'}, {change.product}"
        click.echo(f"{change.period}: {where}: {change.after.kind.replace('_', ' ')}. {change.after.sentence}")
    click.echo(effect.sentence)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"“{text}” is not a day. Write it as 2027-03-31. Nothing was changed.") from error


def _number(name: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return parse_quantity(text)
    except BadQuantity as error:
        raise Invalid(f"--{name}: {error} Nothing was changed.") from error
