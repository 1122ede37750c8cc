"""The last admin who can sign in stays, also when two remove each other at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.db.records import CompanyIdentity, CompanyProvider, Person
from portal.db.session import transaction
from portal.services import company_people, company_provider, people, sign_in_rules
from portal.services.actors import COMMAND_LINE, Actor
from portal.services.errors import Conflict
from tests.support.people import a_person

NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)
ISSUER = "https://login.fennimore.example"


def with_provider(session: Session, *people_: Person) -> None:
    """Set the company's sign-in up, with some who have used it."""
    session.add(
        CompanyProvider(
            id=1, title="Fennimore", issuer=ISSUER, client_id="c", client_secret=None, role_map={}, facts={},
            facts_at=NOW, keys={}, keys_at=NOW,
        )
    )  # fmt: skip
    session.flush()
    for person in people_:
        session.add(
            CompanyIdentity(person_id=person.id, issuer=ISSUER, subject=str(person.id), linked_at=NOW, used_at=NOW)
        )
    session.commit()


def off(store: Session, target: int, by: Actor) -> None:
    people.switch_off(store, target, by=by, now=NOW, real_now=NOW)


def demote(store: Session, target: int, by: Actor) -> None:
    people.set_role(store, target, role="biller", by=by, now=NOW, real_now=NOW)


@pytest.mark.parametrize("remove", [off, demote])
def test_of_two_admins_who_remove_each_other_at_once_one_stays(
    app: Flask, session: Session, remove: Callable[[Session, int, Actor], None]
) -> None:
    for round_ in range(5):
        session.execute(sa.update(Person).values(active=False, role="viewer"))
        one = a_person(session, "admin", email=f"a{round_}@x.example")
        two = a_person(session, "admin", email=f"b{round_}@x.example")
        together = Barrier(2)

        def go(pair: tuple[Person, Person], together: Barrier = together) -> bool:
            by, target = Actor(pair[0].name, pair[0].id), pair[1].id
            with app.app_context():
                together.wait(timeout=10)
                try:
                    with transaction() as store:
                        remove(store, target, by)
                except Conflict:
                    return False
            return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(go, [(one, two), (two, one)]))

        session.rollback()
        left = session.scalars(sa.select(Person.id).where(Person.role == "admin", Person.active.is_(True))).all()
        session.commit()
        assert (sorted(done), len(left)) == ([False, True], 1)


def test_an_admin_who_has_never_come_does_not_count(session: Session) -> None:
    priya, nora = a_person(session, "admin"), a_person(session, "admin", email="nora@x.example")
    nora.password_hash = None
    session.flush()

    with pytest.raises(Conflict, match="only admin"):
        off(session, priya.id, COMMAND_LINE)
    off(session, nora.id, COMMAND_LINE)


def test_passwords_are_taken_until_an_admin_has_used_the_other_way(session: Session) -> None:
    priya, dana = a_person(session, "admin"), a_person(session)
    with_provider(session, dana)
    with pytest.raises(Conflict, match="No admin has signed in"):
        company_provider.allow_passwords(session, False, by=COMMAND_LINE, now=NOW)
    session.add(CompanyIdentity(person_id=priya.id, issuer=ISSUER, subject="p", linked_at=NOW, used_at=NOW))
    session.flush()

    company_provider.allow_passwords(session, False, by=COMMAND_LINE, now=NOW)

    assert not sign_in_rules.read(session).passwords


def test_without_passwords_the_way_that_is_left_stays_open(session: Session) -> None:
    priya, olga = a_person(session, "admin"), a_person(session, "admin", email="olga@x.example")
    with_provider(session, priya)
    company_provider.allow_passwords(session, False, by=COMMAND_LINE, now=NOW)
    session.commit()

    with pytest.raises(Conflict, match="No admin could sign in"):
        company_provider.switch(session, on=False, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Conflict, match="only admin who can sign in"):
        company_people.unlink(session, priya, by=COMMAND_LINE, now=NOW, real_now=NOW)
    session.rollback()
    for remove in (off, demote):
        with pytest.raises(Conflict, match="only admin"):
            remove(session, priya.id, COMMAND_LINE)
    assert people.last_admin(session) == priya.id
    off(session, olga.id, COMMAND_LINE)
