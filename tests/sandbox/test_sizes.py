from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from portal.cli.sandbox import group
from portal.sandbox.clock import written
from portal.sandbox.dataset import DataSet
from portal.sandbox.derived import derive_addition, status_of
from portal.sandbox.resources import RESOURCES
from portal.sandbox.server import ServeError, running
from portal.sandbox.sizes import AT, SIZES, made
from portal.sandbox.store import Store
from tests.sandbox.caller import CLIENT, SECRETS, Caller
from tests.sandbox.definition import BASE, hold


@pytest.fixture(scope="module")
def medium() -> DataSet:
    return made("medium")


def rows(data: DataSet, name: str) -> list[Any]:
    return list(data.steps[0].records[name].values())


@contextmanager
def connected() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = ("sandbox+portal", SECRETS["portal"])
        session.headers["clientId"] = CLIENT
        yield session


@pytest.mark.parametrize("name", ["small", "medium", "large"])
def test_a_size_holds_exactly_what_it_promises(name: str) -> None:
    data, promised = made(name), SIZES[name]

    held = {kind: len(rows(data, kind)) for kind in ("companies", "agreements", "additions")}

    assert held == {
        "companies": promised.companies,
        "agreements": promised.agreements,
        "additions": promised.additions,
    }


def test_the_same_seed_makes_the_same_and_another_one_does_not() -> None:
    assert made("small", 4) == made("small", 4)
    assert made("small", 4) != made("small", 5)


def test_every_record_fits_the_definition() -> None:
    with running(made("small")) as sandbox:
        caller = Caller(sandbox)
        for resource in RESOURCES:
            if "<int" not in resource.path:
                assert caller.get(resource.path, pageSize=1000) is not None
        agreements = caller.ids("/finance/agreements")
        lines = [caller.get(f"/finance/agreements/{key}/additions", pageSize=1000) for key in agreements]
        for key in agreements[:10]:
            caller.get("/system/audittrail", type="Agreement", id=key)

    assert sum(map(len, lines)) == 600  # and each answer was held against the definition by the caller


def test_a_made_psa_has_what_a_real_one_has(medium: DataSet) -> None:
    companies, agreements, lines = (rows(medium, kind) for kind in ("companies", "agreements", "additions"))
    today = AT.date()
    statuses = {row["id"] for row in rows(medium, "company_statuses")}

    assert any(company["deletedFlag"] for company in companies)
    assert max(Counter(company["name"] for company in companies).values()) > 1
    assert len({company["identifier"].casefold() for company in companies}) == len(companies)
    assert any(company["status"]["id"] not in statuses for company in companies)
    assert [row["name"] for row in rows(medium, "company_statuses") if row["defaultFlag"]] == ["Onboarding"]
    assert any(row["inactiveFlag"] for row in rows(medium, "company_statuses"))
    assert {agreement["agreementStatus"] for agreement in agreements} == {"Active", "Cancelled", "Expired", "Inactive"}
    assert {agreement.get("billingCycle", {}).get("name") for agreement in agreements} >= {
        "Monthly", "Quarterly", "Annual", None,
    }  # fmt: skip
    assert {agreement["periodType"] for agreement in agreements} == {"Current", "Future"}
    assert {agreement["prorateFlag"] for agreement in agreements} == {True, False}
    assert any("parentAgreement" in agreement for agreement in agreements)
    assert {line["billCustomer"] for line in lines} == {"Billable", "DoNotBill", "NoCharge"}
    assert any(line["lessIncluded"] for line in lines)
    assert any(line.get("cancelledDate", "9999") < today.isoformat() for line in lines)
    assert any(line["effectiveDate"] > f"{today.isoformat()}T24" for line in lines)
    assert any("unitPrice" not in line for line in lines)
    items = {item["id"]: item for item in rows(medium, "catalog_items")}
    assert 200 <= len(items) <= 500
    assert any(item["productClass"] == "Bundle" for item in items.values())
    assert not any(items[line["product"]["id"]]["productClass"] == "Bundle" for line in lines)
    assert any(items[line["product"]["id"]]["inactiveFlag"] for line in lines)


def test_no_moment_lies_after_the_clock_and_the_year_is_filled(medium: DataSet) -> None:
    now = written(AT)
    changed = [
        row["_info"]["lastUpdated"] for kind in ("companies", "agreements", "additions") for row in rows(medium, kind)
    ]
    entered = [str(entry["enteredDate"]) for entries in medium.steps[0].trails.values() for entry in entries]

    assert max(changed) <= now
    assert max(entered) <= now
    assert len({moment[:7] for moment in changed}) >= 12
    for entries in medium.steps[0].trails.values():
        moments = [str(entry["enteredDate"]) for entry in entries]
        assert moments == sorted(moments, reverse=True)


def test_what_the_psa_computes_agrees_with_the_records(medium: DataSet) -> None:
    agreements = medium.steps[0].records["agreements"]
    catalogue = medium.steps[0].records["catalog_items"]
    for line in rows(medium, "additions"):
        parent = agreements[line["agreementId"]]
        assert derive_addition(line, catalogue) == line
        assert line["agreementStatus"] == parent["agreementStatus"] == status_of(parent, date(2026, 10, 28))
        assert line.get("cancelledDate", "9") >= line["effectiveDate"]
        assert line["effectiveDate"] >= str(parent["startDate"])


def test_a_long_list_comes_in_pages_over_one_connection() -> None:
    data = made("large")
    longest, count = Counter(line["agreementId"] for line in rows(data, "additions")).most_common(1)[0]
    with running(data) as sandbox, connected() as session:
        url = f"{sandbox.base_url}{BASE}/finance/agreements/{longest}/additions?pageSize=1000&fields=id"
        first = session.get(url, headers={"pagination-type": "forward-only"}, timeout=20)
        socket = first.raw.connection
        second = session.get(first.links["next"]["url"], headers={"pagination-type": "forward-only"}, timeout=20)
        assert len(first.json()) + len(second.json()) == count > 1000
        assert "next" not in second.links
        assert first.headers["Connection"] == second.headers["Connection"] == "keep-alive"
        assert socket is None or socket is second.raw.connection


def test_a_write_shows_the_same_as_a_store_that_is_built_anew() -> None:
    data, random = made("small"), Random(9)  # noqa: S311 - to make the same writes again
    with running(data) as sandbox:
        human = Caller(sandbox, "human")
        lines = [line for line in sandbox.store.all("additions") if line["agreementStatus"] == "Active"]
        human.patch(f"/procurement/catalog/{lines[0]['product']['id']}", identifier="RENAMED")  # type: ignore[index,call-overload]
        for line in random.sample(lines, 12):
            path = f"/finance/agreements/{line['agreementId']}/additions"
            human.patch(f"{path}/{line['id']}", quantity=random.randrange(90))
            human.send("POST", path, body={"product": line["product"], "billCustomer": "Billable"})
        gone = lines[5]
        human.send("DELETE", f"/finance/agreements/{gone['agreementId']}/additions/{gone['id']}")
        human.patch(f"/finance/agreements/{lines[0]['agreementId']}", cancelledFlag=True)
        human.patch(f"/company/companies/{rows(data, 'companies')[0]['id']}", name="Renamed")
        store = sandbox.store
        seen = store.tables(), [store.all("additions", key) for key in store.tables()["agreements"]]

        store._build()

        assert (store.tables(), [store.all("additions", key) for key in store.tables()["agreements"]]) == seen
        assert [*store.tables()["additions"]] == sorted(store.tables()["additions"])


def test_a_state_file_belongs_to_its_size_and_seed(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    data = made("small")
    key = rows(data, "companies")[0]["id"]
    with running(data, state=state) as sandbox:
        Caller(sandbox, "human").changed(f"/company/companies/{key}", city="Elsewhere")
    with running(made("small"), state=state) as sandbox:
        assert Caller(sandbox).get(f"/company/companies/{key}")["city"] == "Elsewhere"
        Caller(sandbox).steer("reset")
    with running(made("small"), state=state) as sandbox:
        assert Caller(sandbox).get(f"/company/companies/{key}")["city"] != "Elsewhere"
    with pytest.raises(ServeError, match="other data"), running(made("small", 2), state=state):
        pass


@pytest.mark.parametrize("words", [[], ["--size", "small", "--data", "."], ["--size", "enormous"]])
def test_the_command_asks_for_a_set_or_a_size(words: list[str]) -> None:
    done = CliRunner().invoke(group, ["serve", "--port", "0", *words])

    assert done.exit_code == 2
    assert "--size" in done.output


def test_many_requests_come_over_one_connection_whatever_they_hold() -> None:
    with running(made("small")) as sandbox, connected() as session:
        url = f"{sandbox.base_url}{BASE}"
        refused = session.post(f"{url}/company/companies", data=b'{"name": "x"}', timeout=20)
        unread = session.post(f"{url}/nowhere", data=b"x" * 100_000, timeout=20)
        pieces = session.patch(f"{url}/finance/agreements/0/additions/0", data=iter([b"[", b"]"]), timeout=20)
        nothing = session.head(f"{url}/company/companies", timeout=20)
        listed = session.get(f"{url}/company/companies", params={"pageSize": 3}, timeout=20)
        hold("GET", f"{BASE}/company/companies", 200, listed.json())
        too_long = session.post(f"{url}/company/companies", data=b"x" * 5_000_000, timeout=20)

    assert [refused.status_code, unread.status_code, pieces.status_code, nothing.status_code] == [403, 404, 404, 200]
    assert nothing.content == b""
    assert len(listed.json()) == 3
    assert too_long.status_code in {403, 413}
    assert too_long.headers["Connection"] == "close"


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
def test_a_fault_breaks_a_kept_connection_and_the_next_request_opens_another(kind: str) -> None:
    with running(made("small")) as sandbox, connected() as session:
        url = f"{sandbox.base_url}{BASE}/company/companies"
        assert session.get(url, timeout=20).status_code == 200
        requests.post(f"{sandbox.base_url}/_sandbox/faults", json=[{"kind": kind}], timeout=20)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            session.get(url, timeout=20)
        assert session.get(url, timeout=20).status_code == 200


def test_a_store_of_any_size_finds_the_lines_of_an_agreement(medium: DataSet) -> None:
    store = Store(medium)
    counted = Counter(line["agreementId"] for line in rows(medium, "additions"))

    assert {key: len(store.all("additions", key)) for key in counted} == dict(counted)
