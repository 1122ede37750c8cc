"""Measures suggestions on the sample sets: the mapping file is the truth, parts of it are held out and suggested."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.domain.likeness import Candidate, Choice, Likeness

ROOT = Path(__file__).parents[2]
SETS = {
    "small": ROOT / "tests" / "samples" / "small",
    "month": ROOT / "portal" / "sandbox" / "month",
    "traps": ROOT / "tests" / "samples" / "traps",
}


@dataclass(slots=True)
class Measured:
    """What came of a set.

    Args:
        asked: Accounts of the mapping; excluded ones too, for which any suggestion is wrong.
        right: Suggestions of the company that the mapping has.
        wrong: The others: account and what was suggested.
    """

    asked: int = 0
    right: int = 0
    wrong: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """The part of the suggestions that is right."""
        given = self.right + len(self.wrong)
        return self.right / given if given else 1.0

    @property
    def recall(self) -> float:
        """The part of the accounts for which the right company was suggested."""
        return self.right / self.asked


def measured(name: str, *, folds: int, at_least: int) -> Measured:
    """Suggest for every account of a set's mapping.

    Args:
        name: small, month or traps.
        folds: Each of so many parts is held out in turn, and the others are learned from; 0: nothing is learned.
        at_least: Suggestions with a lower score are taken as none.
    """
    mapping = _read(name, "mapping.json")["accounts"]
    companies = list(_companies(name))
    found = Measured()
    for part in range(max(folds, 1)):
        learned = [one for place, one in enumerate(mapping) if folds and place % folds != part]
        index = Likeness.over(companies, _choices(learned))
        for one in (one for place, one in enumerate(mapping) if not folds or place % folds == part):
            found.asked += 1
            likely = index.best(one["account_name"], one["account_id"])
            if likely is None or likely.score < at_least:
                continue
            if likely.company_id == one.get("company_id"):
                found.right += 1
            else:
                found.wrong.append((one["account_name"], likely.name, likely.score))
    return found


def _choices(entries: list[dict[str, Any]]) -> list[Choice]:
    return [Choice(one["account_name"], one["vendor"], one["company_id"]) for one in entries if "company_id" in one]


def _companies(name: str) -> Iterator[Candidate]:
    """Give the set's companies, in scope where its statuses and types say so."""
    said = _read(name, "statuses.json")
    statuses = {row["id"]: row["meaning"] for row in said["company_statuses"]}
    types = {row["id"]: row["meaning"] for row in said["company_types"]}
    for company in _read(name, "psa/companies.json"):
        if company.get("deletedFlag"):
            continue
        carried = [types.get(one["id"]) for one in company.get("types", [])]
        customer = statuses.get((company.get("status") or {}).get("id")) == "customer"
        allowed = customer and (not carried or "in" in carried)
        yield Candidate(company["id"], company["name"], company.get("website") or "", allowed=allowed)


def _read(name: str, file: str) -> Any:
    return json.loads((SETS[name] / file).read_text(encoding="utf-8"))
