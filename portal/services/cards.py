"""Service cards: made from the PSA and the vendors, explained, exported, counted.

A card's `facts` hold what its row shows besides the numbers: `lines`, `changing` (what Approve would change), `later`
(scheduled lines), `sources` (files), `arithmetic`, `rules` (tags), `included`, `cycle_months`, `within_tolerance`,
`ignored` and `one_step` (Approve is a single quantity write).
"""

from portal.services.card_explaining import Explanation, LineShown, SourceShown, explain, rows_behind
from portal.services.card_making import DECIDABLE, IN_FLIGHT, TO_DECIDE_KINDS, MadeCards, make_cards
from portal.services.card_picture import Picture, picture
from portal.services.card_reading import BoardCounts, Sums, Totals, board_counts, export_csv, totals

__all__ = [
    "DECIDABLE",
    "IN_FLIGHT",
    "TO_DECIDE_KINDS",
    "BoardCounts",
    "Explanation",
    "LineShown",
    "MadeCards",
    "Picture",
    "SourceShown",
    "Sums",
    "Totals",
    "board_counts",
    "explain",
    "export_csv",
    "make_cards",
    "picture",
    "rows_behind",
    "totals",
]
