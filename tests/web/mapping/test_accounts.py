"""Mapping vendor accounts: what is listed, what a decision does, who may decide."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, AuditEvent, VendorAccount
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import attribute, one, words
from tests.web.mapping.conftest import Stage

SignIn = Callable[[str], Visitor]


def account(session: Session, external_id: str) -> int:
    found = session.scalars(sa.select(VendorAccount.id).where(VendorAccount.external_id == external_id)).one()
    session.rollback()
    return found


def mapping_of(session: Session, external_id: str) -> tuple[str, int | None] | None:
    session.expire_all()
    row = session.scalars(
        sa.select(AccountMapping).where(AccountMapping.account_external_id == external_id)
    ).one_or_none()
    found = None if row is None else (row.state, row.company_id)
    session.rollback()
    return found


def rows(page: BeautifulSoup) -> list[str]:
    return [str(one(row, "th").contents[0]).strip() for row in page.select("#accounts tbody tr")]


@pytest.mark.usefixtures("month")
def test_the_unmapped_are_listed_with_most_units_first_and_the_heading_counts_what_is_missing(
    signed_in_as: SignIn,
) -> None:
    page = Visitor.page(signed_in_as("biller").get("/mapping/accounts"))

    assert rows(page) == ["Halyard Freight Ltd", "Seabright Dental (old)", "test-lab"]
    assert "3 accounts and 0 services, 51 units, about $484.50 a month" in words(one(page, ".head"))
    assert "3 unmapped" in one(page, ".tabs").text


def test_a_suggestion_shows_company_id_score_and_reasons(month: Stage, signed_in_as: SignIn) -> None:
    row = one(
        Visitor.page(signed_in_as("biller").get("/mapping/accounts")), f"#account-{account(month.session, 't-1')}"
    )

    text = words(row)
    assert "Halyard Freight PSA 214" in text
    assert "of 100" in text
    assert row.select(".reasons .tag")
    assert one(row, "button[value='214']").text.startswith("Map to Halyard Freight")


@pytest.mark.usefixtures("month")
def test_inactive_accounts_are_hidden_behind_a_tick_and_named_in_words(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    hidden = Visitor.page(biller.get("/mapping/accounts"))
    shown = Visitor.page(biller.get("/mapping/accounts?inactive=1"))

    assert "Show inactive (1)" in words(one(hidden, ".filters"))
    assert (
        "1 inactive one is hidden: their status means inactive, and they counted nothing in September and October"
        in (words(one(hidden, ".pager")))
    )
    assert "Gone long ago" not in rows(hidden)
    assert "Gone long ago" in rows(shown)


def test_an_inactive_account_that_still_counts_stays_in_the_list_and_in_a_notice(
    month: Stage, signed_in_as: SignIn
) -> None:
    page = Visitor.page(signed_in_as("biller").get("/mapping/accounts"))
    account_id = account(month.session, "t-3")

    assert "says “Archived” but still counts 12 units" in words(one(page, ".notice.warn"))
    assert attribute(one(page, ".notice.warn a"), "href").endswith(f"#account-{account_id}")
    assert "still counting" in words(one(page, f"#account-{account_id}"))


@pytest.mark.parametrize(("more", "notices", "listed"), [(1, 2, 0), (2, 1, 3)])
def test_more_than_two_inactive_accounts_that_count_are_one_notice_with_a_list(
    month: Stage, signed_in_as: SignIn, more: int, notices: int, listed: int
) -> None:
    for number in range(more):
        month.an_account(f"old-{number}", f"Old {number}", status="Archived", units="1")
    month.session.commit()

    page = Visitor.page(signed_in_as("biller").get("/mapping/accounts"))

    assert len(page.select(".notice.warn")) == notices
    assert len(page.select(".notice.warn details li")) == listed


def test_the_tabs_count_along_with_a_decision(month: Stage, signed_in_as: SignIn) -> None:
    account_id = account(month.session, "t-1")

    answer = signed_in_as("biller").post(
        f"/mapping/accounts/{account_id}/map", {"company": "214"}, swapping=f"account-{account_id}"
    )

    assert '<nav class="tabs" id="mapping-tabs" hx-swap-oob="true"' in answer.get_data(as_text=True)


def test_an_unknown_status_word_needs_a_decision(month: Stage, signed_in_as: SignIn) -> None:
    page = Visitor.page(signed_in_as("biller").get("/mapping/accounts?state=attention"))

    assert rows(page) == ["Seabright Dental (old)", "test-lab"]
    assert "“trial” needs a decision" in words(one(page, f"#account-{account(month.session, 't-5')}"))


def test_mapping_answers_with_the_row_its_result_and_undo(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-1")

    answer = biller.post(
        f"/mapping/accounts/{account_id}/map",
        {"company": "214", "seen": "unmapped"},
        swapping=f"account-{account_id}",
    )

    page = Visitor.page(answer)
    assert answer.status_code == 200
    assert not page.select("html")
    row = one(page, f"tbody#account-{account_id}")
    assert "Mapped to Halyard Freight. 34 units reach the board: 1 card." in words(row)
    assert one(row, "form[action$='/undo'] button").text.startswith("Undo")
    assert "17 units" in " ".join(answer.get_data(as_text=True).partition("<template>")[2].split())
    assert mapping_of(month.session, "t-1") == ("mapped", 214)
    undone = biller.post(
        f"/mapping/accounts/{account_id}/undo", {"was": "", "seen": "company-214"}, swapping=f"account-{account_id}"
    )
    assert "Map to Halyard Freight" in Visitor.page(undone).text
    assert mapping_of(month.session, "t-1") is None
    actions = month.session.scalars(sa.select(AuditEvent.action).where(AuditEvent.what == "mapping")).all()
    assert len(actions) == 2


def test_without_htmx_mapping_goes_back_to_the_list_it_came_from(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-1")

    answer = biller.post(
        f"/mapping/accounts/{account_id}/map", {"company": "214", "back": "state=all&q=hal&next=//evil.example"}
    )

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/mapping/accounts?state=all&q=hal#account-{account_id}"
    assert "Mapped to Halyard Freight" in Visitor.page(biller.get("/mapping/accounts")).text


def test_a_mapping_that_somebody_changed_meanwhile_is_a_conflict(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-2")

    answer = biller.post(f"/mapping/accounts/{account_id}/map", {"company": "214", "seen": "unmapped"})

    assert answer.status_code == 409
    assert "Marcus has mapped “Lantern” to Lantern Health Clinics." in Visitor.page(answer).text
    assert mapping_of(month.session, "t-2") == ("mapped", 307)


def test_moving_says_which_cards_it_touches_and_undo_moves_back(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-2")

    form = biller.get(f"/mapping/accounts/{account_id}?do=pick", swapping=f"account-{account_id}")
    assert "open cards of Lantern Health Clinics" in Visitor.page(form).text
    moved = biller.post(
        f"/mapping/accounts/{account_id}/map",
        {"company": "214", "seen": "company-307"},
        swapping=f"account-{account_id}",
    )
    was = attribute(one(Visitor.page(moved), "input[name=was]"), "value")
    biller.post(
        f"/mapping/accounts/{account_id}/undo", {"was": was, "seen": "company-214"}, swapping=f"account-{account_id}"
    )

    assert was == "company:307"
    assert mapping_of(month.session, "t-2") == ("mapped", 307)


def test_excluding_needs_a_reason_and_keeps_what_was_typed(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-5")

    refused = biller.post(f"/mapping/accounts/{account_id}/exclude", {"reason": "  "}, swapping=f"account-{account_id}")
    assert refused.status_code == 422
    assert attribute(one(Visitor.page(refused), "input[name=reason]"), "aria-invalid") == "true"
    assert mapping_of(month.session, "t-5") is None
    biller.post(f"/mapping/accounts/{account_id}/exclude", {"reason": "our own lab", "seen": "unmapped"})

    assert mapping_of(month.session, "t-5") == ("excluded", None)
    listed = Visitor.page(biller.get("/mapping/accounts?state=excluded"))
    assert "our own lab" in words(one(listed, "#accounts"))


def test_the_search_finds_companies_with_ids_and_never_deleted_ones(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-5")

    part = biller.get(f"/mapping/companies?account={account_id}&q=quarry", swapping=f"pick-{account_id}")
    page = Visitor.page(part)

    assert [button["value"] for button in page.select("button")] == ["402", "403"]
    assert "PSA 402" in page.text
    assert "2 have this name" in page.text
    whole = Visitor.page(biller.get(f"/mapping/accounts/{account_id}?do=pick&q=quarry"))
    assert [button["value"] for button in whole.select(f"#pick-{account_id} button")] == ["402", "403"]
    by_id = biller.get(f"/mapping/companies?account={account_id}&q=307", swapping=f"pick-{account_id}")
    assert "Lantern Health Clinics" in by_id.get_data(as_text=True)


def test_a_deleted_company_is_refused_even_by_a_hand_made_request(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    account_id = account(month.session, "t-5")

    assert biller.post(f"/mapping/accounts/{account_id}/map", {"company": "404"}).status_code == 422
    assert biller.post(f"/mapping/accounts/{account_id}/map", {"company": "x"}).status_code == 422
    assert mapping_of(month.session, "t-5") is None


@pytest.mark.usefixtures("month")
def test_the_filter_swaps_only_the_accounts(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    url = "/mapping/accounts?q=halyard"

    fragment = Visitor.page(biller.get(url, swapping="accounts"))
    whole = Visitor.page(biller.get(url))

    assert not fragment.select("html")
    assert words(one(fragment, "#accounts")) == words(one(whole, "#accounts"))
    assert rows(whole) == ["Halyard Freight Ltd"]


@pytest.mark.usefixtures("month")
def test_unknown_filters_are_named_and_left_out(signed_in_as: SignIn) -> None:
    answer = signed_in_as("biller").get("/mapping/accounts?state=lost&sort=luck&vendor=nobody&page=0&colour=red")

    assert answer.status_code == 200
    text = words(one(Visitor.page(answer), "main .notice"))
    assert all(word in text for word in ("state=lost", "sort=luck", "vendor=nobody", "page=0", "colour"))


def test_a_preview_takes_no_suggestion_below_fifty_and_maps_what_was_ticked(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    sure, none = account(month.session, "t-1"), account(month.session, "t-5")

    page = Visitor.page(biller.get(f"/mapping/accounts/preview?account_id={sure}&account_id={none}"))
    assert "Map 1 account: nothing is changed yet" in words(one(page, "h1"))
    assert "No company comes close" in page.text
    fields = {
        attribute(field, "name"): attribute(field, "value")
        for field in page.select("form[action$='/accounts/map'] input")
        if field["name"] != "csrf_token"
    }
    answer = biller.post("/mapping/accounts/map", fields)

    assert answer.status_code == 303
    assert mapping_of(month.session, "t-1") == ("mapped", 214)
    assert mapping_of(month.session, "t-5") is None


def test_what_moved_since_the_preview_is_left_and_named(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken = account(month.session, "t-2")

    biller.post(
        "/mapping/accounts/map",
        {"account_id": str(taken), f"company-{taken}": "214", f"seen-{taken}": "unmapped"},
    )

    assert mapping_of(month.session, "t-2") == ("mapped", 307)
    assert (
        "Left as they are, since they changed meanwhile: Lantern" in Visitor.page(biller.get("/mapping/accounts")).text
    )


def test_many_are_excluded_for_one_reason(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    ids = [account(month.session, "t-3"), account(month.session, "t-5")]

    refused = biller.post("/mapping/accounts/exclude", {"account_id": [str(one) for one in ids], "reason": ""})
    assert refused.status_code == 422
    biller.post("/mapping/accounts/exclude", {"account_id": [str(one) for one in ids], "reason": "left in March"})

    assert mapping_of(month.session, "t-3") == mapping_of(month.session, "t-5") == ("excluded", None)


def test_an_exact_name_match_is_marked_and_can_be_confirmed(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    month.mapped(month.an_account("t-6", "Quarry"), 402, how="exact_name")
    month.session.commit()
    account_id = account(month.session, "t-6")

    listed = Visitor.page(biller.get("/mapping/accounts?state=mapped"))
    assert "by exact name" in words(one(listed, f"#account-{account_id}"))
    biller.post(
        "/mapping/accounts/map",
        {"account_id": str(account_id), f"company-{account_id}": "402", f"seen-{account_id}": "company-402"},
    )

    listed = Visitor.page(biller.get("/mapping/accounts?state=mapped"))
    assert "by exact name" not in words(one(listed, f"#account-{account_id}"))


def test_an_account_of_a_deleted_company_needs_attention(month: Stage, signed_in_as: SignIn) -> None:
    month.mapped(month.an_account("t-7", "Lost"), 404)
    month.session.commit()

    page = Visitor.page(signed_in_as("biller").get("/mapping/accounts?state=attention"))

    assert "The company lies in the recycle bin" in words(one(page, f"#account-{account(month.session, 't-7')}"))


def test_a_viewer_finds_names_and_no_form(month: Stage, signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")
    account_id = account(month.session, "t-1")
    main = one(Visitor.page(viewer.get("/mapping/accounts")), "main")

    assert not main.select("#accounts form, #accounts button, form[method=post], input[type=checkbox][data-tick]")
    for path, fields in (
        (f"/mapping/accounts/{account_id}/map", {"company": "214"}),
        (f"/mapping/accounts/{account_id}/exclude", {"reason": "x"}),
        (f"/mapping/accounts/{account_id}/undo", {}),
        ("/mapping/accounts/map", {"account_id": str(account_id), f"company-{account_id}": "214"}),
        ("/mapping/accounts/exclude", {"account_id": str(account_id), "reason": "x"}),
    ):
        assert viewer.post(path, fields).status_code == 403
    assert viewer.get(f"/mapping/companies?account={account_id}&q=a").status_code == 403
    assert not Visitor.page(viewer.get(f"/mapping/accounts/{account_id}?do=pick")).select("main form")
    assert mapping_of(month.session, "t-1") is None


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("path", ["/mapping/accounts", "/mapping/services", "/mapping/splits", "/mapping/file.json"])
def test_a_stranger_is_asked_to_sign_in(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)

    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["Location"]
    assert "/sign-in" in visitor.post("/mapping/accounts/1/map", {"company": "214"}).headers["Location"]


@pytest.mark.usefixtures("month")
def test_a_missing_account_is_not_found(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    assert biller.get("/mapping/accounts/9999").status_code == 404
    assert biller.post("/mapping/accounts/9999/map", {"company": "214"}).status_code == 404
    assert biller.post("/mapping/accounts/9999/undo", {}).status_code == 404
    assert biller.get("/mapping/companies?account=9999&q=a").status_code == 404
    assert biller.get("/mapping/accounts/preview?account_id=x").status_code == 422


def test_names_with_markup_show_as_text(month: Stage, signed_in_as: SignIn) -> None:
    month.an_account("t-8", "<script>alert(1)</script>", status="<b>odd</b>")
    month.session.commit()

    answer = signed_in_as("biller").get("/mapping/accounts?state=all")

    assert "<script>alert" not in answer.get_data(as_text=True)
    assert "<b>odd</b>" in words(one(Visitor.page(answer), "#accounts"))


def test_more_accounts_need_no_more_queries_and_come_in_pages(month: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.get("/mapping/accounts")  # the frame keeps its counts for a while
    counted = []
    for batch in range(2):
        for number in range(40):
            external_id = f"x-{batch}-{number:02}"
            month.an_account(external_id, f"Account {external_id}", units="1")
        month.session.commit()
        with counted_queries() as queries:
            assert biller.get("/mapping/accounts").status_code == 200
        counted.append(len(queries))

    assert counted[0] == counted[1]
    second = Visitor.page(biller.get("/mapping/accounts?page=2"))
    assert len(rows(second)) == 33
    assert "Page 2 of 2" in words(one(second, ".pager"))


def test_when_everything_is_mapped_the_page_says_so(stage: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    stage.session.commit()
    assert "No file has named an account yet" in Visitor.page(biller.get("/mapping/accounts")).text
    stage.a_company(1, "One")
    stage.mapped(stage.an_account("t", "One"), 1)
    stage.session.commit()

    assert "Every account is mapped or excluded" in Visitor.page(biller.get("/mapping/accounts")).text
