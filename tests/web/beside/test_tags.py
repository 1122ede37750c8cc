"""Tags on screen: put on many at once, renamed, merged and deleted after a look; the board's filter finds them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Card, Tag
from portal.services import tags
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def words(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    main = visitor.page(answer).select_one("main")
    assert main is not None
    return " ".join(main.get_text(" ").split())


def tag_id(session: Session, name: str) -> int:
    found = session.scalars(sa.select(Tag.id).where(Tag.name == name)).one()
    session.commit()
    return found


def carried(session: Session, name: str) -> tags.Carriers:
    found = tags.carriers(session, tag_id(session, name))
    session.commit()
    return found


def test_a_tag_is_put_on_what_is_ticked_and_pasted(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    first, second = month.card(company="Alder Dental"), month.card(company="Birch Law")
    biller = signed_in_as("biller")

    found = biller.page(biller.get("/tags?q=alder")).select("input[name=on]")
    assert [one["value"] for one in found] == [f"c{first.company_id}"]
    answer = biller.post(
        "/tags", {"name": "VIP", "on": [f"c{first.company_id}", "c999999"], "pasted": "birch law\nEDR-SEAT\n\n"}
    )

    assert answer.status_code == 303
    who = carried(session, "VIP")
    assert who == tags.Carriers(companies=(first.company_id, second.company_id), products=("EDR-SEAT",))
    assert "VIP 2 1 Its cards" in words(biller, "/tags")
    assert session.scalars(sa.select(sa.func.count()).select_from(Card).where(tags.condition("vip"))).one() == 2
    session.commit()


def test_a_line_that_names_nothing_is_told_and_nothing_is_tagged(
    month: "Month", signed_in_as: SignIn, session: Session
) -> None:
    month.card(company="Alder Dental")
    biller = signed_in_as("biller")

    answer = biller.post("/tags", {"name": "VIP", "pasted": "Alder Dental\nNobody Ltd"})

    said = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "“Nobody Ltd”: no company and no product is called so." in said
    assert "Alder Dental\nNobody Ltd</textarea>" in said
    assert session.scalars(sa.select(Tag)).all() == []
    session.commit()


@pytest.mark.parametrize(
    "fields", [{"name": "", "pasted": "EDR-SEAT"}, {"name": "VIP"}, {"name": "a,b", "pasted": "EDR-SEAT"}]
)
def test_a_tag_without_a_word_or_without_anything_to_tag_is_refused(
    month: "Month", signed_in_as: SignIn, fields: dict[str, str]
) -> None:
    month.card()
    assert signed_in_as("biller").post("/tags", fields).status_code == 422


def test_a_tag_is_renamed_taken_off_merged_and_deleted_after_a_look(
    month: "Month", signed_in_as: SignIn, session: Session
) -> None:
    one, two = month.card(company="Alder Dental"), month.card(company="Birch Law")
    biller = signed_in_as("biller")
    biller.post("/tags", {"name": "VIP", "pasted": "Alder Dental\nBirch Law"})
    biller.post("/tags", {"name": "School", "pasted": "Birch Law"})
    vip, school = tag_id(session, "VIP"), tag_id(session, "School")

    assert biller.post(f"/tags/{vip}/rename", {"name": "school"}).status_code == 409
    biller.post(f"/tags/{vip}/rename", {"name": "Important"})
    biller.post(f"/tags/{vip}/take", {"on": f"c{one.company_id}"})
    assert carried(session, "Important").companies == (two.company_id,)
    look = words(biller, f"/tags/{vip}?do=merge&into={school}")
    assert "Merge “Important” into “School”? 1 company gets “School”, of which 1 has it already" in look
    assert carried(session, "Important").companies == (two.company_id,)
    biller.post(f"/tags/{vip}/merge", {"into": str(school)})
    assert "Delete “School”? It is on 1 company." in words(biller, f"/tags/{school}?do=delete")
    assert biller.post(f"/tags/{school}/delete", {"seen": "5"}).status_code == 409
    biller.post(f"/tags/{school}/delete", {"seen": "1"})

    assert "No tags yet" in words(biller, "/tags")
    assert biller.get(f"/tags/{school}").status_code == 404


def test_a_viewer_reads_tags_and_finds_no_form(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    month.card(company="Alder Dental")
    signed_in_as("biller").post("/tags", {"name": "VIP", "pasted": "Alder Dental"})
    number = tag_id(session, "VIP")
    viewer = signed_in_as("viewer")

    for path in ("/tags", f"/tags/{number}", f"/tags/{number}?do=delete"):
        assert "VIP" in words(viewer, path)
        forms = viewer.page(viewer.get(path)).select("main button, main input")
        assert forms == [], path
    for path in ("/tags", f"/tags/{number}/take", f"/tags/{number}/rename", f"/tags/{number}/delete"):
        assert viewer.post(path, {"name": "x"}).status_code == 403


def test_a_tag_is_shown_as_it_was_typed(month: "Month", signed_in_as: SignIn) -> None:
    month.card(company="Alder Dental")
    biller = signed_in_as("biller")
    biller.post("/tags", {"name": "<i>A & B</i>", "pasted": "Alder Dental"})

    assert "<i>A & B</i> 1 0 Its cards" in words(biller, "/tags")
