"""Taking a piece out of a text: a few words around one place, never a regular expression, so that it ends at once.

`Quantity={number}` takes the digits after the word, `{number} (` those before a bracket, `- {word} Quantity` the word
between, `[customer: {text}]` all between the brackets, `usage-{date}` a day and `_{month}.csv` a month. What stands
before and after the pattern does not matter.
"""

import re

PLACES = {
    "number": re.compile(r"[-+(]?[0-9][0-9.,'\u00a0\u202f]*\)?"),
    "word": re.compile(r"[^\s]+"),
    "text": re.compile(r".+", re.DOTALL),
    "date": re.compile(r"[0-9]{4}[-_./]?[0-9]{2}[-_./]?[0-9]{2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}"),
    "month": re.compile(r"[0-9]{4}[-_./]?(?:0[1-9]|1[0-2])(?![0-9])"),
}
LONGEST = 2000  # characters of a text that are looked at
_PLACE = re.compile(r"\{([a-z]*)\}")


def bad_pattern(pattern: str) -> str:
    """Say why a pattern cannot be used; empty where it can, or where there is none."""
    if not pattern:
        return ""
    found = _PLACE.findall(pattern)
    if len(found) != 1 or found[0] not in PLACES:
        names = ", ".join(f"{{{name}}}" for name in PLACES)
        return f"The pattern “{pattern}” has to hold one of {names}, once."
    return ""


def taken(pattern: str, text: str) -> str | None:
    """Take the piece that a pattern names out of a text.

    Args:
        pattern: One that `bad_pattern` finds nothing wrong with.
        text: Of which the first `LONGEST` characters are looked at.

    Returns:
        The piece at the first place where the pattern fits, trimmed; none where it does not fit.
    """
    match = _PLACE.search(pattern)
    if match is None:
        return text
    before, after = pattern[: match.start()].casefold(), pattern[match.end() :].casefold()
    place = PLACES[match[1]]
    text = text[:LONGEST]
    low = text.casefold()
    if len(low) != len(text):
        low = text
    at = low.find(before)
    while at >= 0:
        start = at + len(before)
        piece = _piece(text, low, start, after, place) if before else _anywhere(text, low, after, place)
        if piece is not None:
            return piece.strip()
        at = low.find(before, at + 1) if before else -1
    return None


def _piece(text: str, low: str, start: int, after: str, place: re.Pattern[str]) -> str | None:
    """Take what stands at a place; none where it is of another kind, or other words follow."""
    while start < len(text) and text[start] == " ":
        start += 1
    stop = low.find(after, start) if after else len(text)
    if stop < 0:
        return None
    found = place.match(text, start, stop)
    if found is None or (after and text[found.end() : stop].strip()):
        return None
    return found.group()


def _anywhere(text: str, low: str, after: str, place: re.Pattern[str]) -> str | None:
    """Take the first piece of its kind that the words follow."""
    for found in place.finditer(text if place is not PLACES["text"] or not after else text[: max(low.find(after), 0)]):
        if not after or low.startswith(after, found.end()) or low[found.end() :].lstrip().startswith(after):
            return found.group()
    return None
