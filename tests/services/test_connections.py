from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.clients import connectwise_client
from portal.db.records import AuditEvent, Card, UsageImport, Vendor
from portal.services import connections
from portal.services.actors import Actor
from portal.services.errors import Invalid, NotAllowed, NotFound, Refused
from portal.services.sealing import Sealer
from tests.services.conftest import ADMIN, KEYS, STEPS, ZONE, connect

NOW = STEPS[1]
URL = "https://psa.example.com"


def trail(session: Session) -> list[AuditEvent]:
    return list(session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n)))


def vendor(session: Session, slug: str, **other: object) -> Vendor:
    made = Vendor(slug=slug, title=slug.title(), created_at=NOW, **other)
    session.add(made)
    session.flush()
    return made


def card(session: Session, number: int, **other: object) -> None:
    given: dict[str, object] = {
        "period": "2026-10",
        "company_id": 1,
        "company": "Acme",
        "agreement_id": number,
        "product": "SEAT",
        "kind": "increase",
        "made_at": NOW,
        "changed_at": NOW,
    }
    session.add(Card(**(given | other)))


def test_a_new_connection_starts_read_only_and_its_key_sealed(session: Session, sealer: Sealer) -> None:
    stored = connect(session, URL, sealer)

    assert stored.url == "https://psa.example.com/v4_6_release/apis/3.0"
    assert (stored.writing, stored.key_tail, stored.set_by) == (False, "cret", "Ada Admin")
    assert "portal-secret" not in stored.sealed_private_key
    assert sealer.open(stored.sealed_private_key) == "portal-secret"
    told = trail(session)[0]
    assert "portal-secret" not in f"{told.sentence} {told.before} {told.after} {told.details}"


def test_a_stored_connection_becomes_a_client(session: Session, sealer: Sealer) -> None:
    with connectwise_client(connect(session, URL, sealer), sealer) as client:
        assert client.address.base == "https://psa.example.com/v4_6_release/apis/3.0"
        assert "portal-secret" not in repr(client)


def test_a_key_stays_unless_it_would_be_sent_elsewhere(session: Session, sealer: Sealer) -> None:
    connect(session, URL, sealer)

    kept = connections.set_connectwise(
        session,
        url=URL,
        company="sandbox",
        public_key="another",
        private_key=None,
        client_id="guid",
        allow_private=True,
        sealer=sealer,
        by=ADMIN,
        now=NOW,
    )

    assert (kept.public_key, sealer.open(kept.sealed_private_key)) == ("another", "portal-secret")
    for url, company in (("https://elsewhere.example.com", "sandbox"), (URL, "other")):
        with pytest.raises(Invalid, match="private key") as refused:
            connect(session, url, sealer, company=company, private_key="")
        assert set(refused.value.fields) == {"private_key"}


def test_another_psa_is_read_from_the_start_and_not_written_to(session: Session, sealer: Sealer) -> None:
    stored = connect(session, URL, sealer)
    stored.last_read_at = stored.last_full_at = stored.changed_since = NOW
    stored.member, stored.writing = "apiuser", True

    same = connect(session, URL, sealer, public_key="another")
    assert (same.writing, same.last_read_at) == (True, NOW)
    moved = connect(session, f"{URL}/v2025_1", sealer)
    assert (moved.url, moved.writing) == ("https://psa.example.com/v2025_1/apis/3.0", True)

    other = connect(session, "https://elsewhere.example.com", sealer)
    assert (other.writing, other.member) == (False, None)
    assert other.last_read_at is other.last_full_at is other.changed_since is None


@pytest.mark.parametrize("field", ["company", "public_key", "client_id"])
def test_what_is_missing_is_named(session: Session, sealer: Sealer, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        connect(session, URL, sealer, **{field: "  "})

    assert set(refused.value.fields) == {field}


def test_an_address_that_is_none_is_refused(session: Session, sealer: Sealer) -> None:
    with pytest.raises(Invalid) as refused:
        connect(session, "ftp://psa.example.com", sealer)

    assert set(refused.value.fields) == {"url"}


def test_only_an_admin_sets_connections(session: Session, sealer: Sealer) -> None:
    biller = Actor("Bill", 3, "biller")
    with pytest.raises(NotAllowed):
        connections.set_connectwise(session, url=URL, sealer=sealer, by=biller, now=NOW, **KEYS)  # type: ignore[arg-type]
    connect(session, URL, sealer)
    with pytest.raises(NotAllowed):
        connections.set_writing(session, True, by=biller, now=NOW)
    with pytest.raises(NotAllowed):
        connections.set_age_limit(session, "connectwise", 48, by=biller, now=NOW)


def test_writing_is_switched_once_and_told(session: Session, sealer: Sealer) -> None:
    with pytest.raises(NotFound):
        connections.set_writing(session, True, by=ADMIN, now=NOW)
    connect(session, URL, sealer)

    for _ in range(2):
        assert connections.set_writing(session, True, by=ADMIN, now=NOW).writing

    told = [event for event in trail(session) if event.action == "connection.writing"]
    assert [(event.before, event.after) for event in told] == [("off", "on")]


def test_keys_rotate_and_a_lost_one_is_told_apart() -> None:
    old = Sealer(["first"]).seal("text")

    assert Sealer(["second", "first"]).open(old) == "text"
    with pytest.raises(Refused, match="COUNTERSIGN_SECRET_KEY"):
        Sealer(["second"]).open(old)


LIMITS = {"requests_a_minute": 600, "parallel": 8, "bundle_size": 0}


def test_limits_are_set_once_and_told(session: Session, sealer: Sealer) -> None:
    with pytest.raises(NotFound):
        connections.set_limits(session, **LIMITS, by=ADMIN, now=NOW)
    connect(session, URL, sealer)

    for _ in range(2):
        stored = connections.set_limits(session, **(LIMITS | {"parallel": 4, "bundle_size": 20}), by=ADMIN, now=NOW)

    assert (stored.requests_a_minute, stored.parallel, stored.bundle_size) == (600, 4, 20)
    told = [event for event in trail(session) if event.action == "connection.limits"]
    assert [(event.before, event.after) for event in told] == [
        (
            "600 requests a minute, 8 reads at the same time, bundles of 25",
            "600 requests a minute, 4 reads at the same time, bundles of 20",
        )
    ]
    with pytest.raises(NotAllowed):
        connections.set_limits(session, **LIMITS, by=Actor("Bill", 3, "biller"), now=NOW)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("requests_a_minute", 9, "Choose from 10 to 6,000."),
        ("requests_a_minute", 6001, "Choose from 10 to 6,000."),
        ("parallel", 0, "Choose from 1 to 16."),
        ("parallel", 17, "Choose from 1 to 16."),
        ("bundle_size", 1, "Choose from 2 to 100 or 0 for none."),
        ("bundle_size", 101, "Choose from 2 to 100 or 0 for none."),
    ],
)
def test_limits_have_ranges(session: Session, sealer: Sealer, name: str, value: int, words: str) -> None:
    connect(session, URL, sealer)

    with pytest.raises(Invalid) as refused:
        connections.set_limits(session, **(LIMITS | {name: value}), by=ADMIN, now=NOW)

    assert refused.value.fields == {name: words}


@pytest.mark.parametrize(
    ("url", "company", "another"),
    [
        (URL, "sandbox", False),
        ("psa.example.com", "Sandbox ", False),
        (f"{URL}/v2025_1", "sandbox", False),
        (URL, "other", True),
        ("https://psa.example.com:8443", "sandbox", True),
        ("http://psa.example.com", "sandbox", True),
        ("no address", "sandbox", True),
    ],
)
def test_another_site_or_company_is_another_psa(
    session: Session, sealer: Sealer, url: str, company: str, another: bool
) -> None:
    assert not connections.is_another_psa(None, url, company)
    assert connections.is_another_psa(connect(session, URL, sealer), url, company) is another


def test_the_trail_tells_what_a_connection_was_and_is_without_its_key(session: Session, sealer: Sealer) -> None:
    connect(session, URL, sealer)
    other = "00000000-0000-4000-8000-000000000001"
    connect(session, URL, sealer, public_key="another", client_id=other, private_key="private-marker-9f2c")

    told = trail(session)[-1]

    assert told.before is not None
    assert told.after is not None
    assert "public key portal, key ends with cret" in told.before
    assert f"public key another, key ends with 9f2c, client ID {other}" in told.after
    assert "private-marker" not in str([told.sentence, told.before, told.after, told.details])


def test_every_source_says_how_old_it_is_and_what_it_blocks(session: Session, sealer: Sealer) -> None:
    stored = connect(session, URL, sealer)
    stored.last_read_at = NOW - timedelta(hours=24)
    vendor(session, "fresh", last_commit_at=NOW - timedelta(days=7))
    old = vendor(session, "old", last_commit_at=NOW - timedelta(days=7, seconds=1))
    vendor(session, "silent")
    thrown_away = vendor(session, "thrown-away")
    session.add_all(
        UsageImport(
            vendor_id=of.id, filename="f.csv", sha256="0" * 64, size=1, state=state, imported_by="x", imported_at=NOW
        )
        for of, state in ((old, "held"), (thrown_away, "dropped"))
    )
    card(session, 1, vendors="|old|")
    card(session, 2, vendors="|fresh|old|")
    card(session, 3, vendors="|fresh|")
    card(session, 4, vendors="|old|", kind="no_change")
    card(session, 5, vendors="|old|", state="confirmed")
    session.flush()

    ages = connections.source_ages(session, NOW, ZONE)

    assert [(age.key, age.kind, age.too_old, age.held, age.blocks) for age in ages] == [
        ("connectwise", "psa", False, False, 0),
        ("fresh", "file", False, False, 0),
        ("old", "file", True, True, 2),
    ]
    assert [age.key for age in connections.is_too_old(session, ["fresh", "old"], NOW)] == ["old"]
    assert [age.key for age in connections.is_too_old(session, ["fresh"], NOW + timedelta(seconds=1))] == [
        "connectwise",
        "fresh",
    ]
    connections.set_age_limit(session, "old", 200, by=ADMIN, now=NOW)
    connections.set_age_limit(session, "connectwise", 1, by=ADMIN, now=NOW)
    assert [age.key for age in connections.is_too_old(session, ["old"], NOW)] == ["connectwise"]
    assert connections.source_ages(session, NOW, ZONE)[0].blocks == 3


def test_a_psa_that_was_never_read_is_too_old(session: Session, sealer: Sealer) -> None:
    assert connections.source_ages(session, NOW, ZONE) == []
    connect(session, URL, sealer)

    assert [age.last_read_at for age in connections.is_too_old(session, [], NOW)] == [None]


@pytest.mark.parametrize(("key", "hours", "error"), [("connectwise", 0, Invalid), ("nobody", 5, NotFound)])
def test_a_limit_needs_a_source_and_a_number(
    session: Session, sealer: Sealer, key: str, hours: int, error: type[Exception]
) -> None:
    connect(session, URL, sealer)
    with pytest.raises(error):
        connections.set_age_limit(session, key, hours, by=ADMIN, now=NOW)
