"""Which company a vendor's account may be: scored from 0 to 100 and explained in words.

A score is a person's help, never a decision: of several companies that fit equally well none is given, and a name
that a company out of scope bears, or that stands for several companies, is never sure.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from portal.domain.names import Name, domains, name_of

SAME = 100  # the same name but for case, accents and legal forms
AGREED = 98  # two independent signs, such as name and domain, or name and an earlier choice
SQUASHED = 96  # the same name but for blanks
SHORTENED = 94  # the same name but for words that people leave out
DOMAIN = 92
CHOSEN = 91  # a person chose the company for the same name at another vendor
SURE = 90  # from here on, suggestions may be accepted together
CHOSEN_OF_SEVERAL = 75  # likewise, but other companies have the words of this short name too
INITIALS = 60
UNSURE = 49  # the most for what contradicts something
LEAST = 40  # below this nothing comes close
_COMMON = 250  # a word of more companies leads to none; it still counts where a rarer one does
_FINE = 10_000  # parts of a word's weight, so that scores are sums of whole numbers and the same everywhere
_INITIALS = 3  # letters at least


@dataclass(frozen=True, slots=True)
class Likely:
    """A company that an account may be.

    Args:
        company_id: The PSA's id.
        score: 0 to 100.
        reasons: In words, the strongest first.
    """

    company_id: int
    name: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company of the PSA.

    Args:
        allowed: It may be suggested. Others are known so that a name of theirs is not taken for another company.
    """

    id: int
    name: str
    website: str = ""
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decided for an account of some vendor.

    Args:
        account: The account's name.
        vendor: The vendor's title.
        refused: The person took the company off the account, or passed it over.
    """

    account: str
    vendor: str
    company_id: int
    refused: bool = False


@dataclass(slots=True)
class Likeness:
    """The companies, indexed by what may match. Built once for many accounts."""

    names: dict[int, str] = field(default_factory=dict)
    parts: dict[int, Name] = field(default_factory=dict)
    _by_key: dict[str, list[int]] = field(default_factory=dict)
    _by_squashed: dict[str, list[int]] = field(default_factory=dict)
    _by_core: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    _by_domain: dict[str, list[int]] = field(default_factory=dict)
    _by_word: dict[str, list[int]] = field(default_factory=dict)
    _by_initials: dict[str, list[int]] = field(default_factory=dict)
    _others: set[str] = field(default_factory=set)
    _chosen: dict[str, dict[int, list[Choice]]] = field(default_factory=dict)
    _refused: dict[str, dict[int, Choice]] = field(default_factory=dict)
    _weights: dict[str, int] = field(default_factory=dict)
    _heavy: dict[int, int] = field(default_factory=dict)

    @classmethod
    def over(cls, companies: Iterable[Candidate], choices: Iterable[Choice] = ()) -> "Likeness":
        """Build the index.

        Args:
            companies: All companies that the PSA has, deleted ones left out.
            choices: What people decided, of all vendors.
        """
        made = cls()
        for company in companies:
            made._add(company)
        for word, ids in made._by_word.items():
            made._weights[word] = _weight_of(len(ids), len(made.names))
        made._heavy = {one: made._weight(set(name.words)) for one, name in made.parts.items()}
        for choice in choices:
            made._learn(choice)
        return made

    def exact(self, account: str) -> int | None:
        """Give the one company of exactly this name, but for case, accents and legal forms; else none."""
        name = name_of(account)
        found = self._by_key.get(name.key, []) if name.words else []
        return found[0] if len(found) == 1 and name.key not in self._others else None

    def best(self, account: str, external_id: str = "", *, refused: Collection[int] = ()) -> Likely | None:
        """Give the company that fits best; none where two fit equally well.

        Args:
            account: The vendor's name of the account.
            external_id: The vendor's id of it, which may hold a domain.
            refused: Companies that a person has refused for this very account.
        """
        name = name_of(account)
        signs: dict[int, list[tuple[int, str]]] = {}
        for company_id, score, reason in self._signs(name, domains(f"{account} {external_id}")):
            if company_id not in refused:
                signs.setdefault(company_id, []).append((score, reason))
        scored = {one: self._judged(name, one, found) for one, found in signs.items()}
        ranked = sorted(((score, one) for one, score in scored.items() if score >= LEAST), reverse=True)
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        score, best = ranked[0]
        doubts = self._doubts(name, best)
        if len(ranked) > 1 and ranked[1][0] >= SURE:
            score = min(score, SURE - 1)  # two good signs that lead apart are a person's to settle
            doubts.append(f"but {signs[ranked[1][1]][0][1]} leads to {self.names[ranked[1][1]]}")
        reasons = [reason for _score, reason in sorted(signs[best], key=lambda sign: -sign[0])]
        return Likely(best, self.names[best], score, tuple(dict.fromkeys([*reasons, *doubts])))

    def _signs(self, name: Name, found: Collection[str]) -> Iterable[tuple[int, int, str]]:
        """Give every sign that an account is a company: its id, a score and the reason."""
        for domain in sorted(found):
            for one in self._by_domain.get(domain, ()):
                yield one, DOMAIN, f"same domain {domain}"
        if name.words:
            yield from self._same(name)
            yield from self._choices(name)
            for one, score, shared in self._alike(name):
                word = "words" if len(shared) > 1 else "word"
                yield one, score, f"shares the {word} {', '.join(shared)}"

    def _same(self, name: Name) -> Iterable[tuple[int, int, str]]:
        """Give the companies whose name is the same, or the same but for what is written differently."""
        same = self._by_key.get(name.key, [])
        for one in same:
            yield one, SAME, f"same name{self._ignored(name, one)}"
        for one in self._by_squashed.get(name.squashed, ()):
            if one not in same:
                yield one, SQUASHED, "same name but for blanks"
        for one in self._by_core.get(name.core, ()) if len(name.core) > 1 else ():
            if one not in same:
                yield one, SHORTENED, f"same name {self._but_for(name, one)}{self._ignored(name, one)}"
        for one in self._by_initials.get(name.squashed, ()) if len(name.words) == 1 else ():
            yield one, INITIALS, f"“{name.squashed.upper()}” are its initials"

    def _choices(self, name: Name) -> Iterable[tuple[int, int, str]]:
        """Give what people chose for the same name; a name that means several companies tells nothing."""
        chosen = self._chosen.get(name.key, {})
        same = self._by_key.get(name.key, [])
        doubtful = not same and self._several(name)
        for one, choices in chosen.items():
            certain = CHOSEN_OF_SEVERAL if doubtful or (same and one not in same) else CHOSEN
            yield one, certain if len(chosen) == 1 else UNSURE, _chosen_words(choices)

    def _alike(self, name: Name) -> Iterable[tuple[int, int, list[str]]]:
        """Score companies by the words they share, the rare ones weighing more: equal words are no equal name yet."""
        mine = set(name.words)
        weight = self._weight(mine)
        shared: dict[int, int] = {}
        for word in mine:
            ids = self._by_word.get(word, ())
            if len(ids) <= _COMMON:
                for one in ids:
                    shared[one] = 0
        for word in mine:
            # a dictionary of candidates or a list of companies: whichever is shorter
            for one in self._by_word.get(word, ()):
                if one in shared:
                    shared[one] += self._weights[word]
        for one, together in shared.items():
            every = weight + self._heavy[one] - together
            score = min(together * SAME // every, SURE - 1) if every > 0 else 0
            if score >= LEAST:
                yield one, score, sorted(mine & set(self.parts[one].words))

    def _judged(self, name: Name, company_id: int, signs: list[tuple[int, str]]) -> int:
        """Bring the signs for one company to a score."""
        best = max(score for score, _reason in signs)
        kinds = {self._kind(reason) for score, reason in signs if score >= DOMAIN - 1}
        if best < SAME and len(kinds) > 1:
            best = max(best, AGREED)
        return min(best, UNSURE) if self._doubts(name, company_id) else best

    def _doubts(self, name: Name, company_id: int) -> list[str]:
        """Say what speaks against a company, however alike the names are."""
        doubts = []
        refused = self._refused.get(name.key, {}).get(company_id)
        if refused is not None:
            doubts.append(f"refused for “{refused.account}” at {refused.vendor}")
        theirs = self.parts[company_id]
        if name.key in self._others and name.key != theirs.key:
            doubts.append("a company that is not in scope has this very name")
        elsewhere = self._chosen.get(name.key, {})
        if elsewhere and company_id not in elsewhere:
            one = next(iter(elsewhere.values()))[0]
            doubts.append(f"you chose another company for “{one.account}” at {one.vendor}")
        if name.numbers and theirs.numbers and name.numbers != theirs.numbers:
            doubts.append("another number in the name")
        return doubts

    def _several(self, name: Name) -> bool:
        """Tell whether several companies have all the words of a name."""
        found = [set(self._by_word.get(word, ())) for word in set(name.words)]
        return len(set.intersection(*found)) > 1

    def _weight(self, words: Collection[str]) -> int:
        unknown = _weight_of(0, len(self.names))
        return sum(self._weights.get(word, unknown) for word in sorted(words))

    def _add(self, company: Candidate) -> None:
        name = name_of(company.name)
        if not company.allowed:
            self._others.add(name.key)
            return
        self.names[company.id], self.parts[company.id] = company.name, name
        self._by_key.setdefault(name.key, []).append(company.id)
        self._by_squashed.setdefault(name.squashed, []).append(company.id)
        self._by_core.setdefault(name.core, []).append(company.id)
        if len(name.initials) >= _INITIALS:
            self._by_initials.setdefault(name.initials, []).append(company.id)
        for word in set(name.words):
            self._by_word.setdefault(word, []).append(company.id)
        for domain in domains(company.website):
            self._by_domain.setdefault(domain, []).append(company.id)

    def _learn(self, choice: Choice) -> None:
        name = name_of(choice.account)
        if not choice.account.strip() or not name.words:
            return
        if choice.refused:
            self._refused.setdefault(name.key, {})[choice.company_id] = choice
        elif choice.company_id in self.names:
            self._chosen.setdefault(name.key, {}).setdefault(choice.company_id, []).append(choice)

    def _ignored(self, name: Name, company_id: int) -> str:
        theirs = self.parts[company_id]
        left = dict.fromkeys([*name.ignored, *theirs.ignored])
        if [one.casefold() for one in name.ignored] == [one.casefold() for one in theirs.ignored]:
            left = {}
        words = "; " + ", ".join(f"“{one}”" for one in left) + " ignored" if left else ""
        return words + "".join(f"; “{short}” read as {long}" for short, long in name.expanded)

    def _but_for(self, name: Name, company_id: int) -> str:
        theirs = self.parts[company_id]
        apart = [word for word in (*theirs.tails, *name.tails) if (word in theirs.words) != (word in name.words)]
        return "but for " + ", ".join(f"“{word}”" for word in dict.fromkeys(apart)) if apart else "in another order"

    @staticmethod
    def _kind(reason: str) -> str:
        """Tell signs apart that do not follow from each other: name, domain, choice."""
        return reason.split(" ", 2)[1] if reason.startswith("same ") else "choice"


def _weight_of(companies: int, of: int) -> int:
    """Weigh a word: the fewer companies carry it, the more it says."""
    return round(_FINE * math.log(1 + of / (1 + companies)))


def _chosen_words(choices: list[Choice]) -> str:
    first, more = choices[0], len(choices) - 1
    also = "" if not more else " and 1 more account" if more == 1 else f" and {more} more accounts"
    return f"you chose the same for “{first.account}” at {first.vendor}{also}"


def by_account(likeness: Likeness, accounts: Mapping[int, tuple[str, str, Collection[int]]]) -> dict[int, Likely]:
    """Give the best company of many accounts; equal names are judged once.

    Args:
        likeness: The index.
        accounts: By any id: name, external id, companies refused for it.
    """
    seen: dict[tuple[str, frozenset[str], frozenset[int]], Likely | None] = {}
    found = {}
    for account_id, (name, external_id, refused) in accounts.items():
        key = (name, frozenset(domains(external_id)), frozenset(refused))
        if key not in seen:
            seen[key] = likeness.best(name, external_id, refused=refused)
        likely = seen[key]
        if likely is not None:
            found[account_id] = likely
    return found
