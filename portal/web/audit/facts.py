"""What lies behind an event, in the words of the screens: what the person saw, the plan, what was read back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.web.cards.words import KINDS, STATES
from portal.web.filters import day_words, grouped, moment_words, period, quantity, signed

Fact = tuple[str, list[str]]  # a label and one text or several
_AS_SEEN = {"psa": "PSA, as seen", "vendor": "Vendor, as seen"}
_LABELS = {
    "counted_at": "Counted",
    "sha256": "Content (SHA-256)",
    "complete": "Lists every account",
    "request_id": "Request id of ConnectWise",
    "invoiced_ok": "Ticked",
}
_SEEN = ("psa", "vendor", "proposed", "difference", "kind", "sources", "arithmetic", "lines")
_HIDDEN = ("slug", "run", "import", "id", "skipped")


def facts(details: Mapping[str, Any]) -> Iterator[Fact]:
    """Give what an event carries besides, label by label."""
    for name, value in details.items():
        if value is None or value in ("", [], {}) or name in _HIDDEN:
            continue
        if name == "seen" and isinstance(value, dict):
            yield from _seen(value)
        elif name == "plan" and details.get("sentences"):
            continue  # the sentences say it
        elif name in _TOLD and isinstance(value, list | dict):
            label, tell = _TOLD[name]
            yield label, tell(value)
        else:
            yield _label(name), _texts(value, name)


def _seen(seen: Mapping[str, Any]) -> Iterator[Fact]:
    """Give what the person saw, in the order in which a card shows it."""
    for name in (*(one for one in _SEEN if one in seen), *(one for one in seen if one not in _SEEN)):
        value = seen[name]
        if value is None or value in ("", [], {}) or name in _HIDDEN:
            continue
        if name == "sources" and isinstance(value, list):
            yield "Counts, as seen", [_source(one) for one in value]
        elif name == "lines" and isinstance(value, list):
            yield "Lines, as seen", _lines(value)
        else:
            yield _AS_SEEN.get(name) or _label(name), [grouped(text) for text in _texts(value, name)]


def _source(one: object) -> str:
    if not isinstance(one, dict):
        return str(one)
    counted = _word("counted_at", one.get("counted_at"))
    file = f", from {one['file']}" if one.get("file") else ""
    return f"{one.get('vendor', '')}, counted {counted}{file}"


def _line(one: object) -> str:
    """Say a line of an agreement, a step of a plan or what was read back: its id first, then what is known of it."""
    if not isinstance(one, dict):
        return str(one)
    words = []
    number = one.get("addition") or one.get("line") or one.get("id")
    if one.get("step") is not None:
        words.append(f"step {one['step']}")
    if number is not None:
        words.append(f"line {number}")
    if one.get("expected") is not None:
        words.append(f"{_word('quantity', one['expected'])} → {_word('quantity', one.get('quantity'))}")
    elif one.get("quantity") is not None:
        words.append(f"quantity {_word('quantity', one['quantity'])}")
    rest = {
        name: value
        for name, value in one.items()
        if name not in {"addition", "line", "id", "step", "expected", "quantity", "action", "product_id"}
    }
    if pairs := _pairs(rest):
        words.append(pairs)
    return ", ".join(words)


def _change(one: object) -> str:
    if not isinstance(one, dict):
        return str(one)
    before, after = one.get("before") or "nothing", one.get("after") or "nothing"
    return f"{one.get('what', '')}: {before} → {after}"


def _pairs(value: object) -> str:
    if not isinstance(value, dict):
        return _word("", value)
    return ", ".join(
        f"{name.replace('_', ' ')} {_word(name, each)}" for name, each in value.items() if each not in (None, "", [])
    )


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _texts(value: object, name: str = "") -> list[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_pairs(each) for each in value]
    return [_pairs(value) if isinstance(value, dict) else _word(name, value)]


def _word(name: str, value: object) -> str:
    """Write a single value: yes and no, days, moments, months, quantities and states as the screens do."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return _pairs(value) if isinstance(value, dict) else "; ".join(_word("", each) for each in value)
    text = "" if value is None else str(value)
    try:
        return _WRITTEN[name](text) if name in _WRITTEN else text
    except (ValueError, InvalidOperation):
        return text


_WRITTEN: dict[str, Callable[[str], str]] = {
    "state": lambda text: STATES[text].word.lower() if text in STATES else text,
    "kind": lambda text: KINDS[text].word if text in KINDS else text,
    "period": period,
    "difference": lambda text: signed(Decimal(text)),
    **dict.fromkeys(("counted_at", "last_updated"), lambda text: moment_words(datetime.fromisoformat(text))),
    **dict.fromkeys(("effective", "cancelled"), lambda text: day_words(date.fromisoformat(text))),
    **dict.fromkeys(
        ("quantity", "psa", "vendor", "proposed", "rows", "less_included"), lambda text: quantity(Decimal(text))
    ),
}


def _changes(value: Any) -> list[str]:  # noqa: ANN401 - as it was kept
    return [_change(one) for one in value]


def _lines(value: Any) -> list[str]:  # noqa: ANN401 - as it was kept
    return [_line(one) for one in (value if isinstance(value, list) else [value])]


def _ids(value: Any) -> list[str]:  # noqa: ANN401 - as it was kept
    return [", ".join(str(one) for one in value)]


def _read(value: Any) -> list[str]:  # noqa: ANN401 - as it was kept
    return [f"{of}: {_pairs(found)}" for of, found in value.items()] if isinstance(value, dict) else _texts(value)


_TOLD: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "plan": ("Sent", _lines),
    "steps": ("Steps", _lines),
    "before": ("Before", _lines),
    "read_back": ("Read back", _lines),
    "sentences": ("Plan", _texts),
    "changes": ("Changes", _changes),
    "counts": ("What was read", _read),
    "joined": ("Companies that joined the scope", _ids),
    "left": ("Companies that left the scope", _ids),
}
