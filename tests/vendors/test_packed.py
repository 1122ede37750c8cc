import gzip
import io
import zipfile
from pathlib import Path

import pytest

from portal.vendors import packed
from portal.vendors.detection import detect
from portal.vendors.errors import Unreadable
from tests.vendors.conftest import HEADER, plain_profile, read

ROW = "A-1,Alder,active,S-1,Seat,,12\n"
TEXT = (HEADER + ROW).encode()


def zipped(parts: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def locked() -> bytes:
    """An archive whose only file is marked as having a password."""
    content = bytearray(zipped({"usage.csv": TEXT}))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def gzipped(content: bytes) -> bytes:
    """Pack without the time of day, which would give each worker of a test run other names of tests."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        gzipped(TEXT),
        gzipped((HEADER + ROW).encode("utf-16")),
        gzipped(HEADER.encode("utf-8-sig")) + gzipped(("\ufeff" + HEADER + ROW).encode()),
        zipped({"usage.csv": TEXT}),
        zipped({"__MACOSX/._usage.csv": b"x", "folder/usage.txt": TEXT}),
    ],
)
def test_packed_texts_are_read_as_they_are(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage"
    path.write_bytes(content)

    assert read(path, plain_profile()).counts == {"A-1/S-1": "12"}
    assert detect(path, "usage.zip").guess["columns"]


def test_one_file_of_an_archive_is_chosen_by_its_name_or_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "usage.zip"
    path.write_bytes(zipped({"notes.txt": b"hello\n", "usage-2026-10.csv": TEXT}))

    with pytest.raises(Unreadable, match=r"holds 2 files: “notes.txt”, “usage-2026-10.csv”\. Choose one"):
        read(path, plain_profile())
    assert read(path, plain_profile(member="usage-*.csv")).counts == {"A-1/S-1": "12"}
    with pytest.raises(Unreadable, match=r"has no file “other\.csv”"):
        read(path, plain_profile(member="other.csv"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzipped(TEXT * 100)[:-30], "damaged or cut off"),
        (zipped({"inner.zip": zipped({"usage.csv": TEXT})}), "holds another archive"),
        (zipped({"usage.csv": gzipped(TEXT)}), r"an archive\. Unpack it"),
        (zipped({"usage.xlsx": b"x"}), "holds a workbook"),
        (locked(), "has a password"),
        (zipped({f"{number}.csv": b"x" for number in range(1001)}), "holds 1001 files"),
        (gzipped(b""), "packed file is empty"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "usage"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match=words):
        read(path, plain_profile())


@pytest.mark.parametrize("pack", [gzipped, lambda text: zipped({"usage.csv": text})])
def test_what_unpacks_to_far_more_is_refused_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: object
) -> None:
    monkeypatch.setattr(packed, "SMALL", 1 << 20)
    monkeypatch.setattr(packed, "MAX_RATIO", 50)
    path = tmp_path / "usage"
    path.write_bytes(pack(HEADER.encode() + ROW.encode() * 100_000))  # type: ignore[operator]

    with pytest.raises(Unreadable, match="unpacks to far more"):
        read(path, plain_profile())


@pytest.mark.parametrize(("before", "line"), [("", 1), (HEADER, 2), (HEADER + ROW * 5000, 5002)])
def test_the_line_with_the_wrong_byte_is_named(tmp_path: Path, before: str, line: int) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(before.encode() + b"A-9,Caf\xe9,active,S-1,Seat,,1\n" + ROW.encode())

    with pytest.raises(Unreadable, match=f"is not UTF-8: line {line} holds a character"):
        read(path, plain_profile())
