from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mapping import (
    AccountMap,
    Count,
    Excluded,
    MappedResult,
    ProductFactor,
    ServiceMap,
    apply_mapping,
    unmapped_money,
)
from portal.domain.psa import CatalogItem
from tests.domain.build import NOW

ACCOUNTS: AccountMap = {("V", "a"): 1, ("V", "b"): 1, ("V", "x"): Excluded(reason="our own")}
SERVICES: ServiceMap = {
    ("V", "S", "Monthly"): (ProductFactor(product="SEAT"),),
    ("V", "S", "Annual"): (ProductFactor(product="SEAT"),),
    ("V", "TWO", ""): (ProductFactor(product="SEAT"), ProductFactor(product="GUARD", factor=Decimal("0.5"))),
    ("V", "GB", ""): (ProductFactor(product="TB", factor=Decimal("0.001")),),
    ("V", "FREE", ""): Excluded(reason="free trial"),
}


def count(account: str, service: str, units: str, *, term: str = "") -> Count:
    return Count(
        vendor="V", account=account, service=service, term=term, counted=Decimal(units), counted_at=NOW, file_id=1
    )


def mapped(*counts: Count, hidden: tuple[tuple[str, str], ...] = ()) -> MappedResult:
    return apply_mapping(counts, ACCOUNTS, SERVICES, hidden=hidden)


def units(result: MappedResult) -> dict[tuple[int, str], Decimal]:
    return {(one.company_id, one.product): one.units for one in result.usage}


def test_one_sku_in_two_terms_counts_both() -> None:
    result = mapped(count("a", "S", "4", term="Monthly"), count("a", "S", "11", term="Annual"))

    assert units(result) == {(1, "SEAT"): 15}
    assert [(source.term, source.counted) for source in result.usage[0].sources] == [
        ("Annual", Decimal(11)),
        ("Monthly", Decimal(4)),
    ]


def test_several_accounts_of_a_company_add_up() -> None:
    assert units(mapped(count("a", "S", "4", term="Monthly"), count("b", "S", "1", term="Monthly"))) == {(1, "SEAT"): 5}


def test_one_service_may_feed_two_products() -> None:
    assert units(mapped(count("a", "TWO", "3"))) == {(1, "SEAT"): 3, (1, "GUARD"): Decimal("1.5")}


def test_a_sum_is_exact_and_then_brought_to_four_decimals() -> None:
    (usage,) = mapped(count("a", "GB", "0.15"), count("b", "GB", "0.3")).usage

    assert (usage.exact, usage.units, usage.rounded) == (Decimal("0.00045"), Decimal("0.0004"), True)


def test_zero_is_a_count() -> None:
    assert units(mapped(count("a", "S", "0", term="Monthly"))) == {(1, "SEAT"): 0}


def test_an_unmapped_account_names_its_units_and_its_money() -> None:
    result = mapped(count("n", "TWO", "3"), count("n", "GB", "1500"), count("n", "NEW", "2"))
    catalog = {
        "SEAT": CatalogItem(product="SEAT", price=Decimal(10)),
        "TB": CatalogItem(product="TB", price=Decimal(40)),
    }

    (account,) = result.unmapped_accounts

    assert account.units == 1505
    assert unmapped_money(account, catalog) == Fraction(90)
    assert [(one.service, one.units) for one in result.unmapped_services] == [("NEW", Decimal(2))]
    assert result.unmapped_units == 1505  # once, though the 2 stand under both


def test_what_a_person_excluded_is_not_unmapped() -> None:
    result = mapped(count("x", "NEW", "5"), count("a", "FREE", "2"))

    assert not result.usage
    assert not result.unmapped_accounts
    assert not result.unmapped_services
    assert {one.reason for one in result.excluded} == {"our own", "free trial"}


def test_hidden_accounts_are_not_among_the_unmapped() -> None:
    result = mapped(count("n", "S", "0", term="Monthly"), hidden=(("V", "n"),))

    assert not result.unmapped_accounts


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abnx"), st.sampled_from(["TWO", "GB", "FREE", "NEW"])),
        st.decimals(min_value=0, max_value=10**6, places=4),
    )
)
def test_every_count_stands_in_exactly_one_place(given_counts: dict[tuple[str, str], Decimal]) -> None:
    result = mapped(*(count(account, service, str(units)) for (account, service), units in given_counts.items()))
    sources = {(one.account, one.service): one.counted for usage in result.usage for one in usage.sources}

    left_out = sum((one.count.counted for one in result.excluded), Decimal(0))

    assert sum(sources.values(), Decimal(0)) + left_out + result.unmapped_units == sum(
        given_counts.values(), Decimal(0)
    )
