"""Notices of runs: for whoever asked, for admins where a schedule begins to fail; by mail where chosen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.config import MailServer
from portal.db.records import Mail, Notice, Person, SyncRun
from portal.jobs import errands
from portal.services import notices
from tests.support.database import NOW
from tests.support.post_office import open_office
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]


def ended(session: Session, *, by: str = "Dana", state: str = "done", kind: str = "full", **other: object) -> SyncRun:
    given: dict[str, object] = {
        "kind": kind, "state": state, "requested_by": by, "queued_at": NOW, "started_at": datetime.now(UTC),
        "finished_at": datetime.now(UTC), "phase": "", "skipped": [],
        "counts": {"additions": {"new": 2, "changed": 1, "gone": 0, "same": 9, "skipped": 0}},
        "error": "ConnectWise refused the key of Fennimore (401)." if state == "failed" else None,
    }  # fmt: skip
    run = SyncRun(**(given | other))
    session.add(run)
    session.commit()
    return run


def told(app: Flask) -> None:
    with app.app_context():
        errands.tell_and_send()


def seen_by(visitor: Visitor, path: str = "/audit") -> list[str]:
    """What stands among a person's notices on a page."""
    return [each.get_text(" ", strip=True) for each in visitor.page(visitor.get(path)).select("#own-notices .notice p")]


def test_who_asked_is_told_on_every_page_until_they_dismiss_it(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana, marcus = signed_in_as("biller"), signed_in_as("manager")
    ended(session)
    told(app)

    assert seen_by(dana)[0].startswith("The full sync is done: 3 records are different from before.")
    assert seen_by(dana, "/profile") == seen_by(dana)  # it survives a reload
    assert seen_by(marcus) == []
    form = dana.page(dana.get("/audit")).select_one("#own-notices form")
    assert form is not None
    assert marcus.post(str(form["action"])).status_code == 303
    assert seen_by(dana)
    assert dana.post(str(form["action"]), swapping="own-notices").get_data(as_text=True).strip() == ""
    assert seen_by(dana) == []
    told(app)
    assert seen_by(dana) == []


def test_the_tapes_poll_brings_a_new_notice_to_a_page_that_stays_open(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana = signed_in_as("biller")
    tape = dana.page(dana.get("/audit")).select_one("#tape")
    assert tape is not None
    assert dana.get(str(tape["hx-get"]), swapping="tape").status_code == 204
    ended(session, state="failed")
    told(app)

    answer = dana.get(str(tape["hx-get"]), swapping="tape")

    beside = dana.page(answer).find(id="own-notices")
    assert "The full sync failed." in str(beside)
    assert 'hx-swap-oob="innerHTML"' in str(beside)


def test_the_page_of_the_run_says_it_itself_and_takes_the_notice_away(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana = signed_in_as("biller")
    run = ended(session)
    told(app)

    assert seen_by(dana, f"/activity/{run.id}") == []
    assert seen_by(dana) == []


def test_a_newer_notice_of_a_kind_takes_the_place_of_an_older_one(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana = signed_in_as("biller")
    ended(session, state="failed")
    told(app)
    ended(session)
    told(app)

    assert [text.partition(":")[0] for text in seen_by(dana)] == ["The full sync is done"]


def test_admins_hear_of_the_first_scheduled_failure_in_a_row_until_it_works_again(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    priya, dana = signed_in_as("admin"), signed_in_as("biller")
    ended(session, by="Countersign", kind="quick")
    first = ended(session, by="Countersign", kind="quick", state="failed")
    ended(session, by="Countersign", kind="quick", state="failed")
    told(app)

    assert len(seen_by(priya)) == 1
    assert "The scheduled quick sync failed." in seen_by(priya)[0]
    assert seen_by(dana) == []
    session.rollback()
    assert session.scalars(sa.select(Notice.link)).all() == [f"/activity/{first.id}"]
    session.rollback()

    ended(session, by="Countersign", kind="quick")
    told(app)
    assert seen_by(priya) == []
    ended(session, by="Countersign", kind="full", state="failed")
    told(app)
    assert "The scheduled full sync failed." in seen_by(priya)[0]


def test_reading_one_agreement_again_is_told_only_where_it_failed(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana = signed_in_as("biller")
    ended(session, kind="agreement", agreement_id=501)
    told(app)
    assert seen_by(dana) == []

    ended(session, kind="agreement", agreement_id=501, state="failed")
    told(app)
    assert "Reading agreement 501 again failed." in seen_by(dana)[0]


def test_a_run_that_is_queued_again_is_not_over(app: Flask, session: Session, signed_in_as: SignedInAs) -> None:
    dana = signed_in_as("biller")
    ended(session, state="queued", finished_at=None)
    told(app)

    assert seen_by(dana) == []


def test_mails_go_to_those_who_chose_them_and_hold_nothing_of_customers(
    app: Flask, session: Session, signed_in_as: SignedInAs
) -> None:
    dana, priya = signed_in_as("biller"), signed_in_as("admin")
    assert "No mail is sent for now" in dana.get("/profile").get_data(as_text=True)
    with open_office() as office:
        server = MailServer(
            host="127.0.0.1", port=office.port, tls="none", user=None, password="", sender="c@msp.example"
        )
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], mail=server)
        ended(session)
        told(app)
        assert office.taken == []  # nobody chose any

        dana.post("/notices/mail", {"mail_own_runs": "1", "mail_failures": "1"})
        priya.post("/notices/mail", {"mail_failures": "1"})
        ended(session)
        ended(session, by="Countersign", state="failed")
        told(app)
        told(app)

        assert office.recipients == ["biller@fennimore.example", "admin@fennimore.example"]
        done, failed = office.mails()
    assert done["Subject"] == "Countersign: the full sync is done"
    assert failed["Subject"] == "Countersign: the scheduled full sync failed"
    assert "http://127.0.0.1:8000/activity/" in failed.get_content()
    assert "stays in use" in failed.get_content()
    for each in (done, failed):
        assert "401" not in each.get_content()
        assert "Fennimore" not in each.get_content()
    session.rollback()
    person = session.scalars(sa.select(Person).where(Person.role == "biller")).one()
    assert person.preferences == {"mail_own_runs": True}  # failures of the schedule are an admin's
    session.rollback()


def test_mails_that_do_not_go_out_are_an_admins_to_know(app: Flask, session: Session, signed_in_as: SignedInAs) -> None:
    dana, priya = signed_in_as("biller"), signed_in_as("admin")
    with open_office() as office:
        where = {"host": "127.0.0.1", "port": office.port, "tls": "none", "user": None, "password": ""}
        server = MailServer(**where, sender="c@msp.example")  # type: ignore[arg-type] # of several types
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], mail=server)
        dana.post("/notices/mail", {"mail_own_runs": "1"})
        assert "Mails do not go out" not in priya.get("/connections").get_data(as_text=True)
        office.answers["RCPT"] = ["550 no such person"]
        ended(session)
        told(app)

    assert "no such person" in priya.get("/connections").get_data(as_text=True)
    assert "no such person" not in dana.get("/connections").get_data(as_text=True)


def test_without_a_mail_server_nothing_piles_up(app: Flask, session: Session, signed_in_as: SignedInAs) -> None:
    dana = signed_in_as("biller")
    dana.post("/notices/mail", {"mail_own_runs": "1"})
    ended(session)
    told(app)

    session.rollback()
    assert session.scalars(sa.select(Mail)).all() == []


def test_whoever_may_not_sign_in_any_more_is_told_nothing(session: Session, signed_in_as: SignedInAs) -> None:
    signed_in_as("biller")
    session.execute(sa.update(Person).values(active=False))

    made = notices.tell(session, kind="x", sentence="S.", link="/", by_name="Dana", now=NOW)

    assert made == []
