from pathlib import Path

import pytest

from portal.vendors.builtin import builtin_named
from portal.vendors.detection import Detected, detect
from portal.vendors.profiles import FileProfile
from portal.vendors.understanding import settle_dates


def seen(folder: Path, text: str, name: str = "usage.csv", encoding: str = "utf-8") -> Detected:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return detect(path, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_delimiter_header_and_marks_are_understood(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [
        ["Report", "Café"],
        [],
        ["Customer No", "Customer", "SKU", "Seats"],
        ["00123", "Café Alder", "S-1", "1.234,5"],
        ["", "Total", "", "1.234,5"],
    ]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)

    found = seen(tmp_path, text, encoding=encoding)

    assert {name: found.guess[name] for name in ("header_row", "delimiter", "decimal", "thousands")} == {
        "header_row": 3,
        "delimiter": delimiter,
        "decimal": ",",
        "thousands": ".",
    }
    assert found.guess["skip_rows"] == [{"column": "Customer", "equals": ["Total"]}]
    assert {one.role: one.header for one in found.columns} == {
        "account_id": "Customer No",
        "account_name": "Customer",
        "service_id": "SKU",
        "count": "Seats",
    }
    assert all(0 < one.confidence <= 1 for one in found.columns)
    assert {one.kind for one in found.questions} == ({"encoding"} if encoding == "cp1252" else set())


def test_a_count_with_two_readings_is_asked(tmp_path: Path) -> None:
    found = seen(tmp_path, 'Account,SKU,Quantity\nA,S,"1,234"\nB,S,7\n')

    assert [(one.kind, one.line, [words for _value, words in one.choices]) for one in found.questions] == [
        ("marks", 2, ["1234", "1.234"])
    ]


def test_another_row_settles_what_a_count_is(tmp_path: Path) -> None:
    assert seen(tmp_path, 'Account,SKU,Quantity\nA,S,"1,234"\nB,S,"1,234.50"\n').questions == ()


@pytest.mark.parametrize(
    ("counts", "marks"),
    [
        (("33", "1.204", "12,5"), (",", ".")),
        (("33", "1,204", "12.5"), (".", ",")),
        (("0,371", "4"), (",", "")),
        (("0.371", "1.204", "12,5"), (".", "")),
        (("1500.250", "1.204", "12,5"), (".", "")),
        (("12,5", "3,25", "0.5"), (",", "")),
    ],
)
def test_the_marks_are_taken_from_the_numbers_that_leave_no_doubt(
    tmp_path: Path, counts: tuple[str, ...], marks: tuple[str, str]
) -> None:
    lines = "".join(f"A;S{place};{count}\n" for place, count in enumerate(counts))
    guess = seen(tmp_path, f"Account;SKU;Quantity\n{lines}").guess

    assert (guess["decimal"], guess["thousands"]) == marks


def test_a_file_without_a_count_column_asks_whether_rows_count(tmp_path: Path) -> None:
    found = seen(tmp_path, "Organization,Device Class,Host\nAlder,Server,PC\n")

    assert [one.kind for one in found.questions] == ["count_rows"]


def test_a_known_file_with_changed_headers_says_what_differs(tmp_path: Path) -> None:
    sophos = builtin_named("sophos-usage")
    assert sophos is not None
    header = ",".join(sophos.headers).replace("billableQuantity", "chargeable")

    found = seen(tmp_path, f"{header}\n{','.join('1' for _ in sophos.headers)}\n")

    assert found.builtin is None
    assert "Missing: “billableQuantity”" in next(
        one.sentence for one in found.questions if one.kind == "changed_headers"
    )


def test_a_template_is_proposed_and_never_taken_by_itself(tmp_path: Path) -> None:
    found = seen(tmp_path, "Primary Domain,Package,Licensed Users,Active Users,Status\na.example,Business,5,4,active\n")

    assert found.builtin is None
    assert found.template is not None
    assert [one.kind for one in found.questions if one.kind == "template"] == ["template"]


def known_with(folder: Path, *days: str) -> Detected:
    sophos = builtin_named("sophos-usage")
    assert sophos is not None
    rows = [
        ",".join(
            {"accountId": "a-1", "sku": "S", "billableQuantity": "1", "billingStartDate": day}.get(one, "")
            for one in sophos.headers
        )
        for day in days
    ]
    return seen(folder, "\n".join([",".join(sophos.headers), *rows]) + "\n")


def test_the_order_of_dates_is_asked_only_where_no_row_settles_it(tmp_path: Path) -> None:
    asked = known_with(tmp_path, "03/10/2026", "04/10/2026")
    settled = known_with(tmp_path, "03/10/2026", "14/10/2026")

    assert [(one.kind, one.field, [value for value, _words in one.choices]) for one in asked.questions] == [
        ("date_order", "dates", ["dmy", "mdy"])
    ]
    assert (settled.questions, settled.guess["dates"]) == ((), "dmy")


def test_a_row_far_down_settles_the_order_for_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("Account,SKU,Quantity,Day\n" + "A,S,1,03/10/2026\n" * 3000 + "A,S,1,10/14/2026\n")
    profile = FileProfile.from_spec({"columns": {"account_id": "Account", "service_id": "SKU", "count": "Quantity"}})

    assert settle_dates(path, profile, ["Day"])["Day"].order == "mdy"
