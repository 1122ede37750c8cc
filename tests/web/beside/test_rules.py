"""Rules on screen: told before they are set, set, listed with an example, ended, with history and winners."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from sqlalchemy.orm import Session

from portal.db.records import Rule
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
MINIMUM = {
    "kind": "minimum",
    "product": "EDR-SEAT",
    "quantity": "30",
    "until": "2027-03-31",
    "reference": "contract 114",
}


def text(page: BeautifulSoup, selector: str) -> str:
    found = page.select_one(selector)
    assert found is not None, selector
    return " ".join(found.get_text().split())


def set_rule(admin: Visitor, **fields: Any) -> str:
    """Set a rule as a person does: the first click shows what it does, the second sets it."""
    shown = admin.post("/rules", fields)
    assert shown.status_code == 303, shown.get_data(as_text=True)
    assert "preview=1" in shown.location
    form = admin.page(admin.get(shown.location)).select_one("#rule-form")
    assert form is not None
    typed = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")}
    answer = admin.post("/rules", fields | {"shown": typed["shown"], "seen": typed["seen"]})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


def rules_in(session: Session) -> list[tuple[str, str | None]]:
    rows = session.execute(sa.select(Rule.kind, Rule.ended_by).order_by(Rule.id)).all()
    session.commit()
    return [(kind, ended) for kind, ended in rows]


def test_the_first_click_shows_what_a_rule_does_and_writes_nothing(
    month: "Month", signed_in_as: SignIn, session: Session
) -> None:
    card = month.card("20", "21", company="Alder Dental")
    admin = signed_in_as("admin")

    shown = admin.post("/rules", MINIMUM | {"company": str(card.company_id)})
    page = admin.page(admin.get(shown.location))

    assert urlsplit(shown.location).fragment == "effect"
    assert text(page, "#effect .effect p").startswith("1 card would change: 1 proposes another quantity.")
    assert "increase 21 → increase 30" in text(page, "#effect li")
    assert "Counted 21, minimum 30 until 31 Mar 2027 (contract 114): proposes 30" in text(page, "#effect li")
    assert page.select_one("#f-company")["value"] == f"Alder Dental ({card.company_id})"  # type: ignore[index]
    assert rules_in(session) == []


def test_the_second_click_sets_it_and_the_card_says_so(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21", company="Alder Dental")
    admin = signed_in_as("admin")

    where = set_rule(admin, **MINIMUM, company="Alder Dental")

    page = admin.page(admin.get(where))
    assert text(page, "h1") == "Minimum: At least 30"
    assert "Counted 21, minimum 30 until 31 Mar 2027 (contract 114): proposes 30" in text(page, "main")
    assert month.reload(card).proposed_quantity == 30
    listed = admin.page(admin.get("/rules"))
    assert "Counted 21, minimum 30" in text(listed, "#rules tbody tr")
    assert text(listed, "h1") == "1 rule is in force"


def test_an_effect_that_moved_is_shown_again(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    month.card("20", "21")
    admin = signed_in_as("admin")

    answer = admin.post("/rules", MINIMUM | {"shown": "another"})

    assert parse_qs(urlsplit(answer.location).query)["moved"] == ["1"]
    assert "it changed since you looked" in text(admin.page(admin.get(answer.location)), "#effect")
    assert rules_in(session) == []


def test_of_two_admins_the_second_is_told(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    month.card("20", "21")
    admin = signed_in_as("admin")
    first = admin.page(admin.get("/rules/new", query_string=MINIMUM | {"preview": "1", "quantity": "40"}))
    token = first.select_one("input[name=shown]")["value"]  # type: ignore[index]
    set_rule(admin, **MINIMUM)

    late = admin.post("/rules", MINIMUM | {"quantity": "40", "shown": str(token), "seen": ""})

    assert late.status_code == 303
    page = admin.page(admin.get(late.location))
    assert "it changed since you looked" in text(page, "#effect")
    assert "At least 30 until 31 Mar 2027 (contract 114) stands on exactly this" in text(page, "main")
    assert rules_in(session) == [("minimum", None)]


def test_a_changed_rule_keeps_its_history(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    month.card("20", "21")
    admin = signed_in_as("admin")
    set_rule(admin, **MINIMUM)

    where = set_rule(admin, **(MINIMUM | {"quantity": "25"}))

    ended, stands = rules_in(session)
    assert ended[1] is not None
    assert stands == ("minimum", None)
    page = admin.page(admin.get(where))
    assert [" ".join(row.get_text().split()) for row in page.select("table tbody th a")] == [
        "Minimum: At least 25",
        "Minimum: At least 30",
    ]


def test_ending_is_told_first(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    admin = signed_in_as("admin")
    where = set_rule(admin, **MINIMUM)

    told = admin.page(admin.get(f"{where}/end"))
    assert "1 card would change" in text(told, "#effect")
    assert month.reload(card).proposed_quantity == 30
    assert admin.post(f"{where}/end", {"reason": "contract over"}).status_code == 303

    assert month.reload(card).proposed_quantity == 21
    assert admin.post(f"{where}/end").status_code == 409
    assert "Ended by" in text(admin.page(admin.get(where)), "main")


def test_the_page_of_a_pair_says_which_rule_wins(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    admin = signed_in_as("admin")
    set_rule(admin, **MINIMUM)
    set_rule(admin, kind="minimum", company=str(card.company_id), quantity="40")
    set_rule(admin, kind="minimum", company=str(card.company_id), product="EDR-SEAT", quantity="50")

    page = admin.page(admin.get(f"/rules/of?company={card.company_id}&product=EDR-SEAT"))

    row = next(row for row in page.select("tbody tr") if "Minimum" in row.get_text())
    cells = [" ".join(cell.get_text(" ").split()) for cell in row.select("td")]
    assert cells[0].startswith("wins At least 50 on this company")
    assert "At least 40 on the company At least 30 on the product" in cells[1]
    assert month.reload(card).proposed_quantity == 50


def test_the_page_of_a_pair_names_the_agreements_that_share_its_count(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company()
    main, annex = month.agreement(customer, "Main office"), month.agreement(customer, "Annex")
    month.line(main, "EDR-SEAT", "18")
    month.line(annex, "EDR-SEAT", "9")
    month.usage(customer, "EDR-SEAT", "30")
    card = month.make()[0]
    biller = signed_in_as("biller")
    for rule in ({f"fixed-{main.id}": "18", "rest_to": str(annex.id)}, {"all_to": str(main.id)}):
        biller.post(f"/cards/{card.id}/split", rule)
        biller.post(f"/cards/{card.id}/undo")

    page = biller.page(biller.get(f"/rules/of?company={customer.id}&product=EDR-SEAT"))

    told = [one.get_text().split(" set by")[0] for one in page.select("section[aria-labelledby=h-splits] li")]
    assert told == [
        f"All to “Main office” ({main.id})",
        f"18 to “Main office” ({main.id}), the rest to “Annex” ({annex.id})",
    ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"quantity": "1O"}, "quantity"),
        ({"quantity": ""}, "quantity"),
        ({"until": "2026-10-27"}, "until"),
        ({"until": "soon"}, "until"),
        ({"company": "Nobody"}, "company"),
        ({"product": "NOPE"}, "product"),
        ({"product": "", "company": ""}, "product"),
        ({"kind": "tolerance", "size": "x"}, "size"),
        ({"kind": "ignore", "reason": ""}, "reason"),
        ({"kind": "rounding", "mode": "sideways"}, "mode"),
        ({"kind": "rounding", "mode": "up", "to": "0"}, "to"),
        ({"company": "99999999999999999999"}, "company"),
    ],
)
def test_a_wrong_field_is_named_and_what_was_typed_is_kept(
    month: "Month", signed_in_as: SignIn, session: Session, fields: dict[str, str], field: str
) -> None:
    month.card()
    admin = signed_in_as("admin")

    answer = admin.post("/rules", MINIMUM | fields)

    page = admin.page(answer)
    assert answer.status_code == 422
    assert page.select_one(f"#f-{field}-error") is not None
    if fields.get(field) and field != "mode":
        assert page.select_one(f"#f-{field}")["value"] == fields[field]  # type: ignore[index]
    assert rules_in(session) == []


def test_only_admins_find_a_form(month: "Month", signed_in_as: SignIn) -> None:
    month.card()
    where = set_rule(signed_in_as("admin"), **MINIMUM)
    for role in ("viewer", "biller", "manager"):
        visitor = signed_in_as(role)
        assert visitor.get("/rules/new").status_code == 403
        assert visitor.post("/rules", MINIMUM).status_code == 403
        assert visitor.post(f"{where}/end").status_code == 403
        for path in ("/rules", where):
            page = visitor.page(visitor.get(path))
            assert page.select("main form[method=post]") == []
            assert page.select("main a[href*='/rules/new']") == []


def test_the_list_is_searched_and_swapped_alone(month: "Month", signed_in_as: SignIn) -> None:
    month.card(company="Alder Dental")
    admin = signed_in_as("admin")
    set_rule(admin, **MINIMUM)
    set_rule(admin, kind="tolerance", company="Alder Dental", size="2", limit="percent", reason="small")

    def found(query: str) -> list[str]:
        rows = admin.page(admin.get(f"/rules?{query}", swapping="rules")).select("tbody tr td:nth-of-type(1) a")
        return [" ".join(row.get_text().split()).split(",")[0] for row in rows]

    assert found("q=contract") == ["Minimum: At least 30"]
    assert found("q=alder+small") == ["Tolerance: Up to 2 percent is no change"]
    assert found("kind=floor") == []
    assert len(found("state=all")) == 2
    assert found("state=ended") == []
    assert found("q=%25") == []
    assert not admin.page(admin.get("/rules", swapping="rules")).select("html")


def test_more_rules_need_no_more_queries(month: "Month", signed_in_as: SignIn, queries: Callable[[], int]) -> None:
    cards = [month.card() for _ in range(6)]
    companies = [card.company_id for card in cards]
    admin = signed_in_as("admin")

    def cost() -> int:
        admin.get("/rules")
        before = queries()
        admin.get("/rules")
        return queries() - before

    set_rule(admin, **MINIMUM, company=str(companies[0]))
    few = cost()
    for company in companies[1:]:
        set_rule(admin, **MINIMUM, company=str(company))

    assert cost() == few


def test_a_field_s_list_is_found_by_parts_of_a_name(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card(company="Alder Dental")
    admin = signed_in_as("admin")

    page = admin.page(admin.get("/rules/choices?which=company&company=alder"))

    assert [one["value"] for one in page.select("option")] == [f"Alder Dental ({card.company_id})"]
    product = admin.page(admin.get("/rules/choices?which=product&product=edr"))
    assert [one["value"] for one in product.select("option")] == ["EDR-SEAT"]
