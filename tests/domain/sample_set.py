"""Reads a sample set straight into the rules, without importer, database or PSA client.

A deliberately plain second reading of the files, so that the rules are held against the expected cards alone.
"""

import csv
import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from portal.domain.accounts import AccountMeaning, AccountVisibility, account_visibility
from portal.domain.cards_csv import COLUMNS, money_cell
from portal.domain.mapping import Count, Excluded, MappedResult, ProductFactor, apply_mapping, unmapped_money
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.domain.reconcile import Card, reconcile, stale_cards
from portal.domain.rules import Floor, Minimum, Rounding, RoundingMode, Rule, RuleBody, RuleBook, Tolerance
from portal.domain.splits import Split
from portal.domain.usage import (
    CountKey,
    StandingCount,
    UsageFile,
    UsageKey,
    fallen_accounts,
    held_reason,
    is_held,
    standing_counts,
)
from tests.domain.build import card_row
from tests.domain.sample_files import Row, load, rows_of, units_of
from tests.domain.sample_psa import agreements, catalog, companies, day, lines, number

ROOT = Path(__file__).parents[2]
SETS = {
    "traps": ROOT / "tests" / "samples" / "traps",
    "small": ROOT / "tests" / "samples" / "small",
    "month": ROOT / "portal" / "sandbox" / "month",
}


@dataclass
class Imports:
    """What was imported so far: the accepted files, the names that the vendors used, and the results."""

    files: dict[Period, list[UsageFile]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    service_names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)


class SampleSet:
    """One sample set, as it stands after its two steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenario = load(folder / "scenario.json")
        self.period = Period.parse(self.scenario["period"])
        self.zone = ZoneInfo(self.scenario["time_zone"])
        self.today = date.fromisoformat(self.scenario["today"])
        self.mapping = load(folder / "mapping.json")
        self.statuses = load(folder / "statuses.json")
        self.profiles = load(folder / "profiles.json")["files"]
        self.imports = Imports()
        self._read(step=1)
        at = datetime.fromisoformat(self.scenario["steps"][0]["at"])
        self.earlier = self.cards(self.psa(earlier=True), at.astimezone(self.zone).date())
        self._read(step=2)

    # What the PSA holds.

    def psa(self, *, earlier: bool = False) -> dict[str, list[Row]]:
        held: dict[str, list[Row]] = {path.stem: load(path) for path in (self.folder / "psa").glob("*.json")}
        if earlier:
            for path in (self.folder / "psa-earlier").glob("*.json"):
                rows = {row["id"]: row for row in held[path.stem]}
                rows |= {row["id"]: row for row in load(path)}
                held[path.stem] = list(rows.values())
        return held

    # What the vendors say.

    def _read(self, step: int) -> None:
        for sequence, profile in enumerate(self.profiles):
            if profile["import_step"] == step:
                self._import(sequence, profile)

    def _import(self, sequence: int, profile: Row) -> None:
        path, known = self.folder / profile["file"], self.imports
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in known.seen:
            known.results.append(f"same content as {known.seen[digest]}: nothing changed")
            return
        known.seen[digest] = profile["file"]
        counted_at = datetime.fromisoformat(profile["counted_at"])
        file = UsageFile(
            id=sequence,
            vendor=profile["vendor"],
            counted_at=counted_at,
            complete=profile["complete"],
            sequence=sequence,
            counts=self._counts(profile, path),
        )
        accepted = [one for files in known.files.values() for one in files if one.vendor == file.vendor]
        if accepted:
            last = max(accepted, key=lambda one: one.counted_at)
            fallen = fallen_accounts(last.counts, file.counts, file.complete)
            if is_held(len(fallen), len({key[0] for key in last.counts})):
                known.results.append(held_reason(len(fallen)))
                return
        period = Period.parse(profile["period"]) if profile["period"] else Period.of(counted_at, self.zone)
        known.files.setdefault(period, []).append(file)
        known.results.append("imported")

    def _counts(self, profile: Row, path: Path) -> dict[CountKey, Decimal]:
        counts: dict[CountKey, Decimal] = {}
        columns, vendor = profile["columns"], profile["vendor"]
        for row in rows_of(profile, path):
            name = row.get(columns.get("account_name", ""), "")
            account = row.get(columns.get("account_id", ""), "") or name
            service = row.get(columns.get("service_id", ""), "") or row.get(columns.get("service_name", ""), "")
            key = CountKey(account, service, row.get(columns.get("term", ""), ""))
            units = units_of(profile, row)
            if units is None:
                continue
            counts[key] = counts.get(key, Decimal(0)) + units
            self.imports.names[vendor, account] = name
            self.imports.service_names[vendor, service, key.term] = row.get(columns.get("service_name", ""), "")
            if "account_status" in columns:
                self.imports.words[vendor, account] = row[columns["account_status"]]
        return counts

    def standing(self, period: Period) -> dict[UsageKey, StandingCount]:
        return standing_counts(self.imports.files.get(period, []))

    def mapped(self) -> MappedResult:
        accounts: dict[tuple[str, str], int | Excluded] = {
            (row["vendor"], row["account_id"]): (
                row["company_id"] if row["state"] == "mapped" else Excluded(reason=row["reason"])
            )
            for row in self.mapping["accounts"]
        }
        services: dict[tuple[str, str, str], tuple[ProductFactor, ...] | Excluded] = {
            (row["vendor"], row["service_id"], row["term"]): (
                tuple(ProductFactor(product=one["product"], factor=Decimal(one["factor"])) for one in row["products"])
                if row["state"] == "mapped"
                else Excluded(reason=row["reason"])
            )
            for row in self.mapping["services"]
        }
        counts = [
            Count(
                vendor=key.vendor,
                account=key.account,
                account_name=self.imports.names[key.vendor, key.account],
                service=key.service,
                service_name=self.imports.service_names[key.vendor, key.service, key.term],
                term=key.term,
                counted=count.quantity,
                counted_at=count.counted_at,
                file_id=count.file_id,
            )
            for key, count in self.standing(self.period).items()
        ]
        hidden = {key for key, result in self.visibility().items() if result is AccountVisibility.HIDDEN}
        return apply_mapping(counts, accounts, services, hidden=hidden)

    def visibility(self) -> dict[tuple[str, str], AccountVisibility]:
        meanings = {
            (row["vendor"], row["word"]): AccountMeaning(row["meaning"]) for row in self.statuses["vendor_statuses"]
        }
        this, previous = self.units(self.period), self.units(self.period.previous)
        return {
            key: account_visibility(
                meanings.get((key[0], self.imports.words[key])) if key in self.imports.words else AccountMeaning.ACTIVE,
                this.get(key, Decimal(0)),
                previous.get(key, Decimal(0)),
            )
            for key in self.imports.names
        }

    def units(self, period: Period) -> dict[tuple[str, str], Decimal]:
        found: dict[tuple[str, str], Decimal] = {}
        for key, count in self.standing(period).items():
            place = (key.vendor, key.account)
            found[place] = found.get(place, Decimal(0)) + count.quantity
        return found

    # What comes out.

    def rules(self) -> RuleBook:
        return RuleBook(
            Rule(body=_body(row), company_id=row.get("company_id"), product=row.get("product"))
            for row in load(self.folder / "rules.json")["rules"]
        )

    def splits(self) -> dict[tuple[int, str], Split]:
        return {
            (row["company_id"], row["product"]): Split(
                all_to=row.get("all_to"),
                fixed={one["agreement_id"]: Decimal(one["quantity"]) for one in row.get("fixed", [])},
                rest_to=row.get("rest_to"),
            )
            for row in load(self.folder / "rules.json")["splits"]
        }

    def fed(self) -> set[str]:
        return {one["product"] for row in self.mapping["services"] for one in row.get("products", [])}

    def cards(self, psa: dict[str, list[Row]], today: date) -> list[Card]:
        return reconcile(
            companies(psa, self.statuses),
            agreements(psa),
            lines(psa),
            catalog(psa),
            self.mapped().usage,
            self.fed(),
            self.rules(),
            self.splits(),
            today,
        )

    def all_cards(self) -> list[Card]:
        psa = self.psa()
        stale = stale_cards(self.earlier, companies(psa, self.statuses), agreements(psa), self.today)
        cards = [*self.cards(psa, self.today), *stale]
        return sorted(cards, key=lambda card: (card.company_id, card.agreement_id or 0, card.product))

    def card_rows(self) -> list[Row]:
        before, now = self.psa(earlier=True), self.psa()
        company_names = {row["id"]: row["name"] for psa in (before, now) for row in psa["companies"]}
        agreement_names = {row["id"]: row["name"] for psa in (before, now) for row in psa["agreements"]}
        return [
            dict(
                zip(
                    COLUMNS,
                    card_row(card, company_names[card.company_id], agreement_names.get(card.agreement_id or 0)),
                    strict=True,
                )
            )
            for card in self.all_cards()
        ]

    def unmapped_rows(self) -> list[Row]:
        result = self.mapped()
        prices = {item.product: item for item in catalog(self.psa())}
        columns = ("what", "vendor", "id", "term", "name", "units", "monthly_money")
        accounts = [
            (
                "account",
                one.vendor,
                one.account,
                "",
                one.account_name,
                plain(one.units),
                money_cell(unmapped_money(one, prices)),
            )
            for one in result.unmapped_accounts
        ]
        services = [
            ("service", one.vendor, one.service, one.term, one.service_name, plain(one.units), "")
            for one in result.unmapped_services
        ]
        return [dict(zip(columns, row, strict=True)) for row in (*accounts, *services)]

    def hidden_rows(self) -> list[Row]:
        states = {(row["vendor"], row["account_id"]): row["state"] for row in self.mapping["accounts"]}
        this, previous = self.units(self.period), self.units(self.period.previous)
        return [
            {
                "vendor": key[0],
                "account_id": key[1],
                "account_name": self.imports.names[key],
                "status": self.imports.words[key],
                "result": result.value,
                "mapping": states.get(key, "unmapped"),
                f"units_{self.period.previous}": plain(previous.get(key, Decimal(0))),
                f"units_{self.period}": plain(this.get(key, Decimal(0))),
            }
            for key, result in sorted(self.visibility().items())
            if result is not AccountVisibility.ACTIVE
        ]

    def money_by_currency(self) -> dict[str, dict[str, dict[str, str]]]:
        sums: dict[str, dict[str, list[Fraction]]] = {}
        for card in self.all_cards():
            if card.kind.value in {"increase", "decrease", "new_revenue"}:
                both = sums.setdefault(card.currency or "", {}).setdefault(card.kind.value, [Fraction(0), Fraction(0)])
                both[0] += card.revenue_month or 0
                both[1] += card.profit_month or 0
        return {
            currency: {kind: {"revenue": money_cell(r), "profit": money_cell(p)} for kind, (r, p) in kinds.items()}
            for currency, kinds in sums.items()
        }

    def counted_out_of_scope(self) -> Decimal:
        """Vendor's units of every account that is mapped to a company out of scope, whatever its services are."""
        inside = {company.id for company in companies(self.psa(), self.statuses) if company.in_scope}
        outside = {
            (row["vendor"], row["account_id"])
            for row in self.mapping["accounts"]
            if row["state"] == "mapped" and row["company_id"] not in inside
        }
        return sum((units for key, units in self.units(self.period).items() if key in outside), Decimal(0))

    def expected(self, name: str) -> list[Row]:
        with (self.folder / "expected" / f"{name}-{self.period}.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def expected_totals(self) -> Row:
        totals: Row = load(self.folder / "expected" / f"totals-{self.period}.json")
        return totals


def _body(row: Row) -> RuleBody:
    match row["kind"]:
        case "minimum":
            return Minimum(quantity=Decimal(row["quantity"]), until=day(row["until"]), reference=row["reference"])
        case "floor":
            return Floor(quantity=Decimal(row["quantity"]), until=day(row["until"]), reason=row["reason"])
        case "rounding":
            return Rounding(mode=RoundingMode(row["mode"]), to=Decimal(row["to"]))
        case _:
            return Tolerance(
                units=number(row.get("units")),
                percent=number(row.get("percent")),
                money=number(row.get("money")),
                reason=row["reason"],
            )
