"""A set by hand, with what the given sets lack; each expected card is worked out from the rules, not from the code."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner

from portal.db.records import PsaCompany
from portal.db.session import reading
from portal.domain.periods import Period
from portal.sandbox.server import running
from portal.services.cards import totals
from tests.support.made_set import MadeSet

SEPT, EARLY, LATE = "2026-09-27T08:00:00-04:00", "2026-10-12T08:00:00-04:00", "2026-10-27T08:00:00-04:00"
USAGE = "Nordlicht"  # the vendor that most cases use


def base() -> MadeSet:
    made = MadeSet()
    for status_id, name, meaning in ((4, "Kunde", "customer"), (7, "Weg", "not_customer"), (9, "Neu", None)):
        made.status(status_id, name, meaning)
    for type_id, name, meaning in ((3, "Ja", "in"), (5, "Nein", "out"), (8, "Vielleicht", None)):
        made.type(type_id, name, meaning)
    for product, price, cost in (
        *(("BOX", 10.0, 4.0), ("CUP", 0.15, 0.05), ("DISH", 120.0, 60.0), ("TERA", 40.0, 22.0)),
        *(("PART-A", 3.0, 1.0), ("PART-B", 5.0, 2.0), ("FREE", None, None)),
    ):
        made.item(product, price, cost)
    for service, product in (("bx", "BOX"), ("cp", "CUP"), ("ds", "DISH"), ("tb", "TERA"), ("fr", "FREE")):
        made.service(USAGE, service, "", (product, "1"))
    return made


class Case:
    """Companies with one agreement and one line each, and what a vendor says of them."""

    def __init__(self) -> None:
        self.made = base()
        self.said: list[tuple[int, str, str]] = []
        self.expected: dict[tuple[int, str, str], tuple[str, ...]] = {}

    def company(self, company_id: int, status: int = 4, **more: Any) -> None:
        self.made.company(company_id, status=status, types=(3,), **more)
        self.made.account(USAGE, f"acct-{company_id}", company_id)

    def says(self, company_id: int, service: str, count: str) -> None:
        self.said.append((company_id, service, count))

    def expect(self, company_id: int, agreement: int | None, product: str, *cells: str) -> None:
        """Kind, PSA, vendor, proposed, difference, price, cost, revenue, profit."""
        self.expected[company_id, "" if agreement is None else str(agreement), product] = cells

    def simple(
        self, company_id: int, product: str, quantity: float, service: str, count: str, cycle: str = "Monthly"
    ) -> None:
        self.company(company_id)
        self.made.agreement(company_id * 10, company_id, cycle=cycle)
        self.made.line(company_id * 100, company_id * 10, product, quantity)
        self.says(company_id, service, count)

    def usage(self) -> None:
        if not self.said:
            return
        rows = "".join(f"acct-{company_id},{service},{count}\n" for company_id, service, count in self.said)
        columns = {"account_id": "who", "service_id": "what", "count": "n"}
        self.made.file(2, "main.csv", USAGE, "who,what,n\n" + rows, counted_at=LATE, columns=columns)


def rules_and_tolerances(case: Case) -> None:
    """Tolerance by percent and money, with minimum; floor; last days; wider and narrower rules."""
    made = case.made
    case.simple(101, "BOX", 100, "bx", "95")
    made.rule("tolerance", 101, "BOX", percent="5")
    case.expect(101, 1010, "BOX", "no_change", "100", "95", "100", "0", "10.00", "4.00", "0.00", "0.00")
    case.simple(102, "BOX", 100, "bx", "94")
    made.rule("tolerance", 102, "BOX", percent="5")
    case.expect(102, 1020, "BOX", "decrease", "100", "94", "94", "-6", "10.00", "4.00", "-60.00", "-36.00")
    case.simple(103, "DISH", 1, "ds", "3", cycle="Yearly")  # 2 x 120 a year are 20.00 a month
    made.rule("tolerance", 103, None, money="20")
    case.expect(103, 1030, "DISH", "no_change", "1", "3", "1", "0", "120.00", "60.00", "0.00", "0.00")
    case.simple(104, "DISH", 1, "ds", "3", cycle="Yearly")
    made.rule("tolerance", 104, "DISH", money="19.99")
    case.expect(104, 1040, "DISH", "increase", "1", "3", "3", "2", "120.00", "60.00", "20.00", "10.00")
    case.simple(105, "BOX", 9, "bx", "10")  # below its minimum: the tolerance does not hold
    made.rule("minimum", 105, "BOX", quantity="10")
    made.rule("tolerance", 105, "BOX", units="2")
    case.expect(105, 1050, "BOX", "increase", "9", "10", "10", "1", "10.00", "4.00", "10.00", "6.00")
    case.simple(106, "BOX", 12, "bx", "10.5")
    made.rule("minimum", 106, "BOX", quantity="10")
    made.rule("tolerance", 106, "BOX", units="1.5")
    case.expect(106, 1060, "BOX", "no_change", "12", "10.5", "12", "0", "10.00", "4.00", "0.00", "0.00")
    case.simple(107, "BOX", 20, "bx", "10")
    made.rule("floor", 107, "BOX", quantity="15", until="2026-10-28")  # its last day counts
    case.expect(107, 1070, "BOX", "decrease", "20", "10", "15", "-5", "10.00", "4.00", "-50.00", "-30.00")
    case.simple(108, "BOX", 20, "bx", "10")
    made.rule("floor", 108, "BOX", quantity="15", until="2026-10-27")
    case.expect(108, 1080, "BOX", "decrease", "20", "10", "10", "-10", "10.00", "4.00", "-100.00", "-60.00")
    case.simple(109, "BOX", 12, "bx", "10")  # a floor never raises
    made.rule("floor", 109, "BOX", quantity="15")
    case.expect(109, 1090, "BOX", "no_change", "12", "10", "12", "0", "10.00", "4.00", "0.00", "0.00")
    made.rule("rounding", None, "TERA", mode="up", to="1")
    case.simple(110, "TERA", 2, "tb", "2.0001")
    case.expect(110, 1100, "TERA", "increase", "2", "2.0001", "3", "1", "40.00", "22.00", "40.00", "18.00")
    case.simple(111, "TERA", 2, "tb", "2.9")  # the pair's rule wins over the product's
    made.rule("rounding", 111, "TERA", mode="down", to="1")
    case.expect(111, 1110, "TERA", "no_change", "2", "2.9", "2", "0", "40.00", "22.00", "0.00", "0.00")
    case.simple(112, "TERA", 2, "tb", "2.5")  # the company's, too; the middle goes to the even step
    made.rule("rounding", 112, None, mode="nearest", to="1")
    case.expect(112, 1120, "TERA", "no_change", "2", "2.5", "2", "0", "40.00", "22.00", "0.00", "0.00")
    case.simple(113, "TERA", 2, "tb", "2.4")  # steps of 5, then the minimum
    made.rule("rounding", 113, "TERA", mode="up", to="5")
    made.rule("minimum", 113, "TERA", quantity="7")
    case.expect(113, 1130, "TERA", "increase", "2", "2.4", "7", "5", "40.00", "22.00", "200.00", "90.00")
    case.simple(114, "BOX", 4, "bx", "6")
    made.rule("ignore", 114, "BOX", reason="settled by hand", until="2026-12-31")
    case.expect(114, 1140, "BOX", "increase", "4", "6", "6", "2", "10.00", "4.00", "20.00", "12.00")


def splits(case: Case) -> None:
    """Rules bend the company's total, which is then split."""
    made = case.made
    case.simple(201, "TERA", 5, "tb", "7.3")  # 7.3 -> 8 -> 12: 5 fixed, 7 to the other
    made.agreement(2011, 201)
    made.line(20101, 2011, "TERA", 6)
    made.rule("minimum", 201, "TERA", quantity="12")
    made.split(201, "TERA", fixed=[{"agreement_id": 2010, "quantity": "5"}], rest_to=2011)
    case.expect(201, 2010, "TERA", "no_change", "5", "5", "5", "0", "40.00", "22.00", "0.00", "0.00")
    case.expect(201, 2011, "TERA", "increase", "6", "2.3", "7", "1", "40.00", "22.00", "40.00", "18.00")
    case.simple(202, "BOX", 10, "bx", "8")  # floor 15 of 20: all to the first
    made.agreement(2021, 202)
    made.line(20201, 2021, "BOX", 10)
    made.rule("floor", 202, "BOX", quantity="15")
    made.split(202, "BOX", all_to=2020)
    case.expect(202, 2020, "BOX", "increase", "10", "8", "15", "5", "10.00", "4.00", "50.00", "30.00")
    case.expect(202, 2021, "BOX", "decrease", "10", "0", "0", "-10", "10.00", "4.00", "-100.00", "-60.00")
    case.simple(203, "BOX", 10, "bx", "8")  # the rule names an agreement without the product: no rule
    made.agreement(2031, 203)
    made.agreement(2032, 203)
    made.line(20301, 2031, "BOX", 10)
    made.split(203, "BOX", all_to=2032)
    for agreement in (2030, 2031):
        case.expect(203, agreement, "BOX", "to_split", "10", "8", "", "", "10.00", "4.00", "", "")
    case.simple(204, "BOX", 10, "bx", "12")  # an ended line on the second agreement: nothing to split
    made.agreement(2041, 204)
    made.line(20401, 2041, "BOX", 10, cancelledDate="2026-10-27T00:00:00Z")
    case.expect(204, 2040, "BOX", "increase", "10", "12", "12", "2", "10.00", "4.00", "20.00", "12.00")


def lines_and_money(case: Case) -> None:
    """Lines that bring nothing in, prices of their own, zero prices, cycles, currencies."""
    made = case.made
    case.simple(301, "BOX", 5, "bx", "9")
    made.line(30101, 3010, "BOX", 2, effectiveDate="2025-01-01T00:00:00Z", billCustomer="NoCharge")
    case.expect(301, 3010, "BOX", "increase", "7", "9", "9", "2", "10.00", "4.00", "0.00", "-8.00")
    case.simple(302, "BOX", 5, "bx", "4")  # 2 of no charge, then 1 billed
    made.line(30201, 3020, "BOX", 2, effectiveDate="2025-01-01T00:00:00Z", billCustomer="DoNotBill", unitPrice=11)
    case.expect(302, 3020, "BOX", "decrease", "7", "4", "4", "-3", "11.00", "4.00", "-10.00", "2.00")
    case.company(303)
    made.agreement(3030, 303)
    made.line(30300, 3030, "BOX", 1, unitPrice=0, unitCost=0.125)  # 0 is a price
    case.says(303, "bx", "3")
    case.expect(303, 3030, "BOX", "increase", "1", "3", "3", "2", "0.00", "0.125", "0.00", "-0.25")
    case.simple(304, "CUP", 1, "cp", "2", cycle="BiMonthly")  # 0.15 in two months: 0.075, half to even 0.08
    case.expect(304, 3040, "CUP", "increase", "1", "2", "2", "1", "0.15", "0.05", "0.08", "0.05")
    case.simple(305, "CUP", 3, "cp", "2", cycle="SemiAnnual")  # -0.15 / 6 = -0.025, half to even -0.02
    case.expect(305, 3050, "CUP", "decrease", "3", "2", "2", "-1", "0.15", "0.05", "-0.02", "-0.02")
    case.simple(306, "DISH", 3, "ds", "4", cycle="Quarterly")
    case.expect(306, 3060, "DISH", "increase", "3", "4", "4", "1", "120.00", "60.00", "40.00", "20.00")
    case.simple(307, "BOX", 3, "bx", "4", cycle="Weekly")  # not counted in months: not billed here
    case.expect(307, None, "BOX", "new_revenue", "0", "4", "4", "4", "10.00", "4.00", "40.00", "24.00")
    case.company(308, currency="CAD")
    made.agreement(3080, 308)  # no currency of its own: the company's
    made.line(30800, 3080, "BOX", 3)
    case.says(308, "bx", "5")
    case.expect(308, 3080, "BOX", "increase", "3", "5", "5", "2", "10.00", "4.00", "20.00", "12.00")
    case.company(309, currency="CAD")
    made.agreement(3090, 309, currency={"id": 2, "currencyCode": "USD"})
    made.line(30900, 3090, "BOX", 3)
    case.says(309, "bx", "4")
    case.expect(309, 3090, "BOX", "increase", "3", "4", "4", "1", "10.00", "4.00", "10.00", "6.00")
    case.simple(310, "FREE", 3, "fr", "4")  # no price anywhere: no figure
    case.expect(310, 3100, "FREE", "increase", "3", "4", "4", "1", "", "", "", "")
    case.simple(311, "BOX", 3, "bx", "0")
    case.expect(311, 3110, "BOX", "decrease", "3", "0", "0", "-3", "10.00", "4.00", "-30.00", "-18.00")


def agreements_that_come_and_go(case: Case) -> None:
    """Parents, ends, beginnings, and a status without a decision."""
    made = case.made
    cancelled: dict[str, Any] = {
        "cancelledFlag": True,
        "dateCancelled": "2026-10-24T00:00:00Z",
        "agreementStatus": "Cancelled",
    }
    case.company(401)  # the parent is cancelled between the steps: its live child is not billed any more
    made.agreement(4010, 401, before={"cancelledFlag": False, "agreementStatus": "Active"}, **cancelled)
    made.agreement(4011, 401, cycle=None, parentAgreement={"id": 4010, "name": "Agreement 4010"})
    made.line(40100, 4011, "BOX", 3)
    case.says(401, "bx", "4")
    case.expect(401, 4011, "BOX", "stale", "", "", "", "", "", "", "", "")
    case.expect(401, None, "BOX", "new_revenue", "0", "4", "4", "4", "10.00", "4.00", "40.00", "24.00")
    case.company(402)  # the parent was cancelled long ago: no cards ever
    made.agreement(4020, 402, **cancelled)
    made.agreement(4021, 402, parentAgreement={"id": 4020, "name": "Agreement 4020"})
    made.line(40200, 4021, "BOX", 3)
    case.company(403)  # a child takes its parent's cycle
    made.agreement(4030, 403, cycle="Yearly")
    made.agreement(4031, 403, cycle=None, parentAgreement={"id": 4030, "name": "Agreement 4030"})
    made.line(40300, 4031, "DISH", 3)
    case.says(403, "ds", "4")
    case.expect(403, 4031, "DISH", "increase", "3", "4", "4", "1", "120.00", "60.00", "10.00", "5.00")
    case.company(404)  # an end that is overruled
    made.agreement(4040, 404, endDate="2026-09-30T00:00:00Z", noEndingDateFlag=True)
    made.line(40400, 4040, "BOX", 3)
    case.says(404, "bx", "3")
    case.expect(404, 4040, "BOX", "no_change", "3", "3", "3", "0", "10.00", "4.00", "0.00", "0.00")
    case.company(405, status=9, before=4)  # moved to a status without a decision: stays as it was
    made.agreement(4050, 405)
    made.line(40500, 4050, "BOX", 3)
    case.says(405, "bx", "4")
    case.expect(405, 4050, "BOX", "increase", "3", "4", "4", "1", "10.00", "4.00", "10.00", "6.00")
    case.company(406, status=9, before=7)  # likewise, and it was out
    made.agreement(4060, 406)
    made.line(40600, 4060, "BOX", 3)
    case.says(406, "bx", "4")
    case.company(407)  # begins tomorrow
    made.agreement(4070, 407, startDate="2026-10-29T00:00:00Z", agreementStatus="Inactive")
    made.line(40700, 4070, "BOX", 3)
    case.says(407, "bx", "3")
    case.expect(407, None, "BOX", "new_revenue", "0", "3", "3", "3", "10.00", "4.00", "30.00", "18.00")
    case.made.company(408, status=4, types=(8,))  # only a type without a decision, and never in before
    made.account(USAGE, "acct-408", 408)
    made.agreement(4080, 408)
    made.line(40800, 4080, "BOX", 3)
    case.says(408, "bx", "5")


def files_of_other_forms(case: Case) -> None:
    """Charge lines, several filters, constants, names as ids, two months, factors."""
    made = case.made
    for company_id, product, quantity in ((501, "BOX", 10), (502, "BOX", 1), (503, "CUP", 1), (504, "BOX", 6)):
        made.company(company_id, status=4)  # no type at all: the status decides
        made.agreement(company_id * 10, company_id)
        made.line(company_id * 100, company_id * 10, product, quantity)
    # Charge lines of two partial files: the later one replaces what it names, and says nothing of the rest.
    net = {"column": "Vorgang", "plus": ["Neu", "Mehr"], "minus": ["Weniger"], "ignore": ["Gutschrift"]}
    columns = {"account_id": "Kunde", "service_id": "Artikel", "term": "Laufzeit", "count": "Menge"}
    kind = {"columns": columns, "net": net, "complete": False, "delimiter": ";", "decimal": ",", "thousands": "."}
    head = "Kunde;Artikel;Laufzeit;Vorgang;Menge\n"
    made.account("Rechnung", "K1", 501)
    made.account("Rechnung", "K2", 502)
    made.service("Rechnung", "X", "Monat", ("BOX", "1"))
    made.service("Rechnung", "X", "Jahr", ("BOX", "1"))
    first = head + "K1;X;Monat;Neu;4\nK1;X;Jahr;neu ;7\nK2;X;Monat;Neu;1,5\nK2;X;Monat;Mehr;1,0\n"
    made.file(1, "r1.csv", "Rechnung", first, counted_at=EARLY, **kind)
    second = head + "K1;X;Monat;Neu;1.002\nK1;X;Monat;Weniger;1.000\nK1;X;Monat;Gutschrift;99\nK1;X;Monat;MEHR;2\n"
    made.file(2, "r2.csv", "Rechnung", second, counted_at=LATE, **kind)
    case.expect(501, 5010, "BOX", "increase", "10", "11", "11", "1", "10.00", "4.00", "10.00", "6.00")
    case.expect(502, 5020, "BOX", "increase", "1", "2.5", "2.5", "1.5", "10.00", "4.00", "15.00", "9.00")
    # Rows are counted; two filters; the service is a constant; the name is the id.
    made.account("Geräte", "Müller, Söhne & Co", 503)
    made.account("Geräte", "Unser Haus", None, reason="our own")
    made.service("Geräte", "agent", "M", ("CUP", "1"))
    devices = (
        "Firma|Gerät|Zustand|Art\n"
        "Müller, Söhne & Co|a|online|Laptop\nMüller, Söhne & Co|b|offline|laptop\nMüller, Söhne & Co|c|online|Drucker\n"
        "Müller, Söhne & Co|d|weg|Laptop\nUnser Haus|e|online|Laptop\nNiemand|f|weg|Laptop\n"
    )
    made.file(
        2, "geraete.csv", "Geräte", devices, counted_at=LATE, delimiter="|", encoding="iso-8859-15", count_rows=True,
        columns={"account_name": "Firma"}, constants={"service_id": "agent", "term": "M"},
        filters=[{"column": "Zustand", "keep": ["Online", "Offline"]}, {"column": "Art", "keep": ["Laptop"]}],
    )  # fmt: skip
    case.expect(503, 5030, "CUP", "increase", "1", "2", "2", "1", "0.15", "0.05", "0.15", "0.10")
    # September's file says nothing of October; a correction overlays the whole month's file.
    made.account("Zwei", "Z1", 504)
    made.service("Zwei", "z", "", ("BOX", "0.5"), ("PART-A", "0.3333"), ("PART-B", "0.00001"))
    two = {"columns": {"account_id": "a", "account_status": "st", "service_id": "s", "count": "n"}}
    for word, meaning in (("on", "active"), ("off", "inactive")):
        made.statuses["vendor_statuses"].append({"vendor": "Zwei", "word": word, "meaning": meaning})
    made.file(1, "z9.csv", "Zwei", "a,st,s,n\nZ1,on,z,9\nZ2,off,z,4\nZ3,off,z,0\n", counted_at=SEPT, **two)
    made.file(
        2, "z10.csv", "Zwei", "a,st,s,n\nZ1,on,z,2\nZ2,off,z,0\nZ3,off,z,0\nZ4,odd,z,1\n", counted_at=EARLY, **two
    )
    made.file(2, "z11.csv", "Zwei", "a,st,s,n\nZ1,on,z,3\n", counted_at=LATE, complete=False, **two)
    case.expect(504, 5040, "BOX", "decrease", "6", "1.5", "1.5", "-4.5", "10.00", "4.00", "-45.00", "-27.00")
    case.expect(504, None, "PART-A", "new_revenue", "0", "0.9999", "0.9999", "0.9999", "3.00", "1.00", "3.00", "2.00")


CASES = (rules_and_tolerances, splits, lines_and_money, agreements_that_come_and_go, files_of_other_forms)
COLUMNS = (
    *("kind", "psa_quantity", "vendor_quantity", "proposed_quantity", "difference", "unit_price", "unit_cost"),
    *("monthly_revenue_change", "monthly_profit_change"),
)


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "set"


def load(runner: FlaskCliRunner, made: MadeSet, folder: Path) -> str:
    made.write(folder)
    with running(folder) as sandbox:
        result = runner.invoke(args=["samples", "load", str(folder), "--connectwise", sandbox.base_url])
    assert result.exit_code == 0, result.output
    return result.output


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("fill", CASES, ids=lambda one: one.__name__)
def test_cards_are_what_the_rules_say(runner: FlaskCliRunner, folder: Path, fill: Callable[[Case], None]) -> None:
    case = Case()
    fill(case)
    case.usage()
    load(runner, case.made, folder)

    cards = table(runner.invoke(args=["cards", "export", "--period", "2026-10"]).stdout)
    found = {
        (int(card["company_id"]), card["agreement_id"], card["product"]): tuple(card[name] for name in COLUMNS)
        for card in cards
    }

    assert found == case.expected


def test_what_is_unmapped_and_inactive_is_told_with_its_money(runner: FlaskCliRunner, folder: Path) -> None:
    case = Case()
    files_of_other_forms(case)
    load(runner, case.made, folder)

    unmapped = runner.invoke(args=["mapping", "unmapped", "--period", "2026-10"]).stdout
    inactive = runner.invoke(args=["mapping", "inactive", "--period", "2026-10"]).stdout

    # 1 x (0.5 x 10 + 0.3333 x 3 + 0.00001 x 5) = 5.99995
    assert unmapped == (
        "what,vendor,id,term,name,units,monthly_money\n"
        "account,Geräte,Niemand,,Niemand,0,0.00\naccount,Zwei,Z2,,,0,0.00\naccount,Zwei,Z4,,,1,6.00\n"
    )
    assert inactive == (
        "vendor,account_id,account_name,status,result,mapping,units_2026-09,units_2026-10\n"
        "Zwei,Z2,,off,shown,unmapped,4,0\nZwei,Z3,,off,hidden,unmapped,0,0\nZwei,Z4,,odd,needs_decision,unmapped,0,1\n"
    )


def test_totals_are_per_currency_and_name_companies_that_wait(app: Flask, runner: FlaskCliRunner, folder: Path) -> None:
    case = Case()
    lines_and_money(case)
    agreements_that_come_and_go(case)
    case.usage()
    load(runner, case.made, folder)

    with app.app_context():
        money = totals(reading(), Period(2026, 10)).money
        waiting = (
            reading().scalars(sa.select(PsaCompany.id).where(PsaCompany.needs_decision).order_by(PsaCompany.id)).all()
        )

    assert set(money) == {"CAD", "USD"}
    assert (money["CAD"]["increase"].revenue, money["CAD"]["increase"].profit) == (Decimal(20), Decimal(12))
    assert waiting == [405, 406, 408]
