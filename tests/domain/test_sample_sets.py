"""The rules make of all three sample sets exactly the expected cards."""

import random
from functools import cache

import pytest

from portal.domain.psa import live_agreements
from portal.domain.quantities import plain
from portal.domain.reconcile import reconcile
from tests.domain import sample_psa
from tests.domain.sample_files import Row
from tests.domain.sample_set import SETS, SampleSet

every_set = pytest.mark.parametrize("name", sorted(SETS))


@cache
def sample(name: str) -> SampleSet:
    return SampleSet(SETS[name])


def differing(got: list[Row], expected: list[Row]) -> list[tuple[Row, Row]]:
    return [(one, other) for one, other in zip(got, expected, strict=True) if one != other]


@every_set
def test_every_card_is_as_expected(name: str) -> None:
    got, expected = sample(name).card_rows(), sample(name).expected("cards")

    assert len(got) == len(expected)
    assert not differing(got, expected)


@every_set
def test_every_unmapped_row_is_as_expected(name: str) -> None:
    assert sample(name).unmapped_rows() == sample(name).expected("unmapped")


@every_set
def test_every_hidden_account_is_as_expected(name: str) -> None:
    assert sample(name).hidden_rows() == sample(name).expected("hidden-accounts")


@every_set
def test_totals_are_as_expected(name: str) -> None:
    totals = sample(name).expected_totals()

    assert sample(name).money_by_currency() == totals["money_by_currency"]
    assert plain(sample(name).mapped().unmapped_units) == totals["unmapped_units"]
    assert plain(sample(name).counted_out_of_scope()) == totals["units_of_companies_out_of_scope"]


@every_set
def test_scope_and_live_agreements_are_as_expected(name: str) -> None:
    one, totals = sample(name), sample(name).expected_totals()
    psa = one.psa()
    inside = {company.id for company in sample_psa.companies(psa, one.statuses) if company.in_scope}
    agreements = live_agreements(sample_psa.agreements(psa), one.today).values()
    live = [billed for billed in agreements if billed.live and billed.agreement.company_id in inside]

    assert len(inside) == totals["companies_in_scope"]
    assert len(live) == totals["agreements_live_in_scope"]
    assert sum(not billed.billed for billed in live) == totals["agreements_not_billed_here"]


@every_set
def test_the_same_files_are_held_or_left_as_they_were(name: str) -> None:
    expected = [one["result"] for one in sample(name).expected_totals()["imports"]]

    assert sample(name).imports.results == expected


@every_set
def test_the_order_of_rows_never_matters(name: str) -> None:
    one = sample(name)
    psa = one.psa()
    companies, agreements = sample_psa.companies(psa, one.statuses), sample_psa.agreements(psa)
    lines, catalog = sample_psa.lines(psa), sample_psa.catalog(psa)
    usage = list(one.mapped().usage)
    for seed in range(3):
        shuffle = random.Random(seed).shuffle  # noqa: S311 - no secret
        shuffle(companies)
        shuffle(agreements)
        shuffle(lines)
        shuffle(catalog)
        shuffle(usage)

        shuffled = reconcile(
            companies, agreements, lines, catalog, usage, one.fed(), one.rules(), one.splits(), one.today
        )

        assert shuffled == one.cards(psa, one.today)
