"""A test that passed keeps the typed key for its person for a quarter of an hour: it is saved without typing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db.records import PsaQuestion
from portal.jobs import doing
from portal.services.sealing import Sealer
from tests.web.connecting.conftest import SignedInAs, Work, after, dump, kept, stored, typed

MARKER = "portal-secret"


def the_test(session: Session) -> PsaQuestion:
    session.rollback()
    session.expire_all()
    found = session.scalars(sa.select(PsaQuestion).order_by(PsaQuestion.id)).first()
    session.commit()
    assert found is not None
    return found


def test_what_was_tested_is_saved_without_the_key_being_typed_again(
    session: Session,
    settings: Settings,
    signed_in_as: SignedInAs,
    sandbox: str,
    work: Work,
    engine: sa.Engine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    admin = signed_in_as("admin")
    page = after(admin, work, typed(sandbox, do="test"))
    after(admin, work, typed(sandbox, do="test"))  # its key goes too once one is saved
    number = the_test(session).id
    assert the_test(session).sealed is not None
    dumps = [dump(engine)]

    asked = admin.post(f"/connections/connectwise/tested/{number}")
    again = admin.post(f"/connections/connectwise/tested/{number}")
    work()
    over = admin.get(asked.headers["Location"])

    assert "Save what was tested" in page.get_data(as_text=True)
    assert again.status_code == 409
    assert "The test passed, and the connection is saved" in over.get_data(as_text=True)
    assert Sealer(settings.secret_keys).open(kept(session).sealed_private_key) == MARKER
    session.rollback()
    assert set(session.scalars(sa.select(PsaQuestion.sealed))) == {None}
    dumps.append(dump(engine))
    assert MARKER not in caplog.text
    assert MARKER not in "".join([*dumps, *(each.get_data(as_text=True) for each in (page, asked, again, over))])


def test_the_key_is_kept_for_a_quarter_of_an_hour_and_for_its_person(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work, app: Flask
) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed(sandbox, do="test"))
    test = the_test(session)
    number, asked = test.id, dict(test.asked)
    test.asked = {**asked, "by": {**asked["by"], "person_id": 999}}
    session.commit()
    foreign = admin.post(f"/connections/connectwise/tested/{number}")
    test = the_test(session)
    assert test.finished_at is not None
    test.asked, test.finished_at = asked, test.finished_at - timedelta(minutes=15)
    session.commit()

    late = admin.post(f"/connections/connectwise/tested/{number}")
    shown = admin.get(f"/connections/connectwise?test={number}").get_data(as_text=True)
    with app.app_context():
        doing.recover()  # a worker's sweep clears what has had its time

    assert (foreign.status_code, late.status_code) == (409, 409)
    assert "not kept any more" in late.get_data(as_text=True)
    assert "Save what was tested" not in shown
    assert stored(session) is None
    assert the_test(session).sealed is None


def test_another_psa_is_saved_after_a_test_only_with_the_tick(
    session: Session, signed_in_as: SignedInAs, sandbox: str, work: Work
) -> None:
    admin = signed_in_as("admin")
    after(admin, work, typed("http://localhost:" + sandbox.rpartition(":")[2]))
    asked = admin.post("/connections/connectwise", typed(sandbox, do="test")).headers["Location"]
    work()
    number = session.scalars(sa.select(sa.func.max(PsaQuestion.id))).one()
    session.rollback()

    shown = admin.get(asked).get_data(as_text=True)
    bare = admin.post(f"/connections/connectwise/tested/{number}")
    ticked = admin.post(f"/connections/connectwise/tested/{number}", {"moved_ok": "1"})
    work()

    assert 'id="tested-moved"' in shown
    assert (bare.status_code, ticked.status_code) == (422, 303)
    assert kept(session).url.startswith(sandbox)
