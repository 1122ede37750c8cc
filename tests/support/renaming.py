"""Names for names and ids for ids, for sets that mean the same and are named otherwise."""

import random
from collections.abc import Iterable

_SYLLABLES = ("ba", "ko", "li", "mun", "tär", "vos", "qui", "Ö", "zen", "é", "fra", "dul", "ny", "xo", "gri")
_MONOTONE = {"addition", "catalog"}  # of two lines of one day the one with the higher id is the newer


class Renaming:
    """Names for names and ids for ids, always the same for the same.

    Args:
        seed: Another seed gives other names.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._ids: dict[str, dict[int, int]] = {}
        self._words: dict[tuple[str, str], str] = {}
        self._used: set[tuple[str, str]] = set()

    def rng(self, *about: object) -> random.Random:
        """Give numbers that hang on the seed and on what they are for."""
        return random.Random("|".join(map(str, (self.seed, *about))))  # noqa: S311 - made-up data

    def learn(self, kind: str, ids: Iterable[int]) -> None:
        """Give each id of a kind another one."""
        known = sorted(set(ids))
        rng = self.rng("ids", kind)
        fresh = sorted(rng.sample(range(11, 60_000), len(known)))
        if kind not in _MONOTONE:
            rng.shuffle(fresh)
        self._ids[kind] = dict(zip(known, fresh, strict=True))

    def id(self, kind: str, old: int) -> int:
        """Give the other id; one that was never learnt stays unknown under a number of its own."""
        return self._ids[kind].get(old, old + 700_000)

    def word(self, kind: str, old: str) -> str:
        """Give another word for a word of a kind; an empty one stays empty."""
        if not old.strip():
            return old
        key = (kind, old.strip())
        if key not in self._words:
            rng = self.rng("word", *key)
            while True:
                made = "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))).capitalize()
                made = f"{made}{rng.choice((' ', '-', '_', '/', ', '))}{rng.randint(1, 9999)}"
                if (kind, made.casefold()) not in self._used:
                    break
            self._used.add((kind, made.casefold()))
            self._words[key] = made
        return self._words[key]
