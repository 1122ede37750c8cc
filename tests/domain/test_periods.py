from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.domain.periods import Period, add_months, day_text, local_day

NEW_YORK = ZoneInfo("America/New_York")


def test_a_period_is_written_and_read() -> None:
    october = Period.parse("2026-10")

    assert october == Period(2026, 10)
    assert str(october) == "2026-10"
    assert (october.first, october.last, october.days) == (date(2026, 10, 1), date(2026, 10, 31), 31)
    assert Period(2026, 1).previous == Period(2025, 12)
    assert Period(2026, 12).next == Period(2027, 1)
    assert Period(2025, 12) < Period(2026, 1)
    assert Period(2028, 2).last == date(2028, 2, 29)
    assert october.contains(date(2026, 10, 31))
    assert not october.contains(date(2026, 11, 1))


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "0000-10", "2026", "2026-1", "26-10", "october", ""])
def test_another_text_is_no_period(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        (datetime(2026, 10, 1, 3, 30, tzinfo=UTC), "2026-09"),
        (datetime(2026, 10, 1, 4, 30, tzinfo=UTC), "2026-10"),
        (datetime(2026, 11, 1, 3, 59, tzinfo=UTC), "2026-10"),
        (datetime(2026, 11, 1, 4, 0, tzinfo=UTC), "2026-11"),
        (datetime(2026, 12, 1, 4, 59, tzinfo=UTC), "2026-11"),  # winter time: five hours
        (datetime(2028, 3, 1, 4, 59, tzinfo=UTC), "2028-02"),
    ],
)
def test_the_period_follows_the_portals_time_zone(moment: datetime, period: str) -> None:
    assert str(Period.of(moment, NEW_YORK)) == period


def test_the_day_on_which_the_clock_goes_back_is_one_day() -> None:
    before, after = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)

    assert local_day(before, NEW_YORK) == local_day(after, NEW_YORK) == date(2026, 11, 1)


def test_a_naive_moment_is_a_broken_contract() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 10, 1), NEW_YORK)  # noqa: DTZ001 - that is the point


def test_a_past_month_is_looked_at_on_its_last_day() -> None:
    october = Period(2026, 10)

    assert october.looked_at(date(2026, 10, 28)) == date(2026, 10, 28)
    assert october.looked_at(date(2026, 11, 3)) == date(2026, 10, 31)


@pytest.mark.parametrize(
    ("day", "months", "moved"),
    [
        (date(2026, 11, 1), -1, date(2026, 10, 1)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 15), -12, date(2025, 1, 15)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
    ],
)
def test_months_are_added_by_the_calendar(day: date, months: int, moved: date) -> None:
    assert add_months(day, months) == moved


def test_days_are_written_for_people() -> None:
    assert day_text(date(2026, 10, 2)) == "2 Oct 2026"
