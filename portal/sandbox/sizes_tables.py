"""The lists of a made PSA: statuses, types, cycles, members, and a catalogue of a few hundred products."""

from decimal import Decimal
from itertools import product
from random import Random

from portal.sandbox.jsontext import JsonValue, Record, plain

MEMBERS: list[Record] = [
    {"id": 100, "identifier": "dhale", "name": "Dana Hale"},
    {"id": 101, "identifier": "rvoss", "name": "Ruben Voss"},
    {"id": 102, "identifier": "apiuser", "name": "Countersign API"},
    {"id": 103, "identifier": "mkole", "name": "Mika Kole"},
    {"id": 104, "identifier": "tbriar", "name": "Tam Briar"},
]
AUTHORS = [str(member["identifier"]) for member in MEMBERS]

STATUSES: list[Record] = [
    {
        "id": key,
        "name": name,
        "defaultFlag": key == 21,  # noqa: PLR2004 - not the one that an installation begins with
        "inactiveFlag": inactive,
        "notifyFlag": key in {4, 5},
        "disallowSavingFlag": key == 4,  # noqa: PLR2004 - credit hold
        "customNoteFlag": False,
        "cancelOpenTracksFlag": False,
    }
    for key, name, inactive in (
        (1, "Active", False),
        (2, "Left us", False),
        (3, "Not-Approved", False),
        (4, "Credit Hold", False),
        (5, "Watchlist", False),
        (6, "Solid/VIP", False),
        (8, "Before the merger", True),
        (21, "Onboarding", False),
        (22, "Imported list", True),
    )
]
DELETED_STATUS: Record = {"id": 7, "name": "Dormant"}
"""A row that is gone from the list, while companies still carry it."""

STATUS_WEIGHTS = {1: 62, 2: 9, 3: 3, 4: 3, 5: 4, 6: 8, 8: 2, 21: 6, 22: 2, 7: 1}

TYPES: list[Record] = [
    {
        "id": key,
        "name": name,
        "defaultFlag": key == 2,  # noqa: PLR2004 - another row than an installation begins with
        "vendorFlag": name in {"Vendor", "Distributor"},
        "serviceAlertFlag": False,
    }
    for key, name in (
        (1, "Customer, managed"),
        (2, "Prospect"),
        (3, "Vendor"),
        (4, "Partner"),
        (5, "Competitor"),
        (6, "Lead"),
        (8, "Nonprofit client"),
        (9, "Distributor"),
    )
]
TYPE_WEIGHTS = {1: 68, 2: 8, 3: 5, 4: 5, 5: 1, 6: 4, 8: 7, 9: 2}

CYCLES: list[Record] = [
    {"id": 1, "identifier": "MON", "name": "Monthly", "defaultFlag": True, "billingOptions": "Monthly"},
    {"id": 2, "identifier": "QTR", "name": "Quarterly", "defaultFlag": False, "billingOptions": "Quarterly"},
    {"id": 3, "identifier": "SEMI", "name": "Twice a year", "defaultFlag": False, "billingOptions": "SemiAnnual"},
    {"id": 4, "identifier": "YEAR", "name": "Annual", "defaultFlag": False, "billingOptions": "Yearly"},
    {"id": 5, "identifier": "ONCE", "name": "Once", "defaultFlag": False, "billingOptions": "NotRecurring"},
]
CYCLE_WEIGHTS = {1: 76, 2: 8, 3: 2, 4: 9, 5: 1, None: 4}
"""How often each is chosen; None: an agreement without a cycle."""

AGREEMENT_TYPES: list[Record] = [
    {
        "id": key,
        "name": name,
        "defaultFlag": key == 2,  # noqa: PLR2004 - any one
        "inactiveFlag": key == 7,  # noqa: PLR2004 - any one
        "employeeCompRate": "Hourly",
        "employeeCompNotExceed": "Billing",
        "invoicingCycle": "CalendarYear",
        "billTime": "Billable",
        "billExpenses": "Billable",
        "billProducts": "Billable",
        "prorateFlag": prorates,
        "billOneTimeFlag": False,
    }
    for key, name, prorates in (
        (1, "Managed Services", True),
        (2, "Cloud", False),
        (3, "Block Time", False),
        (4, "Backup and Recovery", True),
        (5, "Security", True),
        (6, "Telephony", False),
        (7, "Legacy Support", False),
    )
]
AGREEMENT_TYPE_WEIGHTS = {1: 40, 2: 24, 3: 5, 4: 11, 5: 11, 6: 6, 7: 3}

CURRENCY: Record = {
    "id": 1,
    "symbol": "$",
    "currencyCode": "USD",
    "decimalSeparator": ".",
    "numberOfDecimals": 2,
    "thousandsSeparator": ",",
    "negativeParenthesesFlag": False,
    "displaySymbolFlag": True,
    "currencyIdentifier": "USD",
    "displayIdFlag": False,
    "rightAlign": False,
    "name": "US Dollar",
}

_FAMILIES = (
    ("OFFICE", "Office suite", "seat", "Agreement"),
    ("MAIL", "Hosted mailbox", "mailbox", "Agreement"),
    ("FILTER", "Mail filter", "mailbox", "Agreement"),
    ("GUARD", "Endpoint protection", "device", "Agreement"),
    ("WATCH", "Monitoring agent", "device", "Agreement"),
    ("PATCHING", "Patch management", "device", "Agreement"),
    ("BKP-WS", "Workstation backup", "device", "Agreement"),
    ("BKP-SRV", "Server backup", "server", "Agreement"),
    ("BKP-TB", "Backup storage", "TB", "Agreement"),
    ("SAAS-BKP", "Cloud application backup", "user", "Agreement"),
    ("FIREWALL", "Managed firewall", "site", "Agreement"),
    ("WIFI", "Managed access point", "device", "Agreement"),
    ("VOICE", "Telephone seat", "seat", "Agreement"),
    ("DID", "Telephone number", "number", "Agreement"),
    ("TRAIN", "Security awareness", "user", "Agreement"),
    ("VAULT", "Password vault", "user", "Agreement"),
    ("SIEM", "Log watch", "GB", "Agreement"),
    ("DNS", "Domain hosting", "domain", "NonInventory"),
    ("REMOTE", "Remote access", "seat", "Agreement"),
    ("DESK", "Help desk", "user", "Service"),
)
_TIERS = (("STD", "standard", 1), ("PLUS", "plus", 2), ("PRM", "premium", 3))
_TERMS = (
    ("M", "monthly", Decimal(1)),
    ("A", "annual", Decimal("0.83")),
    ("N", "nonprofit", Decimal("0.4")),
    ("T", "trial", Decimal(0)),
)
_BUNDLES = ("WORKPLACE", "SERVER-CARE", "SITE", "STARTER", "RETAIL")
CENT = Decimal("0.01")


def catalogue(random: Random) -> list[Record]:
    """Make the products: every family in every tier and term, some inactive, and a few bundles."""
    rows: list[Record] = []
    units = {unit: number for number, unit in enumerate(sorted({unit for _, _, unit, _ in _FAMILIES}), start=1)}
    for (word, title, unit, kind), (tier, tier_name, factor), (term, term_name, share) in product(
        _FAMILIES, _TIERS, _TERMS
    ):
        price = (Decimal(random.randrange(150, 1800)) / 100 * factor * share).quantize(CENT)
        cost = (price * random.randrange(45, 85) / 100).quantize(CENT)
        text = f"{title}, {tier_name}, {term_name}"
        inactive = random.random() < 0.06  # noqa: PLR2004 - about one in seventeen
        row = _item(700 + len(rows), f"{word}-{tier}-{term}", text, kind, price, cost, inactive=inactive)
        rows.append(row | {"unitOfMeasure": {"id": units[unit], "name": unit}})
    for word in _BUNDLES:
        price = Decimal(random.randrange(4000, 12000)) / 100
        text = f"{word.replace('-', ' ').capitalize()} bundle"
        row = _item(700 + len(rows), f"BUNDLE-{word}", text, "Bundle", price, price * 6 / 10)
        rows.append(row | {"unitOfMeasure": {"id": len(units) + 1, "name": "bundle"}})
    return rows


def _item(
    key: int, identifier: str, text: str, kind: str, price: Decimal, cost: Decimal, *, inactive: bool = False
) -> Record:
    return {
        "id": key,
        "identifier": identifier,
        "description": text,
        "inactiveFlag": inactive,
        "subcategory": {"id": 11, "name": "Subscriptions"},
        "type": {"id": 4, "name": "Managed services"},
        "productClass": kind,
        "serializedFlag": False,
        "phaseProductFlag": False,
        "price": number(price),
        "cost": number(cost.quantize(CENT)),
        "taxableFlag": True,
        "customerDescription": text,
        "recurringFlag": kind == "Agreement",
        "category": {"id": 3, "name": "Services"},
    }


def number(value: Decimal) -> JsonValue:
    """A number as it would be read from JSON: whole ones as ``int``, others exact and without trailing zeros."""
    short = plain(value)
    return int(short) if short == short.to_integral_value() else short
