"""Names of companies as vendors and the PSA write them: their words, legal forms, abbreviations and web domains."""

import re
import unicodedata
from dataclasses import dataclass

# fmt: off
LEGAL = frozenset({
    "inc", "incorporated", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "plc", "gmbh", "ag", "kg",
    "ohg", "ug", "ev", "eg", "se", "sa", "sarl", "sas", "srl", "spa", "bv", "nv", "bvba", "ab", "as", "oy", "aps",
    "pty", "pte", "lp", "llp", "lllp", "pllc", "pc",
})  # legal forms: they tell no two companies apart
_EMPTY = frozenset({"the", "and", "of", "old", "new"})  # words that say nothing
TAILS = frozenset({
    "sons", "partners", "group", "holdings", "holding", "services", "associates", "international", "global", "team",
})  # what people leave out when they write a name short
_SHORT = {
    "intl": "international", "svcs": "services", "svc": "services", "grp": "group", "assoc": "associates",
    "ptnrs": "partners", "bros": "brothers", "mfg": "manufacturing", "mgmt": "management", "tech": "technology",
    "ctr": "center", "centre": "center", "dept": "department", "univ": "university", "hosp": "hospital", "st": "saint",
}  # abbreviations that have one meaning
_PUBLIC = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "aol.com",
    "onmicrosoft.com", "gmx.de", "web.de", "proton.me",
})  # mail domains that anybody may have
# fmt: on
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}")  # "L.L.C.", "S.A."


@dataclass(frozen=True, slots=True)
class Name:
    """A name, taken apart.

    Args:
        words: Those that tell it apart, folded, in order; of a name that has no others, all of them.
        ignored: The legal forms that were left out, as they are written.
        expanded: Abbreviations with what they were read as.
    """

    words: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    expanded: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The form in which names are compared."""
        return " ".join(self.words)

    @property
    def squashed(self) -> str:
        """Likewise without blanks."""
        return "".join(self.words)

    @property
    def core(self) -> tuple[str, ...]:
        """The words without those that people leave out; of a name that has no others, all of them."""
        return tuple(word for word in self.words if word not in TAILS) or self.words

    @property
    def tails(self) -> tuple[str, ...]:
        """The words that people leave out."""
        return tuple(word for word in self.words if word in TAILS)

    @property
    def numbers(self) -> frozenset[str]:
        """The words that are numbers: "Site 2" is not "Site 3"."""
        return frozenset(word.lstrip("0") or "0" for word in self.words if word.isdecimal())

    @property
    def initials(self) -> str:
        """The first letters of its words."""
        return "".join(word[0] for word in self.words)


def folded(text: str) -> str:
    """Give a text without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one))


def name_of(text: str) -> Name:
    """Take a name apart."""
    joined = _DOTTED.sub(lambda found: found[0].replace(".", ""), text.replace("&", " and "))
    written = "".join(one if one.isalnum() or unicodedata.combining(one) else " " for one in joined).split()
    words: list[str] = []
    every: list[str] = []
    ignored: list[str] = []
    expanded: list[tuple[str, str]] = []
    for one in written:
        word = "".join(letter for letter in folded(one) if letter.isalnum())
        if not word:
            continue
        every.append(word)
        if word in LEGAL:
            ignored.append(one)
        elif word in _EMPTY:
            continue
        elif word in _SHORT:
            words.append(_SHORT[word])
            expanded.append((one, _SHORT[word]))
        else:
            words.append(word)
    if not words:
        return Name(tuple(every))
    return Name(tuple(words), tuple(ignored), tuple(expanded))


def domains(text: str) -> set[str]:
    """Find the web domains in a text, without `www.`; public mail domains say nothing."""
    found = {domain.removeprefix("www.") for domain in _DOMAIN.findall(text.lower())}
    return {domain for domain in found if domain not in _PUBLIC and not domain.endswith(".onmicrosoft.com")}
