"""People: rules that hold whichever way somebody comes in."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Draft, OneTimeLink, Person, SignIn
from portal.services import drafts, invitations, passwords, people, people_passwords, sessions
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Conflict, Invalid, NotFound
from portal.services.invitations import LinkGone
from tests.support.people import hashed_once

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


def create(session: Session, email: str = "dana@fennimore.example", role: str = "biller") -> Person:
    invitations.create_person(session, email, "", role, COMMAND_LINE, NOW, real_now=NOW)
    return people.person_by_email(session, email)


def test_a_new_person_has_no_password_and_a_name_of_the_address(session: Session) -> None:
    dana = create(session, "  Dana@Fennimore.Example ")

    assert (dana.email, dana.name, dana.password_hash) == ("dana@fennimore.example", "dana", None)
    assert people_passwords.authenticate(session, email="dana@fennimore.example", password="", demo=False) is None


def test_only_the_hash_of_a_link_is_stored(session: Session) -> None:
    token = invitations.create_person(session, "d@x.example", "", "biller", COMMAND_LINE, NOW, real_now=NOW)

    assert session.scalars(sa.select(OneTimeLink.token_hash)).one() == sessions.token_hash(token) != token


def test_a_newer_link_ends_the_earlier_one(session: Session) -> None:
    first = invitations.create_person(session, "d@x.example", "", "biller", COMMAND_LINE, NOW, real_now=NOW)
    dana = people.person_by_email(session, "d@x.example")
    invitations.reset_password(session, dana.id, by=COMMAND_LINE, now=NOW, real_now=NOW)

    with pytest.raises(LinkGone):
        invitations.use_link(session, first, password="four words side by side", address=None, now=NOW, real_now=NOW)


def test_two_people_cannot_have_one_address(session: Session) -> None:
    create(session)

    with pytest.raises(Conflict, match="here already"):
        create(session, "DANA@fennimore.example")


@pytest.mark.parametrize("email", ["", "dana", "@x", "a b@x", f"{'a' * 260}@x", "biller@demo.example"])
def test_what_is_no_address_is_refused(session: Session, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(session, email)

    assert "email" in refused.value.fields


def test_nobody_who_is_not_there_can_be_changed(session: Session) -> None:
    with pytest.raises(NotFound):
        people.set_role(session, 99, role="viewer", by=COMMAND_LINE, now=NOW, real_now=NOW)
    with pytest.raises(NotFound):
        people.person_by_email(session, "nobody@x.example")


def test_one_of_two_admins_may_go_the_last_may_not(session: Session) -> None:
    first, second = create(session, "a@x.example", "admin"), create(session, "b@x.example", "admin")
    first.password_hash = second.password_hash = hashed_once()

    people.switch_off(session, first.id, by=COMMAND_LINE, now=NOW, real_now=NOW)

    with pytest.raises(Conflict, match="only admin"):
        people.switch_off(session, second.id, by=COMMAND_LINE, now=NOW, real_now=NOW)
    with pytest.raises(Conflict, match="only admin"):
        people.set_role(session, second.id, role="manager", by=COMMAND_LINE, now=NOW, real_now=NOW)


def test_a_person_who_is_switched_off_gets_no_link(session: Session) -> None:
    dana = create(session)
    people.switch_off(session, dana.id, by=COMMAND_LINE, now=NOW, real_now=NOW)

    with pytest.raises(Conflict, match="switched off"):
        invitations.reset_password(session, dana.id, by=COMMAND_LINE, now=NOW, real_now=NOW)


@pytest.mark.parametrize(
    "weak", ["", "elevenchars", "passwordpassword", "Password 12345", "countersign-demo", "abcabcabcabcabc", "x" * 1001]
)
def test_weak_passwords_are_refused(weak: str) -> None:
    with pytest.raises(Invalid):
        passwords.check_new(weak, email="dana@x.example")


def test_a_password_fits_its_own_hash_alone() -> None:
    stored = passwords.hashed("four words side by side")

    assert stored.startswith("$argon2id$")
    assert passwords.fits("four words side by side", stored)
    assert not passwords.fits("four words side by sidE", stored)
    assert not passwords.fits("four words side by side", None)
    assert not passwords.fits("x", "no hash at all")


def test_the_demos_people_are_made_once(session: Session) -> None:
    people.make_demo_people(session, now=NOW)
    people.make_demo_people(session, now=NOW)

    assert sorted(person.role for person in people.everybody(session)) == ["admin", "biller", "manager", "viewer"]


def test_a_token_belongs_to_a_session_that_lives(session: Session) -> None:
    dana = create(session)
    token = sessions.start_session(session, dana, address=None, agent="x" * 500, now=NOW)

    assert sessions.find_session(session, token, now=NOW + timedelta(hours=1, minutes=59)) is not None
    assert sessions.find_session(session, token, now=NOW + timedelta(hours=2)) is None
    session.execute(sa.update(SignIn).values(seen_at=NOW + timedelta(hours=11)))
    assert sessions.find_session(session, token, now=NOW + timedelta(hours=11)) is not None
    assert sessions.find_session(session, token, now=NOW + timedelta(hours=12)) is None
    assert sessions.find_session(session, token + "x", now=NOW) is None
    assert sessions.owner_of_ended(session, token) == dana.id
    dana.active = False
    session.flush()
    assert sessions.find_session(session, token, now=NOW) is None
    assert sessions.owner_of_ended(session, token) is None


def test_far_too_much_is_not_kept_as_a_draft(session: Session) -> None:
    dana = create(session)

    assert drafts.keep(session, person_id=dana.id, path="/x", fields=[("reason", "x" * 30_000)], now=NOW) is None
    assert drafts.newest(session, dana.id, now=NOW) is None


def test_drafts_are_forgotten_after_a_week(session: Session) -> None:
    dana = create(session)
    drafts.keep(session, person_id=dana.id, path="/x", fields=[("reason", "a")], now=NOW)
    later = NOW + timedelta(days=8)

    assert drafts.newest(session, dana.id, now=later) is None
    drafts.keep(session, person_id=dana.id, path="/y", fields=[("reason", "b")], now=later)
    assert [draft.path for draft in session.scalars(sa.select(Draft))] == ["/y"]
