"""Reading forms and addresses: values as typed, and a sentence for what cannot be used."""

from collections.abc import Mapping
from datetime import date

from werkzeug.datastructures import MultiDict

from portal.services.errors import Invalid

LARGEST = 2**31 - 1


def text(form: Mapping[str, str], name: str, *, longest: int = 2000) -> str:
    """Give a text without blanks around it, or an empty one.

    Raises:
        Invalid: It is longer than `longest` characters.
    """
    value = form.get(name, "").strip()
    if len(value) > longest:
        sentence = f"This is longer than {longest} characters. Shorten it."
        raise Invalid(sentence, {name: sentence})
    return value


def ticked(form: Mapping[str, str], name: str) -> bool:
    """Tell whether a box was ticked."""
    return form.get(name, "") not in {"", "0", "false", "off"}


def whole(form: Mapping[str, str], name: str) -> int | None:
    """Give a positive whole number such as an id, or none where there is none or it is something else."""
    value = form.get(name, "").strip()
    if not (value.isascii() and value.isdigit()) or len(value) > len(str(LARGEST)):
        return None
    number = int(value)
    return number if 0 < number <= LARGEST else None


def wholes(form: MultiDict[str, str], name: str) -> list[int]:
    """Give the ids of a repeated field, each once, in the order given; what is no id is left out."""
    found = (whole({name: value}, name) for value in form.getlist(name))
    return list(dict.fromkeys(number for number in found if number is not None))


def day(form: Mapping[str, str], name: str) -> date | None:
    """Give a day as `<input type="date">` sends it, or none where the field is empty.

    Raises:
        Invalid: It is no day.
    """
    value = form.get(name, "").strip()
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        sentence = f"“{value[:40]}” is not a day. Write it as 2026-11-27."
        raise Invalid(sentence, {name: sentence}) from error
