"""What is on no card is said on Today and on the board: units, money, what suggestions would bring, and where."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.db.records import AccountLine, Connection, ServiceLine
from portal.db.session import transaction
from portal.domain.periods import Period
from portal.services import service_lines
from portal.services.account_pages import LEAST_SCORE
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.looking import one, words
from tests.web.mapping.conftest import EARLIER, Stage, month, stage

__all__ = ["month", "stage"]

SignIn = Callable[[str], Visitor]


@pytest.fixture
def loose(month: Stage, app: Flask) -> Stage:
    """Beside the month's accounts: an unmapped service like a product, and our own tenant left out until December."""
    month.an_account("t-9", "Own office", units="6")
    month.session.add(
        Connection(
            name="connectwise", url="http://127.0.0.1:1/x", company="c", public_key="p", sealed_private_key="s",
            key_tail="", client_id="i", allow_private=True, writing=True, set_by="x", set_at=EARLIER,
            last_read_at=EARLIER, last_full_at=EARLIER,
        )
    )  # fmt: skip
    month.a_product(2, "BKP-TB", price="39.00")
    account = month.an_account("t-8", "Lantern annex", units=None)
    month.mapped(account, 307)
    month.count(account, "BKP-TB", "4")
    month.session.commit()
    with app.app_context(), transaction() as session:
        service_lines.refresh(session, Period(2026, 10))
    return month


def exclude(stage: Stage, biller: Visitor, external_id: str) -> None:
    found = stage.session.execute(
        sa.text("SELECT id FROM vendor_account WHERE external_id = :id"), {"id": external_id}
    ).scalar_one()
    stage.session.rollback()
    biller.post(f"/mapping/accounts/{found}/exclude", {"reason": "our own office"})


def test_today_says_what_is_on_no_card_and_leads_to_each_list(loose: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    exclude(loose, biller, "t-9")

    page = Visitor.page(biller.get("/"))
    notice = next(found for found in page.select(".notice.warn") if "on no card" in words(found))
    text = words(notice)
    assert "3 vendor accounts and 1 service are unmapped" in text
    assert "the services 4 units, about $156.00 if mapped as suggested" in text
    assert "is inactive at the vendor and still counts: 12 units, about $114.00 a month." in text
    assert "Left out by choice: 6 units, our own office" in text
    links = {str(link["href"]) for link in notice.select("a")}
    assert {
        "/mapping/accounts?state=unmapped",
        "/mapping/services?state=unmapped",
        "/mapping/accounts?state=attention",
        "/mapping/services?state=excluded",
    } <= links


def test_what_both_parts_carry_is_said_so_that_they_sum_up(loose: Stage, signed_in_as: SignIn) -> None:
    loose.count(loose.an_account("t-7", "Nobody knows", units=None), "BKP-TB", "1")
    loose.session.commit()

    text = words(one(Visitor.page(signed_in_as("biller").get("/")), "main"))

    parts = re.search(r"([\d.]+) units are on no card.*carry ([\d.]+) units.*the services ([\d.]+) units", text)
    assert parts is not None
    together, accounts, services = (Decimal(number) for number in parts.groups())
    assert accounts + services == together + 1
    assert "1 unit is in both: neither account nor service is mapped." in text


def test_the_board_says_so_too_and_what_suggestions_would_bring(loose: Stage, signed_in_as: SignIn) -> None:
    del loose
    viewer = signed_in_as("viewer")

    page = Visitor.page(viewer.get("/cards"))
    link = next(one for one in page.select("#missing a") if re.fullmatch(r"[0-9]+ cards?", one.get_text(strip=True)))
    listed = Visitor.page(viewer.get(str(link["href"]))).select("tbody[id^=service-], tbody[id^=account-]")

    assert "would appear or get a count." in words(one(page, "main"))
    assert listed


def test_counts_of_companies_that_are_left_out_are_told_and_listed(loose: Stage, signed_in_as: SignIn) -> None:
    loose.a_company(391, "Undecided Ltd", in_scope=False)
    loose.a_company(392, "Binned Ltd", deleted=True)
    for place, (company, units) in enumerate([(391, "7"), (391, "0"), (392, "5"), (399, "2.5")]):
        loose.mapped(loose.an_account(f"o-{place}", f"Outside {place}", units=units), company)
    loose.session.commit()
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/"))
    told = next(found for found in page.select(".notice p") if found.select("a[href*='state=outside']"))
    link = one(told, "a")
    listed = Visitor.page(biller.get(str(link["href"])))

    assert link.get_text() == "3 accounts"
    assert "left out" in words(told)
    assert "14.5 units, about $137.75 a month." in words(told)
    assert len(listed.select("tbody[id^=account-]")) == 3
    option = one(listed, "option[value=outside][selected]")
    assert words(option) == "Company is left out (3)"


def test_a_suggestion_that_is_too_weak_for_the_list_brings_no_card(loose: Stage, signed_in_as: SignIn) -> None:
    viewer = signed_in_as("viewer")
    loose.session.execute(sa.update(ServiceLine).values(score=0))
    loose.session.execute(sa.update(AccountLine).values(score=LEAST_SCORE - 1))
    loose.session.commit()

    text = words(one(Visitor.page(viewer.get("/cards")), "main"))

    assert "are on no card" in text
    assert "would appear" not in text


def test_the_rail_says_what_it_counts(loose: Stage, signed_in_as: SignIn) -> None:
    del loose

    page = Visitor.page(signed_in_as("biller").get("/cards"))

    assert words(one(page, "#nav-counts a[href^='/mapping'] .count")) == "5 unmapped"


def test_more_unmapped_rows_need_no_more_queries(loose: Stage, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.get("/cards")
    counted = []
    for batch in range(2):
        for number in range(15):
            loose.an_account(f"x-{batch}-{number}", f"Stranger {batch} {number}")
        loose.session.commit()
        with counted_queries() as queries:
            biller.get("/cards?period=2026-09")
        counted.append(len(queries))

    assert counted[0] == counted[1]
