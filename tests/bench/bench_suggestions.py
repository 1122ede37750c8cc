"""How often suggestions are right, and how long they take for many accounts."""

import time
from collections.abc import Iterator
from itertools import product

from portal.domain.likeness import SURE, Candidate, Likeness, by_account
from tests.bench.kit import Kit, Row
from tests.support.suggesting import SETS, measured

TITLE = "Suggestions of companies for accounts"
FOLDS = 5
ACCOUNTS = 30_000
COMPANIES = 3_000
_FIRST = [f"{one}{two}" for one, two in product(("Al", "Bir", "Ced", "Dun", "El", "Fen", "Gar", "Hol"), repeat=2)]
_TRADES = ("Dental", "Freight", "Legal", "Bakery", "Optics", "Clinic", "Joinery", "Foundry", "Nurseries", "Surveyors")
_FORMS = ("Inc", "LLC", "Ltd", "Group", "& Sons")


def bench(kit: Kit) -> Iterator[Row]:
    """Measure precision and recall on each sample set, then the time for a large one."""
    del kit
    for name, folds in product(SETS, (0, FOLDS)):
        sure = measured(name, folds=folds, at_least=SURE)
        learned = f"{folds - 1} of {folds} parts of the mapping learned" if folds else "nothing learned"
        what = f"{name}, {learned}, score {SURE} and more"
        note = f"{len(sure.wrong)} wrong of {sure.right + len(sure.wrong)}; aim 99 %"
        yield Row(what=f"{what}: precision", figure=f"{sure.precision:.1%}", note=note)
        yield Row(what=f"{what}: recall", figure=f"{sure.recall:.1%}", note=f"of {sure.asked} accounts")
    yield _many()


def _many() -> Row:
    words = [" ".join(parts) for parts in product(_FIRST, _TRADES, _FORMS)]
    names = words[:COMPANIES]
    started = time.monotonic()
    index = Likeness.over(Candidate(place, name) for place, name in enumerate(names))
    built = time.monotonic() - started
    accounts = {place: (f"{words[place % len(words)]} {place % 7 or ''}", str(place), ()) for place in range(ACCOUNTS)}
    found = by_account(index, accounts)
    return Row(
        what=f"{ACCOUNTS:,} accounts against {COMPANIES:,} companies",
        figure=f"{time.monotonic() - started:.1f} s",
        note=f"{built:.1f} s of it for the index; {len(found):,} suggestions; a worker does it, no request",
    )
