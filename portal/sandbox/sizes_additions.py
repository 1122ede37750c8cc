"""The additions of a made PSA: running, ended and future lines, in every manner of being billed."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from portal.sandbox.derived import day, derive_addition
from portal.sandbox.jsontext import JsonValue, Record
from portal.sandbox.sizes_agreements import stamp
from portal.sandbox.sizes_companies import Info
from portal.sandbox.sizes_tables import CENT, number

FIRST_ID = 30_000

_BILLED = {"Billable": 92, "DoNotBill": 5, "NoCharge": 3}
_ENDED, _ENDS, _FUTURE = 0.1, 0.03, 0.03
_SUCCEEDED = 0.5  # share of ended lines that the next one takes over
_INCLUDED = 0.1
_OWN_PRICE = 0.35  # share of lines whose price is not the catalogue's
_NO_PRICE = 0.04
_BROKEN_UNITS = frozenset({"TB", "GB"})
_LONG_LIST = 25_000  # additions, from which on one agreement has more of them than fit a page
_LONGEST = 1_150


def additions(
    count: int, agreements: list[Record], catalogue: list[Record], today: date, random: Random, info: Info
) -> list[Record]:
    """Make so many additions. Most agreements have about a dozen, some none, one of a large PSA over a thousand.

    Args:
        count: How many.
        agreements: Whose they are.
        catalogue: What they are of; bundles cannot be additions.
        today: The PSA's day.
        random: What decides.
        info: Makes ``_info``.
    """
    items = [item for item in catalogue if item["productClass"] != "Bundle"]
    weights = [0.15 if item["inactiveFlag"] else random.paretovariate(1.1) for item in items]
    by_id = {int(str(item["id"])): item for item in catalogue}
    made = _Made(items, weights, by_id, today, random, info)
    shares = _shares(count, len(agreements), random)
    rows: list[Record] = []
    for agreement, share in zip(agreements, shares, strict=True):
        rows += made.of(agreement, share, FIRST_ID + len(rows))
    return rows


def _shares(count: int, agreements: int, random: Random) -> list[int]:
    """How many additions each agreement has; their sum is the count."""
    long = _LONGEST if count >= _LONG_LIST else 0
    weights = [0.0 if random.random() < 0.04 else random.lognormvariate(0, 0.7) for _ in range(agreements)]  # noqa: PLR2004
    drawn = Counter(random.choices(range(agreements), weights, k=count - long))
    shares = [drawn[number] for number in range(agreements)]
    shares[agreements // 2] += long
    return shares


class _Made:
    """Makes the lines of one agreement after another; equal parts of records are shared."""

    def __init__(
        self,
        items: list[Record],
        weights: list[float],
        catalogue: dict[int, Record],
        today: date,
        random: Random,
        info: Info,
    ) -> None:
        self._items, self._weights, self._catalogue = items, weights, catalogue
        self._today, self._random, self._info = today, random, info
        self._references: dict[int, JsonValue] = {
            key: {"id": key, "identifier": item["identifier"]} for key, item in catalogue.items()
        }
        self._days: dict[date, str] = {}

    def of(self, agreement: Record, count: int, first_id: int) -> list[Record]:
        """The lines of an agreement, with ids from the first on."""
        random = self._random
        items = random.choices(self._items, self._weights, k=count)
        billed = random.choices(list(_BILLED), list(_BILLED.values()), k=count)
        start = day(agreement["startDate"]) or self._today
        rows: list[Record] = []
        successor: Record | None = None
        for place, (item, word) in enumerate(zip(items, billed, strict=True), start=1):
            if successor is not None:
                row = {name: value for name, value in successor.items() if name != "cancelledDate"}
                ended = day(successor["cancelledDate"]) or self._today
                row |= {"effectiveDate": self._stamp(ended + timedelta(days=1)), "quantity": random.randrange(1, 60)}
                successor = None
            else:
                row = self._line(item, word, start)
                ended_on = day(row.get("cancelledDate"))
                if ended_on is not None and ended_on < self._today and random.random() < _SUCCEEDED:
                    successor = row
            row |= {
                "id": first_id + place - 1,
                "agreementId": agreement["id"],
                "sequenceNumber": place * 10,
                "agreementStatus": agreement["agreementStatus"],
                "_info": self._info(),
            }
            derived = derive_addition(row, self._catalogue)
            for name in ("billedQuantity", "extPrice", "extCost", "margin"):
                value = derived[name]
                derived[name] = number(value) if isinstance(value, Decimal) else value
            rows.append(derived)
        return rows

    def _line(self, item: Record, billed: str, start: date) -> Record:
        random = self._random
        unit = item["unitOfMeasure"]
        uom = unit["name"] if isinstance(unit, dict) else None
        quantity: JsonValue = max(1, int(random.lognormvariate(2, 1)))
        if uom in _BROKEN_UNITS:
            quantity = number(Decimal(random.randrange(1, 900)) / 8)
        price, cost = item["price"], item["cost"]
        if random.random() < _OWN_PRICE:
            price = number((Decimal(str(price)) * random.randrange(80, 121) / 100).quantize(CENT))
        row: Record = {
            "product": self._references[int(str(item["id"]))],
            "quantity": quantity,
            "lessIncluded": min(3, int(str(quantity).split(".", maxsplit=1)[0])) if random.random() < _INCLUDED else 0,
            "unitPrice": price,
            "unitCost": cost,
            "billCustomer": billed,
            "effectiveDate": "",
            "taxableFlag": item["taxableFlag"],
            "invoiceDescription": item["customerDescription"],
            "purchaseItemFlag": False,
            "specialOrderFlag": False,
            "description": item["description"],
            "uom": uom,
            "prorateCurrentPeriodFlag": False,
        }
        if random.random() < _NO_PRICE:
            del row["unitPrice"], row["unitCost"]
        return row | self._lasting(start)

    def _lasting(self, start: date) -> Record:
        """When a line begins, and where it does, ends."""
        random, today = self._random, self._today
        chance = random.random()
        age = max(0, (today - start).days)
        begins = start + timedelta(days=random.randrange(age)) if age and random.random() < 0.6 else start  # noqa: PLR2004
        if chance < _FUTURE:
            return {"effectiveDate": self._stamp(max(start, today) + timedelta(days=random.randrange(1, 60)))}
        dates: Record = {"effectiveDate": self._stamp(begins)}
        if chance < _FUTURE + _ENDED and begins < today:
            last = begins + timedelta(days=random.randrange((today - begins).days))
            dates["cancelledDate"] = self._stamp(last)
        elif chance < _FUTURE + _ENDED + _ENDS:
            dates["cancelledDate"] = self._stamp(max(begins, today) + timedelta(days=random.randrange(0, 120)))
        return dates

    def _stamp(self, day: date) -> str:
        return self._days.setdefault(day, stamp(day))
