"""A month small enough to be walked through at random: two companies, one of whose agreements prorates."""

from pathlib import Path

from tests.support.made_set import MadeSet

PLAIN, PRORATING = 1001, 1002
SEAT, DISK, MAIL = "SEAT", "DISK", "MAIL"
VENDOR = "Nordlicht"
COUNTED = {SEAT: 13, DISK: 12, MAIL: 6}  # one line grows, of three lines two shrink, and one product is not billed yet


def make_small_month(folder: Path) -> Path:
    """Write the set."""
    made = MadeSet()
    made.status(1, "Active", "customer")
    made.type(1, "Customer", "in")
    for product in COUNTED:
        made.item(product, 10.0, 4.0)
        made.service(VENDOR, product.lower(), "", (product, "1"))
    said = ["who,what,n"]
    for company in (PLAIN, PRORATING):
        agreement = 10 * company
        made.company(company, status=1, types=(1,))
        made.account(VENDOR, f"acct-{company}", company)
        made.agreement(agreement, company, prorateFlag=company == PRORATING)
        made.line(agreement * 10, agreement, SEAT, 10, lessIncluded=2)
        for place, (quantity, begins) in enumerate(((5, "2024-01-01"), (10, "2025-01-01"), (5, "2026-01-01"))):
            made.line(agreement * 10 + 1 + place, agreement, DISK, quantity, effectiveDate=f"{begins}T00:00:00Z")
        said += [f"acct-{company},{product.lower()},{count}" for product, count in COUNTED.items()]
    columns = {"account_id": "who", "service_id": "what", "count": "n"}
    made.file(2, "month.csv", VENDOR, "\n".join(said) + "\n", counted_at="2026-10-27T08:00:00-04:00", columns=columns)
    return made.write(folder)
