"""Accepting suggestions together, leaving accounts out under a name, and taking either back."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from portal.db.records import AccountMapping, MappingBatch, VendorAccount
from tests.support.visitor import Visitor
from tests.web.looking import attribute, one, words
from tests.web.mapping.conftest import Stage

SignIn = Callable[[str], Visitor]
SUGGESTED = "/mapping/accounts/suggested"


def mapped(stage: Stage) -> dict[str, int | None]:
    stage.session.expire_all()
    rows = stage.session.scalars(sa.select(AccountMapping)).all()
    found = {row.account_external_id: row.company_id for row in rows}
    stage.session.rollback()
    return found


def fields_of(visitor: Visitor, url: str) -> dict[str, list[str]]:
    """Give what the form of a preview would send."""
    found: dict[str, list[str]] = {}
    for field in Visitor.page(visitor.get(url)).select(f"form[method=post][action='{SUGGESTED}'] input"):
        if field["name"] != "csrf_token":
            found.setdefault(attribute(field, "name"), []).append(attribute(field, "value"))
    return found


@pytest.fixture
def pairs(month: Stage) -> Stage:
    """Two more accounts: one is surely Quarry Freight, one less surely Harbour Optics Group."""
    month.a_company(501, "Quarry Freight")
    month.a_company(502, "Harbour Optics Group")
    month.an_account("p-1", "Quarry Freight Inc", units="2")
    month.an_account("p-2", "Harbour Optics", units="8")
    month.session.commit()
    return month


@pytest.mark.usefixtures("pairs")
def test_the_preview_names_who_goes_where_with_the_weakest_first(signed_in_as: SignIn) -> None:
    page = Visitor.page(signed_in_as("biller").get(SUGGESTED))

    assert "Map 3 accounts: nothing is changed yet" in words(one(page, "h1"))
    assert [words(row).split(" Cumulus")[0] for row in page.select("tbody th")] == [
        "Harbour Optics", "Halyard Freight Ltd", "Quarry Freight Inc",
    ]  # fmt: skip
    assert "same name but for “group”" in page.text


def test_what_is_unticked_stays_and_the_rest_is_taken_back_together(pairs: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    fields = fields_of(biller, SUGGESTED)
    before = mapped(pairs)

    fields["account_id"] = fields["account_id"][1:]
    assert biller.post(SUGGESTED, fields).status_code == 303
    assert mapped(pairs) == before | {"t-1": 214, "p-1": 501}
    listed = Visitor.page(biller.get("/mapping/accounts"))
    batch = pairs.session.scalars(sa.select(MappingBatch.id)).one()
    pairs.session.rollback()
    assert f"Undo all {len(fields['account_id'])}" in listed.text
    biller.post(f"/mapping/accounts/batches/{batch}/undo", {})

    assert mapped(pairs) == before
    assert "Undo all" not in Visitor.page(biller.get("/mapping/accounts")).text
    assert biller.post(f"/mapping/accounts/batches/{batch}/undo", {}).status_code == 409
    assert biller.post("/mapping/accounts/batches/99/undo", {}).status_code == 404


def test_suggestions_that_changed_since_the_preview_are_not_accepted_unseen(pairs: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    fields = fields_of(biller, SUGGESTED)
    before = mapped(pairs)
    pairs.an_account("p-3", "Halyard Freight", units="1")
    pairs.session.commit()

    answer = biller.post(SUGGESTED, fields)

    assert answer.status_code == 409
    assert mapped(pairs) == before


@pytest.mark.parametrize("query", ["score=0", "score=x", "score=101", "vendor=nobody", "q=%25"])
@pytest.mark.usefixtures("pairs")
def test_odd_parameters_of_the_preview_are_left_out(signed_in_as: SignIn, query: str) -> None:
    assert signed_in_as("biller").get(f"{SUGGESTED}?{query}").status_code == 200


@pytest.mark.usefixtures("pairs")
def test_a_viewer_may_accept_and_undo_nothing(signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")

    assert viewer.get(SUGGESTED).status_code == 403
    assert viewer.post(SUGGESTED, {}).status_code == 403
    assert viewer.post("/mapping/accounts/batches/1/undo", {}).status_code == 403


def test_an_account_is_left_out_under_a_name_up_to_a_day_and_taken_back(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account = month.session.scalars(sa.select(VendorAccount.id).where(VendorAccount.external_id == "t-5")).one()
    month.session.rollback()
    url, row = f"/mapping/accounts/{account}", f"account-{account}"

    past = biller.post(f"{url}/exclude", {"excluded_as": "internal", "until": "2026-10-01"}, swapping=row)
    assert past.status_code == 422
    assert "The last day lies in the past" in Visitor.page(past).text
    done = biller.post(f"{url}/exclude", {"excluded_as": "internal", "until": "2026-11-30"}, swapping=row)
    assert "internal use, until 30 Nov 2026" in words(one(Visitor.page(done), f"#{row}"))
    biller.post(f"{url}/undo", {"seen": "excluded"}, swapping=row)
    assert "t-5" not in mapped(month)
    back = {"was": "excluded:internal:2026-11-30:internal use", "seen": "unmapped"}
    again = biller.post(f"{url}/undo", back, swapping=row)

    assert "internal use, until 30 Nov 2026" in words(one(Visitor.page(again), f"#{row}"))


def test_a_company_that_was_taken_off_can_be_chosen_after_all(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account = month.session.scalars(sa.select(VendorAccount.id).where(VendorAccount.external_id == "t-1")).one()
    month.session.rollback()
    biller.post(f"/mapping/accounts/{account}/map", {"company": "214"})
    biller.post(f"/mapping/accounts/{account}/undo", {})

    row = one(Visitor.page(biller.get("/mapping/accounts")), f"#account-{account}")

    assert "Halyard Freight was taken off it, so it is not suggested again." in words(row)
    assert "Map to Halyard Freight after all" in words(one(row, "button[value='214']"))
