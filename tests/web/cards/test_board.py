"""The board: what it shows, how it is filtered, and what it says where there is nothing."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from portal.db.records import Connection, PsaAgreement, SyncRun
from portal.domain.periods import Period
from portal.services import cards
from tests.support.database import NOW
from tests.support.visitor import Visitor
from tests.web.cards.asking import companies, shown

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from sqlalchemy.orm import Session

    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]
OCTOBER = Period(2026, 10)


def without_tokens(part: "Tag | None") -> str:
    assert part is not None
    for token in part.select("input[name=csrf_token]"):
        token["value"] = ""
    return str(part)


def heading(page: "BeautifulSoup") -> str:
    assert page.h1 is not None
    return page.h1.get_text(strip=True)


def test_a_row_reads_as_one_sentence_and_its_button_says_what_will_happen(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card("20", "21", company="Halyard Freight")

    page = Visitor.page(signed_in_as("biller").get("/cards"))

    assert heading(page) == "1 card to decide"
    row = page.select_one(f"#card-{card.id}")
    assert row is not None
    text = " ".join(row.get_text(" ", strip=True).split())
    assert "line 30001: 20 → 21" in text
    assert "Sentrybox, 07:00" in text
    assert "Increase +$9.50 profit +$5.30" in text
    button = row.select_one("button[data-key=a]")
    assert button is not None
    assert button.get_text().strip().startswith("Approve 21, effective today")
    assert [one["data-key"] for one in row.select("[data-key]")] == ["a", "e", "d"]


def test_companies_stand_by_absolute_money_so_that_plus_and_minus_do_not_hide_each_other(
    month: "Month", signed_in_as: SignIn
) -> None:
    month.card("1", "11", company="Small and sure")
    both = month.company("Up and down")
    contract = month.agreement(both)
    month.line(contract, "EDR-SEAT", "5")
    month.line(contract, "AV-SEAT", "30")
    month.usage(both, "EDR-SEAT", "20")
    month.usage(both, "AV-SEAT", "16")
    month.make()

    page = Visitor.page(signed_in_as("biller").get("/cards"))

    assert companies(page) == ["Up and down", "Small and sure"]
    assert page.select(".company .money")[0].get_text(strip=True) == "+$9.50"
    assert "+$104.50 a month if all are approved" in page.select("#board-count p")[0].get_text()


def test_totals_are_never_added_across_currencies(month: "Month", signed_in_as: SignIn) -> None:
    month.card("1", "3")
    month.card("1", "2", currency="CAD")

    subtitle = Visitor.page(signed_in_as("biller").get("/cards")).select("#board-count p")[0].get_text()

    assert "+$19.00 and +CA$9.50 a month if all are approved, profit +$10.60 and +CA$5.30" in subtitle


def test_every_card_stands_under_one_tab_and_the_counts_agree_with_the_services(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card("20", "21")
    month.card("7", "7")
    month.card("4", None)
    month.card("1", None, product="BASE", vendor="Nobody")
    session.execute(sa.text("DELETE FROM service_product WHERE product = 'BASE'"))
    dismissed = month.card("5", "9")
    stale = month.card("5", "9")
    session.execute(sa.update(PsaAgreement).where(PsaAgreement.company_id == stale.company_id).values(cancelled=True))
    month.make()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{dismissed.id}/dismiss", {"reason": "project"})

    found = {}
    for show in ("decide", "equal", "uncompared", "decided", "stale", "all"):
        page = Visitor.page(biller.get(f"/cards?show={show}"))
        found[show] = len(shown(page))
        counts = [int(one.get_text()) for one in page.select(".tabs b")]

    counted = cards.board_counts(session, OCTOBER)
    session.commit()
    expected = [getattr(counted, name) for name in found]
    assert list(found.values()) == counts == expected == [3, 1, 1, 1, 1, 7]  # usage of the stale one is new revenue


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=halyard", ["Halyard Freight"]),
        ("q=CAFÉ", ["Café Sorrel"]),
        ("q=AV-SEAT", ["Halyard Freight"]),
        ("q=cloud+lic", ["Café Sorrel"]),
        ("kind=decrease", ["Café Sorrel"]),
        ("product=AV-SEAT", ["Halyard Freight"]),
        ("vendor=skylark", ["Halyard Freight"]),
        ("min=50", ["Halyard Freight"]),
        ("state=open&kind=increase", ["Halyard Freight"]),
        ("q=%25", []),
        ("q=_", []),
    ],
)
def test_filters_narrow_the_list(query: str, expected: list[str], month: "Month", signed_in_as: SignIn) -> None:
    month.card("1", "31", company="Halyard Freight", product="AV-SEAT", vendor="Skylark")
    month.card("5", "4", company="Café Sorrel", name="Cloud licences")

    page = Visitor.page(signed_in_as("biller").get(f"/cards?{query}"))

    assert companies(page) == expected
    assert heading(page).startswith(f"{len(expected)} of 2 cards to decide")


def test_a_card_is_found_by_its_company_or_agreement_id(month: "Month", signed_in_as: SignIn) -> None:
    first, second = month.card(), month.card()
    biller = signed_in_as("biller")

    for query in (f"company={first.company_id}", f"agreement={first.agreement_id}", f"q={first.agreement_id}"):
        assert shown(Visitor.page(biller.get(f"/cards?{query}"))) == [first.id]
    assert second.id != first.id


@pytest.mark.parametrize(
    "query",
    [
        "show=everything", "kind=up", "company=abc", "company=-1", "company=99999999999999999999", "agreement=1.5",
        "vendor=nobody", "min=lots", "min=1e9", "state=unknown", "group=colour", "sort=random", "period=2026-13",
        "period=soon", "page=-2", "page=0x10", "open=here", "rows=tiny", "company=%D9%A3",
    ],
)  # fmt: skip
def test_unknown_values_are_left_out_and_named(query: str, month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()

    answer = signed_in_as("biller").get(f"/cards?{query}")

    assert answer.status_code == 200
    page = Visitor.page(answer)
    assert shown(page) == [card.id]
    notice = page.select_one(".notice.warn")
    assert notice is not None
    assert f"{query.partition('=')[0]} “" in notice.get_text()


def test_the_filter_swaps_only_the_list_and_sends_heading_and_tabs_along(month: "Month", signed_in_as: SignIn) -> None:
    month.card(company="Halyard Freight")
    month.card(company="Café Sorrel")
    biller = signed_in_as("biller")

    part = biller.get("/cards?q=halyard", swapping="cards")
    whole = biller.get("/cards?q=halyard")

    text = part.get_data(as_text=True)
    assert "<html" not in text
    assert "board-count" in text
    assert "1 of 2 cards to decide" in text
    section = Visitor.page(part).select_one("#cards")
    assert section is not None
    assert without_tokens(section) == without_tokens(Visitor.page(whole).select_one("#cards"))
    assert "HX-Target" in part.headers["Vary"]


def test_a_fold_fetches_its_rows_when_it_is_opened(month: "Month", signed_in_as: SignIn) -> None:
    month.card("20", "21")
    equal = month.card("7", "7", company="Birchwood")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/cards"))
    fold = page.select_one("#fold-equal")
    assert fold is not None
    rows = biller.get(str(fold["hx-get"]), swapping="fold-equal-rows")

    assert fold["hx-trigger"] == "toggle once"
    assert fold.select_one(".fold-all[href*='show=equal']") is not None
    part = Visitor.page(rows)
    assert part.select("html") == []
    assert shown(part) == [equal.id]
    assert "Birchwood" in part.get_text()


def test_a_viewer_sees_no_forms_and_no_ticks(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    viewer = signed_in_as("viewer")

    for path in ("/cards", f"/cards/{card.id}"):
        page = Visitor.page(viewer.get(path))
        main = page.select_one("main")
        assert main is not None
        assert [one["action"] for one in main.select("form")] in ([], ["/cards"])
        assert main.select("input[type=checkbox]") == []
        assert page.select("[data-key]") == []


def test_what_is_unmapped_is_never_silent(month: "Month", session: "Session", signed_in_as: SignIn) -> None:
    month.card("20", "21")
    month.card("5", "9")
    session.execute(sa.text("DELETE FROM account_mapping WHERE id = 2"))
    month.make()

    text = Visitor.page(signed_in_as("biller").get("/cards")).get_text(" ", strip=True)

    assert "9 units are on no card: 1 vendor account is unmapped, about $85.50 a month." in text


def test_an_empty_board_says_what_is_missing_and_what_to_do(session: "Session", signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/cards"))

    assert heading(page) == "Nothing to decide"
    assert "Nothing was read yet." in page.get_text()
    assert page.select_one("a[href='/connections']") is not None
    assert session.get(Connection, "connectwise") is None


def test_everything_decided_is_said(month: "Month", signed_in_as: SignIn) -> None:
    month.card("7", "7")
    biller = signed_in_as("biller")

    page = Visitor.page(biller.get("/cards"))
    done = page.get_text()
    none = Visitor.page(biller.get("/cards?show=all&q=zzz"))

    assert "Everything is decided." in done
    assert "1 were equal from the start. The month is finished once no write waits or needs a look." in done
    assert page.select_one("#cards a.button[href='/pushes']") is not None
    assert "No card matches." in none.get_text()
    assert "Clear filters" in none.get_text()


def test_a_sync_that_broke_off_is_told_with_the_picture_that_is_shown(
    month: "Month", session: "Session", signed_in_as: SignIn
) -> None:
    month.card()
    session.add(
        SyncRun(kind="full", state="failed", requested_by="Dana", queued_at=NOW - timedelta(minutes=3), error="gone")
    )
    session.commit()

    text = Visitor.page(signed_in_as("biller").get("/cards")).get_text(" ", strip=True)

    assert "Sync stopped at 08:57; you see the whole picture of 08:54." in text


def test_the_export_holds_the_filtered_cards_and_no_formula(month: "Month", signed_in_as: SignIn) -> None:
    month.card("1", "31", company="=HYPERLINK(1)", product="AV-SEAT")
    month.card("5", "4", company="Halyard Freight")
    biller = signed_in_as("viewer")

    answer = biller.get("/cards.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    narrowed = biller.get("/cards.csv?kind=decrease").get_data(as_text=True)

    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cards-2026-10-decide.csv"'
    assert [row["company"] for row in rows] == ["'=HYPERLINK(1)", "Halyard Freight"]
    assert rows[1] | {"monthly_revenue_change": "-9.50", "state": "open", "currency": "USD"} == rows[1]
    assert narrowed.count("\r\n") == 2


def test_another_period_is_shown_when_asked_for(month: "Month", signed_in_as: SignIn) -> None:
    month.card()

    page = Visitor.page(signed_in_as("biller").get("/cards?period=2026-09"))

    assert heading(page) == "Nothing to decide"
    assert "September 2026 has no cards." in page.get_text()
