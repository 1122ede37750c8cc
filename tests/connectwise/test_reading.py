from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.connectwise import (
    ConnectWise,
    Rejected,
    Throttled,
    UnexpectedPayload,
    Unreachable,
)
from portal.connectwise.conditions import equals, is_in, like
from tests.connectwise.conftest import QUICK, Connect, Site


def test_every_resource_is_read_as_records(client: ConnectWise) -> None:
    assert len(list(client.companies.all())) == 47
    assert {row.id: row.name for row in client.company_statuses.all()}[1] == "Active"
    assert {row.id: row.name for row in client.company_types.all()}[1] == "Client"
    assert len(list(client.agreement_types.all())) == 3
    assert {row.product_class for row in client.catalog.all()} >= {"Agreement", "Bundle"}
    assert {row.billing_options for row in client.billing_cycles.all()} >= {"Monthly", "Quarterly"}
    assert client.system.info().version
    assert client.system.company_info("sandbox").codebase == "v4_6_release"


def test_an_agreement_keeps_its_dates_and_its_flag(client: ConnectWise) -> None:
    agreement = client.agreements.get(501)

    assert (agreement.start_date, agreement.next_invoice_date) == (date(2024, 3, 1), date(2026, 11, 1))
    assert (agreement.company_id, agreement.prorates, agreement.billing_cycle_id) == (1001, False, 1)
    assert (agreement.no_ending_date, agreement.cancelled, agreement.status) == (True, False, "Active")
    assert agreement.last_updated == datetime(2026, 6, 15, 22, 56, 21, tzinfo=UTC)
    assert agreement.currency == "USD"


def test_a_list_reads_what_a_single_record_reads(client: ConnectWise) -> None:
    listed = {row.id: row for row in client.agreements.all()}
    assert listed[501] == client.agreements.get(501)

    lines = {row.id: row for row in client.additions.of(501)}
    assert lines[8001] == client.additions.get(501, 8001)
    assert lines[8001].quantity == Decimal(5)
    assert lines[8001].raw is None
    assert {row.id: row for row in client.companies.all()}[1001] == client.companies.get(1001)


def test_pages_go_forward_and_miss_nothing(connect: Connect, site: Site) -> None:
    client = connect(page_size=10)

    ids = [row.id for row in client.companies.all()]

    assert len(ids) == 47
    assert ids == sorted(set(ids))
    assert len(site.asked("GET", "/company/companies")) == 5


def test_conditions_choose(client: ConnectWise) -> None:
    quoted = client.companies.all(equals("name", 'T14 "Juno", Wick'))
    assert [row.id for row in quoted] == [1032]
    assert {row.id for row in client.companies.all(is_in("id", [1001, 1002]))} == {1001, 1002}
    assert list(client.companies.ids(like("name", "T03%"))) == [1005, 1006, 1007, 1008]
    assert client.companies.count(like("name", "T03%")) == 4


def test_a_quick_read_asks_only_for_what_changed(client: ConnectWise) -> None:
    everything = list(client.agreements.all())
    moments = sorted(row.last_updated for row in everything if row.last_updated)

    changed = list(client.agreements.all(changed_since=moments[-3]))

    assert {row.id for row in changed} == {
        row.id for row in everything if row.last_updated and row.last_updated > moments[-3]
    }


def test_many_agreements_are_read_at_a_time_and_a_vanished_one_is_told(client: ConnectWise) -> None:
    asked = [*client.agreements.ids(), 999_999]

    found = {each.agreement_id: each for each in client.additions.of_many(asked)}

    assert found.keys() == set(asked)
    assert [each.agreement_id for each in found.values() if each.gone] == [999_999]
    assert {each.id for each in found[501].additions} == {each.id for each in client.additions.of(501)}


def test_a_reader_that_stops_early_stops_asking(client: ConnectWise, site: Site) -> None:
    found = client.additions.of_many(range(501, 541))
    next(found)
    found.close()

    assert len(site.asked("GET", "/additions")) < 20


def test_the_audit_trail_is_read_by_page_number(connect: Connect) -> None:
    entries = list(connect(page_size=2).audit_trail.of_agreement(501))

    assert len(entries) >= 3
    assert [row.entered_at for row in entries] == sorted(
        (row.entered_at for row in entries if row.entered_at), reverse=True
    )
    assert len(list(connect().audit_trail.of_agreement(501, most=1))) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status_before", "throttle", "truncate", "html"])
def test_a_read_is_tried_again(client: ConnectWise, site: Site, kind: str) -> None:
    site.faults({"kind": kind, "times": 2, "seconds": 0})

    assert client.companies.get(1001).name == "T01 Alder Dental"
    assert len(site.asked("GET")) == 3


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"kind": "drop_before"}, Unreachable, "cannot be reached"),
        ({"kind": "status_before", "status": 503}, Unreachable, r"out of order just now \(503\)"),
        ({"kind": "throttle", "seconds": 0}, Throttled, "fewer calls"),
        ({"kind": "html", "status": 200}, UnexpectedPayload, "web page"),
        ({"kind": "truncate"}, (UnexpectedPayload, Unreachable), "company/companies/1001|cannot be reached"),
    ],
)
def test_a_read_gives_up_and_says_what_to_do(
    client: ConnectWise, site: Site, fault: dict[str, object], error: Any, words: str
) -> None:
    site.faults(fault | {"times": 99})

    with pytest.raises(error, match=words) as caught:
        client.companies.get(1001)

    assert "portal-secret" not in str(caught.value)
    assert 3 <= len(site.asked("GET")) <= 9


def test_a_long_wait_goes_back_to_the_caller(client: ConnectWise, site: Site) -> None:
    site.faults({"kind": "throttle", "seconds": 90, "times": 99})

    with pytest.raises(Throttled) as caught:
        client.companies.get(1001)

    assert caught.value.retry_after == 90
    assert len(site.asked("GET")) == 1


def test_a_refusal_is_not_repeated_and_carries_connectwises_words(client: ConnectWise, site: Site) -> None:
    with pytest.raises(Rejected) as caught:
        client.companies.get(424242)

    assert caught.value.missing
    assert caught.value.reasons
    assert caught.value.request_id
    assert f"(ConnectWise request {caught.value.request_id})" in str(caught.value)
    assert len(site.asked("GET")) == 1


@pytest.mark.parametrize("wrong", [{"private_key": "wrong"}, {"public_key": "nobody"}, {"company": "other"}])
def test_refused_keys_say_so_without_showing_them(connect: Connect, wrong: dict[str, str]) -> None:
    client = connect(**wrong)

    with pytest.raises(Rejected, match=r"refused the key \(401\)") as caught:
        client.system.info()

    assert caught.value.unauthorized
    shown = f"{client!r} {client.transport!r} {client.transport._credentials!r} {caught.value}"
    assert "portal-secret" not in shown
    assert "wrong" not in shown


def test_an_answer_that_does_not_come_in_time_is_given_up(connect: Connect, site: Site) -> None:
    client = connect(patience=replace(QUICK, read=0.2, attempts=1))
    site.faults({"kind": "slow", "seconds": 1, "times": 1})

    with pytest.raises(Unreachable, match="did not answer in time"):
        client.system.info()


def test_nobody_listening_is_unreachable(connect: Connect) -> None:
    client = connect(address="http://127.0.0.1:9")

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        client.system.info()


def test_each_right_is_tried(client: ConnectWise, site: Site) -> None:
    assert all(right.granted for right in client.test_permissions())

    changed = [each for each in site.journal if each.get("effect")]
    assert not changed


def test_a_missing_right_names_the_entry_of_the_security_role(client: ConnectWise, site: Site) -> None:
    site.post("roles", {"portal": {"agreements": ["inquire"]}})

    missing = [right for right in client.test_permissions() if not right.granted]

    assert [(right.name, right.needed_to_read) for right in missing] == [("Change additions", False)]
    assert "Finance / Agreements: Add, Edit" in missing[0].sentence


def test_a_right_that_could_not_be_tried_is_not_taken_for_granted(client: ConnectWise, site: Site) -> None:
    site.faults({"kind": "drop_after", "method": "PATCH", "times": 9})

    with pytest.raises(Unreachable, match="Nothing was changed; try again"):
        list(client.test_permissions())
