from pathlib import Path

import pytest
import requests

from portal.sandbox.dataset import SetError, load
from portal.sandbox.server import Running, ServeError, running
from tests.sandbox.caller import Caller

LINE = "/finance/agreements/40/additions/900"


def test_it_starts_on_the_first_step_and_its_clock(portal: Caller) -> None:
    assert portal.get(LINE)["quantity"] == 6
    assert portal.get("/company/companies/7")["name"] == "Bare before"
    assert portal.ids("/finance/agreements/44/additions") == [904]
    state = portal.steer("step", {"step": 1})
    assert state["now"].startswith("2031-03-10T14:00")
    assert state["today"] == "2031-03-10"


def test_the_second_step_moves_records_and_clock_and_leaves_out_what_was_deleted(portal: Caller) -> None:
    assert portal.steer("step", {"step": 2})["now"].startswith("2031-03-20T13:00")

    assert portal.get(LINE)["quantity"] == 7
    assert portal.get("/company/companies/7")["name"] == "bare"
    assert portal.send("GET", "/finance/agreements/44").status_code == 404


def test_what_callers_wrote_stays_over_a_step_field_by_field(portal: Caller, human: Caller) -> None:
    portal.changed(LINE, quantity=11)
    made = portal.created("/finance/agreements/40/additions", product={"id": 72}, billCustomer="Billable")
    human.changed("/company/companies/7", city="Ede")
    human.send("DELETE", "/company/companies/statuses/9")
    line = portal.get(LINE)

    portal.steer("step", {"step": 2})

    assert portal.get(LINE) == line
    assert portal.get(f"/finance/agreements/40/additions/{made['id']}") == made
    company = portal.get("/company/companies/7")
    assert (company["name"], company["city"]) == ("bare", "Ede")  # the step's name, the caller's city
    assert company["_info"]["lastUpdated"].startswith("2031-03-10")
    assert portal.ids("/company/companies/statuses") == [8]
    assert portal.changed(LINE, quantity=12)["_info"]["lastUpdated"] >= "2031-03-20T13:00:00Z"


def test_a_step_back_never_makes_a_write_look_older(portal: Caller) -> None:
    portal.steer("step", {"step": 2})
    late = portal.changed(LINE, quantity=1)["_info"]["lastUpdated"]
    portal.steer("step", {"step": 1})

    assert portal.changed(LINE, quantity=2)["_info"]["lastUpdated"] > late


def test_reset_forgets_writes_requests_faults_and_roles(portal: Caller, human: Caller) -> None:
    portal.steer("step", {"step": 2})
    human.created("/company/companies/statuses", name="X")
    portal.steer("roles", {"human": {"tables": []}})
    portal.steer("faults", [{"kind": "status_before", "times": 100}])

    state = portal.steer("reset")

    assert state["step"] == 1
    assert portal.journal() == []
    assert human.ids("/company/companies/statuses") == [8, 9]
    assert human.created("/company/companies/statuses", name="X")["id"] == 10


@pytest.mark.parametrize("body", [{"step": 3}, {"step": 0}, {"step": "2"}, {"step": True}, {}, [], None])
def test_a_step_that_the_set_does_not_have_is_refused(portal: Caller, body: object) -> None:
    url = f"{portal.sandbox.base_url}/_sandbox/step"

    response = requests.post(url, json=body, timeout=5)

    assert response.status_code == 400
    assert response.json()["code"] in {"InvalidArgument", "InvalidJson"}


def test_a_file_that_a_set_does_not_have_is_an_empty_list(tmp_path: Path) -> None:
    (tmp_path / "psa").mkdir()
    (tmp_path / "psa" / "companies.json").write_text('[{"id": 1, "identifier": "A", "name": "A"}]')

    with running(tmp_path) as sandbox:
        caller = Caller(sandbox)
        assert caller.ids("/company/companies") == [1]
        for path in ("/finance/agreements", "/procurement/catalog", "/company/companies/types", "/system/members"):
            assert caller.get(path) == []
        human = Caller(sandbox, "human")
        made = human.changed("/company/companies/1", name="B")  # without members, made-up ones write
        assert made["_info"]["updatedBy"] == "human"
        assert human.get("/system/audittrail", type="Company", id=1)[0]["enteredBy"] == "human"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("psa/companies.json", "{", "companies.json cannot be read"),
        ("psa/companies.json", "{}", "a list of records"),
        ("psa/companies.json", '[{"name": "A"}]', "no id"),
        ("psa/companies.json", '[{"id": 1}, {"id": 1}]', "two records"),
        ("psa/audittrail.json", '[{"id": 1}]', "agreementId"),
        ("scenario.json", "[]", "an object"),
        ("scenario.json", "{}", "no steps"),
        ("scenario.json", '{"steps": [{"at": "soon"}]}', "moment"),
        ("scenario.json", '{"steps": [{"at": "2031-01-01T00:00:00Z"}], "time_zone": "Nowhere/Land"}', "time zone"),
    ],
)
def test_a_set_that_cannot_be_read_is_named_in_a_sentence(tmp_path: Path, file: str, text: str, said: str) -> None:
    (tmp_path / "psa").mkdir()
    (tmp_path / file).write_text(text)

    with pytest.raises(SetError, match=said):
        load(tmp_path)


def test_a_folder_that_is_no_set_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ServeError, match=str(folder)), running(folder):
            pass


def test_a_taken_port_is_a_sentence(sandbox: Running, made_up_set: Path) -> None:
    port = int(sandbox.base_url.rsplit(":", 1)[1])

    with pytest.raises(ServeError, match=f"port {port}.*in use"), running(made_up_set, port):
        pass
