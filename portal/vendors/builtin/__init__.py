"""Ready-made profiles: known files need no question, templates are confirmed by a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.vendors.builtin import devices, distributors, microsoft, templates
from portal.vendors.builtin.shape import Builtin
from portal.vendors.cells import Cell, as_text
from portal.vendors.readers import has_headers, loose

__all__ = ["BUILTINS", "Builtin", "Near", "builtin_named", "nearest", "recognise"]

BUILTINS: tuple[Builtin, ...] = (*microsoft.ALL, *distributors.ALL, *devices.ALL, *templates.ALL)
_LEAST = 4  # headers of a known file that a row must have to be likened to it
_HALF = 2
_KNOWN_SHARE = (3, 5)  # of a documented header that a row must have to be taken for it


@dataclass(frozen=True, slots=True)
class Near:
    """A ready-made profile that a file resembles without fitting it.

    Args:
        missing: Columns that the profile needs and the file lacks.
        added: Columns that the documented file does not have.
        sentence: The same for people.
    """

    builtin: Builtin
    missing: tuple[str, ...]
    added: tuple[str, ...]
    sentence: str


def builtin_named(name: str) -> Builtin | None:
    """Give a ready-made profile by its name."""
    return next((one for one in BUILTINS if one.name == name), None)


def recognise(cells: Sequence[Cell], *, verified: bool = True) -> Builtin | None:
    """Tell of which known file a row is the header line; none where it is of none.

    Order, case, blanks and further columns do not matter. A known file is taken for itself where it has the columns
    that its profile needs and most of those that its vendor documents.

    Args:
        cells: A row.
        verified: Only files whose headers are known; otherwise templates too.
    """
    here = {loose(text) for cell in cells if (text := as_text(cell))}
    best: tuple[int, Builtin] | None = None
    for one in BUILTINS:
        if verified and not one.verified:
            continue
        common = sum(loose(header) in here for header in one.headers)
        part, whole = _KNOWN_SHARE
        fits = has_headers(cells, one.profile()) and common * whole >= part * len(one.headers)
        if fits and (best is None or common > best[0]):
            best = (common, one)
    return None if best is None else best[1]


def nearest(cells: Sequence[Cell]) -> Near | None:
    """Tell which known file a row's headers resemble, and what differs; none where they resemble none."""
    texts = [text for cell in cells if (text := as_text(cell))]
    here = {loose(text) for text in texts}
    best: tuple[int, Builtin] | None = None
    for one in BUILTINS:
        common = sum(loose(header) in here for header in one.headers)
        enough = common >= _LEAST and common * _HALF >= len(one.headers)
        if one.verified and enough and (best is None or common > best[0]):
            best = (common, one)
    if best is None:
        return None
    found = best[1]
    profile = found.profile()
    missing = [header for header in profile.headers() if loose(header) not in here]
    missing += [" / ".join(group) for group in profile.choices() if not {loose(one) for one in group} & here]
    known = {loose(header) for header in found.headers}
    added = tuple(text for text in texts if loose(text) not in known)
    words = ", ".join(f"“{one}”" for one in missing) or "none that is needed"
    new = ", ".join(f"“{one}”" for one in added[:10]) or "none"
    sentence = (
        f"The file resembles {found.vendor}, {found.title}, but its headers have changed. Missing: {words}. "
        f"New: {new}. Say which column stands for which."
    )
    return Near(found, tuple(missing), added, sentence)
