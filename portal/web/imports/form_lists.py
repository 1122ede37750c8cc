"""Lists of the check page's form: conditions, totals lines, spellings of a term."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from portal.services.errors import Invalid
from portal.web.imports.fields import LISTED
from portal.web.imports.words import OTHERWISE, TESTS

_MOST_WORDS = 50
_DAY = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]|@day|@first|@last")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def words_in(text: str) -> list[str]:
    """Split a field into words: by semicolons or line ends where there are any, otherwise by commas."""
    parts = re.split(r"[;\n]", text) if re.search(r"[;\n]", text) else text.split(",")
    return [word.strip()[:200] for word in parts if word.strip()][:_MOST_WORDS]


def filters_of(form: Mapping[str, str], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read the conditions; further ones, which the form does not show, stay.

    Raises:
        Invalid: A condition is not whole.
    """
    found: list[dict[str, Any]] = []
    for place in range(LISTED + 1):
        column = form.get(f"filter-{place}-column", "")
        if column and form.get("remove") != f"filter-{place}":
            found.append(_filter(form, place, column))
    return found + [dict(one) for one in old[LISTED:]]


def _filter(form: Mapping[str, str], place: int, column: str) -> dict[str, Any]:
    """Read one condition."""
    name = f"filter-{place}-words"
    word, words = form.get(f"filter-{place}-test", "is"), words_in(form.get(name, ""))
    otherwise = form.get(f"filter-{place}-otherwise", "zero")
    if word not in TESTS or otherwise not in OTHERWISE:
        sentence = f"“{(word if word not in TESTS else otherwise)[:40]}” is no condition. Choose one of the list."
        raise Invalid(sentence, {name: sentence})
    test, turned, shown = TESTS[word]
    if test == "blank":
        words = []
    elif not words:
        sentence = f"“{column}” {shown} … what? Type at least one word, or take the condition away."
        raise Invalid(sentence, {name: sentence})
    _fitting(test, words, name)
    return (
        {"column": column, "keep": words}
        | ({} if test == "is" else {"test": test})
        | ({"not": True} if turned else {})
        | ({} if otherwise == "zero" else {"otherwise": otherwise})
    )


def _fitting(test: str, words: Sequence[str], name: str) -> None:
    """Refuse a number that is none, and a day that is none.

    Raises:
        Invalid: With the word.
    """
    wanted, example = (
        (_NUMBER, "a number, such as 0 or 12.5")
        if test in {"above", "below"}
        else (_DAY, "a day such as 2026-10-31, @first, @last or @day")
    )
    if test in {"above", "below", "not_before", "not_after"}:
        wrong = next((word for word in words if not wanted.fullmatch(word)), None)
        if wrong is not None or len(words) != 1:
            sentence = f"“{(wrong or ', '.join(words))[:40]}” cannot be compared with. Type {example}."
            raise Invalid(sentence, {name: sentence})


def skips_of(form: Mapping[str, str], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read which lines are totals; further ones, which the form does not show, stay.

    Raises:
        Invalid: A column has no word.
    """
    found = []
    for place in range(LISTED + 1):
        column, name = form.get(f"skip-{place}-column", ""), f"skip-{place}-words"
        if not column or form.get("remove") == f"skip-{place}":
            continue
        words = words_in(form.get(name, ""))
        if not words:
            sentence = f"Which word in “{column}” tells a totals line? Type it, or choose no column."
            raise Invalid(sentence, {name: sentence})
        found.append({"column": column, "equals": words})
    return found + [dict(one) for one in old[LISTED:]]


def spellings_of(form: Mapping[str, str]) -> dict[str, list[str]]:
    """Read the spellings of a term, a line each: `Monthly = P1M, 1 month`.

    Raises:
        Invalid: A line has no “=”.
    """
    found: dict[str, list[str]] = {}
    for line in form.get("term_words", "").splitlines():
        if not line.strip():
            continue
        kept, mark, others = (part.strip() for part in line.partition("="))
        if not (mark and kept and others):
            sentence = f"“{line.strip()[:40]}” is no spelling. Write it as: Monthly = P1M, 1 month"
            raise Invalid(sentence, {"term_words": sentence})
        found[kept] = [*found.get(kept, []), *words_in(others)]
    return found
