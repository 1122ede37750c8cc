"""Services with suggestions, accepted one by one or together; exclusions with names and ends; terms; renames."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.db.records import PsaProduct, ServiceMapping, VendorService
from tests.support.visitor import Visitor
from tests.web.looking import one, words
from tests.web.mapping.conftest import Stage

SignIn = Callable[[str], Visitor]


@pytest.fixture
def shelf(stage: Stage) -> Stage:
    """Two vendors name the same SKU: Cumulus has it mapped, Nimbus has not; another service is like nothing."""
    stage.a_company(214, "Halyard Freight")
    stage.a_product(1, "OFFICE-STD", price="10")
    stage.a_product(2, "EDR-SEAT", price="4")
    stage.feeds(stage.a_service("SKY-1", name="Office"), ("OFFICE-STD", "1"))
    nimbus = stage.a_vendor("Nimbus")
    account = stage.an_account("n-1", "Halyard", vendor=nimbus, units="7", service="sky 1")
    stage.count(account, "EDR-SEAT", "3", term="Annual")
    stage.count(account, "EDR-SEAT", "2", term="Monthly")
    stage.count(account, "QQQ", "5")
    stage.mapped(account, 214)
    stage.session.commit()
    return stage


def row_id(stage: Stage, external_id: str, term: str = "") -> int:
    found = stage.session.scalars(
        sa.select(VendorService.id).where(VendorService.external_id == external_id, VendorService.term == term)
    ).one()
    stage.session.rollback()
    return found


def test_a_product_is_suggested_with_its_reasons_and_never_applied_by_itself(
    shelf: Stage, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/mapping/services?state=suggested&sort=score"))

    chosen = words(one(page, f"#service-{row_id(shelf, 'sky 1')}"))
    assert "OFFICE-STD" in chosen
    assert "you chose the same for the SKU SKY-1 at Cumulus" in chosen
    assert "its SKU is the Product ID" in words(one(page, f"#service-{row_id(shelf, 'EDR-SEAT', 'Annual')}"))
    assert len(page.select("#services tbody")) == 3
    assert shelf.session.scalar(sa.select(sa.func.count()).select_from(ServiceMapping)) == 1


@pytest.mark.usefixtures("shelf")
def test_all_sure_suggestions_are_previewed_and_accepted_together(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    page = Visitor.page(biller.get("/mapping/services/preview?do=map&all=1"))
    ids = [str(box["value"]) for box in page.select("input[name=service_id]")]
    fields = {str(field["name"]): str(field["value"]) for field in page.select("main form input[type=hidden]")}

    answer = biller.post("/mapping/services/map", {"service_id": ids, **fields})

    assert answer.status_code == 303
    assert len(ids) == 3
    left = Visitor.page(biller.get("/mapping/services"))
    assert len(left.select("#services tbody")) == 1
    assert "QQQ" in words(one(left, "#services tbody"))


def test_one_choice_holds_for_every_term_and_is_taken_back_for_one(shelf: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    annual, monthly = row_id(shelf, "EDR-SEAT", "Annual"), row_id(shelf, "EDR-SEAT", "Monthly")
    biller.post(f"/mapping/services/{annual}/map", {"product": "EDR-SEAT", "factor": "1", "terms": "all", "save": "1"})

    page = Visitor.page(biller.get("/mapping/services?state=mapped&q=edr"))

    assert "3 EDR-SEAT annual + 2 EDR-SEAT monthly = 5" in words(one(page, f"#service-{annual}"))
    assert "every term, as annual" in words(one(page, f"#service-{monthly}"))
    biller.post(f"/mapping/services/{monthly}/undo", {})
    alone = Visitor.page(biller.get("/mapping/services?state=mapped&q=edr"))
    assert "this term alone" in words(one(alone, f"#service-{annual}"))
    assert not alone.select(f"#service-{monthly}")


def test_an_exclusion_has_a_name_and_an_end_and_undo_puts_back_what_was(shelf: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service = row_id(shelf, "QQQ")
    url = f"/mapping/services/{service}"

    refused = biller.post(f"{url}/exclude", {"excluded_as": "trial", "until": "2020-01-01"})
    part = biller.post(
        f"{url}/exclude", {"excluded_as": "internal", "until": "2026-12-31"}, swapping=f"service-{service}"
    )

    assert refused.status_code == 422
    assert "lies in the past" in words(Visitor.page(refused))
    row = words(Visitor.page(part))
    assert "Excluded internal use , until" in row or "Excluded internal use, until" in row
    form = one(Visitor.page(part), "form")
    undone = biller.post(f"{url}/undo", {str(field["name"]): str(field["value"]) for field in form.select("input")})
    assert undone.status_code == 303, undone.get_data(as_text=True)[:3000]
    assert "QQQ" in words(one(Visitor.page(biller.get("/mapping/services?q=qqq")), "#services tbody"))


def test_an_exclusion_that_has_ended_is_unmapped_again_and_wants_a_look(shelf: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    service = row_id(shelf, "QQQ")
    biller.post(f"/mapping/services/{service}/exclude", {"excluded_as": "trial", "until": "2026-12-31"})
    shelf.session.execute(sa.text("UPDATE service_mapping SET excluded_until = '2026-10-01' WHERE state = 'excluded'"))
    shelf.session.commit()

    row = words(one(Visitor.page(biller.get("/mapping/services?state=attention")), f"#service-{service}"))

    assert "Was excluded trial" in row


def test_a_renamed_product_is_flagged_and_the_mapping_moved_by_a_person(shelf: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    annual = row_id(shelf, "EDR-SEAT", "Annual")
    biller.post(f"/mapping/services/{annual}/map", {"product": "EDR-SEAT", "factor": "1", "save": "1"})
    item = shelf.session.get_one(PsaProduct, 2)
    item.identifier = "EDR-PLUS"
    shelf.session.commit()

    row = one(Visitor.page(biller.get("/mapping/services?state=attention")), f"#service-{annual}")

    assert "Its Product ID is EDR-PLUS by now." in words(row)
    assert "Move to EDR-PLUS" in words(row)
    form = row.select("form")[0]
    biller.post(
        f"/mapping/services/{annual}/map",
        {**{str(field["name"]): str(field["value"]) for field in form.select("input")}, "save": "1"},
    )
    moved = Visitor.page(biller.get("/mapping/services?state=mapped&q=edr"))
    assert "EDR-PLUS" in words(one(moved, f"#service-{annual}"))
