from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.db.records import PsaCompany
from portal.services import mapping
from portal.services.suggestions import domains, exact_names, normal, suggest
from tests.services.usage_desk import BILLER, NOW, Desk

COMPANIES = (
    (1, "Alder Dental Inc.", "https://www.alderdental.example"),
    (2, "Birch Légal & Söhne GmbH", None),
    (3, "Harbour Freight", "harbour-freight.example/contact"),
    (4, "Harbour Bakery", None),
    (5, "Twin Surveyors", None),
    (6, "Twin Surveyors LLC", None),
)


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    for company_id, name, website in COMPANIES:
        session.add(PsaCompany(id=company_id, identifier=name, name=name, website=website, in_scope=True))
    session.add(PsaCompany(id=7, identifier="bin", name="Ironbark Clinic", deleted=True, in_scope=False))
    session.add(PsaCompany(id=8, identifier="out", name="Juniper Optics", in_scope=False))
    session.add(PsaCompany(id=9, identifier="open", name="Kestrel Foundry", in_scope=None))
    session.flush()
    return Desk(session, tmp_path / "uploads")


def suggested(desk: Desk, name: str, account_id: str = "A-1") -> tuple[int, int, tuple[str, ...]] | None:
    desk.take([(account_id, 1, name)])
    account = desk.account(account_id)
    found = suggest(desk.session, [account]).get(account.id)
    return None if found is None else (found.company_id, found.score, found.reasons)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ALDER  DENTAL", (1, 100)),
        ("Birch Legal and Sohne", (2, 100)),
        ("harbour-freight.example", (3, 92)),
        ("Freight Harbour Ltd", (3, 89)),
    ],
)
def test_a_company_is_suggested_by_name_or_domain(desk: Desk, name: str, expected: tuple[int, int]) -> None:
    found = suggested(desk, name)

    assert found is not None
    assert found[:2] == expected
    assert found[2]


def test_the_reasons_are_told(desk: Desk) -> None:
    found = suggested(desk, "Alder Dental", "info@alderdental.example")

    assert found == (
        1,
        100,
        (
            "same name; “Inc” ignored",
            "same domain alderdental.example",
            "shares the words alder, dental",
        ),
    )


@pytest.mark.parametrize(
    "name", ["Ironbark Clinic", "Juniper Optics", "Kestrel Foundry", "Zebra", "Twin Surveyors", "", "&"]
)
def test_deleted_unscoped_unlike_and_doubled_companies_are_never_suggested(desk: Desk, name: str) -> None:
    assert suggested(desk, name) is None


def test_of_an_equal_name_in_the_recycle_bin_only_the_living_one_is_suggested(desk: Desk) -> None:
    desk.session.add(PsaCompany(id=10, identifier="bin2", name="Alder Dental", deleted=True, in_scope=False))

    assert (suggested(desk, "Alder Dental") or (0,))[0] == 1


def test_past_decisions_help(desk: Desk) -> None:
    other = desk.vendor_called("Skylark Cloud")
    desk.take([("Z-1", 1, "Bayside Holdings")], vendor=other)
    mapping.map_account(desk.session, desk.account("Z-1").id, 4, by=BILLER, now=NOW)

    assert suggested(desk, "Bayside Holdings") == (
        4,
        91,
        ("you chose the same for “Bayside Holdings” at Skylark Cloud",),
    )


def test_exact_names_are_given_only_where_one_company_fits(desk: Desk) -> None:
    desk.take([("A-1", 1, "alder dental"), ("A-2", 1, "Twin Surveyors"), ("A-3", 1, "Harbour")])
    accounts = [desk.account(one) for one in ("A-1", "A-2", "A-3")]

    assert exact_names(desk.session, accounts) == {accounts[0].id: 1}


def test_exact_names_are_mapped_and_marked_at_first_set_up(desk: Desk) -> None:
    desk.take([("A-1", 1, "alder dental"), ("A-2", 1, "Twin Surveyors"), ("A-3", 1, "Harbour Freight")])
    mapping.exclude_account(desk.session, desk.account("A-3").id, reason="ours", by=BILLER, now=NOW)

    made = mapping.map_exact_names(desk.session, by=BILLER, now=NOW)

    assert [(one.account_external_id, one.company_id, one.how) for one in made] == [("A-1", 1, "exact_name")]
    assert mapping.map_exact_names(desk.session, by=BILLER, now=NOW) == []


def test_names_and_domains_are_compared_without_what_says_nothing() -> None:
    assert normal("The Café-Sorrel, Inc.") == "cafe sorrel"
    assert normal("LLC") == "llc"
    assert domains("write to a@gmail.com or www.one.example, x.onmicrosoft.com") == {"one.example"}
