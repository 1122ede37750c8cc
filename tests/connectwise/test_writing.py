from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from portal.connectwise import Addition, ConnectWise, NewLine, OutcomeUnknown, Rejected, Throttled, Unreachable
from tests.connectwise.conftest import QUICK, Connect, Site

DAY = date(2026, 10, 15)


def line_on_an_agreement_that_prorates(client: ConnectWise) -> Addition:
    agreement = next(row for row in client.agreements.all() if row.prorates and row.status == "Active")
    return next(iter(client.additions.of(agreement.id)))


def test_a_quantity_is_set_exactly_and_signed_by_the_api_member(client: ConnectWise) -> None:
    changed = client.additions.set_quantity(501, 8001, Decimal("6.1250"))

    assert changed.quantity == Decimal("6.125")
    assert client.additions.get(501, 8001) == changed
    newest = next(iter(client.audit_trail.of_agreement(501)))
    assert changed.updated_by == newest.entered_by == "apiuser"


@pytest.mark.parametrize("quantity", ["0.00001", "-1", "NaN", "Infinity"])
def test_a_quantity_that_cannot_be_billed_is_never_sent(client: ConnectWise, site: Site, quantity: str) -> None:
    with pytest.raises(ValueError, match=quantity):
        client.additions.set_quantity(501, 8001, Decimal(quantity))

    assert not site.journal


def test_an_increase_copies_the_line_without_the_included_units(client: ConnectWise) -> None:
    seen = line_on_an_agreement_that_prorates(client)
    like = client.additions.get(seen.agreement_id, seen.id)

    made = client.additions.create(
        like.agreement_id, like, quantity=Decimal(2), effective=DAY, cancelled=date(2026, 12, 31)
    )

    assert (made.quantity, made.less_included) == (Decimal(2), Decimal(0))
    assert (made.effective_date, made.cancelled_date) == (DAY, date(2026, 12, 31))
    again = client.additions.get(like.agreement_id, made.id)
    copied = ("product", "description", "invoiceDescription", "unitPrice", "unitCost", "billCustomer", "uom")
    assert again.raw is not None
    assert like.raw is not None
    assert {name: again.raw.get(name) for name in copied} == {name: like.raw.get(name) for name in copied}
    assert made.id != like.id


def test_a_replacement_takes_the_included_units_over(client: ConnectWise) -> None:
    seen = line_on_an_agreement_that_prorates(client)
    like = replace(client.additions.get(seen.agreement_id, seen.id), less_included=Decimal(2))

    made = client.additions.create(like.agreement_id, like, quantity=Decimal(7), effective=DAY, replaces=True)

    assert (made.quantity, made.less_included, made.cancelled_date) == (Decimal(7), Decimal(2), None)


def test_a_line_from_a_list_is_too_short_to_be_copied(client: ConnectWise, site: Site) -> None:
    like = next(iter(client.additions.of(501)))

    with pytest.raises(ValueError, match="read whole"):
        client.additions.create(501, like, quantity=Decimal(1), effective=DAY)
    with pytest.raises(ValueError, match="before it begins"):
        client.additions.create(501, like, quantity=Decimal(1), effective=DAY, cancelled=date(2026, 10, 1))

    assert not site.asked("POST")


def test_a_new_line_takes_its_price_from_what_was_proposed(client: ConnectWise) -> None:
    item = next(row for row in client.catalog.all() if row.identifier == "SEAT")
    line = NewLine(product_id=item.id, unit_price=Decimal("12.50"), unit_cost=Decimal(8), description="Suite seat")

    made = client.additions.create(501, line, quantity=Decimal(3), effective=DAY)

    assert (made.product, made.quantity, made.unit_price) == ("SEAT", Decimal(3), Decimal("12.5"))
    assert made.description == "Suite seat"


def test_a_bundle_is_refused_in_connectwises_words(client: ConnectWise) -> None:
    bundle = next(row for row in client.catalog.all() if row.product_class == "Bundle")

    with pytest.raises(Rejected) as caught:
        client.additions.create(501, NewLine(product_id=bundle.id), quantity=Decimal(1), effective=DAY)

    assert caught.value.status == 400
    assert len(caught.value.reasons) > 1
    assert all(reason in str(caught.value) for reason in caught.value.reasons)


def test_a_line_ends_and_is_opened_again(client: ConnectWise) -> None:
    line = line_on_an_agreement_that_prorates(client)

    assert client.additions.end(line.agreement_id, line.id, DAY).cancelled_date == DAY
    assert client.additions.reopen(line.agreement_id, line.id, None).cancelled_date is None
    assert client.additions.reopen(line.agreement_id, line.id, date(2026, 12, 31)).cancelled_date == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("drop_before", OutcomeUnknown, False),
        ("drop_after", OutcomeUnknown, True),
        ("status_before", OutcomeUnknown, False),
        ("status_after", OutcomeUnknown, True),
        ("truncate", OutcomeUnknown, True),
        ("html", OutcomeUnknown, False),
        ("throttle", Throttled, False),
    ],
)
def test_a_write_is_sent_once_and_a_lost_answer_is_for_looking_up(
    client: ConnectWise, site: Site, kind: str, error: type[Exception], *, effect: bool
) -> None:
    site.faults({"kind": kind, "method": "PATCH", "times": 99})

    with pytest.raises(error):
        client.additions.set_quantity(501, 8001, Decimal(77))

    assert len(site.asked("PATCH")) == 1
    assert (client.additions.get(501, 8001).quantity == Decimal(77)) is effect


def test_an_answer_that_comes_too_late_leaves_open_what_happened(connect: Connect, site: Site) -> None:
    client = connect(patience=replace(QUICK, read=0.2))
    site.faults({"kind": "slow", "method": "POST", "seconds": 1})

    with pytest.raises(OutcomeUnknown, match="looked up before"):
        client.additions.create(501, NewLine(product_id=701), quantity=Decimal(1), effective=DAY)


def test_a_write_that_never_left_may_simply_be_sent_again(connect: Connect) -> None:
    with pytest.raises(Unreachable):
        connect(address="http://127.0.0.1:9").additions.set_quantity(501, 8001, Decimal(1))


def test_a_write_that_the_role_forbids_is_refused(client: ConnectWise, site: Site) -> None:
    site.post("roles", {"portal": {"agreements": ["inquire"]}})

    with pytest.raises(Rejected) as caught:
        client.additions.set_quantity(501, 8001, Decimal(1))

    assert caught.value.forbidden
