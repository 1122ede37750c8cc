"""PSAs of promised sizes, made up in code: the same one again for the same size and seed.

They are as a PSA that has lived: renamed and inactive rows in the lists, companies of equal names and in the recycle
bin, agreements of every status and cycle, lines that ended, begin later, are included or not billed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from portal.sandbox.clock import written
from portal.sandbox.dataset import DataSet, Step
from portal.sandbox.jsontext import Record
from portal.sandbox.sizes_additions import additions
from portal.sandbox.sizes_agreements import agreements, trails
from portal.sandbox.sizes_companies import companies
from portal.sandbox.sizes_tables import AGREEMENT_TYPES, AUTHORS, CYCLES, MEMBERS, STATUSES, TYPES, catalogue

ZONE = ZoneInfo("America/New_York")
AT = datetime(2026, 10, 28, 9, 0, tzinfo=ZONE)
"""Where the clock of a made PSA starts."""

_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a made PSA holds."""

    companies: int
    agreements: int
    additions: int


SIZES = {
    "small": Size(companies=50, agreements=80, additions=600),
    "medium": Size(companies=200, agreements=400, additions=4_000),
    "large": Size(companies=1_000, agreements=2_500, additions=25_000),
    "stress": Size(companies=3_000, agreements=8_000, additions=100_000),
}


def made(size: str, seed: int = 1) -> DataSet:
    """Make a PSA of one step.

    Args:
        size: One of ``SIZES``.
        seed: What decides everything that is left to chance.

    Raises:
        KeyError: There is no such size.
    """
    counts = SIZES[size]
    random = Random(f"{size}:{seed}")  # noqa: S311 - to make the same data again, not to keep a secret
    today = AT.date()
    info = _infos(random)
    items = [row | {"_info": info()} for row in catalogue(random)]
    owners = companies(counts.companies, random, info)
    agreed = agreements(counts.agreements, owners, today, random, info)
    lines = additions(counts.additions, agreed, items, today, random, info)
    tables = {
        "company_statuses": [row | {"_info": info()} for row in STATUSES],
        "company_types": [row | {"_info": info()} for row in TYPES],
        "agreement_types": [row | {"_info": info()} for row in AGREEMENT_TYPES],
        "billing_cycles": CYCLES,
        "members": MEMBERS,
        "catalog_items": items,
        "companies": owners,
        "agreements": agreed,
        "additions": lines,
    }
    records = {name: {int(str(row["id"])): row for row in rows} for name, rows in tables.items()}
    entries = trails(agreed, [str(item["identifier"]) for item in items], written(AT), random)
    return DataSet(
        title=f"made data of size {size}, seed {seed}",
        mark=f"{size}:{seed}",
        zone=ZONE,
        steps=(Step(at=AT, records=records, trails=entries),),
    )


def _infos(random: Random) -> Callable[[], Record]:
    """Give what makes ``_info``, with moments spread over the year up to the clock, none after it."""

    def info() -> Record:
        moment = AT - timedelta(seconds=random.randrange(60, _YEAR))
        return {"lastUpdated": written(moment), "updatedBy": random.choice(AUTHORS)}

    return info
