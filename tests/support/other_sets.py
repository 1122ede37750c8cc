"""Makes another sample set out of a given one: everything is named otherwise, nothing means anything else.

Ids, names, products, vendors, headers, words, delimiters, encodings, number marks, the order of rows and records: a
portal that leans on any of them gives other cards than the expected files, which are renamed alike.
"""

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

from tests.support.renaming import Renaming

Row = list[Any]
Spec = dict[str, Any]

_DELIMITERS = (",", ";", "\t", "|")
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-15")
_MARKS = ((".", ""), (".", ","), (",", "."), (",", ""), (",", " "), (".", "'"))


def make_other(source: Path, target: Path, seed: int) -> None:
    """Write another set.

    Args:
        source: A set with its expected files.
        target: The folder of the new one; made anew.
        seed: Hangs together with everything that is chosen.
    """
    _Maker(source, target, Renaming(seed)).make()


class _Maker:
    def __init__(self, source: Path, target: Path, names: Renaming) -> None:
        self.source, self.target, self.names = source, target, names
        self.profiles: list[Spec] = self._read("profiles.json")["files"]
        self.specs: list[Spec] = []
        self.files = {}
        for number, spec in enumerate(self.profiles):
            stem = names.word("file", spec["file"])[:4].strip(" ,-/_")
            end = "xlsx" if spec["format"] == "xlsx" else names.rng("end", number).choice(("csv", "txt", "dat"))
            self.files[spec["file"]] = f"usage/{number:02}-{stem}.{end}"

    def make(self) -> None:
        for folder in ("psa", "psa-earlier", "usage", "expected"):
            (self.target / folder).mkdir(parents=True, exist_ok=True)
        records = {name: self._both(name) for name in self._psa_names()}
        for kind, name in (
            *(("company", "companies"), ("agreement", "agreements"), ("addition", "additions")),
            *(("catalog", "catalog_items"), ("status", "company_statuses"), ("type", "company_types")),
            *(("agreement_type", "agreement_types"), ("cycle", "billing_cycles"), ("member", "members")),
        ):
            self.names.learn(kind, (one["id"] for one in records[name]))
        for folder in ("psa", "psa-earlier"):
            for file in sorted((self.source / folder).glob("*.json")):
                self._write_psa(folder, file.stem)
        self._write_rest()
        for spec in self.profiles:
            self._write_usage(spec)
        self._write_expected()

    def _read(self, name: str) -> Any:
        return json.loads((self.source / name).read_text(encoding="utf-8"), parse_float=Decimal)

    def _write(self, name: str, data: object) -> None:
        text = json.dumps(data, ensure_ascii=bool(self.names.seed % 2), indent=1, default=_as_number)
        (self.target / name).write_text(re.sub(r'"#(-?[0-9.]+)#"', r"\1", text), encoding="utf-8")

    def _psa_names(self) -> list[str]:
        return [file.stem for file in (self.source / "psa").glob("*.json") if file.stem != "audittrail"]

    def _both(self, name: str) -> list[Spec]:
        earlier = self.source / "psa-earlier" / f"{name}.json"
        return [*self._read(f"psa/{name}.json"), *(self._read(f"psa-earlier/{name}.json") if earlier.exists() else [])]

    def _write_psa(self, folder: str, name: str) -> None:
        rows = self._read(f"{folder}/{name}.json")
        change: Callable[[Spec], Spec] = getattr(self, f"_{name}", lambda row: row)
        made = [change(row) for row in rows]
        self.names.rng("order", folder, name).shuffle(made)
        self._write(f"{folder}/{name}.json", made)

    # What the PSA holds

    def _companies(self, row: Spec) -> Spec:
        names = self.names
        row |= {"id": names.id("company", row["id"]), "name": names.word("company", row["name"])}
        row["identifier"] = names.word("identifier", row["identifier"])
        row["status"] = self._ref("status", row["status"])
        if "types" in row:
            row["types"] = [self._ref("type", one) for one in row["types"]]
            names.rng("types", row["id"]).shuffle(row["types"])
        row.pop("website", None)
        return self._nulls(row, "dateDeleted", "deletedBy", "website", "territory")

    def _agreements(self, row: Spec) -> Spec:
        names = self.names
        row |= {"id": names.id("agreement", row["id"]), "name": names.word("agreement", row["name"])}
        row["company"] = {
            "id": names.id("company", row["company"]["id"]),
            "name": names.word("company", row["company"]["name"]),
        }
        row["type"] = self._ref("agreement_type", row["type"])
        if "billingCycle" in row:
            row["billingCycle"] = self._ref("cycle", row["billingCycle"])
        if "parentAgreement" in row:
            parent = row["parentAgreement"]
            parent |= {"id": names.id("agreement", parent["id"]), "name": names.word("agreement", parent["name"])}
        return self._nulls(row, "endDate", "dateCancelled", "reasonCancelled", "parentAgreement", "billingCycle")

    def _additions(self, row: Spec) -> Spec:
        names = self.names
        product = row["product"]
        row |= {
            "id": names.id("addition", row["id"]),
            "agreementId": names.id("agreement", row["agreementId"]),
            "product": {
                "id": names.id("catalog", product["id"]),
                "identifier": names.word("product", product["identifier"]),
            },
            "description": names.word("description", row["description"]),
            "invoiceDescription": names.word("description", row["invoiceDescription"]),
            "uom": names.word("uom", row["uom"]),
        }
        return self._nulls(self._zeros(row, "quantity", "unitPrice", "unitCost"), "cancelledDate", "serialNumber")

    def _catalog_items(self, row: Spec) -> Spec:
        names = self.names
        row |= {"id": names.id("catalog", row["id"]), "identifier": names.word("product", row["identifier"])}
        for name in ("description", "customerDescription"):
            row[name] = names.word("description", row[name])
        return self._zeros(row, "price", "cost")

    def _company_statuses(self, row: Spec) -> Spec:
        return row | {"id": self.names.id("status", row["id"]), "name": self.names.word("status", row["name"])}

    def _company_types(self, row: Spec) -> Spec:
        return row | {"id": self.names.id("type", row["id"]), "name": self.names.word("type", row["name"])}

    def _agreement_types(self, row: Spec) -> Spec:
        return row | {"id": self.names.id("agreement_type", row["id"])} | {
            "name": self.names.word("agreement_type", row["name"])
        }  # fmt: skip

    def _billing_cycles(self, row: Spec) -> Spec:
        names = self.names
        words = {name: names.word("cycle", row[name]) for name in ("identifier", "name")}
        return row | {"id": names.id("cycle", row["id"])} | words

    def _members(self, row: Spec) -> Spec:
        return row | {"id": self.names.id("member", row["id"])}

    def _audittrail(self, row: Spec) -> Spec:
        return row | {"agreementId": self.names.id("agreement", row["agreementId"])}

    def _ref(self, kind: str, ref: Spec) -> Spec:
        return {"id": self.names.id(kind, ref["id"]), "name": self.names.word(kind, ref["name"])}

    def _nulls(self, row: Spec, *fields: str) -> Spec:
        """Write some missing values out as null: the PSA does either."""
        rng = self.names.rng("null", row["id"])
        return row | {name: None for name in fields if name not in row and rng.random() < 0.5}

    def _zeros(self, row: Spec, *fields: str) -> Spec:
        """Write some numbers with a zero that says nothing."""
        rng = self.names.rng("zero", row["id"])
        for name in fields:
            if name in row and rng.random() < 0.5:
                text = str(row[name])
                row[name] = Decimal(text + ("0" if "." in text else ".0"))
        return row

    # What an admin said, and the scenario

    def _write_rest(self) -> None:
        scenario = self._read("scenario.json")
        for step in scenario["steps"]:
            step["import"] = [self.files[name] for name in step["import"]]
        self._write("scenario.json", scenario)
        self._write_meanings()
        self._write_mapping()
        self._write_rules()

    def _write_meanings(self) -> None:
        names, said = self.names, self._read("statuses.json")
        for key, kind in (("company_statuses", "status"), ("company_types", "type")):
            for row in said[key]:
                row |= {"id": names.id(kind, row["id"]), "name_last_seen": names.word(kind, row["name_last_seen"])}
        for row in said["vendor_statuses"]:
            row |= {"word": names.word("state", row["word"]), "vendor": names.word("vendor", row["vendor"])}
        self._write("statuses.json", {key: self._mixed(rows, key) for key, rows in said.items()})

    def _write_mapping(self) -> None:
        names, mapping = self.names, self._read("mapping.json")
        for row in mapping["accounts"]:
            row["account_id"] = self._account(row["vendor"], row["account_id"])
            row["account_name"] = names.word("account", row.get("account_name", ""))
            row["vendor"] = names.word("vendor", row["vendor"])
            if "company_id" in row:
                row["company_id"] = names.id("company", row["company_id"])
        for row in mapping["services"]:
            row["service_id"] = names.word("service", row["service_id"])
            row["service_name"] = names.word("service name", row.get("service_name", ""))
            row |= {"term": names.word("term", row["term"]), "vendor": names.word("vendor", row["vendor"])}
            for one in row.get("products", []):
                one["product"] = names.word("product", one["product"])
        self._write("mapping.json", {key: self._mixed(rows, key) for key, rows in mapping.items()})

    def _write_rules(self) -> None:
        names, rules = self.names, self._read("rules.json")
        for row in [*rules["rules"], *rules["splits"]]:
            for key, change in (
                ("company_id", lambda old: names.id("company", old)),
                ("product", lambda old: names.word("product", old)),
                ("all_to", lambda old: names.id("agreement", old)),
                ("rest_to", lambda old: names.id("agreement", old)),
            ):
                if row.get(key) is not None:
                    row[key] = change(row[key])
            for part in row.get("fixed", []):
                part["agreement_id"] = names.id("agreement", part["agreement_id"])
        self._write("rules.json", {"rules": rules["rules"], "splits": self._mixed(rules["splits"], "splits")})

    def _mixed(self, rows: list[Any], about: str) -> list[Any]:
        self.names.rng("order", about).shuffle(rows)
        return rows

    def _account(self, vendor: str, old: str) -> str:
        """Give another account id; where a vendor has none, its accounts' names are the ids."""
        nameless = any(spec["vendor"] == vendor and "account_id" not in spec["columns"] for spec in self.profiles)
        return self.names.word("account" if nameless else "account id", old)

    # What vendors say

    def _write_usage(self, spec: Spec) -> None:
        rows = _rows(self.source / spec["file"], spec)
        digest = hashlib.sha256((self.source / spec["file"]).read_bytes()).hexdigest()
        rng = self.names.rng("file", digest)  # the same bytes become the same bytes
        style = self.names.rng("style", spec["vendor"])
        body = rows[spec["header_row"] :]
        titles = [str(cell) for cell in rows[spec["header_row"] - 1]]
        rng.shuffle(body)
        other = self._profile(spec, style)
        places = style.sample(range(len(titles)), len(titles))
        made = [[self._cell(spec, other, row, titles, place) for place in places] for row in body]
        header = [self._header(spec, titles[place]) for place in places]
        made = [header if row == titles else line for row, line in zip(body, made, strict=True)]
        above: list[Row] = [
            [] if style.random() < 0.3 else [f"Ü {number}"] for number in range(other["header_row"] - 1)
        ]
        self._write_rows(other, [*above, header, *made])
        self.specs.append(other)
        self._write("profiles.json", {"files": self.specs})

    def _profile(self, spec: Spec, style: random.Random) -> Spec:
        names = self.names
        other: Spec = json.loads(json.dumps(spec))
        other |= {"file": self.files[spec["file"]], "vendor": names.word("vendor", spec["vendor"])}
        other["header_row"] = style.randint(1, 7)
        other["columns"] = {role: self._header(spec, header) for role, header in spec["columns"].items()}
        for one in [*other["filters"], *other["skip_rows"], *([other["net"]] if other["net"] else [])]:
            old = one["column"]
            one["column"] = self._header(spec, old)
            for key in ("keep", "equals", "plus", "minus", "ignore"):
                if key in one:
                    one[key] = [self._word(spec, old, word) for word in one[key]]
        if spec["format"] == "xlsx":
            return other | {"sheet": names.word("sheet", spec["sheet"]).replace("/", "-")}
        decimal, thousands = style.choice(_MARKS)
        delimiter = style.choice(_DELIMITERS)
        return other | {
            "format": "tsv" if delimiter == "\t" else "csv",
            "delimiter": delimiter,
            "encoding": style.choice(_ENCODINGS),
            "decimal": decimal,
            "thousands": thousands,
        }

    def _header(self, spec: Spec, title: str) -> str:
        return self.names.word(f"header {spec['vendor']}", title)

    def _cell(self, spec: Spec, other: Spec, row: Row, titles: Sequence[str], place: int) -> Any:
        """Give another text for a cell, by what its column means."""
        cell = row[place] if place < len(row) else ""
        title = titles[place]
        if cell is None or not str(cell).strip():
            return cell
        if title == spec["columns"].get("count"):
            return cell if spec["format"] == "xlsx" else _number(str(cell), spec, other)
        return self._word(spec, title, str(cell))

    def _word(self, spec: Spec, title: str, cell: str) -> str:
        roles = [role for role, header in spec["columns"].items() if header == title]
        names = self.names
        if "account_id" in roles:
            return names.word("account id", cell)
        kinds = {
            "account_name": "account",
            "account_status": "state",
            "service_id": "service",
            "service_name": "service name",
            "term": "term",
        }
        known = [kinds[role] for role in roles]
        return names.word(known[0] if known else f"cells {spec['vendor']} {title}", cell)

    def _write_rows(self, other: Spec, rows: Sequence[Row]) -> None:
        path = self.target / other["file"]
        if other["format"] == "xlsx":
            book = openpyxl.Workbook()
            book.create_sheet("Ünused", 0)
            sheet = book.create_sheet(other["sheet"])
            for number, row in enumerate(rows, 1):
                for place, cell in enumerate(row, 1):
                    sheet.cell(number, place, cell)
            book.save(path)
            return
        text = io.StringIO()
        ends = self.names.rng("ends", other["vendor"]).choice(("\n", "\r\n"))
        csv.writer(text, delimiter=other["delimiter"], lineterminator=ends).writerows(rows)
        try:
            path.write_bytes(text.getvalue().encode(other["encoding"]))
        except UnicodeEncodeError:
            other["encoding"] = "utf-16"
            path.write_bytes(text.getvalue().encode("utf-16"))

    # What must come out

    def _write_expected(self) -> None:
        names = self.names
        for file in sorted((self.source / "expected").glob("*.csv")):
            header, *rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
            made = [dict(zip(header, row, strict=True)) for row in rows]
            for row in made:
                if "company_id" in row:
                    row["company_id"] = str(names.id("company", int(row["company_id"])))
                    row["company"] = names.word("company", row["company"])
                    if row["agreement_id"]:
                        row["agreement_id"] = str(names.id("agreement", int(row["agreement_id"])))
                    row["agreement"] = names.word("agreement", row["agreement"])
                    row["product"] = names.word("product", row["product"])
                else:
                    self._vendor_row(row)
            made.sort(key=_place)
            text = io.StringIO()
            writer = csv.DictWriter(text, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(made)
            (self.target / "expected" / file.name).write_text(text.getvalue(), encoding="utf-8")

    def _vendor_row(self, row: dict[str, str]) -> None:
        names = self.names
        if "account_id" in row:
            row["account_id"] = self._account(row["vendor"], row["account_id"])
            row["account_name"] = names.word("account", row["account_name"])
            row["status"] = names.word("state", row["status"])
        elif row["what"] == "account":
            row["id"] = self._account(row["vendor"], row["id"])
            row["name"] = names.word("account", row["name"])
        else:
            row["id"], row["term"] = names.word("service", row["id"]), names.word("term", row["term"])
            row["name"] = names.word("service name", row["name"])
        row["vendor"] = names.word("vendor", row["vendor"])


def _rows(path: Path, spec: Spec) -> list[Row]:
    """Read a file as it stands, blank lines too."""
    if spec["format"] == "xlsx":
        sheet = openpyxl.load_workbook(path)[spec["sheet"]]
        return [list(row) for row in sheet.iter_rows(values_only=True)]
    text = path.read_bytes().decode("utf-8-sig" if spec["encoding"] == "utf-8" else spec["encoding"])
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=spec["delimiter"])]


def _number(text: str, spec: Spec, other: Spec) -> str:
    """Write a count with other marks; what is no number stays none."""
    plain = text.strip().replace(spec["thousands"] or "\0", "").replace(spec["decimal"], ".")
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", plain):
        return "no number"
    return f"{Decimal(plain):,f}".translate(str.maketrans({",": other["thousands"], ".": other["decimal"]}))


def _place(row: dict[str, str]) -> tuple[Any, ...]:
    """Sort as the expected files are."""
    if "company_id" in row:
        return (int(row["company_id"]), int(row["agreement_id"] or 0), row["product"])
    return (row.get("what", ""), row["vendor"], row.get("account_id", row.get("id")), row.get("term", ""))


def _as_number(value: object) -> str:
    if isinstance(value, Decimal):
        return f"#{value}#"
    raise TypeError(value)
