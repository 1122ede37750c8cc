"""The manager's view: decisions by person, company, agreement, product and day, with money and overrides."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.db.records import Card
from portal.services import audit
from portal.services.actors import Actor
from tests.support.visitor import Visitor

MINUS = "\u2212"
SignedInAs = Callable[[str], Visitor]
DANA = Actor("Dana", 7, "biller", "10.0.4.17")
MARCUS = Actor("Marcus", 8, "manager")
OCTOBER = "from=2026-10-01&to=2026-10-31"


def a_card(session: Session, card_id: int, currency: str) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    session.add(
        Card(
            id=card_id, period="2026-10", company_id=card_id, company=f"Company {card_id}", product=f"P{card_id}",
            agreement_id=500 + card_id, kind="increase", currency=currency, made_at=now, changed_at=now,
        )
    )  # fmt: skip
    session.flush()


def decided(session: Session, card_id: int, day: int, *, by: Actor = DANA, per_month: str = "10", **more: Any) -> int:
    details = {"plan": {"effect": {"per_month": per_month}}, "seen": {}, "ticked": []} | more.pop("details", {})
    return audit.record(
        session, what="decision", action=more.pop("action", "card.approve"), by=by, sentence="Approved 5.",
        now=datetime(2026, 10, day, 15, tzinfo=UTC), company_id=card_id, company=f"Company {card_id}",
        agreement_id=500 + card_id, product=f"P{card_id}", card_id=card_id, details=details, **more,
    ).n  # fmt: skip


@pytest.fixture
def month(session: Session) -> Session:
    a_card(session, 1, "USD")
    a_card(session, 2, "EUR")
    decided(session, 1, 3, per_month="100.10")
    decided(session, 1, 4, per_month="-30.05", action="card.adjust", reason="They asked",
            details={"seen": {"too_old": ["SentryBox"]}, "ticked": ["invoiced_ok"]})  # fmt: skip
    decided(session, 2, 4, by=MARCUS, per_month="7")
    decided(session, 2, 4, by=MARCUS, per_month="7", action="card.confirm", reason="Looked at it")
    decided(session, 2, 4, by=MARCUS, action="card.dismiss", per_month="")
    audit.record(
        session, what="usage", action="usage.release", by=MARCUS, now=datetime(2026, 10, 5, 15, tzinfo=UTC),
        sentence="Released the held file.", reason="It is right",
    )  # fmt: skip
    decided(session, 1, 31, per_month="1000")
    session.commit()
    return session


def rows(visitor: Visitor, query: str) -> list[list[str]]:
    page = visitor.page(visitor.get(f"/audit/summary?{query}"))
    table = page.select_one("main table")
    assert table is not None
    return [[" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")] for row in table.select("tbody tr")]


@pytest.mark.usefixtures("month")
def test_decisions_are_counted_with_their_money_by_currency(signed_in_as: SignedInAs) -> None:
    assert rows(signed_in_as("viewer"), f"by=person&{OCTOBER}") == [
        ["Dana", "3", "2 approved, 1 adjusted", "+$1,100.10", f"{MINUS}$30.05", "1"],
        ["Marcus", "2", "1 approved, 1 dismissed", "+€7.00", "—", "1"],
        ["Total", "5", "3 approved, 1 adjusted, 1 dismissed", "+€7.00 +$1,100.10", f"{MINUS}$30.05", "2"],
    ]


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize(
    ("by", "first"),
    [
        ("company", ["Company 1", "3"]), ("agreement", ["Company 1, agreement 501", "3"]), ("product", ["P1", "3"]),
        ("day", ["Saturday 31 October 2026", "1"]),
    ],
)  # fmt: skip
def test_they_are_grouped_as_asked(signed_in_as: SignedInAs, by: str, first: list[str]) -> None:
    assert rows(signed_in_as("viewer"), f"by={by}&{OCTOBER}")[0][:2] == first


@pytest.mark.usefixtures("month")
def test_each_name_leads_to_its_events(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("manager")
    for by in ("person", "company", "agreement", "product", "day"):
        page = visitor.page(visitor.get(f"/audit/summary?by={by}&{OCTOBER}"))
        links = [str(link["href"]) for link in page.select("main table")[0].select("tbody th a")]
        found = [len(visitor.page(visitor.get(link)).select("tr.event")) for link in links]
        assert sum(found[:-1]) == found[-1] == 6, by


@pytest.mark.usefixtures("month")
def test_what_was_passed_over_is_listed_with_its_reason(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("manager")

    page = visitor.page(visitor.get(f"/audit/summary?{OCTOBER}"))
    listed = [" ".join(row.get_text(" ").split()) for row in page.select("section[aria-labelledby=h-over] tbody tr")]

    assert len(listed) == 3
    for row, words in zip(
        listed,
        (("held file was released", "It is right"), ("second person", "Looked at it"),
         ("too old or held", "already invoiced", "They asked")), strict=True,
    ):  # fmt: skip
        assert all(word in row for word in words), row


@pytest.mark.usefixtures("month")
def test_days_and_people_narrow_it_and_what_is_not_understood_is_named(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")

    assert rows(visitor, "from=2026-10-03&to=2026-10-03")[-1][:2] == ["Total", "1"]
    assert rows(visitor, f"{OCTOBER}&person=Marcus")[-1][:2] == ["Total", "2"]
    assert rows(visitor, f"{OCTOBER}&company=1&person=Dana")[-1][:2] == ["Total", "3"]
    strange = visitor.get("/audit/summary?by=colour&from=soon&to=9999-12-31").get_data(as_text=True)
    assert "by “colour”" in strange
    assert "from “soon”" in strange
    assert "Nothing was decided" in visitor.get("/audit/summary?from=0001-01-01&to=0001-01-01").get_data(as_text=True)


@pytest.mark.usefixtures("month")
def test_the_file_adds_up(signed_in_as: SignedInAs) -> None:
    text = signed_in_as("viewer").get(f"/audit/summary.csv?by=company&{OCTOBER}").get_data(as_text=True)

    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["company"] for row in read] == ["Company 1", "Company 2", "All", "All"]
    assert sum(int(row["decisions"] or 0) for row in read[:2]) == int(read[2]["decisions"]) == 5
    assert {row["moved_per_month"] for row in read if row["currency"] == "USD"} == {"1130.15"}
    usd = sum(Decimal(row["net_per_month"]) for row in read[:2] if row["currency"] == "USD")
    assert usd == Decimal("1070.05") == Decimal(next(r["net_per_month"] for r in read[2:] if r["currency"] == "USD"))


@pytest.fixture
def much(month: Session) -> Session:
    """Beside the month: a customer with one large decrease, one in pounds, and twelve small ones."""
    for card_id, currency in ((3, "USD"), (4, "GBP")):
        a_card(month, card_id, currency)
    decided(month, 3, 5, by=MARCUS, per_month="-5000", action="card.adjust")
    decided(month, 4, 5, per_month="9000")
    for number in range(12):
        decided(month, 1, 6, per_month=f"0.{number + 10}")
    month.commit()
    return month


def order(visitor: Visitor, query: str) -> list[str]:
    return [row[0] for row in rows(visitor, f"by=company&{OCTOBER}&{query}")[:-1]]


@pytest.mark.usefixtures("much")
def test_most_money_stands_first_in_one_currency_whichever_way_it_moves(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("manager")

    assert order(visitor, "") == ["Company 1", "Company 2", "Company 3", "Company 4"]
    # 5,000.00 down is more than 1,130.15 up and down; euros and pounds are not dollars, however many
    assert order(visitor, "sort=money") == ["Company 3", "Company 1", "Company 2", "Company 4"]
    assert order(visitor, "sort=money&currency=GBP")[0] == "Company 4"
    assert order(visitor, "sort=money&currency=eur")[0] == "Company 2"
    assert order(visitor, "sort=money&currency=XXX") == order(visitor, "sort=money")
    strange = visitor.get(f"/audit/summary?{OCTOBER}&sort=size&currency=XXX").get_data(as_text=True)
    assert "sort “size”, currency “XXX”." in strange


@pytest.mark.usefixtures("much")
def test_days_follow_the_money_too_where_it_is_asked(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("manager")

    newest, most = (rows(visitor, f"by=day&{OCTOBER}&{query}")[0][0] for query in ("", "sort=money"))

    assert (newest, most) == ("Saturday 31 October 2026", "Monday 5 October 2026")


@pytest.mark.usefixtures("much")
def test_the_largest_decisions_of_each_currency_lead_to_their_events(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("manager")

    page = visitor.page(visitor.get(f"/audit/summary?{OCTOBER}&sort=money"))
    sections = page.select("section[aria-labelledby^=h-large]")
    amounts = [[str(cell.get_text()) for cell in one.select("tbody td.num")] for one in sections]
    first = sections[0].select_one("tbody a")

    assert [one.h2.get_text() for one in sections if one.h2] == [
        f"Largest decisions, in {currency}" for currency in ("USD", "EUR", "GBP")
    ]
    assert amounts[0][:3] == [f"{MINUS}$5,000.00", "+$1,000.00", "+$100.10"]
    assert len(amounts[0]) == 10
    assert amounts[1:] == [["+€7.00"], ["+£9,000.00"]]
    assert first is not None
    event = visitor.page(visitor.get(str(first["href"]))).get_text(" ")
    assert "Company 3" in event


@pytest.mark.usefixtures("much")
def test_the_file_is_sorted_as_the_page_is(signed_in_as: SignedInAs) -> None:
    text = signed_in_as("viewer").get(f"/audit/summary.csv?by=company&{OCTOBER}&sort=money").get_data(as_text=True)

    read = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["company"] for row in read[:4]] == ["Company 3", "Company 1", "Company 2", "Company 4"]
    assert read[0]["moved_per_month"] == "5000.00"
