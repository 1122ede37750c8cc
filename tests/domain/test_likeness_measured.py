"""How often suggestions are right, measured on the sample sets with their mapping as the truth."""

import pytest

from portal.domain.likeness import LEAST, SURE
from tests.support.suggesting import SETS, measured

LEAST_PRECISION = 0.99


@pytest.mark.parametrize("folds", [0, 2, 5])
@pytest.mark.parametrize("name", SETS)
def test_at_least_99_of_100_that_may_be_accepted_together_are_right(name: str, folds: int) -> None:
    found = measured(name, folds=folds, at_least=SURE)

    assert found.precision >= LEAST_PRECISION, found.wrong
    assert found.recall > 0.5  # it is no answer to suggest nothing


@pytest.mark.parametrize("name", SETS)
def test_most_accounts_find_their_company_among_all_suggestions(name: str) -> None:
    found = measured(name, folds=5, at_least=LEAST)

    assert found.recall > 0.9
    assert found.precision > 0.9
