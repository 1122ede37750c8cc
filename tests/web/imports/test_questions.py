"""What is asked of a person, without script: whose a file is, what it is, which of its versions reads it."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import VendorProfile
from portal.services.imports import slug_of
from tests.support.visitor import Visitor
from tests.web.imports.desk import PLAIN, fields_of, imports_of, send, taken_in
from tests.web.looking import attribute, one, words

SignIn = Callable[[str], Visitor]
TEMPLATE = "Customer,Product,Quantity\nHalyard,Mail,34\nLantern,Mail,3\n"


KNOWN = (
    "Organization,Type,Subscription Level,Date Created,End Date,Seats,Users,Courses,Risk Score,Phish-prone %,PSTs\n"
    "Halyard,Customer,Diamond,2026-01-05,2027-01-05,34,30,2,40,5,1\n"
)


def test_an_unverified_template_is_confirmed_before_it_counts(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, TEMPLATE)
    page = Visitor.page(biller.get(where))
    assert "1 question before it can be committed" in words(one(page, "#questions h2"))
    assert "It cannot be committed yet" in words(page)
    assert biller.post(f"{where}/commit", {}).status_code == 409

    biller.post(where, fields_of(page) | {"q-template": attribute(one(page, "input[name=q-template]"), "value")})

    page = Visitor.page(biller.get(where))
    assert not page.select("#questions")
    assert biller.post(f"{where}/commit", {}).status_code == 303
    assert [found.state for found in imports_of(session)] == ["committed"]


def test_a_question_stays_open_when_something_else_is_changed(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, TEMPLATE)
    fields = fields_of(Visitor.page(biller.get(where)))

    biller.post(where, fields | {"period": "2026-09"})
    assert Visitor.page(biller.get(where)).select("#questions")
    biller.post(where, fields | {"marks": "point-comma", "period": "2026-09"})
    assert Visitor.page(biller.get(where)).select("#questions")


def test_whose_files_are_is_known_by_a_profile_and_asked_of_the_others(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN)}/commit", {"save_profile": "1"})
    known = (io.BytesIO(PLAIN.replace("34", "35").encode()), "again.csv")
    strange = (io.BytesIO(b"Wer,Was,Wieviel\nHalyard,EDR,34\n"), "<i>strange.csv")

    asked = biller.post("/imports", {"file": [known, strange]}, content_type="multipart/form-data")
    page = Visitor.page(asked)
    assert "Whose file is this?" in words(one(page, "h1"))
    assert "1 other file was taken in already" in words(page)
    fields = {attribute(field, "name"): attribute(field, "value") for field in page.select("main form input[name]")}
    assert "<i>strange.csv" in fields.values()
    fields.pop("csrf_token")
    refused = biller.post("/imports/whose", fields)
    answer = biller.post("/imports/whose", fields | {"new_vendor-0": "Stranger"})

    assert refused.status_code == 422
    assert answer.status_code == 303
    assert [(found.vendor_id, found.state) for found in imports_of(session)] == [
        (1, "committed"),
        (1, "ready"),
        (2, "failed"),
    ]


@pytest.mark.parametrize(
    ("saved_by", "known_too", "asked"),
    [("Cumulus", False, True), ("Cumulus", True, True), ("KnowBe4", False, False), ("KnowBe4 Europe", False, False),
     ("KnowBe4 Europe", True, True)],
)  # fmt: skip
def test_a_profile_that_fits_a_file_known_as_another_vendors_leads_to_the_question_whose_it_is(
    session: Session, signed_in_as: SignIn, saved_by: str, *, known_too: bool, asked: bool
) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, KNOWN, new_vendor=saved_by)}/commit", {"save_profile": "1"})
    if known_too:
        taken_in(biller, PLAIN, new_vendor="KnowBe4")
    before = len(imports_of(session))

    answer = send(biller, KNOWN.replace("34", "35"), new_vendor="")

    assert answer.status_code == (200 if asked else 303)
    assert len(imports_of(session)) == before + (not asked)
    if asked:
        page = Visitor.page(answer)
        assert f"The saved profile of {saved_by} fits it. It is known as KnowBe4, accounts." in words(
            one(page, "main form")
        )
        assert attribute(one(page, "#w-new-0"), "value") == ""
        told = {"kept-0": attribute(one(page, "input[name=kept-0]"), "value"), "name-0": "again.csv"}
        assert biller.post("/imports/whose", told | {"vendor-0": slug_of(saved_by)}).status_code == 303


def test_an_older_version_of_a_profile_is_used_again(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    first = taken_in(biller, PLAIN)
    biller.post(f"{first}/commit", {"save_profile": "1", "profile_name": "monthly"})
    second = taken_in(biller, PLAIN.replace("34", "35"), vendor="cumulus", new_vendor="")
    biller.post(second, fields_of(Visitor.page(biller.get(second))) | {"marks": "point-comma"})
    biller.post(f"{second}/commit", {"save_profile": "1", "profile_name": "monthly"})

    page = Visitor.page(biller.get("/imports/profiles/cumulus"))
    assert "Numbers like: 1,234.5 (was 1234.5)." in words(page)
    again = biller.post(attribute(one(page, "main form"), "action"), {})

    assert again.status_code == 303
    saved = session.scalars(sa.select(VendorProfile).order_by(VendorProfile.version)).all()
    assert [one.version for one in saved] == [1, 2, 3]
    assert saved[2].spec == saved[0].spec
    assert not Visitor.page(signed_in_as("viewer").get("/imports/profiles/cumulus")).select("main form[method=post]")


@pytest.mark.parametrize(("answer", "state"), [("2026-09", "same"), ("2026-10", "ready")])
def test_a_file_that_counts_for_another_month_is_asked_about_when_nobody_says_its_month(
    session: Session, signed_in_as: SignIn, answer: str, state: str
) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN, name='seats-2026-09.csv')}/commit", {})

    where = taken_in(biller, PLAIN, name="seats.csv")
    page = Visitor.page(biller.get(where))
    assert "The same content counts for 2026-09 already" in words(one(page, "#questions"))
    assert biller.post(f"{where}/commit", {}).status_code == 409
    biller.post(where, fields_of(page) | {"q-month": answer})

    assert [found.state for found in imports_of(session)] == ["committed", state]


def test_no_file_of_the_machine_is_taken_in_by_its_path(session: Session, signed_in_as: SignIn) -> None:
    named = Path("/tmp") / f"countersign-{os.getpid()}.csv"  # noqa: S108 - a short path fits the length of a hash
    named.write_text(PLAIN)
    try:
        name = str(named).lstrip("/")
        answer = signed_in_as("biller").post(
            "/imports/whose", {"kept-0": "/" * (64 - len(name)) + name, "name-0": "x.csv", "new_vendor-0": "Cumulus"}
        )
    finally:
        named.unlink()

    assert "no longer kept" in answer.get_data(as_text=True)
    assert not imports_of(session)


def test_an_empty_file_among_several_is_named(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    files = [(io.BytesIO(PLAIN.encode()), "a.csv"), (io.BytesIO(b""), "b.csv")]

    answer = biller.post("/imports", {"new_vendor": "Cumulus", "vendor": "", "file": files})

    assert answer.status_code == 422
    assert "b.csv: The file is empty" in answer.get_data(as_text=True)
    assert len(imports_of(session)) == 1
