"""Words of the check page's choices."""

from collections.abc import Mapping

from portal.vendors.dates import ORDERS, ORDERS_IN_WORDS
from portal.vendors.profiles import DELIMITERS, ENCODINGS

ROLE_TITLES: Mapping[str, str] = {
    "": "Leave out",
    "account_id": "Account id",
    "account_name": "Vendor account",
    "account_status": "Account status",
    "service_id": "Service id",
    "service_name": "Service",
    "term": "Term",
    "count": "Quantity",
}
ENCODING_TITLES: Mapping[str, str] = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little end first",
    "utf-16-be": "UTF-16, big end first",
    "cp1252": "Windows-1252",
    "iso-8859-1": "ISO 8859-1",
    "iso-8859-15": "ISO 8859-15",
}
DELIMITER_TITLES: Mapping[str, str] = {"comma": "Comma ,", "semicolon": "Semicolon ;", "tab": "Tab", "bar": "Bar |"}
MARKS: Mapping[str, tuple[str, str, str]] = {  # word in the form: (decimal, thousands, as people see it)
    "point": (".", "", "1234.5"),
    "point-comma": (".", ",", "1,234.5"),
    "comma": (",", "", "1234,5"),
    "comma-point": (",", ".", "1.234,5"),
    "comma-blank": (",", " ", "1 234,5"),
    "point-blank": (".", " ", "1 234.5"),
    "point-apostrophe": (".", "'", "1'234.5"),
}
DATES: Mapping[str, str] = {order: ORDERS_IN_WORDS[order] for order in ORDERS if order} | {
    "": "as each says; asked where unsure"
}
COUNTING: Mapping[str, str] = {
    "sum": "A column, added up",
    "rows": "Each row is one",
    "distinct": "Different values of a column",
    "latest": "The latest snapshot of several",
    "max": "The largest row",
    "days": "The sum of a day, over several days",
    "net": "Charge lines, by a word: charge, refund",
    "signed_sum": "Charge lines, by the sign of their money",
    "last_charge": "The last charge of each subscription",
    "wide": "A service in each column",
}
TESTS: Mapping[str, tuple[str, bool, str]] = {  # word in the form: (test, turned round, as people read it)
    "is": ("is", False, "is one of"),
    "is-not": ("is", True, "is none of"),
    "contains": ("contains", False, "contains"),
    "contains-not": ("contains", True, "does not contain"),
    "starts": ("starts", False, "starts with"),
    "starts-not": ("starts", True, "does not start with"),
    "ends": ("ends", False, "ends with"),
    "ends-not": ("ends", True, "does not end with"),
    "blank": ("blank", False, "is empty"),
    "blank-not": ("blank", True, "is not empty"),
    "above": ("above", False, "is above"),
    "above-not": ("above", True, "is not above"),
    "below": ("below", False, "is below"),
    "below-not": ("below", True, "is not below"),
    "not_before": ("not_before", False, "is on or after the day"),
    "not_before-not": ("not_before", True, "is before the day"),
    "not_after": ("not_after", False, "is on or before the day"),
    "not_after-not": ("not_after", True, "is after the day"),
}
OTHERWISE: Mapping[str, str] = {"zero": "the others count zero", "out": "the others are left out"}
PER: Mapping[str, str] = {"count": "each count", "account": "each account", "file": "the whole file"}
TAKE: Mapping[str, str] = {"max": "the largest day", "mean": "the mean of the days", "last": "the last day"}
OVER: Mapping[str, str] = {"named": "the days in the file", "month": "all days of the month"}
DIRECTIONS: Mapping[str, str] = {"nearest": "to the nearest", "up": "up", "down": "down"}
EMPTY: Mapping[str, str] = {"problem": "a problem", "zero": "zero", "out": "left out"}
DUPLICATES: Mapping[str, str] = {"": "each counts", "report": "each counts, and is pointed out", "drop": "counts once"}

CHECK_WORDS = {
    "roles": list(ROLE_TITLES.items()),
    "encodings": [(encoding, ENCODING_TITLES[encoding]) for encoding in ENCODINGS],
    "delimiters": list(DELIMITER_TITLES.items()),
    "marks_titles": [(word, marks[2]) for word, marks in MARKS.items()],
    "orders": list(DATES.items()),
    "counting": list(COUNTING.items()),
    "tests": [(word, test[2]) for word, test in TESTS.items()],
    "otherwise": list(OTHERWISE.items()),
    "per": list(PER.items()),
    "take": list(TAKE.items()),
    "over": list(OVER.items()),
    "directions": list(DIRECTIONS.items()),
    "empty_words": list(EMPTY.items()),
    "duplicate_words": list(DUPLICATES.items()),
}
DELIMITER_WORDS = DELIMITERS
