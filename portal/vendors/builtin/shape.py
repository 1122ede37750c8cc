"""What a ready-made profile is: how a vendor's file is known by its headers, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.vendors.profiles import FileProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A profile that comes with the portal.

    Args:
        name: Short, for addresses and files.
        vendor: As people call it.
        title: Which of the vendor's files it is.
        spec: The profile's JSON; encoding, delimiter and header line are taken from each file.
        headers: As the vendor documents them; columns that a file has beside these are kept and not needed.
        verified: The headers are known from documentation or from code that reads the real file. A template is not:
            a person confirms what each column means.
        complete: The file lists every account; a partial one says nothing of what it leaves out.
        notes: What one should know of this file, in sentences.
        statuses: The vendor's status words to a proposed meaning: active, inactive or ask.
    """

    name: str
    vendor: str
    title: str
    spec: Mapping[str, Any]
    headers: tuple[str, ...]
    verified: bool = True
    complete: bool = False
    notes: tuple[str, ...] = ()
    statuses: Mapping[str, str] | None = None

    def profile(self, **layout: Any) -> FileProfile:  # noqa: ANN401 - fields of the JSON form
        """Give the profile, with the layout of one file.

        Raises:
            BadProfile: The layout cannot be.
        """
        return FileProfile.from_spec({**self.spec, **layout})


def columns(text: str) -> tuple[str, ...]:
    """List headers that stand in a text, with commas between."""
    return tuple(" ".join(one.split()) for one in text.split(",") if one.strip())
