"""One cell of a file: a text, or from a workbook a number."""

from decimal import Decimal

Cell = str | Decimal
LONGEST_KEPT = 1000  # characters of a cell that are kept with a row


class Unsaved(str):
    """A formula that was saved without its value. It is shown as it stands and never calculated."""

    __slots__ = ()


def as_text(cell: Cell) -> str:
    """Give a cell as text, without surrounding blanks. A number is written out, so that ids survive."""
    if isinstance(cell, Decimal):
        text = format(cell, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return cell.strip()


def shortened(text: str) -> str:
    """Cut what no cell of a usage file needs."""
    return text if len(text) <= LONGEST_KEPT else text[:LONGEST_KEPT] + "…"


def is_blank(cells: list[Cell]) -> bool:
    """Tell whether a row holds nothing but blanks."""
    return not any(isinstance(cell, Decimal) or cell.strip() for cell in cells)
