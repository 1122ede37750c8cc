import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from portal.sandbox.callbacks import signature
from portal.sandbox.server import Running, running
from tests.sandbox.caller import Caller

PATH = "/system/callbacks"
AGREEMENT = "/finance/agreements/40"
LINE = f"{AGREEMENT}/additions/900"


@dataclass
class Got:
    """One post as it came."""

    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    said: dict[str, Any]


@dataclass
class Ear:
    """Someone who listens for callbacks; answers each with the next status, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    heard: list[Got] = field(default_factory=list)

    def wait(self, count: int) -> list[Got]:
        until(lambda: len(self.heard) >= count)
        return self.heard


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, at most ten seconds."""
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)  # a state is waited for, with a bound
    raise AssertionError("It did not come to that in ten seconds.")


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            query = parse_qs(urlsplit(self.path).query)
            ear.heard.append(Got(query, {k.lower(): v for k, v in self.headers.items()}, body, json.loads(body)))
            status = ear.statuses.pop(0) if len(ear.statuses) > 1 else ear.statuses[0]
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        ear.url = f"http://127.0.0.1:{server.server_port}/heard"
        yield ear
        server.shutdown()
        thread.join()


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as listener:
        yield listener


def posts(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{caller.sandbox.base_url}/_sandbox/callbacks", timeout=5).json()
    return found


def settled(caller: Caller, count: int) -> list[dict[str, Any]]:
    """The posts, when so many of them have come to an end."""
    until(lambda: sum(post["state"] != "waiting" for post in posts(caller)) >= count)
    return posts(caller)


def register(caller: Caller, ear: Ear, kind: str = "agreement", **more: Any) -> Any:
    return caller.created(PATH, url=ear.url, type=kind, description="ours", **more)


def test_a_change_is_posted_signed_with_the_key_that_is_served(portal: Caller, human: Caller, ear: Ear) -> None:
    made = register(portal, ear, objectId=1, level="owner")
    assert {name: made[name] for name in ("type", "level", "objectId", "memberId")} == {
        "type": "agreement",
        "level": "owner",
        "objectId": 1,
        "memberId": 32,
    }

    human.changed(AGREEMENT, name="Renamed")

    (post,) = ear.wait(1)
    assert post.query == {"recordId": ["40"], "action": ["updated"]}
    said = post.said
    assert (said["Action"], said["ID"], said["Type"]) == ("updated", 40, "agreement")
    assert (said["MemberId"], said["CompanyId"]) == ("ana", "sandbox")
    assert json.loads(said["Entity"]) == portal.send("GET", AGREEMENT).json()
    key_url = said["Metadata"]["key_url"]
    assert key_url.startswith(portal.sandbox.base_url)
    key = requests.get(key_url, timeout=5).json()["signing_key"]
    expected = hmac.new(hashlib.sha256(key.encode()).digest(), post.body, hashlib.sha256).digest()
    assert post.headers["x-content-signature"] == base64.b64encode(expected).decode() == signature(key, post.body)
    assert requests.get(f"{key_url}0", timeout=5).status_code == 404


def test_a_change_of_an_addition_is_an_update_of_its_agreement(portal: Caller, ear: Ear) -> None:
    register(portal, ear)

    portal.changed(LINE, quantity=8)
    portal.changed(LINE, quantity=9)
    portal.created(f"{AGREEMENT}/additions", product={"id": 71}, billCustomer="Billable")

    heard = ear.wait(3)
    assert [(post.said["Action"], post.said["ID"], post.said["MemberId"]) for post in heard] == [
        ("updated", 40, "robot7")
    ] * 3
    assert len({post.body for post in heard}) == 3  # no two are the same, though the agreement is


def test_what_is_made_and_deleted_is_posted_as_such_and_in_order(human: Caller, ear: Ear) -> None:
    register(human, ear)
    register(human, ear, "company")

    new = human.created(
        "/finance/agreements", name="Fresh", type={"id": 1}, company={"id": 5}, contact={"id": 1, "name": "Lee"}
    )
    human.changed("/company/companies/5", name="Umbra Ltd")
    human.send("DELETE", f"/finance/agreements/{new['id']}")

    heard = [(post.said["Type"], post.said["Action"], post.query["recordId"]) for post in ear.wait(3)]
    assert heard == [
        ("agreement", "added", [str(new["id"])]),
        ("company", "updated", ["5"]),
        ("agreement", "deleted", [str(new["id"])]),
    ]


def test_a_step_of_the_set_is_posted_too(portal: Caller, ear: Ear) -> None:
    register(portal, ear)
    register(portal, ear, "company")

    portal.steer("step", {"step": 2})

    heard = {(post.said["Type"], post.said["ID"], post.said["Action"]) for post in ear.wait(3)}
    assert heard == {("agreement", 40, "updated"), ("agreement", 44, "deleted"), ("company", 7, "updated")}
    assert len(settled(portal, 3)) == 3


def test_a_level_chooses_records(human: Caller, ear: Ear) -> None:
    register(human, ear, level="agreement", objectId=43)
    register(human, ear, "company", level="status", objectId=9)

    for path in (AGREEMENT, "/finance/agreements/43", "/company/companies/5", "/company/companies/6"):
        human.changed(path, name="Another name")

    assert [post["id"] for post in settled(human, 2)] == [43, 6]
    assert [post.said["ID"] for post in ear.wait(2)] == [43, 6]


def test_inactive_ones_hear_nothing_and_self_suppressed_ones_hear_the_others(
    portal: Caller, human: Caller, ear: Ear
) -> None:
    quiet = register(portal, ear, isSelfSuppressedFlag=True)
    resting = register(human, ear, inactiveFlag=True)

    portal.changed(LINE, quantity=8)
    human.changed(LINE, quantity=9)
    human.changed(f"{PATH}/{resting['id']}", inactiveFlag=False)
    human.changed(f"{PATH}/{quiet['id']}", inactiveFlag=True)
    portal.changed(LINE, quantity=10)

    assert [(post["callback"], post["id"]) for post in settled(human, 2)] == [(quiet["id"], 40), (resting["id"], 40)]
    assert [post.said["MemberId"] for post in ear.wait(2)] == ["ana", "robot7"]


def test_an_address_that_fails_is_tried_again_and_never_keeps_a_write_waiting(portal: Caller, ear: Ear) -> None:
    ear.statuses = [500, 302, 200]
    register(portal, ear)

    portal.changed(LINE, quantity=8)

    (post,) = settled(portal, 1)
    assert (post["attempts"], post["status"], post["state"]) == (3, 200, "delivered")
    assert len({got.body for got in ear.wait(3)}) == 1


def test_an_address_where_nobody_listens_is_given_up(portal: Caller) -> None:
    gone = Ear(url="http://127.0.0.1:9/nobody?token=a%20b#part")
    register(portal, gone)

    assert portal.changed(LINE, quantity=8)["quantity"] == 8

    (post,) = settled(portal, 1)
    assert (post["attempts"], post["status"], post["state"]) == (3, None, "given up")
    assert post["url"] == "http://127.0.0.1:9/nobody?token=a%20b&recordId=40&action=updated"
    assert post["error"]


def test_callbacks_stay_over_a_restart(made_up_set: Path, tmp_path: Path, ear: Ear) -> None:
    state = tmp_path / "state.jsonl"
    with running(made_up_set, state=state) as sandbox:
        made = register(Caller(sandbox), ear)
    with running(made_up_set, state=state) as sandbox:
        caller = Caller(sandbox)
        assert caller.send("GET", f"{PATH}/{made['id']}").json() == made
        caller.changed(LINE, quantity=8)
        assert ear.wait(1)[0].said["ID"] == 40
        caller.steer("reset")
        assert (caller.get(PATH), posts(caller)) == ([], [])


def test_callbacks_are_listed_counted_changed_and_deleted(portal: Caller, human: Caller, sandbox: Running) -> None:
    first, second = (register(portal, Ear(url=f"https://portal.example/{name}")) for name in "ab")
    assert portal.ids(PATH, 'url like "%/b"') == [second["id"]]
    assert portal.get(f"{PATH}/count") == {"count": 2}
    assert human.changed(f"{PATH}/{first['id']}", url="https://portal.example/c")["url"] == "https://portal.example/c"
    assert human.patch(f"{PATH}/{first['id']}", url="portal.example").status_code == 400
    assert portal.send("DELETE", f"{PATH}/{first['id']}").status_code == 403
    assert human.send("DELETE", f"{PATH}/{first['id']}").status_code == 204
    assert human.ids(PATH) == [second["id"]]
    portal.steer("roles", {"portal": {"callbacks": ["inquire"]}})
    assert portal.send("POST", PATH, body={"url": "https://portal.example/", "type": "agreement"}).status_code == 403
    assert requests.delete(f"{sandbox.base_url}/_sandbox/callbacks", timeout=5).status_code == 204


@pytest.mark.parametrize(
    ("wrong", "field_name"),
    [
        ({"url": None}, "url"),
        ({"type": None}, "type"),
        ({"url": "ftp://portal.example/"}, "url"),
        ({"url": "/heard"}, "url"),
        ({"url": "http://portal.example:port/"}, "url"),
        ({"url": "http://portal.example/a b"}, "url"),
        ({"type": "spaceship"}, "type"),
        ({"level": "galaxy"}, "level"),
        ({"objectId": "one"}, "objectId"),
        ({"description": "x" * 101}, "description"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_callback_that_makes_no_sense_is_refused(portal: Caller, wrong: dict[str, Any], field_name: str) -> None:
    body = {"url": "https://portal.example/", "type": "agreement", "level": "owner", "objectId": 1} | wrong

    response = portal.send("POST", PATH, body=body)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field_name]
    assert portal.get(PATH) == []
