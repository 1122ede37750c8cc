"""People and security: inviting, roles, switching off, limits; the last admin stays."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Person, Setting
from tests.support.people import a_person
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]


def of(session: Session, email: str) -> Person:
    session.rollback()
    person = session.scalars(sa.select(Person).where(Person.email == email)).one()
    session.commit()
    return person


def test_inviting_shows_a_link_once_that_sets_the_password(
    session: Session, signed_in_as: SignedInAs, visitor: Visitor
) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/people", {"email": "Nora@Fennimore.example", "name": "Nora", "role": "manager"})

    address = str(admin.page(answer).select_one("#link")["value"])  # type: ignore[index]
    path = address.removeprefix("http://127.0.0.1:8000")
    assert path.startswith("/link/")
    visitor.post(path, {"password": "four words side by side"})
    assert visitor.sign_in("nora@fennimore.example", "four words side by side").status_code == 303
    assert of(session, "nora@fennimore.example").role == "manager"
    assert path.removeprefix("/link/") not in admin.get("/audit.jsonl").get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "status", "field"),
    [
        ({"email": "nobody", "role": "biller"}, 422, "email"),
        ({"email": "admin@fennimore.example", "role": "biller"}, 409, "email"),
        ({"email": "x@demo.example.com", "role": "king"}, 422, "role"),
        ({"email": "biller@demo.example", "role": "biller"}, 422, "email"),
    ],
)
def test_what_cannot_be_used_stays_in_the_form_with_its_reason(
    signed_in_as: SignedInAs, typed: dict[str, str], status: int, field: str
) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/people", typed)

    wrong = admin.page(answer).select_one(f"[name={field}][aria-invalid=true]")
    assert answer.status_code == status
    assert wrong is not None
    assert admin.page(answer).select_one(f"#{wrong['aria-describedby'].split()[-1]}") is not None  # type: ignore[union-attr]
    assert typed["email"] in str(admin.page(answer).select_one("input[name=email]"))


def test_switching_off_ends_every_session_at_once(session: Session, signed_in_as: SignedInAs) -> None:
    biller, admin = signed_in_as("biller"), signed_in_as("admin")
    person = of(session, "biller@fennimore.example").id

    admin.post(f"/people/{person}/off")

    assert biller.get("/").status_code == 303
    assert biller.sign_in("biller@fennimore.example").status_code == 422
    admin.post(f"/people/{person}/on")
    assert biller.sign_in("biller@fennimore.example").status_code == 303


def test_ending_sessions_lets_the_person_sign_in_again(session: Session, signed_in_as: SignedInAs) -> None:
    biller, admin = signed_in_as("biller"), signed_in_as("admin")

    answer = admin.post(f"/people/{of(session, 'biller@fennimore.example').id}/sessions/end")

    assert "1 session has ended." in admin.get(answer.headers["Location"]).get_data(as_text=True)
    assert biller.get("/").status_code == 303
    assert biller.sign_in("biller@fennimore.example").status_code == 303


def test_the_last_admin_cannot_be_removed(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    a_person(session, "admin", email="former@fennimore.example", active=False)
    person = of(session, "admin@fennimore.example").id

    off = admin.post(f"/people/{person}/off")
    demoted = admin.post(f"/people/{person}/role", {"role": "viewer"})

    assert (off.status_code, demoted.status_code) == (409, 409)
    assert "Make somebody else an admin first." in off.get_data(as_text=True)
    assert of(session, "admin@fennimore.example").role == "admin"
    assert not admin.page(admin.get("/people")).select(f"form[action='/people/{person}/off']")


def test_a_role_that_somebody_changed_meanwhile_is_not_overwritten(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    person = a_person(session, "manager").id

    answer = admin.post(f"/people/{person}/role", {"role": "viewer", "seen": "biller"})

    assert answer.status_code == 409
    assert of(session, "manager@fennimore.example").role == "manager"


def test_somebody_who_is_not_there_is_404(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    for path in ("role", "off", "on", "link", "sessions/end"):
        assert admin.post(f"/people/999/{path}", {"role": "viewer"}).status_code == 404, path


def test_more_people_need_no_more_queries(
    session: Session, signed_in_as: SignedInAs, queries: Callable[[], int]
) -> None:
    admin = signed_in_as("admin")
    admin.get("/people")
    before = queries()
    admin.get("/people")
    few = queries() - before
    for number in range(20):
        a_person(session, email=f"p{number}@fennimore.example")

    before = queries()
    admin.get("/people")

    assert queries() - before == few


def test_limits_for_a_second_person_are_kept_in_the_home_currency(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    wrong = admin.post("/people/limits", {"above": "a lot"})
    admin.post("/people/limits", {"above": "200.00", "any_decrease": "1"})

    session.rollback()
    assert wrong.status_code == 422
    assert session.get_one(Setting, "limits").value == {"amount": {"USD": "200"}, "any_decrease": True}
    session.commit()
    page = admin.page(admin.get("/people"))
    assert page.select_one("input[name=above]")["value"] == "200"  # type: ignore[index]
    admin.post("/people/limits", {"above": ""})
    session.rollback()
    assert session.get_one(Setting, "limits").value == {"amount": {}, "any_decrease": False}


def test_every_change_of_people_stands_in_the_audit_trail(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    person = a_person(session, "viewer").id

    admin.post(f"/people/{person}/role", {"role": "biller"})
    admin.post(f"/people/{person}/off")

    session.rollback()
    events = session.execute(
        sa.select(AuditEvent.action, AuditEvent.person, AuditEvent.before, AuditEvent.after, AuditEvent.address)
        .where(AuditEvent.action.like("person.%"))
        .order_by(AuditEvent.n)
    ).all()
    assert [tuple(event) for event in events] == [
        ("person.role", "Priya", "viewer", "biller", "127.0.0.1"),
        ("person.off", "Priya", "on", "off", "127.0.0.1"),
    ]
