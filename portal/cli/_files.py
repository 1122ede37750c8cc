"""A file of text that a command is given."""

from pathlib import Path

from portal.services.errors import Refused


def text_of(file: Path) -> str:
    """Read a text, with or without a byte order mark.

    Raises:
        Refused: It cannot be read, or is no UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file.name} cannot be read as UTF-8 text. Nothing was changed.") from error
