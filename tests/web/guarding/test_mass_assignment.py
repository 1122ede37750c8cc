"""Each form that a role may send, with every column of every record beside it: nothing more changes than it is for.

The values are such that they would do something: a role, an owner, a state. What is compared are rows before and after.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.db.base import Base
from portal.web.access import PUBLIC, ROLES_OF, declared
from portal.web.paces import LIMITS
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import Owned
from tests.web.guarding.routes import address, rules
from tests.web.guarding.test_others_records import UNSURE

COLUMNS = sorted({column.name for table in Base.metadata.tables.values() for column in table.columns})
MARK = "31337"  # what a field is that has no better value
POTENT = {
    "role": "admin", "active": "1", "state": "confirmed", "writing": "1", "email": "taken@over.example",
    "password_hash": "x", "is_admin": "1", "admin": "1", "preferences": "{}", "shared": "1", "quantity": "999999",
    "purpose": "first", "period": "2026-10",
    "token_hash": "f" * 64, "tries": "0", "last_step": "0", "passwords": "", "two_step_for": "",
}  # fmt: skip
BY_FIELD = {"taken@over.example", "f" * 64, "999999"}
FILTER = {
    "state", "kind", "company", "agreement", "product", "currency", "vendor", "period", "effective", "quantity",
    "group", "ids", "company_id", "agreement_id", "name", "tag", "day",
}  # fmt: skip
"""What says which cards are meant, or how one is decided: a field of the form's own, whatever column has its name."""
TOLD = {"seen", "shown", "before", "until"}
"""What a page tells its form: that somebody has seen it as it is."""
LISTS = {("account_lines",), ("service_lines",)}
ENDS_IT = {"sign_in.leave"}
COUNTED = {
    f"card.{name}"
    for name in (
        "at_stake", "changed_at", "difference", "facts", "kind", "oldest_count_at", "profit_change",
        "proposed_quantity", "revenue_change", "vendor_quantity", "version",
    )
}  # fmt: skip
"""What is reckoned anew where a mapping or a rule changes."""
PREFERENCES = {"person.preferences"}
FOR: dict[str, set[str]] = {
    "audit.read_psa": {"+psa_question"},
    "audit.verify": {"+audit_check"},
    "cards.approve_many": {
        "+batch", "+decision", "+decision.reason", "+push", "+push_step", "card.changed_at", "card.decision_id",
        "card.state", "card.version",
    },
    "cards.dismiss_many": {"+batch"},
    "cards.read_again": {"+sync_run"},
    "connections.set_writing": {"connection.writing"},
    "imports.undo": {"usage_import.message", "usage_import.notes", "usage_import.state"},
    "mapping.map_account": COUNTED | {
        "+card", "+mapping_refusal", "account_mapping.company_id", "account_mapping.decided_at",
        "account_mapping.decided_by", "account_mapping.how",
    },
    "notes.add": {"+note", "+note.text"},
    "notes.delete": {"note.deleted_at", "note.deleted_by", "note.version"},
    "notices.choose_mail": PREFERENCES,
    "people.invite": {"+one_time_link", "+person"},
    "people.limits": {"+setting"},
    "people.reset": {"+one_time_link", "one_time_link.revoked_at"},
    "people.role": {"person.role"},
    "people.switch_off": {"person.active"},
    "people.switch_on": {"person.active"},
    "profile.begin_two_step": {"+two_step"},
    "profile.save": PREFERENCES,
    "pushes.give_up": {"card.changed_at", "card.state", "push.cause", "push.settled_at", "push.state"},
    "rules.end": COUNTED | {"rule.ended_at", "rule.ended_by"},
    "statuses.seen": {"row_meaning.decided_at", "row_meaning.decided_by"},
    "tags.delete": {"-tag", "-tagged"},
    "tags.rename": {"tag.key", "tag.name"},
    "undoing.selection": {"+batch"},
    "views.default": PREFERENCES,
    "views.save": {"+saved_view"},
}  # fmt: skip
"""What each form may change here; all others are refused with columns alone, and change nothing.

`+note` is a new row, `+note.text` a new row that holds a field's value, `-tag` a row less.
"""
Rows = dict[str, dict[Any, Mapping[str, Any]]]


def rows(engine: sa.Engine) -> Rows:
    """Everything that the store holds, by table and key."""
    found: Rows = {}
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in UNSURE:
                keys = [column.name for column in table.primary_key]
                read = connection.execute(sa.select(table)).mappings()
                found[table.name] = {tuple(row[key] for key in keys): dict(row) for row in read}
    for name in LISTS:  # made anew by whoever looks first
        found["setting"].pop(name, None)
    return found


def changed(before: Rows, after: Rows) -> set[str]:
    """Name the columns that changed, and the tables that gained or lost rows."""
    found = set()
    for table, now in after.items():
        then = before[table]
        found |= {f"+{table}"} if now.keys() - then.keys() else set()
        found |= {f"-{table}"} if then.keys() - now.keys() else set()
        for key in now.keys() - then.keys():  # of a new row: what came in by a field of its name
            found |= {f"+{table}.{name}" for name, value in now[key].items() if str(value) in {MARK, *BY_FIELD}}
        for key in now.keys() & then.keys():
            found |= {f"{table}.{name}" for name, value in now[key].items() if then[key][name] != value}
    return found


def well(endpoint: str, owned: Owned) -> dict[str, str]:
    """Give what a form needs to be taken, where it would be refused with columns alone."""
    card = {"card_id": str(owned.ids["card_id"])}
    return {
        "cards.approve_many": card,
        "cards.dismiss_many": card | {"reason": "ordered by mail"},
        "connections.limit": {"hours": "24"},
        "connections.set_writing": {"writing": "off"},
        "mapping.exclude_account": {"reason": "ours"},
        "mapping.map_account": {"company": str(owned.ids["company_id"])},
        "people.invite": {"email": "invited@fennimore.example", "role": "viewer", "name": "Ina"},
        "people.role": {"role": "biller", "seen": "manager"},
        "people.limits": {"above": "100"},
        "tags.rename": {"name": "VIPs"},
        "views.save": {"name": "Mine", "query": "q=seat", "shared": ""},
    }.get(endpoint, {})  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "biller", "manager", "admin"])
def test_columns_as_fields_change_nothing_but_what_the_form_is_for(
    app: Flask, engine: sa.Engine, owned: Owned, visitors: Callable[[str], Visitor], role: str
) -> None:
    for limit in app.extensions[LIMITS].values():
        limit.most = 1_000_000
    visitor = visitors(role)
    extras = {name: POTENT.get(name, MARK) for name in {*COLUMNS, *POTENT}}
    too_much, sent = {}, 0
    for rule, _ in rules(app, "POST"):
        right = str(declared(app, rule.endpoint))
        if right == PUBLIC or role not in ROLES_OF[right] or rule.endpoint in ENDS_IT:
            continue
        before = rows(engine)
        own = well(rule.endpoint, owned)
        left_out = (TOLD | FILTER if "cards." in rule.endpoint else TOLD) if own else set()
        form = {name: value for name, value in extras.items() if name not in left_out}
        form |= {**own, "csrf_token": visitor.token()}
        with visitor.client.post(address(rule, owned.ids), data=form) as answer:
            assert answer.status_code < 500, rule.endpoint
        sent += 1
        found = changed(before, rows(engine)) - FOR.get(rule.endpoint, set())
        if found:
            too_much[rule.endpoint] = sorted(found)
        if visitor.get("/profile").status_code != 200:
            visitor.sign_in(f"other-{role}@fennimore.example")

    assert sent >= {"viewer": 10, "biller": 50, "manager": 53, "admin": 85}[role]
    assert too_much == {}
