"""Which company a vendor account may be: scored and explained, never applied by itself.

First form: names without case, accents, punctuation and legal forms, words weighed by how rare they are, and web
domains. Companies that are deleted or out of scope are never suggested, and of several that fit equally well none is.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, PsaCompany, VendorAccount

WHOLE = 100
DOMAIN = 92
ELSEWHERE = 90  # the same name of another vendor is mapped there
LEAST = 40  # below this nothing comes close
# fmt: off
_LEGAL = frozenset({
    "inc", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "plc", "gmbh", "ag", "kg", "ohg",
    "sa", "sarl", "sas", "bv", "nv", "pty", "lp", "llp", "the", "and", "old",
})  # legal forms, and words that say nothing
# fmt: on
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_PUBLIC = frozenset({"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "onmicrosoft.com", "icloud.com"})


@dataclass(frozen=True, slots=True)
class Suggestion:
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


@dataclass(slots=True)
class _Known:
    """The companies in scope, indexed by what may match."""

    names: dict[int, str] = field(default_factory=dict)
    by_name: dict[str, list[int]] = field(default_factory=dict)
    by_domain: dict[str, list[int]] = field(default_factory=dict)
    by_word: dict[str, set[int]] = field(default_factory=dict)
    words: dict[int, frozenset[str]] = field(default_factory=dict)
    elsewhere: dict[str, Counter[int]] = field(default_factory=dict)

    def weight(self, word: str) -> float:
        """Weigh a word: the fewer companies carry it, the more it says."""
        return math.log(1 + len(self.names) / (1 + len(self.by_word.get(word, ()))))


def suggest(session: Session, accounts: Iterable[VendorAccount]) -> dict[int, Suggestion]:
    """Suggest a company for each account that one comes close to.

    Args:
        session: For reading.
        accounts: Vendor accounts, mapped or not.

    Returns:
        By our id of the account; accounts without a suggestion are not among them.
    """
    known = _read(session)
    found = {}
    for account in accounts:
        suggestion = _best(account, known)
        if suggestion is not None:
            found[account.id] = suggestion
    return found


def exact_names(session: Session, accounts: Iterable[VendorAccount]) -> dict[int, int]:
    """Give the accounts whose name is that of exactly one company in scope, apart from case, accents and legal forms.

    Returns:
        Company id by our id of the account.
    """
    known = _read(session)
    found = {}
    for account in accounts:
        fitting = known.by_name.get(normal(account.name), [])
        if account.name and len(fitting) == 1:
            found[account.id] = fitting[0]
    return found


def normal(name: str) -> str:
    """Bring a name to the form in which names are compared."""
    return " ".join(_words(name))


def domains(text: str) -> set[str]:
    """Find the web domains in a text, without `www.`; public mail domains say nothing."""
    found = {domain.removeprefix("www.") for domain in _DOMAIN.findall(text.lower())}
    return {domain for domain in found if domain not in _PUBLIC and not domain.endswith(".onmicrosoft.com")}


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    letters = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    words = letters.split()
    return [word for word in words if word not in _LEGAL] or words


def _read(session: Session) -> _Known:
    """Read the companies in scope, and what other accounts are mapped to."""
    known = _Known()
    companies = session.scalars(
        sa.select(PsaCompany)
        .where(PsaCompany.deleted.is_(False), PsaCompany.gone_at.is_(None), PsaCompany.in_scope.is_(True))
        .order_by(PsaCompany.id)
    )
    for company in companies:
        known.names[company.id] = company.name
        known.words[company.id] = frozenset(_words(company.name))
        known.by_name.setdefault(normal(company.name), []).append(company.id)
        for word in known.words[company.id]:
            known.by_word.setdefault(word, set()).add(company.id)
        for domain in domains(company.website or ""):
            known.by_domain.setdefault(domain, []).append(company.id)
    rows = session.execute(
        sa.select(VendorAccount.name, AccountMapping.company_id).join(
            AccountMapping,
            sa.and_(
                AccountMapping.vendor_id == VendorAccount.vendor_id,
                AccountMapping.account_external_id == VendorAccount.external_id,
            ),
        )
    )
    for name, company_id in rows:
        if company_id in known.names and name:
            known.elsewhere.setdefault(normal(name), Counter())[company_id] += 1
    return known


def _best(account: VendorAccount, known: _Known) -> Suggestion | None:
    """Choose the one company that fits best; none where two fit equally well."""
    scores: dict[int, list[tuple[int, str]]] = {}
    name = normal(account.name)
    for company_id in known.by_name.get(name, []) if name else []:
        scores.setdefault(company_id, []).append((WHOLE, "same name"))
    for domain in sorted(domains(f"{account.name} {account.external_id}")):
        for company_id in known.by_domain.get(domain, []):
            scores.setdefault(company_id, []).append((DOMAIN, f"domain {domain}"))
    for company_id, count in known.elsewhere.get(name, Counter()).items():
        words = "1 other account" if count == 1 else f"{count} other accounts"
        scores.setdefault(company_id, []).append((ELSEWHERE, f"{words} of this name mapped there"))
    mine = frozenset(_words(account.name)) if account.name else frozenset()
    for company_id, (score, shared) in _alike(mine, known).items():
        if score >= LEAST:
            reason = f"words {', '.join(shared)}" if len(shared) > 1 else f"word {shared[0]}"
            scores.setdefault(company_id, []).append((score, reason))
    return _only_one(scores, known.names)


def _alike(mine: frozenset[str], known: _Known) -> Mapping[int, tuple[int, list[str]]]:
    """Score companies by the words they share with a name, 0 to 89: equal words are not yet the same name."""
    candidates = {company_id for word in mine for company_id in known.by_word.get(word, ())}
    found = {}
    for company_id in candidates:
        theirs = known.words[company_id]
        shared = mine & theirs
        together = sum(known.weight(word) for word in sorted(mine | theirs))
        if together > 0:
            part = sum(known.weight(word) for word in sorted(shared)) / together
            found[company_id] = (min(round(part * WHOLE), ELSEWHERE - 1), sorted(shared))
    return found


def _only_one(scores: Mapping[int, list[tuple[int, str]]], names: Mapping[int, str]) -> Suggestion | None:
    ranked = sorted(
        ((max(score for score, _reason in found), len(found), company_id) for company_id, found in scores.items()),
        reverse=True,
    )
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    best = ranked[0][2]
    reasons = tuple(reason for _score, reason in sorted(scores[best], reverse=True))
    return Suggestion(company_id=best, name=names[best], score=ranked[0][0], reasons=reasons)
