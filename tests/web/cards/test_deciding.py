"""Deciding on the board: each button, what it answers with htmx and without, and what it refuses."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from werkzeug.test import TestResponse

from portal.db.records import Card, Decision, PsaBillingCycle, Push, SplitRule, SyncRun, UsageImport
from portal.services import decisions, settings_store
from portal.services.actors import Actor
from tests.support.database import NOW
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
BACK = "show=decide"


def on(card: Card, action: str = "", back: str = BACK) -> str:
    tail = f"/{action}" if action else ""
    return f"/cards/{card.id}{tail}" + (f"?back={back}" if back else "")


def opened(answer: TestResponse) -> BeautifulSoup:
    """The answer with what is sent along out of band, which a parser hides in templates."""
    text = answer.get_data(as_text=True)
    return BeautifulSoup(
        text.replace("<template>", "<div data-beside>").replace("</template>", "</div>"), "html.parser"
    )


def test_approving_answers_with_the_row_the_count_and_an_announcement(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21")
    month.card("5", "9")
    biller = signed_in_as("biller")
    seen = decisions.seen_token(card)

    answer = biller.post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")

    page = opened(answer)
    assert answer.status_code == 200
    assert page.select_one("html") is None
    row = page.select_one(f"tbody#card-{card.id}")
    assert row is not None
    assert "Approved 21, queued" in row.get_text()
    assert str(row["hx-trigger"]) == "load delay:1s"
    assert "Undo" in row.get_text()
    assert "Approved 21. 1 to decide." in page.select("#announce")[0].get_text()
    beside = {str(one["id"]) for one in page.select("[data-beside] [hx-swap-oob]")}
    assert {"announce", "board-count", "board-tabs", "nav-counts"} <= beside
    assert month.reload(card).state == "queued"


def test_without_htmx_approving_goes_back_to_the_list_at_the_next_card(month: "Month", signed_in_as: SignIn) -> None:
    first = month.card("20", "41")
    second = month.card("5", "9")
    biller = signed_in_as("biller")

    answer = biller.post(on(first, "approve"), {"seen": decisions.seen_token(first)})

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/cards#card-{second.id}"
    assert "Approved 41. 1 to decide." in biller.get("/cards").get_data(as_text=True)


def test_a_row_asks_again_more_and_more_slowly_until_it_is_settled(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(on(card, "approve"), swapping=f"card-{card.id}")

    delays = []
    for asked in range(1, 6):
        answer = biller.get(f"/cards/{card.id}?fold=1&asked={asked}&back={BACK}", swapping=f"card-{card.id}")
        delays.append(str(Visitor.page(answer).tbody["hx-trigger"]))  # type: ignore[index]
    month.session.execute(sa.update(Card).values(state="confirmed"))
    month.session.commit()
    settled = biller.get(f"/cards/{card.id}?fold=1&asked=6&back={BACK}", swapping=f"card-{card.id}")

    assert delays == [f"load delay:{seconds}s" for seconds in (2, 5, 10, 10, 10)]
    page = opened(settled)
    assert page.tbody is not None
    assert "hx-trigger" not in page.tbody.attrs
    assert "Confirmed" in page.tbody.get_text()
    assert page.select("#nav-counts")


def test_a_change_in_the_psa_meanwhile_is_answered_with_409_and_both_numbers(
    month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card("20", "25")
    seen = decisions.seen_token(card)
    month.session.execute(sa.text("UPDATE psa_addition SET quantity = 220000"))
    month.make()
    biller = signed_in_as("biller")

    part = biller.post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")
    whole = biller.post(on(card, "approve"), {"seen": seen})

    assert part.status_code == whole.status_code == 409
    for answer in (part, whole):
        assert "ConnectWise changed from 20 to 22 while you looked. Nothing was sent; decide again." in (
            answer.get_data(as_text=True)
        )
    assert not Visitor.page(part).select("html")
    assert Visitor.page(whole).h1 is not None
    assert month.reload(card).state == "open"


def test_the_second_of_two_people_is_told_who_decided(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    seen = decisions.seen_token(card)
    signed_in_as("biller").post(on(card, "approve"), {"seen": seen})

    answer = signed_in_as("manager").post(on(card, "approve"), {"seen": seen}, swapping=f"card-{card.id}")

    assert answer.status_code == 409
    assert "Dana approved 21" in answer.get_data(as_text=True)
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Push)) == 1


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "add", "split", "undo", "confirm"])
def test_a_viewer_decides_nothing(action: str, month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    viewer = signed_in_as("viewer")

    answer = viewer.post(on(card, action), {"quantity": "21", "reason": "no"})

    assert answer.status_code == 403
    assert "Viewers can read this, not change it." in answer.get_data(as_text=True)
    assert month.session.scalar(sa.select(sa.func.count()).select_from(Decision)) == 0


@pytest.mark.parametrize("action", ["approve", "adjust", "dismiss", "add", "split", "undo", "confirm"])
def test_deciding_on_no_card_is_404(action: str, signed_in_as: SignIn) -> None:
    answer = signed_in_as("biller").post(f"/cards/77/{action}", {"quantity": "1", "reason": "x", "agreement": "1"})

    assert answer.status_code == 404 if action != "split" else answer.status_code in {404, 422}
    assert "no card 77" in answer.get_data(as_text=True)


def test_a_stranger_is_asked_to_sign_in(month: "Month", visitor: Visitor) -> None:
    card = month.card()

    for path in ("/cards", f"/cards/{card.id}", f"/cards/{card.id}/adjust", "/cards/preview", "/cards.csv"):
        answer = visitor.get(path)
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]


def test_approve_takes_two_steps_where_several_lines_change(month: "Month", signed_in_as: SignIn) -> None:
    customer = month.company()
    contract = month.agreement(customer)
    month.line(contract, "EDR-SEAT", "5", effective_date=date(2025, 1, 1))
    month.line(contract, "EDR-SEAT", "5")
    month.usage(customer, "EDR-SEAT", "3")
    card = month.make()[0]
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    step = biller.get(on(card, "approve"), swapping=f"card-{card.id}")

    assert row is not None
    button = row.select_one("[data-key=a]")
    assert button is not None
    assert button.name == "a"
    assert "Approve 3, effective today…" in button.get_text()
    plan = Visitor.page(step).select_one(f"#plan-{card.id}")
    assert plan is not None
    assert "2 writes to ConnectWise" in plan.get_text()
    assert "Less on the next invoice" in plan.get_text()


def test_a_large_change_waits_for_a_second_person_who_is_another(month: "Month", signed_in_as: SignIn) -> None:
    settings_store.put(month.session, "limits", {"amount": {"USD": "100.00"}}, by=Actor("Priya", role="admin"), now=NOW)
    card = month.card("20", "60")
    biller, manager = signed_in_as("biller"), signed_in_as("manager")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    biller.post(on(card, "approve"), {"seen": decisions.seen_token(card)})
    for_first = biller.get(on(card), swapping=f"card-{card.id}").get_data(as_text=True)
    for_other = biller_page(manager, card)
    by_biller = biller.post(on(card, "confirm"))
    by_manager = manager.post(on(card, "confirm"), swapping=f"card-{card.id}")

    assert row is not None
    assert "Second person" in row.get_text()
    assert "effective today…" in row.get_text()
    assert "Waits for a second person" in for_first
    assert "Take back" in for_first
    assert "You decided it; somebody else must confirm." in for_first
    assert "Approve 60 as second person" in for_other
    assert by_biller.status_code == 403
    assert by_manager.status_code == 200
    assert "queued" in by_manager.get_data(as_text=True)


def biller_page(visitor: Visitor, card: Card) -> str:
    return visitor.get(on(card), swapping=f"card-{card.id}").get_data(as_text=True)


def test_a_date_field_stands_only_where_the_agreement_prorates(month: "Month", signed_in_as: SignIn) -> None:
    open_one = month.card(prorates=True)
    locked = month.card(name="Cloud licences")
    biller = signed_in_as("biller")

    for_open = Visitor.page(biller.get(on(open_one, "adjust"), swapping=f"card-{open_one.id}"))
    for_locked = Visitor.page(biller.get(on(locked, "adjust"), swapping=f"card-{locked.id}"))

    field = for_open.select_one("input[type=date]")
    assert field is not None
    assert field["name"] == "date"
    assert (field["min"], field["max"]) == ("2026-06-01", "2999-12-31")
    assert for_locked.select_one("[name=date]") is None
    fixed = for_locked.select_one("input[readonly]")
    assert fixed is not None
    assert fixed["value"] == "28 Oct 2026, today"
    assert "name" not in fixed.attrs
    assert "the agreement “Cloud licences” does not prorate" in for_locked.get_text()
    assert for_locked.select_one("a[href*='recordType=AgreementFV']") is not None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"quantity": "1O"}, "“1O” is not a number. Did you mean 10?"),
        ({"quantity": "-3"}, "“-3” is below zero."),
        ({"quantity": "1e9"}, "“1e9” has an exponent."),
        ({"quantity": "NaN"}, "“NaN” is not a number."),
        ({"quantity": "Infinity"}, "“Infinity” is not a number."),
        ({"quantity": "1.23456"}, "“1.23456” has 5 decimals."),
        ({"quantity": "99999999999"}, "too large"),
        ({"quantity": ""}, "A quantity is missing."),
        ({}, "A quantity is missing."),
        ({"quantity": "19", "date": "2026-10-28"}, "does not prorate, so no date can be picked"),
        ({"quantity": "19", "date": "soon"}, "“soon” is not a date."),
        ({"quantity": "19", "date": "2026-02-30"}, "“2026-02-30” is not a date."),
        ({"quantity": "19", "reason": "x" * 501}, "The reason has 501 characters."),
    ],
)
def test_a_wrong_adjustment_is_422_with_a_sentence_and_what_was_typed(
    fields: dict[str, str], sentence: str, month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    part = biller.post(on(card, "adjust"), fields, swapping=f"card-{card.id}")
    whole = biller.post(on(card, "adjust"), fields)

    assert part.status_code == whole.status_code == 422
    for answer in (part, whole):
        page = Visitor.page(answer)
        assert sentence in page.get_text()
        assert "Adjust" in page.get_text()
        quantity = page.select_one("input[name=quantity]")
        assert quantity is not None
        assert quantity["value"] == fields.get("quantity", quantity["value"])
    assert month.reload(card).state == "open"


def test_a_wrong_field_says_so_to_those_who_hear_it(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()

    answer = signed_in_as("biller").post(on(card, "adjust"), {"quantity": "1O"}, swapping=f"card-{card.id}")

    field = Visitor.page(answer).select_one("input[name=quantity]")
    assert field is not None
    assert field["aria-invalid"] == "true"
    described = str(field["aria-describedby"]).split()
    assert all(Visitor.page(answer).select_one(f"#{one}") for one in described)
    assert "autofocus" in field.attrs


def test_adjusting_where_it_prorates_needs_and_takes_a_date(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")

    none = biller.post(on(card, "adjust"), {"quantity": "19"}, swapping=f"card-{card.id}")
    early = biller.post(on(card, "adjust"), {"quantity": "19", "date": "2020-01-01"}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "adjust"), {"quantity": "19", "date": "2026-10-16"}, swapping=f"card-{card.id}")

    assert none.status_code == early.status_code == 422
    assert "Pick the day from which the quantity holds." in none.get_data(as_text=True)
    assert "1 Jan 2020 is before" in early.get_data(as_text=True)
    assert done.status_code == 200
    decision = month.session.scalars(sa.select(Decision)).one()
    assert (decision.quantity, decision.effective) == (Decimal(19), date(2026, 10, 16))


def test_a_date_in_an_invoiced_period_needs_its_tick(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")
    fields = {"quantity": "19", "date": "2026-09-16"}

    asked = biller.post(on(card, "adjust"), fields, swapping=f"card-{card.id}")
    done = biller.post(on(card, "adjust"), fields | {"invoiced_ok": "1"}, swapping=f"card-{card.id}")

    assert asked.status_code == 422
    page = Visitor.page(asked)
    assert page.select_one("input[name=invoiced_ok]") is not None
    assert "16 Sep 2026 was already invoiced" in page.get_text()
    assert done.status_code == 200


def test_the_plan_is_drawn_anew_as_it_is_typed(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19", prorates=True)
    biller = signed_in_as("biller")

    good = biller.get(f"/cards/{card.id}/plan?action=adjust&quantity=15&date=2026-10-20", swapping=f"plan-{card.id}")
    bad = biller.get(f"/cards/{card.id}/plan?action=adjust&quantity=1O&date=2026-10-20", swapping=f"plan-{card.id}")
    page = biller.get(f"/cards/{card.id}/plan?quantity=15&date=2026-10-20")

    part = Visitor.page(good)
    assert part.select("html") == []
    assert "New line like 30001" in part.get_text()
    assert "Adjust to 15, effective 20 Oct 2026" in part.get_text()
    assert bad.status_code == 422
    assert "Did you mean 10?" in bad.get_data(as_text=True)
    assert page.status_code == 200
    assert Visitor.page(page).select_one("h1") is not None


def test_without_scripts_a_button_shows_the_plan_and_decides_nothing(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("12", "19")

    answer = signed_in_as("biller").post(on(card, "adjust"), {"quantity": "15", "only": "plan"})

    assert answer.status_code == 200
    assert "12 → 15" in Visitor.page(answer).get_text()
    assert month.reload(card).state == "open"


def test_approve_takes_no_date(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card(prorates=True)

    answer = signed_in_as("biller").post(on(card, "approve"), {"date": "2026-10-28"})

    assert answer.status_code == 422
    assert "Approve takes no date" in answer.get_data(as_text=True)


def test_dismissing_needs_a_reason_and_can_be_taken_back(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    form = biller.get(on(card, "dismiss"), swapping=f"card-{card.id}")
    empty = biller.post(on(card, "dismiss"), {"reason": " "}, swapping=f"card-{card.id}")
    done = biller.post(on(card, "dismiss"), {"reason": "mailbox closes"}, swapping=f"card-{card.id}")
    back = biller.post(on(card, "undo"), swapping=f"card-{card.id}")

    assert "It returns in November, or at once if its numbers change." in form.get_data(as_text=True)
    assert empty.status_code == 422
    assert "Give a reason" in empty.get_data(as_text=True)
    assert "mailbox closes" in done.get_data(as_text=True)
    assert "Taken back, nothing was sent." in back.get_data(as_text=True)
    assert month.reload(card).state == "open"


def test_dismissing_offers_the_last_reasons(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card(), month.card()
    biller = signed_in_as("biller")
    biller.post(on(first, "dismiss"), {"reason": "mailbox closes"})

    form = Visitor.page(biller.get(on(second, "dismiss"), swapping=f"card-{second.id}"))

    assert [str(one["value"]) for one in form.select("datalist option")] == ["mailbox closes"]


def test_a_queued_approval_is_taken_back_before_anything_is_sent(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(on(card, "approve"))

    answer = biller.post(on(card, "undo"), swapping=f"card-{card.id}")

    assert "Taken back, nothing was sent. 1 to decide." in answer.get_data(as_text=True)
    assert month.reload(card).state == "withdrawn"


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
    done = biller.post(on(card, "split"), too_much | {f"fixed-{main.id}": "20"}, swapping=f"card-{card.id}")

    assert row is not None
    assert "Share 30…" in row.get_text()
    assert len(form.select("input[name=rest_to]")) == 2
    assert "20" in summed.get_data(as_text=True)
    assert "10" in summed.get_data(as_text=True)
    assert refused.status_code == wrong.status_code == nothing.status_code == 422
    assert "1 more than the 30 counted" in refused.get_data(as_text=True)
    assert "below zero" in wrong.get_data(as_text=True)
    assert done.status_code == 200
    assert month.reload(card).proposed_quantity == Decimal(20)
    assert month.reload(other).proposed_quantity == Decimal(10)
    assert month.session.scalars(sa.select(SplitRule)).one().rest_to == annex.id


def test_numbers_that_are_too_old_block_approval_and_show_the_way_out(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.connection.last_read_at = NOW - timedelta(hours=29)
    month.session.commit()
    biller, manager = signed_in_as("biller"), signed_in_as("manager")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    by_biller = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    anyway = Visitor.page(manager.get(on(card), swapping=f"card-{card.id}"))
    form = Visitor.page(manager.get(on(card, "approve"), swapping=f"card-{card.id}"))
    no_reason = manager.post(on(card, "approve"), {"too_old_ok": "1"}, swapping=f"card-{card.id}")
    done = manager.post(on(card, "approve"), {"too_old_ok": "1", "reason": "month end"}, swapping=f"card-{card.id}")

    assert row is not None
    assert "ConnectWise is 29 h old" in row.get_text()
    assert "Limit 24 h." in row.get_text()
    assert row.select_one("button.go") is None
    assert by_biller.status_code == 422
    assert "Approve anyway…" in anyway.get_text()
    assert form.select_one("input[name=too_old_ok]") is not None
    assert no_reason.status_code == 422
    assert "Give the reason for going on." in no_reason.get_data(as_text=True)
    assert done.status_code == 200


def test_a_held_file_of_the_month_blocks_approval_though_the_numbers_are_fresh(
    month: "Month", signed_in_as: SignIn
) -> None:
    card = month.card()
    stands = month.session.scalars(sa.select(UsageImport)).one()
    held = UsageImport(
        vendor_id=stands.vendor_id,
        filename="second.csv",
        sha256="f" * 64,
        size=1,
        state="held",
        period=card.period,
        imported_by="Dana",
        imported_at=NOW,
    )
    month.session.add(held)
    month.session.commit()
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    by_hand = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    held.period = "2026-09"
    month.session.commit()
    after = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")

    assert row is not None
    assert "is held" in row.get_text()
    assert row.select_one("button.go") is None
    assert by_hand.status_code == 422
    assert after is not None
    assert after.select_one("button.go") is not None


def test_in_read_only_mode_buttons_say_plan(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.connection.writing = False
    month.session.commit()
    biller = signed_in_as("biller")

    row = Visitor.page(biller.get("/cards")).select_one(f"#card-{card.id}")
    answer = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    month.connection.writing = True
    month.session.commit()
    later = biller.get(on(card), swapping=f"card-{card.id}")
    sent = biller.post(on(card, "confirm"), swapping=f"card-{card.id}")

    assert row is not None
    assert "Plan 21, effective today" in row.get_text()
    assert "Planned, not sent" in answer.get_data(as_text=True)
    assert "Send 21" in later.get_data(as_text=True)
    assert sent.status_code == 200
    assert month.reload(card).state == "queued"


def test_a_stale_card_says_why_and_can_only_be_dismissed(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    month.session.execute(sa.text("UPDATE psa_agreement SET cancelled = 1"))
    month.make()
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get(on(card)))
    approved = biller.post(on(card, "approve"), swapping=f"card-{card.id}")
    gone = biller.post(on(card, "dismiss"), swapping=f"card-{card.id}")

    row = page.select_one(f"#card-{card.id} .act")
    assert row is not None
    assert row.get_text(" ", strip=True).startswith("Open in ConnectWise")
    assert "Dismiss for good" in row.get_text()
    assert "cancelled" in page.get_text()
    assert approved.status_code == 409
    assert "can only be dismissed" in approved.get_data(as_text=True)
    assert gone.status_code == 200
    assert month.reload(card).state == "dismissed"


def test_reading_the_agreement_again_asks_for_a_run_and_shows_it(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    answer = biller.post(on(card, "read-again"), swapping=f"card-{card.id}")
    again = biller.post(on(card, "read-again"), swapping=f"card-{card.id}")

    run = month.session.scalars(sa.select(SyncRun)).one()
    assert (run.kind, run.agreement_id) == ("agreement", card.agreement_id)
    assert answer.status_code == 200
    assert f"/activity/{run.id}" in answer.get_data(as_text=True)
    assert again.status_code == 200  # both are led to the one run
    assert f"/activity/{run.id}" in again.get_data(as_text=True)
    assert signed_in_as("viewer").post(on(card, "read-again")).status_code == 403
