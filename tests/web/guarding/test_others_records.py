"""Each role at each address with a record that belongs to somebody else: nothing is read, nothing is changed.

Every address that names a record says here whose such records are. One that says nothing fails the first test, so that
nobody adds an address without thinking of it.
"""

from collections.abc import Callable, Mapping

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import Note, Person
from portal.web.access import PUBLIC, ROLES_OF, declared
from tests.support.people import a_person
from tests.support.visitor import Visitor
from tests.web.guarding.conftest import CANARY, Owned
from tests.web.guarding.routes import address, rules

ROLES = ("viewer", "biller", "manager", "admin")
OWN = {
    "sign_in.kept": 404, "sign_in.drop_kept": 404,
    "notices.dismiss": 303,  # one that is not there is no error, and somebody else's is not there
    "profile.end_one": 404,
    "views.rename": 404, "views.delete": 404, "views.share": 404,
    "notes.edit": 403, "notes.delete": 403,  # everybody reads them; who wrote one changes it
    "connections.save_tested": 409,
}  # fmt: skip
"""Records that are one person's: what somebody else is answered whose role may use the address at all."""
LOOKED_AFTER = {("notes.delete", "manager"), ("notes.delete", "admin")}
"""Who may do it for somebody else all the same; the owner's text is kept."""
BEARERS = {
    "callbacks.receive": "the token in the address and the signature of the body",
    "sign_in.link": "the token in the address, of which only the hash is stored",
    "sign_in.set_password": "the token in the address, of which only the hash is stored",
    "mapping.diff": "the SHA-256 of a file that admins share", "mapping.apply": "the same",
    "mapping.drop": "the same", "statuses.diff": "the same", "statuses.apply": "the same", "statuses.drop": "the same",
}  # fmt: skip
"""Addresses whose part is no id: what makes them hold."""
OF_THE_PEOPLE = {
    "people.end_session", "people.end_sessions", "people.reset", "people.reset_two_step", "people.revoke",
    "people.role", "people.show", "people.switch_off", "people.switch_on", "people.unlink",
}  # fmt: skip
"""Admins look after everybody: role, sessions, links, second step."""
EVERYBODYS = {
    "activity.show", "activity.skipped_file",
    "audit.agreement_psa", "audit.event", "audit.event_psa", "audit.read_event_psa", "audit.read_psa",
    "batches.before_undo", "batches.show", "batches.stop", "batches.undo",
    "cards.add", "cards.adjust", "cards.approve", "cards.confirm", "cards.dismiss", "cards.plan", "cards.read_again",
    "cards.reading_again", "cards.rows", "cards.show", "cards.split", "cards.undo",
    "connections.held", "connections.limit", "connections.reject", "connections.release", "connections.settings",
    "connections.start_sync",
    "help.page", "help.picture", "static",
    "imports.ask_undo", "imports.change", "imports.commit", "imports.drop", "imports.movements",
    "imports.problems_file", "imports.profiles", "imports.show", "imports.undo", "imports.use_again",
    "mapping.account", "mapping.exclude_account", "mapping.exclude_service", "mapping.follow", "mapping.map_account",
    "mapping.map_service", "mapping.service", "mapping.undo_account", "mapping.undo_batch", "mapping.undo_service",
    "notes.add", "notes.index",
    "pushes.acknowledge", "pushes.give_up", "pushes.retry", "pushes.show", "pushes.whose",
    "rules.end", "rules.ending", "rules.show",
    "setup.skip", "setup.step",
    "statuses.companies", "statuses.seen",
    "tags.delete", "tags.merge", "tags.rename", "tags.show", "tags.take",
}  # fmt: skip
"""The month is one piece of work that all share: any role that may use the address may use it for every record.

Each stands here by its own name, so that one that is added later is nobody's until somebody has thought of it.
"""
UNSURE = {
    "audit_event", "audit_refusal", "sign_in", "sign_in_attempt", "known_browser", "account_line", "account_line_due",
    "service_line", "service_line_made",
}  # fmt: skip
"""Tables that looking at pages or being refused may write to: what was refused, when somebody was seen, lists made."""
Picture = Callable[..., Mapping[str, object]]


def test_every_address_that_names_a_record_says_whose_it_is(app: Flask) -> None:
    named = [*OWN, *BEARERS, *OF_THE_PEOPLE, *EVERYBODYS]
    found = {rule.endpoint for rule, _ in rules(app) if rule.arguments}

    assert found - set(named) == set(), "Say in this file whose records these addresses name."
    assert set(named) - found == set(), "These are there no more."
    assert len(named) == len(set(named))


@pytest.mark.parametrize("role", ROLES)
def test_what_is_somebody_elses_is_neither_shown_nor_changed(
    app: Flask, owned: Owned, visitors: Callable[[str], Visitor], picture: Picture, role: str
) -> None:
    visitor = visitors(role)
    token, before, tried = visitor.token(), picture(*UNSURE), set()
    for rule, method in rules(app):
        if rule.endpoint not in OWN:
            continue
        tried.add(rule.endpoint)
        if (rule.endpoint, role) in LOOKED_AFTER:
            continue
        path = address(rule, owned.ids)
        form = {"csrf_token": token, "text": "planted", "name": "planted", "shared": "1", "seen": "1", "next": "/"}
        answer = visitor.client.open(path, method=method, data=form if method == "POST" else None)
        may = role in ROLES_OF[str(declared(app, rule.endpoint))]
        assert answer.status_code == (OWN[rule.endpoint] if may else 403), (method, path)
        assert CANARY not in answer.get_data(as_text=True), (method, path)

    assert tried == set(OWN)
    assert picture(*UNSURE) == before


@pytest.mark.parametrize("role", ["biller", "admin"])
def test_no_page_shows_what_is_one_persons_alone(
    app: Flask, owned: Owned, visitors: Callable[[str], Visitor], role: str
) -> None:
    visitor = visitors(role)
    shown = []
    for rule, method in rules(app, "GET"):
        if declared(app, rule.endpoint) == PUBLIC:
            continue
        path = address(rule, owned.ids)
        with visitor.client.open(path, method=method) as answer:
            if CANARY in answer.get_data(as_text=True):
                shown.append(rule.endpoint)

    assert set(shown) <= ({"people.show"} if role == "admin" else set())  # it lists the browsers of a person's sessions


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not_do_changes_no_record_that_is_there(
    app: Flask, owned: Owned, visitors: Callable[[str], Visitor], picture: Picture, role: str
) -> None:
    visitor = visitors(role)
    token, before, tried = visitor.token(), picture(*UNSURE), 0
    for rule, _ in rules(app, "POST"):
        right = str(declared(app, rule.endpoint))
        if right == PUBLIC or role in ROLES_OF[right]:
            continue
        form = {"csrf_token": token, "reason": "planted", "quantity": "1", "role": "admin", "do": "1", "writing": "on"}
        answer = visitor.client.post(address(rule, owned.ids), data=form)
        assert answer.status_code == 403, (rule.endpoint, answer.status_code)
        tried += 1

    assert tried > {"viewer": 60, "biller": 30, "manager": 25, "admin": -1}[role]
    assert picture(*UNSURE) == before


def test_ids_in_forms_lead_to_nobody_elses_records_either(
    owned: Owned, visitors: Callable[[str], Visitor], picture: Picture
) -> None:
    visitor = visitors("biller")
    before = picture(*UNSURE, "person")

    visitor.post("/profile", {"theme": "dark", "draft_id": str(owned.ids["draft_id"])})
    assert visitor.post("/views/default", {"view": str(owned.ids["view_id"])}).status_code == 404

    assert picture(*UNSURE, "person") == before


def test_a_child_is_not_found_under_another_parent(
    session: Session, owned: Owned, visitors: Callable[[str], Visitor]
) -> None:
    other = a_person(session, "viewer", email="third@fennimore.example", name="Third")
    admin, sign_in = visitors("admin"), owned.ids["sign_in_id"]

    wrong = admin.post(f"/people/{other.id}/sessions/{sign_in}/end")
    note = admin.post(f"/cards/{owned.ids['card_id'] + 1}/notes/{owned.ids['note_id']}/delete")

    assert (wrong.status_code, note.status_code) == (404, 404)
    assert session.get_one(Note, owned.ids["note_id"]).deleted_at is None


def test_a_role_is_what_the_store_says_whatever_a_request_says(
    session: Session, owned: Owned, visitors: Callable[[str], Visitor]
) -> None:
    visitor = visitors("viewer")
    forged = {"X-Role": "admin", "X-Forwarded-User": owned.owner.email, "Remote-User": owned.owner.email}

    for headers in (forged, {"Cookie": "role=admin; person_id=1; remember_token=1|x"}):
        assert visitor.client.get("/people?role=admin&person_id=1", headers=headers).status_code in {303, 403}
    with visitor.client.session_transaction() as cookie:
        cookie["role"] = cookie["_user_id"] = cookie["signed_in"] = "1"
    assert visitor.get("/people").status_code == 403

    assert session.scalars(sa.select(Person.role).where(Person.email.like("other-%"))).all() == ["viewer"]
