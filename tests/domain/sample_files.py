"""Reads a vendor's file of a sample set by its profile."""

import csv
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

Row = dict[str, Any]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def _cells(profile: Row, path: Path) -> Iterator[list[str]]:
    if profile["format"] == "xlsx":
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for cells in book[profile["sheet"]].iter_rows(values_only=True):
            yield ["" if cell is None else str(cell) for cell in cells]
        book.close()
        return
    with path.open(encoding=profile["encoding"], newline="") as file:
        yield from csv.reader(file, delimiter=profile["delimiter"])


def rows_of(profile: Row, path: Path) -> Iterator[Row]:
    header: list[str] = []
    for place, cells in enumerate(_cells(profile, path), start=1):
        texts = [cell.strip() for cell in cells]
        if place == profile["header_row"]:
            header = texts
        if not header or texts == header or not any(texts):
            continue
        row = dict(zip(header, texts, strict=False))
        if not _skipped(profile["skip_rows"], row):
            yield row


def _skipped(rules: Iterable[Row], row: Row) -> bool:
    return any(row.get(rule["column"]) in rule["equals"] for rule in rules)


def units_of(profile: Row, row: Row) -> Decimal | None:
    if any(row[one["column"]] not in one["keep"] for one in profile["filters"]):
        return Decimal(0)
    if profile["count_rows"]:
        return Decimal(1)
    text = row[profile["columns"]["count"]]
    text = text.replace(profile["thousands"], "") if profile["thousands"] else text
    units = Decimal(text.replace(profile["decimal"], "."))
    net = profile["net"]
    if net is None:
        return units
    word = row[net["column"]]
    if word in net["ignore"]:
        return None
    return units if word in net["plus"] else -units
