import pytest

from portal.domain.scope import StatusMeaning, TypeMeaning, scope_of

CUSTOMER, NOT, IGNORE = StatusMeaning.CUSTOMER, StatusMeaning.NOT_CUSTOMER, StatusMeaning.IGNORE
IN, OUT = TypeMeaning.IN, TypeMeaning.OUT


@pytest.mark.parametrize(
    ("deleted", "status", "types", "was", "in_scope", "needs"),
    [
        (False, CUSTOMER, [IN], None, True, False),
        (False, CUSTOMER, [], None, True, False),
        (False, CUSTOMER, [OUT, IN], None, True, False),
        (False, CUSTOMER, [OUT], True, False, False),
        (False, CUSTOMER, [OUT, OUT], None, False, False),
        (False, CUSTOMER, [None], None, False, True),
        (False, CUSTOMER, [None], True, True, True),
        (False, CUSTOMER, [OUT, None], False, False, True),
        (False, CUSTOMER, [IN, None], None, True, False),
        (False, NOT, [IN], True, False, False),
        (False, IGNORE, [IN], True, False, False),
        (False, None, [IN], None, False, True),
        (False, None, [IN], True, True, True),
        (False, None, [IN], False, False, True),
        (False, None, [], True, True, True),
        (False, None, [OUT], True, False, False),
        (True, CUSTOMER, [IN], True, False, False),
        (True, None, [None], True, False, False),
    ],
)
def test_scope_follows_decisions_and_waits_for_missing_ones(
    deleted: bool,
    status: StatusMeaning | None,
    types: list[TypeMeaning | None],
    was: bool | None,
    in_scope: bool,
    needs: bool,
) -> None:
    scope = scope_of(deleted, status, types, was)

    assert (scope.in_scope, scope.needs_decision) == (in_scope, needs)
    assert scope.reason.endswith(".")
