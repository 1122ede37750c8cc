from collections.abc import Callable

import pytest

from tests.support.visitor import Visitor

HUGE = "9" * 20


@pytest.mark.parametrize("path", [f"/activity/{HUGE}", f"/pushes/{HUGE}", f"/cards/{HUGE}", f"/batches/{HUGE}"])
def test_a_number_larger_than_any_id_is_nothing_here(signed_in_as: Callable[[str], Visitor], path: str) -> None:
    answer = signed_in_as("admin").get(path)

    assert answer.status_code == 404
    assert "There is no page at this address" in answer.get_data(as_text=True)
