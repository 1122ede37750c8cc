"""A file cut off anywhere, or with any cell replaced: read whole, or refused in a sentence that names the place."""

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from portal.vendors.counting import Outcome, Tally
from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from portal.vendors.packed import head_of
from portal.vendors.profiles import FileProfile
from portal.vendors.readers import RowKind, open_table
from portal.vendors.texts import marked_encoding

TESTS = Path(__file__).parents[1]
SETS = (TESTS / "samples" / "small", TESTS / "samples" / "traps", TESTS.parent / "portal" / "sandbox" / "month")
KNOWN = Path(__file__).parent / "files"
OFFSETS = 1000  # over all files together
CELLS = 1000
UNDERSTOOD = 5  # of so many damaged files one is also guessed at
RUBBISH = ("", " ", "=1+1", "-3", "n/a", "1E+15", "\u202e", "ä" * 400, "9" * 40, '"', "a\nb", "<b>", "03/04/2026", ",")
# where a refusal says what is wrong: a line, a column, or the file as a whole
PLACES = re.compile(r"[Ll]ine |Row |column|The file|The packed file|The workbook|The archive|sheet")


def sample_files() -> list[tuple[Path, FileProfile]]:
    found = [
        (one / entry["file"], FileProfile.from_spec(entry))
        for one in SETS
        for entry in json.loads((one / "profiles.json").read_text())["files"]
    ]
    known = []
    for path in sorted(KNOWN.iterdir()):
        profile = detect(path, path.name).profile
        assert profile is not None
        known.append((path, profile))
    return found + known


FILES = sample_files()
every_file = pytest.mark.parametrize(
    ("path", "profile"), FILES, ids=[f"{path.parent.parent.name}-{path.name}" for path, _profile in FILES]
)


def check(path: Path, profile: FileProfile) -> bool:
    """Read a file: refused with the place, or each data row counted, left out with a reason, or a problem."""
    try:
        table = open_table(path, profile)
        tally = Tally(profile, table)
        data = 0
        for row in table.rows:
            if row.kind is not RowKind.DATA:
                continue
            data += 1
            for one in tally.take_parts(row):
                assert one.line == row.line
                assert one.reason or one.outcome is Outcome.COUNTED
        counted = tally.finish()
    except Unreadable as error:
        assert PLACES.search(str(error)), str(error)  # noqa: PT017 - both outcomes are fine
        assert str(error).endswith((".", "?"))  # noqa: PT017 - likewise
        return False
    found = tally.summary()
    assert found.counted + found.zero + found.left_out + found.problems == found.read == data
    assert all(count.quantity >= 0 for count in counted.counts.values())
    behind = {line for count in counted.counts.values() for line in count.lines}
    assert found.counted <= len(behind) <= found.counted + found.zero + found.problems
    return True


def check_understood(path: Path) -> None:
    try:
        detect(path, path.name)
    except Unreadable as error:
        assert str(error).endswith((".", "?"))  # noqa: PT017 - both outcomes are fine


@every_file
def test_a_file_cut_off_at_any_byte_is_read_whole_or_refused(tmp_path: Path, path: Path, profile: FileProfile) -> None:
    content = path.read_bytes()
    dice = random.Random(path.name)  # noqa: S311 - offsets, not a secret
    cut = tmp_path / path.name
    refused = 0
    for number in range(-(-OFFSETS // len(FILES))):
        cut.write_bytes(content[: dice.randrange(len(content))])
        refused += not check(cut, profile)
        if number % UNDERSTOOD == 0:
            check_understood(cut)

    assert check(path, profile)
    assert refused or not path.name.endswith((".xlsx", ".gz"))  # what is packed never passes when it is cut off


def text_of(path: Path, profile: FileProfile) -> tuple[str, str]:
    encoding = marked_encoding(path) or profile.encoding
    return head_of(path, 1 << 24).decode(encoding), encoding


def spoiled(path: Path, profile: FileProfile, times: int) -> Iterator[bytes]:
    """The file with one cell replaced, so many times."""
    dice = random.Random(f"cell {path.name}")  # noqa: S311 - places, not a secret
    if path.suffix == ".xlsx":
        for _ in range(times):
            book: Any = openpyxl.load_workbook(path)
            sheet = book[profile.sheet] if profile.sheet else book.worksheets[0]
            line = dice.randint(1, sheet.max_row)
            rubbish = "".join(letter for letter in dice.choice(RUBBISH) if letter >= " ")
            sheet.cell(line, dice.randint(1, sheet.max_column)).value = rubbish
            saved = io.BytesIO()
            book.save(saved)
            yield saved.getvalue()
        return
    text, encoding = text_of(path, profile)
    rows = list(csv.reader(io.StringIO(text), delimiter=profile.delimiter))
    for _ in range(times):
        filled = [place for place, row in enumerate(rows) if row]
        line = dice.choice(filled)
        changed = [list(row) for row in rows]
        changed[line][dice.randrange(len(changed[line]))] = dice.choice(RUBBISH)
        out = io.StringIO()
        csv.writer(out, delimiter=profile.delimiter).writerows(changed)
        content = out.getvalue().encode(encoding, "replace")
        yield gzip.compress(content) if path.suffix == ".gz" else content


@every_file
def test_a_file_with_any_cell_replaced_is_read_whole_or_refused(
    tmp_path: Path, path: Path, profile: FileProfile
) -> None:
    changed = tmp_path / path.name
    read = 0
    for number, content in enumerate(spoiled(path, profile, -(-CELLS // len(FILES)))):
        changed.write_bytes(content)
        read += check(changed, profile)
        if number % UNDERSTOOD == 0:
            check_understood(changed)

    assert read  # one cell seldom spoils a whole file
