"""The guide: its states follow from the store, each step can be left, skipped and taken up again."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, Connection, RowMeaning, ServiceMapping, Setting, UsageImport, Vendor
from portal.services.setting_up import STEPS
from tests.support.database import NOW
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]


def a_connection(session: Session, *, read: bool) -> None:
    """Connect ConnectWise, as the guide's second and third step do."""
    session.merge(
        Connection(
            name="connectwise", url="https://psa.example/v4_6_release/apis/3.0", company="fennimore", public_key="p",
            sealed_private_key="s", key_tail="", client_id="c", set_by="x", set_at=NOW,
            last_read_at=NOW if read else None, last_full_at=NOW if read else None,
        )
    )  # fmt: skip
    session.commit()


def nothing(_session: Session) -> None:
    """Leave the installation bare."""


def a_meaning(session: Session) -> None:
    """Say what a status means."""
    session.add(
        RowMeaning(list="status", psa_id=1, meaning="customer", name_last_seen="Active", decided_by="x", decided_at=NOW)
    )
    session.commit()


def a_file(session: Session) -> None:
    """Commit a file of a vendor."""
    vendor = Vendor(slug="skylark", title="Skylark", created_at=NOW)
    session.add(vendor)
    session.flush()
    session.add(
        UsageImport(
            vendor_id=vendor.id, filename="a.csv", sha256="0" * 64, size=1, state="committed", period="2026-10",
            counted_at=NOW, complete=True, imported_by="x", imported_at=NOW, committed_at=NOW,
        )
    )  # fmt: skip
    session.commit()


def a_mapping(session: Session) -> None:
    """Map an account and a service."""
    vendor = session.query(Vendor).one()
    common = {"vendor_id": vendor.id, "state": "mapped", "decided_by": "x", "decided_at": NOW}
    session.add_all(
        [
            AccountMapping(account_external_id="a", company_id=1, **common),
            ServiceMapping(service_external_id="s", **common),
        ]
    )
    session.commit()


STAGES: tuple[tuple[str, Callable[[Session], None]], ...] = (
    ("read", lambda session: a_connection(session, read=False)),
    ("statuses", lambda session: a_connection(session, read=True)),
    ("import", a_meaning),
    ("map", a_file),
    ("board", a_mapping),
)
EMPTY_PAGES = (
    "/", "/cards", "/cards?show=decided", "/mapping/accounts", "/mapping/services", "/mapping/splits", "/imports",
    "/connections", "/activity", "/audit", "/statuses", "/statuses?list=type", "/statuses?list=vendor", "/rules",
    "/tags", "/views", "/people", "/profile", "/keys", "/help", *(f"/setup/{name}" for name in STEPS),
)  # fmt: skip


def next_step(visitor: Visitor) -> str:
    """Where the guide leads."""
    return visitor.get("/setup").headers["Location"].rpartition("/")[2]


def test_the_next_step_follows_from_what_the_store_holds(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    found = [next_step(admin)]
    admin.post("/setup/start", {"start": "own"})
    found.append(next_step(admin))
    for _, make in STAGES:
        make(session)
        found.append(next_step(admin))

    assert found == ["start", "keys", *(name for name, _ in STAGES)]
    assert admin.page(admin.get("/setup/board")).select(".nav a[href='/setup']") == []


def test_every_page_leads_on_at_every_stage(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    silent = []
    for stage, make in (("bare", nothing), *STAGES):
        make(session)
        for path in EMPTY_PAGES:
            answer = admin.get(path)
            page = admin.page(answer)
            led = page.select("main a[href], main form button[type=submit]") and (
                stage == "board" or page.select("#nav-counts a[href='/setup']")
            )
            if answer.status_code != 200 or not led:
                silent.append((stage, path, answer.status_code))

    assert silent == []


@pytest.mark.parametrize("path", ["/cards", "/mapping/accounts", "/mapping/services", "/statuses", "/activity"])
def test_an_empty_page_of_a_bare_portal_links_to_the_next_step(signed_in_as: SignedInAs, path: str) -> None:
    admin = signed_in_as("admin")

    main = admin.page(admin.get(path)).select_one("main")

    assert main is not None
    assert main.select("a[href^='/setup'], a[href^='/connections'], a[href^='/imports']") != []


def test_a_skipped_step_says_so_and_can_be_taken_up_again(session: Session, signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    admin.post("/setup/start", {"start": "own"})

    skipped = admin.post("/setup/keys/skip")
    page = admin.get("/setup/keys").get_data(as_text=True)
    admin.post("/setup/keys/skip", {"again": "1"})

    assert skipped.headers["Location"] == "/setup/import"
    assert "skipped for now" in page
    assert next_step(admin) == "keys"
    assert admin.post("/setup/board/skip").status_code == 422
    assert session.get_one(Setting, "setting_up").value == {"start": "own", "skipped": []}
    assert "Skipped the step “Connect ConnectWise” of setting up." in admin.get("/audit").get_data(as_text=True)


@pytest.mark.parametrize("role", ["viewer", "biller"])
def test_who_comes_early_is_told_who_sets_the_portal_up(signed_in_as: SignedInAs, role: str) -> None:
    signed_in_as("admin")
    visitor = signed_in_as(role)

    page = visitor.page(visitor.get("/setup/keys"))

    assert "Priya takes this step." in page.select_one("main").get_text()  # type: ignore[union-attr]
    assert page.select("main form") == []
    assert visitor.post("/setup/start", {"start": "own"}).status_code == 403


def test_each_step_says_what_it_writes(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")

    for name in STEPS:
        page = admin.page(admin.get(f"/setup/{name}"))
        assert "Nothing" in page.select_one("section[aria-labelledby=h-writes] dd").get_text()  # type: ignore[union-attr]
        assert len(page.select("ol.guide li")) == len(STEPS)
    assert admin.get("/setup/elsewhere").status_code == 404


def test_the_keys_typed_in_the_guide_are_tested_and_answered_there(signed_in_as: SignedInAs) -> None:
    admin = signed_in_as("admin")
    typed = {"url": "https://psa.example", "company": "f", "public_key": "p", "client_id": "c", "do": "test"}

    wrong = admin.post("/connections/connectwise?guide=1", typed)
    asked = admin.post(
        "/connections/connectwise?guide=1",
        typed | {"private_key": "s", "client_id": "3a9d2f60-5c1e-4b7a-9f02-6d8e4c1b7a55"},
    )

    assert wrong.status_code == 422
    assert admin.page(wrong).select("ol.guide") != []
    assert asked.headers["Location"].startswith("/setup/keys?test=")
    trial = admin.page(admin.get(asked.headers["Location"])).select_one("#trial")
    assert "guide=1" in str(trial["hx-get"])  # type: ignore[index]
