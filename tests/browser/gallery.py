"""Portals on which every page has something to show, and the same pages where there is nothing.

Four stand side by side, each on a store of its own: the sample month with decisions, writes that went well and badly, a
feed that is held, files that wait; the month while the portal is read-only; an installation with an admin and nothing
else; one without anybody. Only pages are looked at there, so that all tests of a run share them.
"""

import io
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, StorageState
from sqlalchemy.orm import Session
from waitress.server import create_server

from portal.config import read_settings
from portal.db.engine import WRITES, watch
from portal.factory import create_app
from portal.sandbox.server import MONTH, running
from tests.browser.settings import PASSWORD, environment, installation, worker
from tests.support.people import a_person
from tests.support.served import serve
from tests.support.visitor import PASSWORD as OTHER_PASSWORD
from tests.support.visitor import Visitor

FILE = "countersign.sqlite"
OPEN_FILE = "Client ref;Client;Item;Quantity\nU-1;Alder Dental;Seats;6\nU-2;Quarry;Seats;four\n"
WHO = {"empty": ("admin@fennimore.example", OTHER_PASSWORD)}
TIME_OUT = 120  # seconds for a worker to send a few writes


@dataclass(frozen=True)
class Gallery:
    """The portals.

    Args:
        urls: Their addresses by the name of the store.
        ids: What stands in braces in the addresses of the list of pages.
    """

    urls: dict[str, str]
    ids: dict[str, Any]
    _states: dict[tuple[str, str], StorageState] = field(default_factory=dict)

    def context(self, browser: Browser, store: str, role: str, **other: Any) -> BrowserContext:
        """Open a browser's window for somebody who is signed in, or for a stranger."""
        if role and (store, role) not in self._states:
            context = browser.new_context(base_url=self.urls[store])
            page = context.new_page()
            page.goto("/sign-in")
            email, password = WHO.get(store, (f"{role}@demo.example", PASSWORD))
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(lambda url: not url.endswith("/sign-in"))
            self._states[store, role] = context.storage_state()
            context.close()
        state = self._states.get((store, role))
        return browser.new_context(base_url=self.urls[store], storage_state=state, **other)


@contextmanager
def gallery(loaded: Path, migrated: Path, folder: Path) -> Iterator[Gallery]:
    """Set the portals up and serve them.

    Args:
        loaded: An instance folder with the sample month.
        migrated: An empty database.
    """
    month, planned, empty, bare = (folder / name for name in ("month", "planned", "empty", "bare"))
    shutil.copytree(loaded, month)
    for each in (empty, bare):
        each.mkdir()
        shutil.copyfile(migrated, each / FILE)
    with running(MONTH) as sandbox:
        requests.post(f"{sandbox.base_url}/_sandbox/step", json={"step": 2}, timeout=10).raise_for_status()
        with store(month) as connection:
            connection.execute("UPDATE connection SET url = ?", (f"{sandbox.base_url}/v4_6_release/apis/3.0",))
        shutil.copytree(month, planned)
        ids = Making(month).everything()
    with store(planned) as connection:
        connection.execute("UPDATE connection SET writing = 0")
    plan(planned)
    engine = sa.create_engine(f"sqlite:///{empty / FILE}")
    watch(engine)
    with Session(engine.execution_options(**{WRITES: True})) as session:
        a_person(session, "admin")
    engine.dispose()
    folders = {"month": month, "planned": planned, "empty": empty, "bare": bare}
    with serving(folders) as urls:
        yield Gallery(urls, ids)


@contextmanager
def serving(folders: dict[str, Path]) -> Iterator[dict[str, str]]:
    """Serve a portal on each folder."""
    servers, threads, urls = [], [], {}
    try:
        for name, folder in folders.items():
            server = create_server(create_app(read_settings(settings_in(folder))), host="127.0.0.1", port=0, threads=8)
            thread = threading.Thread(target=serve, args=(server,), daemon=True)
            thread.start()
            servers.append(server)
            threads.append(thread)
            urls[name] = f"http://127.0.0.1:{server.effective_port}"
        yield urls
    finally:
        for server in servers:
            server.close()
        for thread in threads:
            thread.join(timeout=10)


def settings_in(folder: Path) -> dict[str, str]:
    """The settings of a portal in this folder: a demo where the month is, else as an installation is at first."""
    if folder.name not in {"empty", "bare"}:
        return environment(folder)
    mail = {"SMTP_URL": "smtp://127.0.0.1:9?plain=1", "MAIL_FROM": "countersign@fennimore.example"}  # nothing is sent
    return installation(folder) | {f"COUNTERSIGN_{name}": value for name, value in mail.items()}


@contextmanager
def store(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a portal's own database, and commit."""
    with closing(sqlite3.connect(folder / FILE, timeout=30)) as connection, connection:
        yield connection


def plan(folder: Path) -> None:
    """Decide cards while the portal is read-only."""
    visitor = Visitor(create_app(read_settings(settings_in(folder))))
    visitor.sign_in("biller@demo.example", PASSWORD)
    with store(folder) as connection:
        query = (
            "SELECT id FROM card WHERE kind = 'increase' AND state = 'open' AND facts LIKE '%one_step\": true%' LIMIT 3"
        )
        ids = [row[0] for row in connection.execute(query).fetchall()]
    for card in ids:
        sent(visitor, f"/cards/{card}/approve")


def sent(visitor: Visitor, path: str, data: dict[str, Any] | None = None, **other: Any) -> str:
    """Send a form that has to be taken; give where it leads."""
    answer = visitor.post(path, data, **other)
    if answer.status_code not in {200, 303}:
        raise AssertionError(f"{path}: {answer.status_code} {answer.get_data(as_text=True)[-1500:]}")
    return str(answer.headers.get("Location", ""))


def again(connection: sqlite3.Connection, table: str, row_id: int, other: Mapping[str, object]) -> None:
    """Put a row in once more, with some columns as they are said here."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    taken = ", ".join(f":{each}" if each in other else each for each in columns)
    query = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {taken} FROM {table} WHERE id = :row"  # noqa: S608 - our own
    connection.execute(query, {**other, "row": row_id})


class Making:
    """Does in the month what people and workers do, so that every page has something to show."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        app = create_app(read_settings(settings_in(folder)))
        self.visitors = {role: Visitor(app) for role in ("biller", "manager", "admin")}
        for role, visitor in self.visitors.items():
            visitor.sign_in(f"{role}@demo.example", PASSWORD)
        self.ids: dict[str, Any] = {}

    def first(self, query: str, *values: object) -> Any:
        """Ask the store for the first value."""
        with store(self.folder) as connection:
            found = connection.execute(query, values).fetchone()
        return None if found is None else found[0]

    def all(self, query: str, *values: object) -> list[Any]:
        """Ask the store for a column."""
        with store(self.folder) as connection:
            return [row[0] for row in connection.execute(query, values).fetchall()]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what a worker does."""
        ends = time.monotonic() + TIME_OUT
        while not holds():
            if time.monotonic() > ends:
                raise AssertionError("The worker did not come to an end.")
            time.sleep(0.05)  # a state is waited for, with a bound

    def everything(self) -> dict[str, Any]:
        """Do all of it."""
        self.unmapped()
        self.cards()
        self.beside()
        self.files()
        self.people()
        self.held()
        return self.ids

    def unmapped(self) -> None:
        """Accounts that nobody has mapped yet, some with a suggestion, and services."""
        accounts = self.all(
            "SELECT a.id FROM vendor_account a JOIN account_mapping m ON m.vendor_id = a.vendor_id AND "
            "m.account_external_id = a.external_id WHERE m.state = 'mapped' ORDER BY a.id LIMIT 6"
        )
        services = self.all(
            "SELECT s.id FROM vendor_service s WHERE NOT EXISTS (SELECT 1 FROM service_mapping m WHERE "
            "m.vendor_id = s.vendor_id AND m.service_external_id = s.external_id) ORDER BY s.id"
        )
        for each in accounts:
            sent(self.visitors["biller"], f"/mapping/accounts/{each}/undo")
        with store(self.folder) as connection:  # as if nobody had ever mapped them
            connection.execute("DELETE FROM mapping_refusal")
            connection.execute("INSERT OR IGNORE INTO account_line_due (what, vendor_id) VALUES ('suggestions', 0)")
        self.ids |= {
            "account": accounts[0],
            "accounts": "&account_id=".join(str(each) for each in accounts),
            "service": services[0],
            "services": "&service_id=".join(str(each) for each in services),
        }

    def cards(self) -> None:
        """Decisions: a batch that was sent, writes that stopped, what was dismissed, what waits."""
        biller = self.visitors["biller"]
        plain = self.all(
            "SELECT id FROM card WHERE kind IN ('increase', 'decrease') AND state = 'open' AND "
            "facts LIKE '%one_step\": true%' ORDER BY kind DESC, id"
        )
        together, failed, changed, single, waiting = plain[:3], plain[3], plain[4], plain[5], plain[6]
        preview = biller.page(biller.get("/cards/preview?" + "&".join(f"card_id={one}" for one in together)))
        fields: dict[str, list[str]] = {}
        for each in preview.select("#go input[name], input[form=go][name]"):
            if each.get("type") not in {"checkbox", "radio"} or each.has_attr("checked"):
                fields.setdefault(str(each["name"]), []).append(str(each.get("value", "")))
        fields.pop("csrf_token", None)
        with worker(settings_in(self.folder)):
            sent(biller, "/cards/approve", fields)
            sent(biller, f"/cards/{single}/approve")
            wanted = len(together) + 1
            done = "SELECT count(*) FROM push WHERE state = 'confirmed'"
            self.until(lambda: int(self.first(done)) >= wanted)
        for card in (failed, changed, waiting):  # no worker is there any more
            sent(biller, f"/cards/{card}/approve")
        dismissed = plain[7]
        sent(biller, f"/cards/{dismissed}/dismiss", {"reason": "agreed by telephone until January"})
        self.ids |= {
            "batch": self.first("SELECT min(id) FROM batch"),
            "failed": self.stop(failed, "failed", "ConnectWise refused the change: the agreement is closed."),
            "changed": self.stop(changed, "changed_in_psa", "Somebody changed the line in ConnectWise meanwhile."),
            "confirmed": self.first("SELECT id FROM push WHERE card_id = ?", single),
            "decided": single,
            "waiting": waiting,
            "dismissed": dismissed,
        }

    def stop(self, card_id: int, state: str, cause: str) -> int:
        """Let a write have stopped, as a worker leaves it."""
        with store(self.folder) as connection:
            saw, vendor, line_id = connection.execute(
                "SELECT psa_quantity / 10000, vendor_quantity / 10000, json_extract(facts, '$.changing[0].id')"
                " FROM card WHERE id = ?",
                (card_id,),
            ).fetchone()
        line = {"id": line_id, "quantity": str(saw), "effective": None, "cancelled": None}
        lines = [{"id": line_id, "saw": line, "has": line | {"quantity": str(saw + 1)}}]
        clash = {"saw": str(saw), "has": str(saw + 1), "vendor": str(vendor), "changed_by": "dhale", "lines": lines}
        with store(self.folder) as connection:
            connection.execute(
                "UPDATE push SET state = ?, cause = ?, found = ?, next_try_at = NULL WHERE card_id = ?",
                (state, cause, json.dumps(clash), card_id),
            )
            connection.execute("UPDATE card SET state = ? WHERE id = ?", (state, card_id))
        return int(self.first("SELECT max(id) FROM push WHERE card_id = ?", card_id))

    def beside(self) -> None:
        """Notes, tags, a view, and the ids of what the month has itself."""
        biller = self.visitors["biller"]

        def card(kind: str) -> Any:
            return self.first("SELECT min(id) FROM card WHERE kind = ? AND state IN ('open', 'stale')", kind)

        noted, company = card("increase"), self.first("SELECT company_id FROM card WHERE kind = 'increase'")
        sent(biller, f"/cards/{noted}/notes", {"text": "Three of the seats are trials until the end of the year."})
        name = self.first("SELECT name FROM psa_company WHERE id = ?", company)
        sent(biller, "/tags", {"name": "Pays by the year", "pasted": name})
        sent(biller, "/views", {"name": "Increases", "q": "", "kind": "increase"})
        with store(self.folder) as connection:
            rule = connection.execute("SELECT company_id, product FROM rule WHERE company_id IS NOT NULL").fetchone()
        self.ids |= {
            "increase": noted,
            "decrease": card("decrease"),
            "new": card("new_revenue"),
            "shared": card("to_split"),
            "reported": card("not_reported"),
            "stale": card("stale"),
            "agreement": self.first("SELECT agreement_id FROM card WHERE id = ?", noted),
            "tag": self.first("SELECT min(id) FROM tag"),
            "rule": 1,
            "rule_company": rule[0],
            "rule_product": rule[1],
            "vendor": self.first("SELECT min(slug) FROM vendor"),
            "import": self.first("SELECT max(id) FROM usage_import WHERE state = 'committed'"),
            "status": self.first("SELECT min(psa_id) FROM row_meaning WHERE list = 'status'"),
        }
        self.ids |= self.counted()
        self.ids["psa_event"] = self.first("SELECT max(n) FROM audit_event WHERE agreement_id IS NOT NULL")
        self.ids["event"] = self.first("SELECT max(n) FROM audit_event WHERE action LIKE 'card.%'")

    def counted(self) -> dict[str, Any]:
        """A card and one of its counts, for the page of the rows behind it."""
        biller = self.visitors["biller"]
        for card in self.all("SELECT id FROM card WHERE kind IN ('increase', 'decrease') AND state = 'open'"):
            link = biller.page(biller.get(f"/cards/{card}")).select_one("a[href*='/rows/']")
            if link is not None:
                parts = str(link["href"]).partition("?")[0].split("/")
                return {"counted": parts[2], "of_account": parts[4], "of_service": parts[5], "of_import": parts[6]}
        raise AssertionError("No card leads to the rows behind its counts.")

    def files(self) -> None:
        """Files that wait for somebody: usage, a mapping, meanings of statuses; a sync that failed."""
        biller, admin = self.visitors["biller"], self.visitors["admin"]
        usage = {"new_vendor": "Larkspur", "file": (io.BytesIO(OPEN_FILE.encode()), "larkspur-2026-10.csv")}
        self.ids["open_import"] = sent(biller, "/imports", usage, content_type="multipart/form-data").split("/")[-1]
        mapping = json.loads(admin.get("/mapping/file.json").get_data(as_text=True))
        mapping["accounts"][0] |= {"state": "excluded", "reason": "our lab"}
        mapping["accounts"][0].pop("company_id", None)
        mapping["accounts"] = mapping["accounts"][:20]
        meanings = json.loads(admin.get("/statuses/file.json").get_data(as_text=True))
        flipped = next(each for each in meanings["company_statuses"] if each["meaning"] == "customer")
        flipped["meaning"] = "not_customer"
        for name, data in (("mapping", mapping), ("statuses", meanings)):
            file = {"file": (io.BytesIO(json.dumps(data).encode()), f"{name}.json")}
            where = sent(admin, f"/{name}/file", file, content_type="multipart/form-data")
            self.ids[f"{name}_file"] = where.split("/")[-1]
        with store(self.folder) as connection:
            why = "ConnectWise did not answer for 10 minutes. What was read before stands; the next sync goes on."
            again(connection, "sync_run", 2, {"state": "failed", "error": why})
        self.ids["run"] = self.first("SELECT min(id) FROM sync_run")
        self.ids["failed_run"] = self.first("SELECT max(id) FROM sync_run")

    def people(self) -> None:
        """Somebody invited, somebody with a second step, and what an admin had typed when the session ended."""
        admin = self.visitors["admin"]
        answer = admin.post("/people", {"email": "nora@fennimore.example", "name": "Nora", "role": "manager"})
        link = admin.page(answer).select_one("#link")
        assert link is not None, answer.get_data(as_text=True)
        self.ids["token"] = str(link["value"]).rsplit("/", 1)[-1]
        typed = json.dumps({"typed": [["reason", "asked the vendor; two seats go in November"]]})
        with store(self.folder) as connection:
            connection.execute(
                "INSERT INTO draft (person_id, path, fields, kept_at) SELECT id, '/cards', ?, datetime('now') "
                "FROM person WHERE email = 'manager@demo.example'",
                (typed,),
            )
            connection.execute(
                "INSERT INTO person (email, name, role, password_hash, active, preferences, created_at) SELECT "
                "'twostep@demo.example', 'Tess', 'biller', password_hash, 1, '{}', created_at FROM person LIMIT 1"
            )
            connection.execute(
                "INSERT INTO two_step (person_id, secret, made_at, confirmed_at, last_step) SELECT id, 'sealed', "
                "datetime('now'), datetime('now'), 0 FROM person WHERE email = 'twostep@demo.example'"
            )
        self.ids["draft"] = self.first("SELECT max(id) FROM draft")
        self.ids["person"] = self.first("SELECT id FROM person WHERE email = 'biller@demo.example'")

    def held(self) -> None:
        """A feed whose counts fell so far that nothing of it counts until a manager looked."""
        vendor = self.first("SELECT vendor_id FROM usage_import WHERE id = 10")
        with store(self.folder) as connection:
            names = connection.execute(
                "SELECT external_id FROM vendor_account WHERE vendor_id = ? ORDER BY id LIMIT 12", (vendor,)
            ).fetchall()
            fallen = json.dumps({name: [str(40 - place), "0"] for place, (name,) in enumerate(names)})
            name = "tessera-licences-2026-10-28.csv"
            held = {"state": "held", "committed_at": None, "fallen": fallen, "sha256": "0" * 64, "filename": name}
            again(connection, "usage_import", 10, held)
        self.ids["held"] = self.first("SELECT slug FROM vendor WHERE id = ?", vendor)
