"""What the next invoice gains or loses: the table of the product's contract, and the cases around it.

A row says: name | how the agreement bills, its cycle in months, its next invoice date, whether it prorates, and today
where that is not 28 October 2026 | lines as quantity @ price, with so many units included, from a day, to a day | the
wanted quantity, from a day where it is adjusted ("adjust" where no day is taken, "minimum 5 of 2" where a rule makes it
5 of the 2 that were counted) | the writes | the next invoice | each later one | what must be ticked. A line that begins
with a # is the arithmetic of the rows below it.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.domain.lines import total
from portal.domain.plans import Plan, Step, StepAction, plan_change
from portal.domain.psa import Billing, Line, PeriodType, live_agreements
from portal.domain.quantities import plain
from portal.domain.rules import Minimum, RulesInForce, propose
from tests.domain.build import SEAT, TODAY, agreement, line

TABLE = """
approve in arrears        | Current 1 2026-11-01          | 10 @ 10 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
approve in advance        | Future 1 2026-11-01           | 10 @ 10 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
from a day in arrears     | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 7.74 | 20.00 |
from a day in advance     | Future 1 2026-11-01 prorates  | 10 @ 10 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 27.74 | 20.00 | invoiced_ok
from a day of a quarter   | Current 3 2027-01-01 prorates | 10 @ 30 | 12 from 2026-11-16 | new like 1: 2 from 2026-11-16 | 30.00 | 60.00 |

both bills as current     | Both 1 2026-11-01 prorates    | 10 @ 10 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 7.74 | 20.00 |
approve where it prorates | Current 1 2026-11-01 prorates | 10 @ 10 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
today counts as a day     | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-10-28 | new like 1: 2 from 2026-10-28 | 2.58 | 20.00 |
today, in advance         | Future 1 2026-11-01 prorates  | 10 @ 10 | 12 from 2026-10-28 | new like 1: 2 from 2026-10-28 | 22.58 | 20.00 | invoiced_ok
down mid-month            | Current 1 2026-11-01 prorates | 10 @ 10 | 7 from 2026-10-20 | new like 1: 7 from 2026-10-20; end 1 on 2026-10-19 | -11.61 | -30.00 |
down mid-month, advance   | Future 1 2026-11-01 prorates  | 10 @ 10 | 7 from 2026-10-20 | new like 1: 7 from 2026-10-20; end 1 on 2026-10-19 | -41.61 | -30.00 | invoiced_ok
down to nothing           | Current 1 2026-11-01 prorates | 10 @ 10 | 0 from 2026-10-20 | end 1 on 2026-10-19 | -38.71 | -100.00 |
approve down              | Current 1 2026-11-01          | 10 @ 10 | 7 | set 1 10 > 7 | -30.00 | -30.00 |
approve down to nothing   | Future 1 2026-11-01           | 10 @ 10 | 0 | set 1 10 > 0 | -100.00 | -100.00 |
nothing to change         | Current 1 2026-11-01          | 10 @ 10 | 10 | | 0.00 | 0.00 |

last day of the period    | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-10-31 | new like 1: 2 from 2026-10-31 | 0.65 | 20.00 |
first day of the period   | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-10-01 | new like 1: 2 from 2026-10-01 | 20.00 | 20.00 |
last invoiced day         | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-09-30 | new like 1: 2 from 2026-09-30 | 20.67 | 20.00 | invoiced_ok
two invoices ago          | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-08-20 | new like 1: 2 from 2026-08-20 | 47.74 | 20.00 | invoiced_ok
after the next invoice    | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2026-11-01 | new like 1: 2 from 2026-11-01 | 0.00 | 20.00 |
with the next invoice     | Future 1 2026-11-01 prorates  | 10 @ 10 | 12 from 2026-11-01 | new like 1: 2 from 2026-11-01 | 20.00 | 20.00 |
within the next period    | Future 1 2026-11-01 prorates  | 10 @ 10 | 12 from 2026-11-15 | new like 1: 2 from 2026-11-15 | 10.67 | 20.00 |
an overdue invoice        | Current 1 2026-10-01          | 10 @ 10 | 12 | set 1 10 > 12 | 20.00 | 20.00 |

the line's own day        | Current 1 2026-11-01 prorates | 10 @ 10 from 2026-10-20 | 12 from 2026-10-20 | set 1 10 > 12 | 20.00 | 20.00 |
its own day, long ago     | Current 1 2026-11-01 prorates | 10 @ 10 | 12 from 2024-03-01 | set 1 10 > 12 | 20.00 | 20.00 | invoiced_ok
its own day, downwards    | Current 1 2026-11-01 prorates | 10 @ 10 from 2026-10-20 | 0 from 2026-10-20 | set 1 10 > 0 | -100.00 | -100.00 |

leap day                  | Current 1 2028-03-01 prorates today 2028-02-20 | 10 @ 10 | 12 from 2028-02-29 | new like 1: 2 from 2028-02-29 | 0.69 | 20.00 |
end of a short February   | Current 1 2027-03-01 prorates today 2027-02-20 | 10 @ 10 | 12 from 2027-02-28 | new like 1: 2 from 2027-02-28 | 0.71 | 20.00 |
a year with a leap day    | Current 12 2029-01-01 prorates today 2028-07-01 | 10 @ 120 | 12 from 2028-07-01 | new like 1: 2 from 2028-07-01 | 120.66 | 240.00 |
a cycle from the 15th     | Current 1 2026-11-15 prorates | 10 @ 10 | 12 from 2026-11-01 | new like 1: 2 from 2026-11-01 | 9.03 | 20.00 |
a cycle from the 31st     | Current 1 2027-03-31 prorates today 2027-03-10 | 10 @ 10 | 12 from 2027-03-01 | new like 1: 2 from 2027-03-01 | 19.35 | 20.00 |
the day of the invoice    | Current 1 2026-11-30 prorates | 10 @ 10 | 12 from 2026-11-30 | new like 1: 2 from 2026-11-30 | 0.00 | 20.00 |

a year in advance         | Future 12 2027-01-01          | 10 @ 120 | 12 | set 1 10 > 12 | 240.00 | 240.00 |
a year, invoiced          | Future 12 2027-01-01 prorates | 10 @ 120 | 12 from 2026-10-01 | new like 1: 2 from 2026-10-01 | 300.49 | 240.00 | invoiced_ok
two months                | Current 2 2026-11-01 prorates | 10 @ 20 | 12 from 2026-10-01 | new like 1: 2 from 2026-10-01 | 20.33 | 40.00 |
half a year in advance    | Future 6 2027-01-01           | 10 @ 60 | 9 | set 1 10 > 9 | -60.00 | -60.00 |
a quarter, invoiced       | Current 3 2027-01-01 prorates | 10 @ 30 | 12 from 2026-09-30 | new like 1: 2 from 2026-09-30 | 60.65 | 60.00 | invoiced_ok

newest of three grows     | Current 1 2026-11-01          | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01, 5 @ 13 from 2026-01-01 | 21 | set 3 5 > 6 | 13.00 | 13.00 |
three lines shrink        | Current 1 2026-11-01          | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01, 5 @ 13 from 2026-01-01 | 12 | set 3 5 > 0; set 2 10 > 7 | -102.50 | -102.50 |
three shrink from a day   | Current 1 2026-11-01 prorates | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01, 5 @ 13 from 2026-01-01 | 12 from 2026-10-20 | end 3 on 2026-10-19; new like 2: 7 from 2026-10-20; end 2 on 2026-10-19 | -39.68 | -102.50 |
three grow from a day     | Current 1 2026-11-01 prorates | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01, 5 @ 13 from 2026-01-01 | 21 from 2026-10-20 | new like 3: 1 from 2026-10-20 | 5.03 | 13.00 |
own day and older line    | Current 1 2026-11-01 prorates | 10 @ 10 from 2025-01-01, 5 @ 10 from 2026-10-20 | 3 from 2026-10-20 | set 2 5 > 0; new like 1: 3 from 2026-10-20; end 1 on 2026-10-19 | -77.10 | -120.00 |
passes one that ends      | Current 1 2026-11-01          | 6 @ 12 from 2024-01-01, 4 @ 13 from 2026-01-01 to 2026-12-31 | 12 | set 1 6 > 8 | 24.00 | 24.00 |

a line that ends soon     | Current 1 2026-11-01 prorates | 10 @ 10 from 2024-03-01 to 2026-10-30 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 to 2026-10-30 | 7.10 | 0.00 |
ends before it is billed  | Future 1 2026-11-01           | 10 @ 10 from 2024-03-01 to 2026-10-31 | 12 | set 1 10 > 12 | 0.00 | 0.00 |
down, with an end         | Current 1 2026-11-01 prorates | 10 @ 10 from 2024-03-01 to 2026-12-31 | 7 from 2026-10-20 | new like 1: 7 from 2026-10-20 to 2026-12-31; end 1 on 2026-10-19 | -11.61 | -30.00 |
not billed                | Current 1 2026-11-01          | 10 @ 10 NoCharge | 12 | set 1 10 > 12 | 0.00 | 0.00 |
price of the catalogue    | Current 1 2026-11-01          | 10 @ - | 12 | set 1 10 > 12 | 20.00 | 20.00 |
fractions of a unit       | Current 1 2026-11-01          | 1.5 @ 40 | 1.75 | set 1 1.5 > 1.75 | 10.00 | 10.00 |
six decimals of a price   | Current 1 2026-11-01          | 1 @ 3.333333 | 2.5 | set 1 1 > 2.5 | 5.00 | 5.00 |

# 2 of 10 are included: 8 are billed, then 10, 5 and 0 of them; from 20 October on these are 12 of 31 days.
included, up              | Current 1 2026-11-01          | 10 @ 10 with 2 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
included, down            | Current 1 2026-11-01          | 10 @ 10 with 2 | 7 | set 1 10 > 7 | -30.00 | -30.00 |
down to the included      | Current 1 2026-11-01          | 10 @ 10 with 4 | 4 | set 1 10 > 4 | -60.00 | -60.00 |
included, up from a day   | Current 1 2026-11-01 prorates | 10 @ 10 with 2 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 7.74 | 20.00 |
included, down from a day | Current 1 2026-11-01 prorates | 10 @ 10 with 2 | 7 from 2026-10-20 | new like 1: 7 with 2 from 2026-10-20; end 1 on 2026-10-19 | -11.61 | -30.00 |
# Nothing takes the place of the line, so 8 are billed no more: 80.00 x 12 / 31 = 30.97; in advance 80.00 more.
included, to nothing      | Current 1 2026-11-01 prorates | 10 @ 10 with 2 | 0 from 2026-10-20 | end 1 on 2026-10-19 | -30.97 | -80.00 |
and in advance            | Future 1 2026-11-01 prorates  | 10 @ 10 with 2 | 0 from 2026-10-20 | end 1 on 2026-10-19 | -110.97 | -80.00 | invoiced_ok
# The newer line ends: 5 - 2 = 3 at 13.00 are 39.00; of the older 2 at 12.00 are 24.00; 63.00 x 12 / 31 = 24.39.
included in two prices    | Current 1 2026-11-01 prorates | 5 @ 12 with 1 from 2024-01-01, 5 @ 13 with 2 from 2026-01-01 | 3 from 2026-10-20 | end 2 on 2026-10-19; new like 1: 3 with 1 from 2026-10-20; end 1 on 2026-10-19 | -24.39 | -63.00 |

# What begins later is not counted before it does: 10 are billed, 2 more are wanted. Approve asks, Adjust names it.
approve beside a later    | Current 1 2026-11-01          | 10 @ 10, 5 @ 10 from 2026-12-01 | 12 | set 1 10 > 12 | 20.00 | 20.00 | scheduled_ok
adjust beside a later     | Current 1 2026-11-01          | 10 @ 10, 5 @ 10 from 2026-12-01 | adjust 12 | set 1 10 > 12 | 20.00 | 20.00 |
from a day before a later | Current 1 2026-11-01 prorates | 10 @ 10, 5 @ 10 from 2026-12-01 | 12 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 7.74 | 20.00 |
# On 10 December 10 + 5 = 15 stand, so 16 is one more, like the newest; October does not see it.
from a day after a later  | Current 1 2026-11-01 prorates | 10 @ 10, 5 @ 11 from 2026-12-01 | 16 from 2026-12-10 | new like 2: 1 from 2026-12-10 | 0.00 | 11.00 |

# 99 ended in September and count no more: 10 are billed.
beside one that ended     | Current 1 2026-11-01          | 10 @ 10, 99 @ 9 from 2024-03-01 to 2026-09-30 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
it ended yesterday        | Current 1 2026-11-01          | 10 @ 10, 5 @ 9 from 2026-01-01 to 2026-10-27 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
# Its last day is today, which still counts: 15 are billed, and the newest gives 3 up; no later invoice has it.
its last day is today     | Current 1 2026-11-01          | 10 @ 10, 5 @ 9 from 2026-01-01 to 2026-10-28 | 12 | set 2 5 > 2 | -27.00 | 0.00 |
beside one taken back     | Current 1 2026-11-01          | 10 @ 10, 0 @ 10 from 2026-10-20 to 2026-10-20 | 12 | set 1 10 > 12 | 20.00 | 20.00 |
# 5 at 12.00 and 5 at 13.00 are billed, 3 are wanted: 5 x 13.00 + 2 x 12.00 = 89.00; from a day 89.00 x 12 / 31 = 34.45.
two prices, one ended     | Current 1 2026-11-01          | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01 to 2026-09-30, 5 @ 13 from 2026-01-01 | 3 | set 3 5 > 0; set 1 5 > 3 | -89.00 | -89.00 |
and one that begins later | Current 1 2026-11-01 prorates | 5 @ 12 from 2024-01-01, 10 @ 12.5 from 2025-01-01 to 2026-09-30, 5 @ 13 from 2026-01-01, 4 @ 14 from 2026-12-01 | 3 from 2026-10-20 | end 3 on 2026-10-19; new like 1: 3 from 2026-10-20; end 1 on 2026-10-19 | -34.45 | -89.00 |

# 2 are counted and the contract wants 5 at least: 5 - 3 = 2 more are billed, of which a day has 20.00 / 31.
raised to a minimum       | Current 1 2026-11-01          | 3 @ 10 | minimum 5 of 2 | set 1 3 > 5 | 20.00 | 20.00 |
to a minimum from a day   | Current 1 2026-11-01 prorates | 3 @ 10 | minimum 5 of 2 from 2026-10-20 | new like 1: 2 from 2026-10-20 | 7.74 | 20.00 |
down to a minimum         | Current 1 2026-11-01          | 8 @ 10 | minimum 5 of 2 | set 1 8 > 5 | -30.00 | -30.00 |
a minimum that stands     | Current 1 2026-11-01          | 5 @ 10 | minimum 5 of 2 | | 0.00 | 0.00 |
above the minimum         | Current 1 2026-11-01          | 5 @ 10 | minimum 5 of 7 | set 1 5 > 7 | 20.00 | 20.00 |
"""  # noqa: E501 - a table

CASES = [[cell.strip() for cell in row.split("|")] for row in TABLE.strip().splitlines() if row and row[0] != "#"]


def a_line(number: int, text: str) -> Line:
    match = re.fullmatch(r"(\S+) @ (\S+)(?: with (\S+))?(?: from (\S+))?(?: to (\S+))?( NoCharge)?", text)
    assert match is not None, text
    quantity, price, included, since, until, free = match.groups()
    return line(
        quantity,
        id=number,
        price=None if price == "-" else price,
        included=included or "0",
        since=date.fromisoformat(since) if since else date(2024, 3, 1),
        until=date.fromisoformat(until) if until else None,
        billing=Billing.NO_CHARGE if free else Billing.BILLABLE,
    )


def planned(terms: str, lines: str, wanted: str, **others: Any) -> Plan:
    bills, cycle, invoice, *rest = terms.split()
    today = date.fromisoformat(rest[-1]) if "today" in rest else TODAY
    one = agreement(
        start=date(2023, 1, 1),
        bills=PeriodType(bills) if bills != "-" else None,
        cycle=int(cycle),
        invoice=date.fromisoformat(invoice) if invoice != "-" else None,
        prorates="prorates" in rest,
        **others,
    )
    quantity, _, day = wanted.partition(" from ")
    known = [a_line(number, text.strip()) for number, text in enumerate(lines.split(","), start=1)]
    return plan_change(
        live_agreements([one], today)[one.id],
        known,
        SEAT,
        a_quantity(quantity, known, today),
        date.fromisoformat(day) if day else None,
        today,
        dated=bool(day) or quantity.startswith("adjust"),
    )


def a_quantity(text: str, lines: list[Line], today: date) -> Decimal:
    """What is wanted: typed, or what a minimum makes of what was counted."""
    match = re.fullmatch(r"minimum (\S+) of (\S+)", text)
    if match is None:
        return Decimal(text.removeprefix("adjust "))
    least, counted = (Decimal(number) for number in match.groups())
    stands = total(one for one in lines if one.active(today))
    return propose(counted, stands, RulesInForce(minimum=Minimum(quantity=least)), today).quantity


def words(step: Step) -> str:
    quantity = "" if step.quantity is None else plain(step.quantity)
    if step.action is StepAction.SET:
        assert isinstance(step.expected, Decimal)
        return f"set {step.addition_id} {plain(step.expected)} > {quantity}"
    if step.action is StepAction.END:
        return f"end {step.addition_id} on {step.cancelled}"
    until = "" if step.cancelled is None else f" to {step.cancelled}"
    included = f" with {plain(step.less_included)}" if step.less_included else ""
    return f"new like {step.like}: {quantity}{included} from {step.effective}{until}"


@pytest.mark.parametrize(
    ("terms", "lines", "wanted", "steps", "invoice", "later", "warned"),
    [row[1:] for row in CASES],
    ids=[row[0] for row in CASES],
)
def test_the_next_invoice(
    terms: str, lines: str, wanted: str, steps: str, invoice: str, later: str, warned: str
) -> None:
    plan = planned(terms, lines, wanted)

    assert plan.refused is None
    assert "; ".join(words(step) for step in plan.steps) == steps
    assert (plan.effect.next_invoice, plan.effect.each_later) == (Decimal(invoice), Decimal(later))
    assert " ".join(warning.code for warning in plan.warnings) == warned


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ("Current 1 -", "The agreement has no next invoice date in the PSA."),
        ("- 1 2026-11-01", "The PSA does not say whether the agreement bills in advance or in arrears."),
    ],
)
def test_without_an_invoice_date_there_is_no_figure_and_a_reason(terms: str, why: str) -> None:
    effect = planned(terms, "10 @ 10", "12").effect

    assert (effect.next_invoice, effect.why, effect.per_month) == (None, why, Decimal(20))


def test_an_agreement_that_ends_before_the_next_period_has_nothing_left_to_bill() -> None:
    assert planned("Future 1 2026-11-01", "10 @ 10", "12", end=date(2026, 10, 31)).effect.next_invoice == 0


@pytest.mark.parametrize("end", [date(2026, 10, 30), date(2026, 10, 31)])
@pytest.mark.parametrize("wanted", ["12 from 2026-10-20", "7 from 2026-10-20", "12 from 2024-03-01"])
def test_an_agreement_that_ends_with_the_next_invoice_has_no_later_one(wanted: str, end: date) -> None:
    plan = planned("Current 1 2026-11-01 prorates", "10 @ 10", wanted, end=end)

    assert plan.effect.next_invoice != 0
    assert plan.effect.each_later == 0


def test_the_figure_for_a_month_is_the_cycles_share() -> None:
    assert planned("Current 3 2027-01-01", "10 @ 30", "12").effect.per_month == 20


def test_a_quantity_that_is_set_says_that_it_holds_for_the_whole_open_period() -> None:
    approve = planned("Current 1 2026-11-01 prorates", "10 @ 10", "12")

    assert approve.sentences == (
        "Set line 1 from 10 to 12.",
        "This holds for the whole open period. To bill from a day on, Adjust.",
        "The change reaches the invoice of 1 Nov 2026 (for 1 Oct 2026 to 31 Oct 2026).",
        "Next invoice +20.00, each later one +20.00.",
    )


def test_a_day_that_was_invoiced_is_spelled_out() -> None:
    (warning,) = planned("Future 1 2026-11-01 prorates", "10 @ 10", "12 from 2026-10-20").warnings

    assert warning.sentence == (
        "20 Oct 2026 was already invoiced (all days before 1 Nov 2026 are). "
        "The rest of that period comes on top of the next invoice: +7.74."
    )
