"""Whatever stands in a file, it is read or refused with a sentence; what was read always adds up."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.vendors.counting import Outcome
from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from portal.vendors.profiles import FileProfile
from tests.vendors.conftest import HEADER, plain_profile, read

SMALL = Path(__file__).parents[1] / "samples" / "small"
TRAPS = Path(__file__).parents[1] / "samples" / "traps"
FILES = (
    (SMALL, "usage/corvid-invoice-2026-10-27.csv"),
    (SMALL, "usage/tessera-licences-2026-10-27.csv"),
    (SMALL, "usage/quillmail-usage-2026-10.xlsx"),
    (SMALL, "usage/skylark-subscriptions-2026-10.csv"),
    (TRAPS, "usage/jumble-bom-2026-10.csv"),
    (TRAPS, "usage/wideopen-utf16-2026-10.tsv"),
)
anything = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def profile_of(folder: Path, name: str) -> FileProfile:
    files = json.loads((folder / "profiles.json").read_text())["files"]
    return FileProfile.from_spec(next(entry for entry in files if entry["file"] == name))


def check_holds_up(path: Path, profile: FileProfile) -> None:
    """Read a file: it is refused with a sentence, or everything adds up."""
    try:
        found = read(path, profile)
    except Unreadable as error:
        assert str(error).endswith((".", "?"))  # noqa: PT017 - both outcomes are fine
        return
    outcomes = [one.outcome for one in found.results]
    late = sum(len(one.lines) for one in found.counted.late)
    counted = sum(outcomes.count(one) for one in (Outcome.COUNTED, Outcome.ZERO)) - late
    problems = outcomes.count(Outcome.PROBLEM) + late
    assert counted + outcomes.count(Outcome.LEFT_OUT) + problems == len(found.data()) == len(outcomes)
    assert sum(len(count.lines) for count in found.counted.counts.values()) == counted
    assert all(count.quantity >= 0 for count in found.counted.counts.values())


def check_guessed(path: Path) -> None:
    try:
        detect(path, path.name)
    except Unreadable as error:
        assert str(error).endswith((".", "?"))  # noqa: PT017 - both outcomes are fine


@pytest.mark.parametrize(("folder", "name"), FILES)
@given(data=st.data())
@anything
def test_a_file_that_is_cut_off_anywhere(tmp_path: Path, folder: Path, name: str, data: st.DataObject) -> None:
    content = (folder / name).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    check_holds_up(path, profile_of(folder, name))
    check_guessed(path)


@pytest.mark.parametrize(("folder", "name"), FILES)
@given(data=st.data())
@anything
def test_a_file_with_a_piece_replaced_by_rubbish(tmp_path: Path, folder: Path, name: str, data: st.DataObject) -> None:
    content = (folder / name).read_bytes()
    at = data.draw(st.integers(0, len(content)))
    rubbish = data.draw(st.binary(max_size=40))
    path = tmp_path / "rubbish"
    path.write_bytes(content[:at] + rubbish + content[at + data.draw(st.integers(0, 40)) :])

    check_holds_up(path, profile_of(folder, name))
    check_guessed(path)


@given(cell=st.text(max_size=60), column=st.integers(0, 6))
@anything
def test_a_cell_that_holds_anything(tmp_path: Path, cell: str, column: int) -> None:
    cells = ["A-1", "Alder", "active", "S-1", "Seat", "", "12"]
    cells[column] = '"' + cell.replace('"', '""') + '"'
    path = tmp_path / "cell.csv"
    path.write_bytes((HEADER + ",".join(cells) + "\nA-9,Last,active,S-1,Seat,,1\n").encode(errors="surrogatepass"))

    check_holds_up(path, plain_profile())


@given(text=st.text(max_size=300))
@anything
def test_a_file_that_is_any_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(text.encode(errors="surrogatepass"))

    check_holds_up(path, plain_profile())
    check_guessed(path)
