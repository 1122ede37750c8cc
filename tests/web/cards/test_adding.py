"""Adding new revenue to an agreement, and sharing a count among several."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import PsaBillingCycle, Push, SplitRule
from tests.support.visitor import Visitor
from tests.web.cards.asking import on

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def test_new_revenue_is_added_to_an_agreement_of_the_company(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Halyard Freight")
    contract = month.agreement(customer, "Managed Services 2026", prorates=True)
    other = month.agreement(customer, "Cloud licences")
    month.agreement(customer, "Project 2025", cancelled=True)
    month.usage(customer, "PWD-SEAT", "31")
    card = month.make()[0]
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    form = Visitor.page(biller.get(on(card, "add"), swapping=f"card-{card.id}"))
    chosen = Visitor.page(biller.get(f"/cards/{card.id}/add?agreement={contract.id}", swapping=f"card-{card.id}"))
    nothing = biller.post(on(card, "add"), {"quantity": "31"}, swapping=f"card-{card.id}")
    fields = {"quantity": "31", "agreement": str(other.id), "price": "4.75", "cost": "2.50"}
    dated = biller.post(on(card, "add"), fields | {"date": "2026-10-20"}, swapping=f"card-{card.id}")
    priced = biller.post(on(card, "add"), fields | {"price": "cheap"}, swapping=f"card-{card.id}")
    foreign = biller.post(on(card, "add"), fields | {"agreement": "999"}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "add"), fields, swapping=f"card-{card.id}")

    assert row is not None
    assert "Add 31…" in row.get_text()
    assert len(form.select("input[name=agreement]")) == 2
    assert "monthly, prorates" in form.get_text()
    assert "monthly, does not prorate" in form.get_text()
    assert "Project 2025: " in form.get_text()
    assert chosen.select_one("input[type=date]") is not None
    assert nothing.status_code == dated.status_code == priced.status_code == 422
    assert "Choose the agreement" in nothing.get_data(as_text=True)
    assert "does not prorate" in dated.get_data(as_text=True)
    assert "“cheap” is not an amount." in priced.get_data(as_text=True)
    assert foreign.status_code in {404, 422}
    assert done.status_code == 200
    assert "Added 31." in done.get_data(as_text=True)
    push = month.session.scalars(sa.select(Push)).one()
    assert push.agreement_id == other.id


def test_adding_says_for_how_many_months_a_price_is(month: "Month", signed_in_as: SignIn) -> None:
    month.session.add(PsaBillingCycle(id=2, name="Annual", options="Annual", months=12))
    customer = month.company("Halyard Freight")
    monthly = month.agreement(customer, "Managed Services 2026")
    yearly = month.agreement(customer, "Cloud licences", billing_cycle_id=2)
    month.usage(customer, "PWD-SEAT", "31")
    card = month.make()[0]
    biller = signed_in_as("biller")

    said = {one.id: Visitor.page(biller.get(f"/cards/{card.id}/add?agreement={one.id}")) for one in (monthly, yearly)}
    taking = said[yearly.id].select_one(f"#cycle-{card.id}")
    assert taking is not None
    taken = Visitor.page(biller.get(str(taking["href"])))

    assert "what is priced by the month goes in 12 times" in said[yearly.id].get_text()
    assert "one billing cycle of the agreement." in said[monthly.id].get_text()
    assert said[monthly.id].select_one(f"#cycle-{card.id}") is None
    prices = [page.select_one(f"#price-{card.id}") for page in (said[yearly.id], taken)]
    assert [Decimal(str(field and field["value"])) for field in prices] == [Decimal("9.5"), Decimal(114)]
    assert "one billing cycle of the agreement, 12 months here." in taken.get_text()
    assert taken.select_one(f"#cycle-{card.id}") is None
    plan = taken.select_one(f"#plan-{card.id}")
    assert plan is not None
    assert card.revenue_change == Decimal("294.5")
    assert "A month+$294.50" in plan.get_text()


def test_a_row_says_where_no_agreement_can_take_a_line(month: "Month", signed_in_as: SignIn) -> None:
    left, stays = month.company(), month.company()
    month.agreement(left, cancelled=True)
    month.agreement(stays)
    month.usage(left, "PWD-SEAT", "31")
    month.usage(stays, "PWD-SEAT", "12")
    biller = signed_in_as("biller")

    rows = {
        card.company_id: Visitor.page(biller.get("/cards")).select(f"#card-{card.id} .in")[0].get_text()
        for card in month.make()
    }
    form = biller.get(on(month.make()[0], "add"))

    assert rows == {left.id: "No agreement can take a line", stays.id: "No line on any agreement"}
    assert "The agreement was cancelled" in form.get_data(as_text=True)


def test_a_bundle_cannot_be_added_and_the_form_says_why(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company()
    contract = month.agreement(customer)
    month.product("BUNDLE", product_class="Bundle")
    month.usage(customer, "BUNDLE", "3")
    card = month.make()[0]
    biller = signed_in_as("biller")

    form = biller.get(on(card, "add"), swapping=f"card-{card.id}")
    sent = biller.post(on(card, "add"), {"quantity": "3", "agreement": str(contract.id)}, swapping=f"card-{card.id}")

    assert "is a bundle" in form.get_data(as_text=True)
    assert sent.status_code == 422
    assert "bundle" in sent.get_data(as_text=True)


def test_a_count_on_two_agreements_is_shared_by_a_rule(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company("Tidewater Legal")
    main, annex = month.agreement(customer, "Main office"), month.agreement(customer, "Harbour annex")
    month.line(main, "EDR-SEAT", "18")
    month.line(annex, "EDR-SEAT", "9")
    month.usage(customer, "EDR-SEAT", "30")
    card, other = month.make()
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    form = Visitor.page(biller.get(on(card, "split"), swapping=f"card-{card.id}"))
    too_much = {"all_to": "", f"fixed-{main.id}": "31", "rest_to": str(annex.id)}
    summed = biller.get(
        f"/cards/{card.id}/plan?action=split&fixed-{main.id}=20&rest_to={annex.id}", swapping=f"plan-{card.id}"
    )
    refused = biller.post(on(card, "split"), too_much, swapping=f"card-{card.id}")
    wrong = biller.post(on(card, "split"), too_much | {f"fixed-{main.id}": "-3"}, swapping=f"card-{card.id}")
    nothing = biller.post(on(card, "split"), {}, swapping=f"card-{card.id}")
    nameless = biller.post(on(card, "split"), {"rest_to": str(annex.id)}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "split"), too_much | {f"fixed-{main.id}": "20"}, swapping=f"card-{card.id}")

    assert row is not None
    assert "Share 30…" in row.get_text()
    assert len(form.select("input[name=rest_to]")) == 2
    assert "20" in summed.get_data(as_text=True)
    assert "10" in summed.get_data(as_text=True)
    assert refused.status_code == wrong.status_code == nothing.status_code == nameless.status_code == 422
    assert "The rule says nothing of “Main office”." in nameless.get_data(as_text=True)
    assert "1 more than the 30 counted" in refused.get_data(as_text=True)
    assert "below zero" in wrong.get_data(as_text=True)
    assert done.status_code == 200
    assert month.reload(card).proposed_quantity == Decimal(20)
    assert month.reload(other).proposed_quantity == Decimal(10)
    assert month.session.scalars(sa.select(SplitRule)).one().rest_to == annex.id


@pytest.mark.parametrize(("counted", "parts"), [("30", [18, 12]), ("18", [18, 0]), ("0", [0, 0]), ("17", [17, 0])])
def test_the_rule_proposed_for_a_share_fixes_no_quantity_that_nobody_bills(
    month: "Month", signed_in_as: SignIn, counted: str, parts: list[int]
) -> None:
    customer = month.company("Tidewater Legal")
    main, annex = month.agreement(customer, "Main office"), month.agreement(customer, "Harbour annex")
    month.line(main, "EDR-SEAT", "18")
    month.line(annex, "EDR-SEAT", "9")
    month.usage(customer, "EDR-SEAT", counted)
    shared = month.make()
    biller = signed_in_as("biller")

    form = Visitor.page(biller.get(on(shared[0], "split"), swapping=f"card-{shared[0].id}"))
    proposed = {str(one["name"]): str(one["value"]) for one in form.select("input[type=radio][checked]")}
    proposed |= {str(one["name"]): str(one["value"]) for one in form.select("input[name^=fixed-]")}
    biller.post(on(shared[0], "split"), proposed, swapping=f"card-{shared[0].id}")

    assert [month.reload(card).proposed_quantity for card in shared] == parts
    rule = month.session.scalars(sa.select(SplitRule)).one()
    as_billed = sum(parts) >= 18  # else the one that bills most takes all
    assert (rule.all_to, rule.rest_to) == ((None, annex.id) if as_billed else (main.id, None))
