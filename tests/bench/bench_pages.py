"""How quick the portal's pages are while ConnectWise hangs, against the same without."""

import re
import threading
import time
from collections.abc import Iterator

import requests

from tests.bench.kit import Kit, Portal, Row, p95

TITLE = "Pages while ConnectWise hangs for 30 seconds"
PAGES = ("/", "/cards", "/connections", "/audit", "/activity")
VISITORS = 3
SECONDS = 12.0
PASSWORD = "four words side by side"
HANG = {"kind": "slow", "seconds": 30, "times": 1_000_000}


def bench(kit: Kit) -> Iterator[Row]:
    """Measure the pages with a quiet worker, then with one whose calls hang."""
    with kit.sandbox("medium") as sandbox:
        portal = kit.portal(sandbox.url)
        portal.sync(full=True)
        with portal.served() as url:
            cookies = _signed_in(portal, url)
            _visit(url, cookies, 3.0)  # the first look at each page reads templates
            without = _visit(url, cookies, SECONDS)
            sandbox.steer("faults", [HANG])
            _ask_for_a_sync(url, cookies)
            sandbox.calls()
            hanging = _visit(url, cookies, SECONDS)
            sandbox.steer("faults", [])
    for page in PAGES:
        before, after = p95(without[page]), p95(hanging[page])
        yield Row(
            what=f"{page}, 95 of 100 below",
            figure=f"{after * 1000:.0f} ms",
            ratio=f"{after / before:.2f}",
            note=f"without the hang {before * 1000:.0f} ms; aim 1.5",
        )


def _token(page: requests.Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    if found is None:
        raise RuntimeError(f"{page.url} has no form ({page.status_code}).")
    return found[1]


def _signed_in(portal: Portal, url: str) -> requests.cookies.RequestsCookieJar:
    printed = portal.do("users", "create", "bench@fennimore.example", "--role", "admin")
    found = re.search(r"/link/\S+", printed)
    if found is None:
        raise RuntimeError(f"No link was printed: {printed}")
    with requests.Session() as session:
        link = url + found[0]
        token = _token(session.get(link, timeout=30))
        session.post(link, data={"csrf_token": token, "password": PASSWORD}, timeout=30).raise_for_status()
        token = _token(session.get(f"{url}/sign-in", timeout=30))
        data = {"csrf_token": token, "email": "bench@fennimore.example", "password": PASSWORD}
        session.post(f"{url}/sign-in", data=data, timeout=30).raise_for_status()
        return session.cookies


def _ask_for_a_sync(url: str, cookies: requests.cookies.RequestsCookieJar) -> None:
    with requests.Session() as session:
        session.cookies = cookies
        page = session.get(f"{url}/connections", timeout=30)
        found = re.search(r'<form[^>]+action="([^"]*sync[^"]*)"', page.text)
        if found is None:
            raise RuntimeError("The page of connections offers no sync.")
        data = {"csrf_token": _token(page), "kind": "full"}
        session.post(url + found[1], data=data, timeout=30).raise_for_status()


def _visit(url: str, cookies: requests.cookies.RequestsCookieJar, seconds: float) -> dict[str, list[float]]:
    """Let a few visitors look at page after page; give the seconds of each look."""
    until = time.monotonic() + seconds
    took: dict[str, list[float]] = {page: [] for page in PAGES}

    def look(first: int) -> None:
        number = first
        with requests.Session() as session:
            session.cookies = cookies
            while time.monotonic() < until:
                page = PAGES[number % len(PAGES)]
                number += 1
                started = time.monotonic()
                session.get(url + page, timeout=60, allow_redirects=False).raise_for_status()
                took[page].append(time.monotonic() - started)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took
