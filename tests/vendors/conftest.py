"""Small files, and what reading one gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portal.domain.quantities import plain
from portal.domain.usage import CountKey
from portal.vendors.counting import Counted, Outcome, RowResult, Summary, Tally, When
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import RowKind, SourceRow, open_table

COLUMNS = {
    "account_id": "Account",
    "account_name": "Account name",
    "account_status": "State",
    "service_id": "SKU",
    "service_name": "SKU name",
    "term": "Term",
    "count": "Units",
}
NOTHING = Summary(0, 0, 0, 0, 0)
HEADER = "Account,Account name,State,SKU,SKU name,Term,Units\n"


def plain_profile(**changes: Any) -> FileProfile:
    """The profile of a small file, with changes in its JSON form."""
    return FileProfile.from_spec({"columns": COLUMNS} | changes)


@dataclass
class Read:
    """What a file gave."""

    counted: Counted
    results: list[RowResult] = field(default_factory=list)
    rows: list[SourceRow] = field(default_factory=list)
    summary: Summary = NOTHING

    @property
    def counts(self) -> dict[str, str]:
        """The counts, as account/service[/term] to a plain number."""
        return {
            "/".join(part for part in key if part): plain(count.quantity) for key, count in self.counted.counts.items()
        }

    @property
    def problems(self) -> list[tuple[int, str | None, str | None]]:
        """Line, column and reason of each row with a problem, found at once or at the end."""
        found = [(one.line, one.column, one.reason) for one in self.results if one.outcome is Outcome.PROBLEM]
        found += [(line, one.column, one.reason) for one in self.counted.late for line in one.lines]
        return sorted(found, key=lambda one: one[0])

    def data(self) -> list[SourceRow]:
        """The rows that are data."""
        return [row for row in self.rows if row.kind is RowKind.DATA]


def read(path: Path, profile: FileProfile, when: When | None = None) -> Read:
    """Read a file to its end."""
    table = open_table(path, profile)
    tally = Tally(profile, table, when=when)
    rows = list(table.rows)
    results = [tally.take(row) for row in rows if row.kind is RowKind.DATA]
    counted = tally.finish()
    return Read(counted, results, rows, tally.summary())


ReadText = Callable[..., Read]


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    """Read a text as a file: the text (or bytes), then changes of the plain profile."""

    def read_it(text: str | bytes, **changes: Any) -> Read:
        path = tmp_path / "usage.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, plain_profile(**changes))

    return read_it


def key(account: str, service: str, term: str = "") -> CountKey:
    return CountKey(account, service, term)
