"""Files that somebody chose and looks at before they are applied: kept by what is in them, until thrown away."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import request

from portal.factory import settings_of
from portal.services.errors import Invalid, NotFound

LARGEST = 20 * 1024 * 1024  # bytes: more than a hundred thousand entries


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Files of one sort.

    Args:
        folder: The name of their folder below the uploads.
        noun: What such a file holds, to complete "this … file".
    """

    folder: str
    noun: str

    def chosen(self) -> str:
        """Read the file that a form sends.

        Raises:
            Invalid: There is none, it is too large, or no UTF-8.
        """
        given = request.files.get("file")
        content = given.stream.read(LARGEST + 1) if given is not None else b""
        if not content:
            raise Invalid("No file was chosen, or it is empty. Nothing was changed.")
        if len(content) > LARGEST:
            raise Invalid(f"The file is larger than 20 MB, which no {self.noun} is. Nothing was changed.")
        return self._decoded(content)

    def keep(self, text: str) -> str:
        """Keep a file and give its id."""
        content = text.encode()
        file_id = hashlib.sha256(content).hexdigest()
        path = self._path(file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        halfway = path.parent / f".{file_id}-{secrets.token_hex(4)}"
        halfway.write_bytes(content)
        halfway.replace(path)
        return file_id

    def text(self, file_id: str) -> str:
        """Read a file that was kept.

        Raises:
            NotFound: It was thrown away, or never was there.
        """
        path = self._path(file_id)
        if not path.is_file():
            raise NotFound(f"This {self.noun} file was thrown away. Choose it again.")
        return self._decoded(path.read_bytes())

    def drop(self, file_id: str) -> None:
        """Throw a file away."""
        self._path(file_id).unlink(missing_ok=True)

    def _path(self, file_id: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", file_id):
            raise NotFound(f"There is no such {self.noun} file.")
        return settings_of().uploads / self.folder / f"{file_id}.json"

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid(f"The file is not UTF-8 text. Save the {self.noun} as UTF-8. Nothing was changed.") from error
