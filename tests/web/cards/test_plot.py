"""The picture of twelve months: step lines, gaps where nothing is known, a scale that says where it begins."""

from decimal import Decimal

from portal.domain.periods import Period
from portal.services.card_history import Month
from portal.web.cards.plot import WIDTH, StepPlot, step_plot


def months(*values: tuple[str | None, str | None]) -> list[Month]:
    """Months up to October 2026, each as billed and used."""
    period = Period(2026, 10)
    found: list[Month] = []
    for billed, used in reversed(values):
        found.insert(
            0,
            Month(
                period=period,
                billed=None if billed is None else Decimal(billed),
                used=None if used is None else Decimal(used),
            ),
        )
        period = period.previous
    return found


def drawn(*values: tuple[str | None, str | None]) -> StepPlot:
    plot = step_plot(months(*values))
    assert plot is not None
    return plot


def test_a_month_that_nobody_knows_is_a_gap_in_the_line() -> None:
    plot = drawn(("5", "5"), ("5", None), ("5", "6"))

    assert (plot.used.count("M"), plot.billed.count("M")) == (2, 1)


def test_the_finding_is_a_sentence() -> None:
    plot = drawn(("15", "15"), ("15", "18"), ("20", "21"))

    assert plot.says == (
        "August 2026 to October 2026: used rose from 15 to 21 and billed rose from 15 to 20. "
        "They differ in 2 of 3 months, most in September 2026: 3 used and not billed."
    )
    assert len(plot.gaps) == 2


def test_what_agrees_is_said_and_leaves_no_gap() -> None:
    plot = drawn(("7", "7"), ("7", "7"))

    assert plot.gaps == []
    assert plot.says.endswith("used stayed 7 and billed stayed 7. They agree in every month that both are known.")


def test_a_scale_that_does_not_begin_at_zero_says_so() -> None:
    assert drawn(("180", "180"), ("180", "214")).scale == "The scale starts at 180."
    assert drawn(("3", "0"), ("3", "12")).scale == ""


def test_three_lines_hold_every_value() -> None:
    for values in ((("0", "0"), ("0", "0")), (("0.371", None), ("1.25", "0.5")), (("999999", "1"), ("1", "2"))):
        plot = drawn(*values)
        heights = [line.y for line in plot.grid]
        assert len(set(heights)) == 3
        assert all(min(heights) <= gap.y <= max(heights) for gap in plot.gaps)


def test_two_ends_that_lie_close_are_labelled_apart_and_inside_the_picture() -> None:
    plot = drawn(("20", "20"), ("20", "21"))
    (_, used), (_, billed) = plot.labels

    assert abs(used.y - billed.y) >= 12
    assert used.x < WIDTH - 60


def test_one_known_month_is_no_course() -> None:
    assert step_plot(months((None, None), ("5", "6"))) is None
