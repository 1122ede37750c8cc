"""The two drawings of Today, as numbers for SVG: one bar of what is left, and money by kind beside an axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.web.filters import count, quantity, signed_money
from portal.web.today.queries import Month, Stake

WORDS = {
    "increase": "Increase", "new_revenue": "New revenue", "decrease": "Decrease", "not_reported": "not reported",
    "to_split": "to split",
}  # fmt: skip
FILLS = {"increase": "f-up", "new_revenue": "f-new", "decrease": "f-down"}
BAR = 847  # width of the whole bar, in its own units
GAP = 2
ROW = 34
AXIS = 340
AXIS_SPAN = 180  # the longest bar to one side: beside it the amount has to fit, also in large letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of the bar. `show`: the tab of the board that lists its cards."""

    fill: str
    words: str
    show: str
    strong: bool
    x: float
    width: float


def pieces(month: Month) -> list[Piece]:
    """Give the pieces of the bar; one that stands for a card is never invisible."""
    shares = (
        ("p-done", month.decided, "decided", "decided"),
        ("p-equal", month.equal, "proved equal", "equal"),
        ("p-open", month.decide, "to decide", "decide"),
        ("p-none", month.uncompared, "not compared", "uncompared"),
        ("p-stale", month.stale, "stale", "stale"),
    )
    found: list[Piece] = []
    total, x = max(1, month.cards), 0.0
    for fill, number, words, show in shares:
        width = max(4.0, BAR * number / total) if number else 0.0
        found.append(
            Piece(
                fill=fill,
                words=f"{quantity(number)} {words}",
                show=show,
                strong=show == "decide",
                x=round(x, 1),
                width=round(max(0.0, width - GAP), 1),
            )
        )
        x += width
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A bar beside the axis."""

    kind: str
    word: str
    cards: str
    fill: str
    money: str
    x: float
    width: float
    y: int
    text_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPlot:
    """Money by kind in one currency."""

    rows: list[Row]
    together: str
    cards: str
    says: str
    axis: int
    height: int


def money_plot(stakes: Sequence[Stake], currency: str) -> MoneyPlot:
    """Draw the stakes of one currency beside an axis: more to the right, less to the left."""
    largest = max((abs(stake.money) for stake in stakes), default=Decimal(0)) or Decimal(1)
    rows = []
    for number, stake in enumerate(stakes):
        width = float(abs(stake.money) / largest * AXIS_SPAN)
        left = stake.money < 0
        rows.append(
            Row(
                kind=stake.kind,
                word=WORDS[stake.kind],
                cards=count(stake.cards, "card"),
                fill=FILLS[stake.kind],
                money=signed_money(stake.money, currency),
                x=round(AXIS - width if left else AXIS, 1),
                width=round(width, 1),
                y=6 + number * ROW,
                text_x=AXIS + 8 if left else round(AXIS + width + 8, 1),
            )
        )
    total = sum((stake.money for stake in stakes), Decimal(0))
    together = f"{signed_money(total, currency)} a month"
    parts = ", ".join(f"{row.word.lower()} {row.money}" for row in rows)
    return MoneyPlot(
        rows=rows,
        together=together,
        cards=count(sum(stake.cards for stake in stakes), "card"),
        says=f"{parts[:1].upper()}{parts[1:]}, together {together}",
        axis=AXIS,
        height=len(rows) * ROW + 40,
    )
