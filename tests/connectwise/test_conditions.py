from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from portal.connectwise.conditions import Value, above, after, differs, equals, is_in, like, quoted


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "True"),
        (False, "False"),
        (12, "12"),
        (Decimal("1E+2"), "100"),
        (Decimal("0.50"), "0.50"),
        ("Acme", '"Acme"'),
        ('The "Juno"', r'"The \"Juno\""'),
        ("back\\slash", r'"back\\slash"'),
        (date(2026, 11, 1), "[2026-11-01T00:00:00Z]"),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), "[2026-11-01T12:00:00Z]"),
        (datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=-5))), "[2026-11-01T17:00:00Z]"),
    ],
)
def test_values_are_written_as_connectwise_wants_them(value: Value, written: str) -> None:
    assert quoted(value) == written


@pytest.mark.parametrize(
    "value",
    [datetime(2026, 11, 1), Decimal("NaN"), Decimal("Infinity"), "two\nlines"],  # noqa: DTZ001 - no zone is the case
)
def test_values_without_a_meaning_are_refused(value: Value) -> None:
    with pytest.raises(ValueError, match=r"."):
        quoted(value)


def test_conditions_combine() -> None:
    both = is_in("status/id", [1, 4]) & after("lastUpdated", datetime(2026, 11, 1, tzinfo=UTC))

    assert str(both) == "(status/id in (1,4)) and (lastUpdated > [2026-11-01T00:00:00Z])"
    assert str(equals("id", 1) | ~like("name", "Ac%")) == '(id = 1) or (not (name like "Ac%"))'
    assert str(differs("deletedFlag", value=True) & above("id", 3)) == "(deletedFlag != True) and (id > 3)"


@pytest.mark.parametrize("field", ["", "id = 1 or id", "status/", "/id", "na me", 'id"', "id\n"])
def test_a_field_is_never_more_than_a_name(field: str) -> None:
    with pytest.raises(ValueError, match="not the name of a field"):
        equals(field, 1)


def test_asking_for_one_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        is_in("id", [])
