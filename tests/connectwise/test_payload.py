import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from portal.connectwise.errors import UnexpectedPayload
from portal.connectwise.payload import Row, dumps, loads


def row(**fields: object) -> Row:
    return Row(fields, "addition")


@pytest.mark.parametrize("number", ["12", "0.1", "12345678901234567890.1234", "1.50", "-3"])
def test_numbers_keep_every_digit_both_ways(number: str) -> None:
    assert Row(loads(f'{{"n": {number}}}'), "x").number("n") == Decimal(number)
    assert dumps({"n": Decimal(number)}) == f'{{"n": {number}}}'


def test_what_is_sent_is_json() -> None:
    value = {
        "text": 'say "hé"',
        "none": None,
        "flag": True,
        "rows": [{"n": 1}],
        "day": date(2026, 10, 15),
        "at": datetime(2026, 10, 15, 8, tzinfo=UTC),
    }

    assert json.loads(dumps(value)) == {
        "text": 'say "hé"',
        "none": None,
        "flag": True,
        "rows": [{"n": 1}],
        "day": "2026-10-15T00:00:00Z",
        "at": "2026-10-15T08:00:00Z",
    }


@pytest.mark.parametrize("value", [1.5, object()])
def test_floats_and_strangers_are_never_sent(value: object) -> None:
    with pytest.raises(TypeError):
        dumps({"quantity": value})


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "<html>", b"\xff\xfe\x00"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize("text", ["2026-10-31T00:00:00Z", "2026-10-31", "2026-10-31T00:00:00-05:00"])
def test_calendar_dates_are_never_shifted(text: str) -> None:
    assert row(effectiveDate=text).day("effectiveDate") == date(2026, 10, 31)


def test_times_are_aware_and_utc() -> None:
    assert row(at="2026-10-31T02:00:00+02:00").moment("at") == datetime(2026, 10, 31, tzinfo=UTC)
    assert row(at="2026-10-31T00:00:00.123Z").moment("at") == datetime(2026, 10, 31, 0, 0, 0, 123000, UTC)


def test_a_null_field_may_be_left_out() -> None:
    empty = row(id=7, nothing=None)

    for name in ("nothing", "absent", "absent/id"):
        assert empty.text(name) == ""
        assert empty.integer_or_none(name) is None
        assert empty.number_or_none(name) is None
        assert empty.day(name) is None
        assert empty.moment(name) is None
        assert empty.flag(name) is False
        assert empty.rows(name, "thing") == []


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("integer", "12"),
        ("integer", True),
        ("integer", None),
        ("integer", Decimal("1.0")),
        ("integer", 2**31),
        ("number", "12"),
        ("number", True),
        ("number", None),
        ("number", Decimal("1e999999")),
        ("text", {}),
        ("text", False),
        ("flag", 1),
        ("day", "soon"),
        ("day", 20261031),
        ("moment", "2026-10-31T25:00:00Z"),
        ("rows", {}),
    ],
)
def test_a_field_of_another_kind_names_its_record(method: str, value: object) -> None:
    args = ("field", "thing") if method == "rows" else ("field",)
    with pytest.raises(UnexpectedPayload, match="addition 8003 cannot be read: field") as caught:
        getattr(row(id=8003, field=value), method)(*args)

    assert (caught.value.record, caught.value.record_id) == ("addition 8003", 8003)


@pytest.mark.parametrize("raw", [None, [], "row", 3])
def test_what_is_no_record_is_refused(raw: object) -> None:
    with pytest.raises(UnexpectedPayload):
        Row(raw, "addition")


def test_a_text_holds_nothing_that_cannot_be_stored() -> None:
    assert row(name="a\0b\ud800c").text("name") == "ab?c"
