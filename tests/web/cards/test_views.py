"""Views of the board under a name: whose they are, who may change them, and which of them opens the board."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import AuditEvent, SavedView
from portal.services import tags
from portal.services.actors import Actor
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.asking import shown
from tests.web.cards.test_board import heading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
FEWER = "kind=decrease&group=vendor&sort=name"


def kept(session: "Session") -> list[SavedView]:
    session.rollback()
    found = list(session.scalars(sa.select(SavedView).order_by(SavedView.id)))
    session.expunge_all()
    session.commit()
    return found


def told(session: "Session") -> list[str]:
    found = list(session.scalars(sa.select(AuditEvent.action).where(AuditEvent.action.startswith("view."))))
    session.commit()
    return found


def names(visitor: Visitor) -> list[str]:
    page = Visitor.page(visitor.get("/cards?show=decide"))
    return [one.get_text(strip=True) for one in page.select("#board-views li a")]


def save(visitor: Visitor, name: str = "Less to bill", query: str = FEWER, **more: str) -> int:
    return visitor.post("/views", {"name": name, "query": query, **more}).status_code


def test_a_filter_is_kept_under_a_name_without_its_page_and_opens_by_a_link(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card("20", "21")
    fewer = month.card("5", "4")
    biller = signed_in_as("biller")

    save(biller, query=f"{FEWER}&page=3&open=7&colour=red")
    page = Visitor.page(biller.get("/cards?show=decide"))
    link = page.select_one("#board-views li a")

    assert link is not None
    assert kept(session)[0].query == FEWER
    assert shown(Visitor.page(biller.get(str(link["href"])))) == [fewer.id]
    here = Visitor.page(biller.get(str(link["href"]))).select_one("#board-views [aria-current]")
    assert here is not None
    assert here.get_text() == "Less to bill"


def test_a_view_is_its_owners_alone_until_a_manager_shares_it_and_that_is_in_the_trail(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card()
    biller, manager = signed_in_as("biller"), signed_in_as("manager")
    save(biller, "Mine")
    save(manager, "Ours", shared="1")

    assert names(biller) == ["Mine", "Ours"]
    assert names(manager) == ["Ours"]
    assert names(signed_in_as("viewer")) == ["Ours"]
    assert told(session) == ["view.share"]


@pytest.mark.parametrize("what", ["rename", "delete", "share"])
def test_what_is_shared_is_changed_by_managers_and_what_is_private_is_found_by_its_owner_alone(
    what: str, month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card()
    biller, manager = signed_in_as("biller"), signed_in_as("manager")
    save(biller, "Mine")
    save(manager, "Ours", shared="1")
    mine, ours = (view.id for view in kept(session))

    assert biller.post(f"/views/{ours}/{what}", {"name": "Taken"}).status_code == 403
    assert manager.post(f"/views/{mine}/{what}", {"name": "Taken"}).status_code == 404
    assert [view.name for view in kept(session)] == ["Mine", "Ours"]


def test_a_biller_cannot_share_by_a_hand_made_form(month: "Month", session: "Session", signed_in_as: SignIn) -> None:
    month.card()

    assert save(signed_in_as("biller"), shared="1") == 403
    assert kept(session) == []


def test_views_are_renamed_and_deleted_and_shared_ones_tell_of_it(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card()
    manager = signed_in_as("manager")
    save(manager, shared="1")
    view = kept(session)[0].id

    manager.post(f"/views/{view}/rename", {"name": "  Fewer   seats "})
    renamed = kept(session)[0].name
    manager.post(f"/views/{view}/share", {})
    manager.post(f"/views/{view}/share", {"shared": "1"})
    manager.post(f"/views/{view}/delete", {})

    assert renamed == "Fewer seats"
    assert kept(session) == []
    assert told(session) == ["view.share", "view.rename", "view.unshare", "view.share", "view.delete"]


def test_a_name_is_needed_fits_and_stands_once(month: "Month", session: "Session", signed_in_as: SignIn) -> None:
    month.card()
    biller = signed_in_as("biller")

    assert [save(biller, name) for name in ("", "x" * 61, "Mine", "mINE")] == [422, 422, 303, 409]
    assert len(kept(session)) == 1


def test_the_board_opens_with_the_view_that_a_person_chose_and_all_cards_are_still_asked_for(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card("20", "21")
    month.card("5", "4")
    biller = signed_in_as("biller")
    save(biller)
    view = kept(session)[0].id

    biller.post("/views/default", {"view": str(view)})
    opened = biller.get("/cards")
    narrowed = Visitor.page(biller.get(opened.headers["Location"]))
    tab = narrowed.select_one("#board-tabs a[href*='show=decide']")
    everything = Visitor.page(biller.get("/cards?show=decide"))

    assert opened.headers["Location"] == f"/cards?{FEWER}"
    assert heading(narrowed) == "1 of 2 cards to decide"
    assert heading(everything) == "2 cards to decide"
    assert tab is not None
    biller.post("/views/default", {})
    assert biller.get("/cards").status_code == 200


def test_a_default_view_that_is_gone_opens_the_board_as_it_is(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card()
    biller = signed_in_as("biller")
    save(biller)
    view = kept(session)[0].id
    biller.post("/views/default", {"view": str(view)})
    biller.post(f"/views/{view}/delete", {})

    assert biller.get("/cards").status_code == 200
    assert "No view yet" in biller.get("/views").get_data(as_text=True)


def test_a_tag_of_a_company_or_a_product_stands_in_the_row_and_filters(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    card, other = month.card(company="Halyard Freight"), month.card(product="AV-SEAT")
    actor = Actor("Bo Biller", None, "biller")
    tags.put_on(session, "quarterly talk", tags.Carriers(companies=(card.company_id,)), by=actor, now=NOW)
    session.commit()
    viewer = signed_in_as("viewer")

    page = Visitor.page(viewer.get("/cards"))
    link = page.select_one(f"#card-{card.id} a.tag")

    assert link is not None
    assert page.select(f"#card-{other.id} a.tag") == []
    assert shown(Visitor.page(viewer.get(str(link["href"])))) == [card.id]
