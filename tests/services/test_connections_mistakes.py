"""The common mistakes of setting up, against real servers: each gets a sentence of its own, at its field."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from portal.connectwise import Patience
from portal.sandbox.server import running
from portal.services.connection_trial import KEYS, SITE, Line, Trial, Values, try_connectwise
from portal.services.errors import Invalid
from tests.services.conftest import KEYS as PAIR
from tests.services.conftest import TRAPS
from tests.support.tls import DAY, Said, answering, signed

IMPATIENT = Patience(connect=1, read=1, whole=2, attempts=1, back_off=0.01, longest_wait=1)
INFO = {"Codebase": "v4_6_release/", "SiteUrl": "x", "IsCloud": False, "VersionCode": "v2025.1"}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with running(TRAPS) as sandbox:
        yield sandbox.base_url


def attempt(url: str, *, lines: list[Line] | None = None, **other: Any) -> Trial:
    given: dict[str, Any] = PAIR | {"allow_private": True, "ca_certificates": ""} | other
    key = str(given.pop("private_key"))

    def watch(now: list[Line]) -> None:
        if lines is not None:
            lines[:] = now

    return try_connectwise(Values(url=url, **given), key, watch=watch, patience=IMPATIENT)


def refused(url: str, **other: Any) -> Invalid:
    with pytest.raises(Invalid) as found:
        attempt(url, **other)
    sentence = str(found.value)
    assert all(each == sentence for each in found.value.fields.values())
    for secret in ("portal-secret", "Basic "):
        assert secret not in sentence
    return found.value


def like_connectwise(path: str, info: Said) -> Said:
    """Answers as a ConnectWise that only tells where a company lives; what the keys give is the test's own."""
    return Said(body=json.dumps(INFO)) if path.startswith("/login/") else info


def error(status: int, message: str) -> Said:
    return Said(status, json.dumps({"code": "Unauthorized", "message": message, "errors": None}))


# 1: the wrong site


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://psa.no-such-machine.invalid", "There is no machine named psa.no-such-machine.invalid."),
        ("https://127.0.0.1:9", "Nothing answers at 127.0.0.1, port 9."),
    ],
)
def test_1_a_site_that_is_not_there(url: str, words: str) -> None:
    found = refused(url)

    assert words in str(found)
    assert set(found.fields) == {"url"}


@pytest.mark.parametrize("status", [200, 404])
def test_1_a_site_that_is_no_connectwise(tmp_path: Path, status: int) -> None:
    asked = []

    def page(_method: str, path: str, headers: Mapping[str, str]) -> Said:
        asked.append((path, headers.get("Authorization")))
        return Said(status, "<html><h1>Welcome</h1></html>", "text/html")

    authority = signed("Own authority")
    with answering(page, tmp_path, signed("psa", authority)) as port:
        found = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "is no ConnectWise API" in str(found)
    assert set(found.fields) == {"url"}
    assert asked[0] == ("/login/companyinfo/sandbox", None)
    assert status == 404 or len(asked) == 1  # a page in place of an answer is shown no key


def test_1_a_site_that_never_answers() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        found = refused(f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert "did not answer in time." in str(found)
    assert set(found.fields) == {"url"}


def test_1_a_site_that_sends_calls_elsewhere_is_not_followed(tmp_path: Path) -> None:
    asked = []

    def elsewhere(_method: str, path: str, _headers: Mapping[str, str]) -> Said:
        asked.append(path)
        return Said(302, "", headers={"Location": "/elsewhere"})

    authority = signed("Own authority")
    with answering(elsewhere, tmp_path, signed("psa", authority)) as port:
        found = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "sends calls elsewhere" in str(found)
    assert asked == ["/login/companyinfo/sandbox"]


# 2: the wrong company


def test_2_a_company_that_the_site_does_not_know(site: str) -> None:
    lines: list[Line] = []
    found = refused(site, company="sandbx", lines=lines)

    assert "knows no company “sandbx”" in str(found)
    assert set(found.fields) == {"company"}
    assert [(line.name, line.state) for line in lines[:3]] == [
        (SITE, "warn"),
        (KEYS, "no"),
        ("Read companies", "waiting"),
    ]


# 3: swapped keys


def test_3_keys_that_are_exchanged(site: str) -> None:
    found = refused(site, public_key="portal-secret", private_key="portal")

    assert "ConnectWise accepts them the other way round" in str(found)
    assert set(found.fields) == {"public_key"}


def test_3_one_key_in_both_fields_is_said_before_it_is_sent() -> None:
    found = refused("https://127.0.0.1:9", public_key="same", private_key="same")

    assert "The same key stands in both fields." in str(found)
    assert set(found.fields) == {"public_key"}


def test_3_keys_that_are_just_wrong(site: str) -> None:
    found = refused(site, private_key="nonsense")

    assert "refused the keys (401)" in str(found)
    assert set(found.fields) == {"private_key"}


# 4: the client id


@pytest.mark.parametrize("client_id", ["portal", "5d1c7f0e-2f0b-4b57-9d4a", "5d1c7f0e2f0b4b579d4a0f6f4d1f6c11"])
def test_4_a_client_id_that_is_none_is_said_before_it_is_sent(client_id: str) -> None:
    found = refused("https://127.0.0.1:9", client_id=client_id)

    assert "This is no client ID" in str(found)
    assert set(found.fields) == {"client_id"}


def test_4_a_client_id_that_is_missing() -> None:
    found = refused("https://127.0.0.1:9", client_id=" ")

    assert "Fill in the client ID" in str(found)
    assert set(found.fields) == {"client_id"}


@pytest.mark.parametrize("status", [401, 403])
def test_4_a_client_id_that_connectwise_does_not_accept(tmp_path: Path, status: int) -> None:
    answer = error(status, "Your clientId is missing or invalid.")
    with answering(lambda _method, path, _headers: like_connectwise(path, answer), tmp_path) as port:
        found = refused(f"http://127.0.0.1:{port}")

    assert "does not accept the client ID" in str(found)
    assert set(found.fields) == {"client_id"}


# 5: a role without additions


def test_5_a_role_without_additions_is_told_in_the_words_of_the_screen(tmp_path: Path) -> None:
    forbidden = Said(403, json.dumps({"code": "Forbidden", "message": "You do not have permission.", "errors": None}))

    def role(_method: str, path: str, _headers: Mapping[str, str]) -> Said:
        if "additions" in path:
            return forbidden
        if "/system/info" in path:
            return Said(body=json.dumps({"version": "v2025.1", "isCloud": False, "serverTimeZone": "UTC"}))
        return like_connectwise(path, Said(body=json.dumps([{"id": 7}])))

    lines: list[Line] = []
    with answering(role, tmp_path) as port:
        trial = attempt(f"http://127.0.0.1:{port}", lines=lines)

    assert [right.name for right in trial.missing] == ["Read additions", "Change additions"]
    assert not trial.can_sync
    said = {line.name: line.sentence for line in lines if line.state == "no"}
    assert "“Finance / Agreements: Inquire all”" in said["Read additions"]
    assert "“Finance / Agreements: Add, Edit, Inquire all”" in said["Change additions"]


def test_5_a_role_that_may_only_read_can_sync(site: str) -> None:
    body = {"portal": {"agreements": ["inquire"], "audit": []}}
    requests.post(f"{site}/_sandbox/roles", json=body, timeout=5).raise_for_status()

    trial = attempt(site)

    requests.post(f"{site}/_sandbox/reset", json={}, timeout=5).raise_for_status()
    assert [right.name for right in trial.missing] == ["Read the audit trail", "Change additions"]
    assert trial.can_sync


def test_5_a_role_that_sees_only_its_own_is_told_by_empty_lists(tmp_path: Path) -> None:
    def role(_method: str, path: str, _headers: Mapping[str, str]) -> Said:
        if "/system/info" in path:
            return Said(body=json.dumps({"version": "v2025.1", "isCloud": False, "serverTimeZone": "UTC"}))
        return like_connectwise(path, Said(body="[]"))

    lines: list[Line] = []
    with answering(role, tmp_path) as port:
        trial = attempt(f"http://127.0.0.1:{port}", lines=lines)

    assert trial.can_sync
    said = {line.name: line.sentence for line in lines if line.state == "warn"}
    assert set(said) == {"Read companies", "Read agreements"}
    assert "It returned no companies at all." in said["Read companies"]


# 6: certificates


def test_6_a_certificate_that_has_expired(tmp_path: Path) -> None:
    authority = signed("Own authority")
    old = signed("psa", authority, begins=-9 * DAY, ends=-DAY)
    with answering(lambda *_: Said(), tmp_path, old) as port:
        found = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "The certificate of 127.0.0.1 has expired" in str(found)
    assert set(found.fields) == {"url"}


def test_6_a_certificate_of_an_authority_that_is_not_known_until_it_is_added(tmp_path: Path) -> None:
    authority = signed("Own authority")
    good = signed("psa", authority)
    with answering(lambda *_: Said(), tmp_path, good) as port:
        unknown = refused(f"https://127.0.0.1:{port}")
        known = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "from an authority that is not known here" in str(unknown)
    assert set(unknown.fields) == {"ca_certificates"}
    assert "is no ConnectWise API" in str(known)  # but it was trusted


def test_6_a_certificate_for_another_name(tmp_path: Path) -> None:
    authority = signed("Own authority")
    other = signed("psa", authority, ip=None)
    with answering(lambda *_: Said(), tmp_path, other) as port:
        found = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "a certificate for another name" in str(found)
    assert set(found.fields) == {"url"}


# 7: http for https, and the other way round


def test_7_http_is_refused_before_anything_is_sent() -> None:
    found = refused("http://psa.example.com", allow_private=False)

    assert "must begin with https://" in str(found)
    assert set(found.fields) == {"url"}


def test_7_http_where_https_is_spoken(tmp_path: Path) -> None:
    with answering(lambda *_: Said(), tmp_path, signed("psa")) as port:
        found = refused(f"http://127.0.0.1:{port}")

    assert "Begin the address with https://." in str(found)


def test_7_http_that_is_sent_on_to_https(tmp_path: Path) -> None:
    moved = Said(301, "", headers={"Location": "https://127.0.0.1/"})
    with answering(lambda *_: moved, tmp_path) as port:
        found = refused(f"http://127.0.0.1:{port}")

    assert "Begin the address with https://." in str(found)
    assert set(found.fields) == {"url"}


def test_7_https_where_only_http_is_spoken(site: str) -> None:
    found = refused(site.replace("http://", "https://"))

    assert "without encryption (http)" in str(found)
    assert set(found.fields) == {"url"}


# 8: a trailing path


def test_8_a_path_that_connectwise_does_not_have() -> None:
    found = refused("https://psa.example.com/helpdesk/login")

    assert "“/helpdesk/login” is a path that ConnectWise does not have." in str(found)
    assert set(found.fields) == {"url"}


# 9: an inactive member


@pytest.mark.parametrize("status", [401, 403])
def test_9_a_member_that_is_inactive(tmp_path: Path, status: int) -> None:
    answer = error(status, "The member account is inactive.")
    with answering(lambda _method, path, _headers: like_connectwise(path, answer), tmp_path) as port:
        found = refused(f"http://127.0.0.1:{port}")

    assert "an API member that is inactive" in str(found)
    assert "System, Members, API Members" in str(found)
    assert set(found.fields) == {"public_key"}


# 10: a wrong clock


def test_10_a_clock_by_which_the_certificate_is_not_valid_yet(tmp_path: Path) -> None:
    authority = signed("Own authority")
    with answering(lambda *_: Said(), tmp_path, signed("psa", authority, begins=DAY)) as port:
        found = refused(f"https://127.0.0.1:{port}", ca_certificates=authority.pem)

    assert "is not valid yet by this machine's clock" in str(found)
    assert found.fields == {}  # nothing in the form is wrong


def test_10_a_clock_that_is_far_from_connectwises_is_a_warning(tmp_path: Path) -> None:
    late = format_datetime(datetime.now(UTC) - timedelta(hours=2), usegmt=True)

    def slow(_method: str, path: str, _headers: Mapping[str, str]) -> Said:
        info = json.dumps({"version": "v2025.1", "isCloud": False, "serverTimeZone": "UTC"})
        said = Said(body=info if "/system/info" in path else json.dumps([{"id": 7}]))
        return Said(200, like_connectwise(path, said).body, headers={"Date": late})

    lines: list[Line] = []
    with answering(slow, tmp_path) as port:
        trial = attempt(f"http://127.0.0.1:{port}", lines=lines)

    assert len(trial.warnings) == 1
    assert "min ahead of ConnectWise's" in trial.warnings[0]
    assert next(line for line in lines if line.name == KEYS).state == "warn"


# and when nothing is wrong


def test_every_line_is_shown_from_the_start_and_answered_in_turn(site: str) -> None:
    seen: list[list[str]] = []
    given: dict[str, Any] = {name: value for name, value in PAIR.items() if name != "private_key"}
    values = Values(url=site, allow_private=True, **given)

    trial = try_connectwise(
        values,
        PAIR["private_key"],
        watch=lambda lines: seen.append([line.state for line in lines]),
        patience=IMPATIENT,
    )

    assert trial.url == f"{site}/v4_6_release/apis/3.0"
    assert trial.can_sync
    assert seen[0] == ["working", *["waiting"] * 11]
    assert seen[-1] == ["yes"] * 12
    assert all(states.count("working") <= 1 for states in seen)
    assert len(seen) == 24
