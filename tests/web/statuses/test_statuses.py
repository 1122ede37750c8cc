"""Statuses and types: flagged rows first, the effect before saving, admins decide and everybody reads."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import AuditEvent, PsaCompany, PsaListRow, RowMeaning, VendorWordMeaning
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import attribute, one
from tests.web.statuses.conftest import EARLIER, a_company, a_status

SignIn = Callable[[str], Visitor]


def meaning_of(session: Session, psa_id: int) -> str | None:
    session.expire_all()
    row = session.get(RowMeaning, ("status", psa_id))
    session.rollback()
    return None if row is None else row.meaning


def saved(admin: Visitor, fields: dict[str, str]) -> TestResponse:
    """Send a form, look at the effect that is shown first, and send it again."""
    shown = admin.post("/statuses", fields)
    page = Visitor.page(admin.get(shown.headers["Location"]))
    return admin.post("/statuses", fields | {"shown": attribute(one(page, "input[name=shown]"), "value")})


@pytest.mark.usefixtures("lists")
def test_flagged_rows_come_first_and_nothing_is_set_for_an_undecided_one(signed_in_as: SignIn) -> None:
    page = Visitor.page(signed_in_as("admin").get("/statuses"))
    rows = page.select("table tbody tr")

    assert [row["id"] for row in rows][:3] == ["status-14", "status-7", "status-5"]
    undecided = rows[0]
    assert "Needs a decision" in undecided.text
    assert "Proposed: Customer" in " ".join(undecided.text.split())
    assert len(undecided.select("input[type=radio]")) == 3
    assert undecided.select("input[checked]") == []
    assert "Was “Solid / VIP” until" in rows[1].text
    assert "Show the 1 company" in rows[2].text
    assert "3 flagged" in one(page, ".tabs").text
    assert "1 unknown" in one(page, ".tabs").text


def test_choosing_a_meaning_shows_its_effect_and_saves_nothing(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    part = admin.get("/statuses?list=status&m-14=not_customer", swapping="effect")

    text = " ".join(Visitor.page(part).text.split())
    assert "Saving changes 1 meaning" in text
    assert "0 companies stay in scope, 0 join, 2 leave" in text
    assert "Copperline Brewing" in text
    assert "Save 1 meaning" in text
    assert Visitor.page(part).select("html") == []
    assert meaning_of(lists, 14) is None


def test_without_htmx_the_effect_is_a_page_that_keeps_the_choice(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/statuses", {"list": "status", "m-14": "customer", "seen-14": ""})

    assert answer.status_code == 303
    page = Visitor.page(admin.get(answer.headers["Location"]))
    assert one(page, "#status-14 input[value=customer]").has_attr("checked")
    assert "Saving changes 1 meaning" in one(page, "#effect").text
    assert meaning_of(lists, 14) is None


def test_saving_gives_the_meaning_and_leaves_the_other_rows_alone(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    fields = {"list": "status", "m-14": "not_customer", "seen-14": "", "m-1": "customer", "seen-1": "customer"}

    answer = saved(admin, fields)

    assert answer.status_code == 303
    assert meaning_of(lists, 14) == "not_customer"
    assert lists.get_one(PsaCompany, 102).in_scope is False
    page = Visitor.page(admin.get(answer.headers["Location"]))
    assert "Saved 1 meaning. 2 companies left the scope." in page.text
    events = lists.scalars(sa.select(AuditEvent).where(AuditEvent.action == "status.meaning")).all()
    assert [event.person for event in events] == ["Priya"]


def test_an_effect_that_moved_since_it_was_shown_is_shown_again(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    fields = {"list": "status", "m-14": "not_customer", "seen-14": ""}
    page = Visitor.page(admin.get("/statuses?list=status&m-14=not_customer"))
    a_company(lists, 105, "Late Arrival", 14)
    lists.commit()

    answer = admin.post("/statuses", fields | {"shown": attribute(one(page, "input[name=shown]"), "value")})

    assert meaning_of(lists, 14) is None
    again = one(Visitor.page(admin.get(answer.headers["Location"])), "#effect").text
    assert "it changed since you looked" in " ".join(again.split())
    assert "3 leave" in again


def test_several_meanings_are_shown_together_and_saved_at_once(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    fields = {"list": "status", "m-14": "not_customer", "seen-14": "", "m-1": "ignore", "seen-1": "customer"}

    shown = one(Visitor.page(admin.get("/statuses?m-14=not_customer&m-1=ignore")), "#effect").text
    answer = saved(admin, fields)

    assert "Together: 0 companies stay in scope, 0 join, 3 leave" in " ".join(shown.split())
    assert (meaning_of(lists, 14), meaning_of(lists, 1)) == ("not_customer", "ignore")
    assert "Saved 2 meanings. 3 companies left the scope." in Visitor.page(admin.get(answer.headers["Location"])).text


def test_a_meaning_that_waits_for_its_row_is_kept_and_shown(lists: Session, signed_in_as: SignIn) -> None:
    given = RowMeaning(
        list="status", psa_id=77, meaning="customer", name_last_seen="Later", decided_by="Priya", decided_at=EARLIER
    )
    lists.add(given)
    lists.commit()

    row = one(Visitor.page(signed_in_as("viewer").get("/statuses")), "#status-77").text

    assert "ConnectWise has no row with this id. Its meaning is kept" in " ".join(row.split())


def test_a_meaning_that_somebody_else_gave_meanwhile_is_a_conflict(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/statuses", {"list": "status", "m-1": "ignore", "seen-1": "not_customer"})

    assert answer.status_code == 409
    assert "Priya has given this row another meaning" in Visitor.page(answer).text
    assert meaning_of(lists, 1) == "customer"


def test_a_row_made_anew_under_the_name_of_a_deleted_one_says_so(lists: Session, signed_in_as: SignIn) -> None:
    a_status(lists, 15, "problem", None)
    lists.commit()

    page = Visitor.page(signed_in_as("admin").get("/statuses"))

    assert "The deleted row with id 5 had the same name" in " ".join(one(page, "#status-15").text.split())
    assert "had the same name" not in one(page, "#status-14").text
    assert one(page, "#status-15").select("input[checked]") == []


def test_a_deleted_row_without_a_decision_says_once_that_it_is_gone(lists: Session, signed_in_as: SignIn) -> None:
    a_status(lists, 16, "Dormant", None, gone=True)
    a_company(lists, 105, "Tamarind Optics", 16)
    lists.commit()

    row = one(Visitor.page(signed_in_as("admin").get("/statuses")), "#status-16").text

    assert "Needs a decision" in row
    assert row.count("Gone from ConnectWise") == 1


def test_seen_clears_a_rename_and_keeps_the_meaning_and_unsaved_choices(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")

    answer = admin.post("/statuses/status/7/seen", {"list": "status", "name-7": "Gold", "m-14": "ignore"})

    assert answer.status_code == 303
    assert "m-14=ignore" in answer.headers["Location"]
    assert "Renamed" not in one(Visitor.page(admin.get("/statuses")), "#status-7").text
    assert meaning_of(lists, 7) == "customer"


def test_a_row_renamed_again_is_not_taken_for_seen(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    lists.get_one(PsaListRow, ("status", 7)).name = "Platinum"
    lists.commit()

    answer = admin.post("/statuses/status/7/seen", {"list": "status", "name-7": "Gold"})

    assert answer.status_code == 409
    assert "Platinum" in Visitor.page(answer).text


def test_vendors_words_are_decided_for_each_vendor(lists: Session, signed_in_as: SignIn) -> None:
    admin = signed_in_as("admin")
    page = Visitor.page(admin.get("/statuses?list=vendor"))
    field = attribute(one(page, "input[type=radio][value=inactive]"), "name")

    answer = saved(admin, {"list": "vendor", field: "inactive", field.replace("m-", "seen-"): ""})

    assert answer.status_code == 303
    lists.expire_all()
    stored = lists.scalars(sa.select(VendorWordMeaning)).one()
    assert (stored.word, stored.shown, stored.meaning) == ("dormant", "Dormant", "inactive")


@pytest.mark.parametrize("role", ["viewer", "biller", "manager"])
def test_others_read_and_find_no_form(lists: Session, signed_in_as: SignIn, role: str) -> None:
    visitor = signed_in_as(role)
    main = one(Visitor.page(visitor.get("/statuses")), "main")

    assert main.select("form, input, button") == []
    assert "Needs a decision" in main.text
    assert visitor.post("/statuses", {"list": "status", "m-14": "customer"}).status_code == 403
    assert visitor.post("/statuses/status/7/seen", {}).status_code == 403
    assert meaning_of(lists, 14) is None


@pytest.mark.usefixtures("lists")
def test_a_stranger_is_asked_to_sign_in(visitor: Visitor) -> None:
    for answer in (visitor.get("/statuses"), visitor.post("/statuses", {"list": "status"})):
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]


@pytest.mark.usefixtures("lists")
def test_the_companies_of_a_row_are_listed_and_a_missing_row_is_not_found(signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")

    assert "Greyfriars Housing" in Visitor.page(viewer.get("/statuses/status/5")).text
    assert viewer.get("/statuses/status/999").status_code == 404
    assert viewer.get("/statuses/planets/5").status_code == 404
    assert signed_in_as("admin").post("/statuses/status/999/seen", {}).status_code == 404


@pytest.mark.usefixtures("lists")
def test_an_unknown_list_is_named_and_the_first_one_shown(signed_in_as: SignIn) -> None:
    answer = signed_in_as("viewer").get("/statuses?list=planets")

    assert answer.status_code == 200
    assert "list=planets" in Visitor.page(answer).text


def test_before_the_first_sync_the_page_says_so(signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")

    assert "come with the first sync" in Visitor.page(viewer.get("/statuses")).text
    assert "file has named an account status yet" in Visitor.page(viewer.get("/statuses?list=vendor")).text


def test_names_with_markup_show_as_text(lists: Session, signed_in_as: SignIn) -> None:
    a_status(lists, 30, "<b>Bold</b>", None)
    a_company(lists, 300, "<i>Slanted</i>", 30)
    lists.commit()
    admin = signed_in_as("admin")

    page = Visitor.page(admin.get("/statuses?m-30=ignore"))

    assert "<b>Bold</b>" in one(page, "#status-30 th").text
    assert "<i>Slanted</i>" in one(page, "#effect").text
    assert "<i>Slanted</i>" in one(Visitor.page(admin.get("/statuses/status/30")), "table").text


def test_more_rows_need_no_more_queries(lists: Session, signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")
    viewer.get("/statuses")  # the frame keeps its counts for a while
    counted = []
    for batch in range(2):
        for number in range(30):
            psa_id = 1000 + 100 * batch + number
            a_status(lists, psa_id, f"Status {psa_id}", None if number % 2 else "customer")
            a_company(lists, psa_id, f"Company {psa_id}", psa_id)
        lists.commit()
        with counted_queries() as queries:
            assert viewer.get("/statuses").status_code == 200
        counted.append(len(queries))

    assert counted[0] == counted[1]
