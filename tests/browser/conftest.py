"""The whole portal for a browser: sandbox, portal and worker on the sample month, and headless Chromium."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask_migrate import upgrade
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waitress.server import create_server

from portal.config import ROOT, read_settings
from portal.factory import create_app
from portal.sandbox.server import MONTH, Running, running
from tests.browser.gallery import Gallery, gallery
from tests.browser.settings import PASSWORD, PATIENCE_MS, environment, installation, worker
from tests.support.served import serve

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def flask(instance: Path, *words: str, base_url: str = "http://127.0.0.1:8000") -> str:
    """Run a command of the portal and give what it printed."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "flask", "--app", "app", *words],
        cwd=ROOT,
        env={**os.environ, **environment(instance, base_url)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with the sample month, loaded through the commands as the demo does it."""
    instance = tmp_path_factory.mktemp("loaded")
    flask(instance, "db", "upgrade")
    flask(instance, "demo", "people")
    with running(MONTH) as sandbox:
        flask(instance, "samples", "load", str(MONTH), "--connectwise", sandbox.base_url)
    with closing(sqlite3.connect(instance / "countersign.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return instance


@dataclass(frozen=True)
class Site:
    """A running portal with its worker, and the PSA behind it."""

    url: str
    sandbox: Running
    instance: Path

    def psa(self, path: str) -> list[dict[str, Any]]:
        """What the PSA answers to a person there."""
        answer = requests.get(
            f"{self.sandbox.base_url}/v4_6_release/apis/3.0/{path}",
            auth=("sandbox+human", "human-secret"),
            headers={"clientId": "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
            timeout=10,
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found


@pytest.fixture
def site(loaded: Path, tmp_path: Path) -> Iterator[Site]:
    """A portal of its own on the loaded month."""
    instance = tmp_path / "instance"
    shutil.copytree(loaded, instance)
    with running(MONTH) as sandbox:
        requests.post(f"{sandbox.base_url}/_sandbox/step", json={"step": 2}, timeout=10).raise_for_status()
        with closing(sqlite3.connect(instance / "countersign.sqlite")) as connection, connection:
            connection.execute("UPDATE connection SET url = ?", (f"{sandbox.base_url}/v4_6_release/apis/3.0",))
        server = create_server(create_app(read_settings(environment(instance))), host="127.0.0.1", port=0, threads=8)
        url = f"http://127.0.0.1:{server.effective_port}"
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            with worker(environment(instance, url)):
                yield Site(url, sandbox, instance)
        finally:
            server.close()
            thread.join(timeout=10)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Site]:
    """A portal without anybody and anything, its worker, and the PSA of the sample month."""
    instance = tmp_path / "bare"
    environ = installation(instance)
    app = create_app(read_settings(environ))
    with app.app_context():
        upgrade()
    with running(MONTH) as sandbox:
        requests.post(f"{sandbox.base_url}/_sandbox/step", json={"step": 2}, timeout=10).raise_for_status()
        server = create_server(app, host="127.0.0.1", port=0, threads=8)
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            with worker(environ):
                yield Site(f"http://127.0.0.1:{server.effective_port}", sandbox, instance)
        finally:
            server.close()
            thread.join(timeout=10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, with a fresh profile."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a signed-in page; every error on the console and every request to another host fails the test."""
    troubles: list[str] = []
    contexts = []

    def opened(role: str = "biller", *, script: bool = True, width: int = 1440, dark: bool = False) -> Page:
        context = browser.new_context(
            base_url=site.url,
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                troubles.append(f"console: {message.text}")
                if message.type == "error" and "status of 4" not in message.text
                else None
            ),
        )
        page.on(
            "request",
            lambda request: None if request.url.startswith(site.url) else troubles.append(f"request: {request.url}"),
        )
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(f"{role}@demo.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def pages(loaded: Path, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """Portals on which every page of the list has something to show. They are looked at, and never changed."""
    with gallery(loaded, migrated_file, tmp_path_factory.mktemp("gallery")) as found:
        yield found
