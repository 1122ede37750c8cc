"""Which product a vendor's service may be: scored from 0 to 100 and explained in words, never a decision."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from portal.domain.names import folded

SKU_IS_PRODUCT = 97
OTHER_TERM = 96  # a person chose the product for another term of the same service
SAME_NAME = 95
SAME_SKU = 93  # a person chose the product for an equal SKU at another vendor
SAME_SERVICE_NAME = 91
SURE = 90  # from here on, suggestions may be accepted together
LEAST = 40  # below this nothing comes close
_COMMON = 250  # a word of more products leads to none
_FINE = 10_000


@dataclass(frozen=True, slots=True)
class LikelyProduct:
    """A product that a service may be.

    Args:
        product: Its Product ID.
        score: 0 to 100.
        reasons: In words, the strongest first.
    """

    product: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChosenProduct:
    """What a person chose for a service: one product, one for one."""

    vendor_id: int
    vendor: str
    service: str
    name: str
    term: str
    product: str


def key_of(text: str) -> str:
    """Give a SKU or a name as they are compared: folded letters and digits alone, one blank between words."""
    return " ".join(_words(text))


def squashed(text: str) -> str:
    """Likewise without blanks: "SKY-100" is "sky100"."""
    return "".join(_words(text))


@dataclass(slots=True)
class ProductIndex:
    """The catalogue and past choices, indexed by what may match. Built once for many services."""

    words: dict[str, frozenset[str]] = field(default_factory=dict)
    _by_id: dict[str, list[str]] = field(default_factory=dict)
    _by_name: dict[str, list[str]] = field(default_factory=dict)
    _by_word: dict[str, list[str]] = field(default_factory=dict)
    _by_sku: dict[str, list[ChosenProduct]] = field(default_factory=dict)
    _by_service_name: dict[str, list[ChosenProduct]] = field(default_factory=dict)

    @classmethod
    def over(cls, products: Mapping[str, str], choices: Iterable[ChosenProduct] = ()) -> "ProductIndex":
        """Build the index.

        Args:
            products: Descriptions by Product ID; only products that can be billed.
            choices: What people chose; of other products nothing is learned.
        """
        made = cls()
        for product, description in products.items():
            made.words[product] = frozenset(_words(f"{product} {description}"))
            made._by_id.setdefault(squashed(product), []).append(product)
            if description:
                made._by_name.setdefault(key_of(description), []).append(product)
            for word in made.words[product]:
                made._by_word.setdefault(word, []).append(product)
        for choice in choices:
            if choice.product in products:
                made._by_sku.setdefault(squashed(choice.service), []).append(choice)
                if choice.name:
                    made._by_service_name.setdefault(key_of(choice.name), []).append(choice)
        return made

    def best(self, vendor_id: int, service: str, name: str, term: str) -> LikelyProduct | None:
        """Give the product that fits best; none where two fit equally well.

        Args:
            vendor_id: Whose service it is.
            service: Its SKU.
            name: As the vendor names it, or empty.
            term: Its term, or empty.
        """
        signs: dict[str, list[tuple[int, str]]] = {}
        for product, score, reason in self._signs(vendor_id, service, name, term):
            signs.setdefault(product, []).append((score, reason))
        ranked = sorted(
            ((max(score for score, _reason in found), len(found), product) for product, found in signs.items()),
            key=lambda one: (-one[0], -one[1], one[2]),
        )
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        score, _number, product = ranked[0]
        reasons = [reason for _score, reason in sorted(signs[product], key=lambda one: -one[0])]
        if len(ranked) > 1 and ranked[1][0] >= SURE:
            score = min(score, SURE - 1)  # two good signs that lead apart are a person's to settle
            reasons.append(f"but {signs[ranked[1][2]][0][1]} leads to {ranked[1][2]}")
        return LikelyProduct(product, score, tuple(dict.fromkeys(reasons)))

    def _signs(self, vendor_id: int, service: str, name: str, term: str) -> Iterable[tuple[str, int, str]]:
        for product in self._by_id.get(squashed(service), ()) if service else ():
            yield product, SKU_IS_PRODUCT, "its SKU is the Product ID"
        for product in self._by_name.get(key_of(name), ()) if name else ():
            yield product, SAME_NAME, "same name as in the catalogue"
        for one in self._by_sku.get(squashed(service), ()):
            if one.vendor_id != vendor_id:
                yield one.product, SAME_SKU, f"you chose the same for the SKU {one.service} at {one.vendor}"
            elif one.service == service and one.term != term:
                yield one.product, OTHER_TERM, f"you chose the same for its term “{one.term or 'none'}”"
        for one in self._by_service_name.get(key_of(name), ()) if name else ():
            if one.vendor_id != vendor_id:
                yield one.product, SAME_SERVICE_NAME, f"you chose the same for “{one.name}” at {one.vendor}"
        for product, score, shared in self._alike(frozenset(_words(f"{name} {service}"))):
            yield product, score, f"shares the {'words' if len(shared) > 1 else 'word'} {', '.join(shared)}"

    def _alike(self, mine: frozenset[str]) -> Iterable[tuple[str, int, list[str]]]:
        """Score products by the words they share, the rare ones weighing more."""
        near = {word: found for word in mine if len(found := self._by_word.get(word, [])) <= _COMMON}
        for product in sorted({product for found in near.values() for product in found}):
            shared = mine & self.words[product]
            every = self._weight(mine | self.words[product])
            score = min(self._weight(shared) * 100 // every, SURE - 1) if every else 0
            if score >= LEAST:
                yield product, score, sorted(shared)

    def _weight(self, words: Collection[str]) -> int:
        return sum(
            round(_FINE * math.log(1 + len(self.words) / (1 + len(self._by_word.get(word, ()))))) for word in words
        )


def _words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in folded(text)).split()
