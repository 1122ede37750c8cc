"""The portal behind its real server, and people whose browsers send at the very same moment."""

import errno
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import requests
from bs4 import BeautifulSoup
from flask import Flask
from waitress.server import create_server

from tests.support.visitor import PASSWORD

THREADS = 8  # as `make run` has


def serve(server: Any) -> None:
    """Serve until the server is closed, which its loop may notice as a file that is gone."""
    try:
        server.run()
    except OSError as error:
        if error.errno != errno.EBADF:
            raise


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app by waitress on a free port, and give its address."""
    server = create_server(app, host="127.0.0.1", port=0, threads=THREADS)
    thread = threading.Thread(target=serve, args=(server,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        thread.join(10)


class Browser:
    """Somebody's browser, with its cookies.

    Args:
        url: The portal's address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self._token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.session.close()

    def sign_in(self, email: str) -> None:
        """Sign in with the usual password."""
        self._token = self._token_of("/sign-in")
        answer = self.post("/sign-in", {"email": email, "password": PASSWORD})
        if answer.status_code != requests.codes.see_other:
            raise AssertionError(answer.text)
        self._token = self._token_of("/profile")

    def another_tab(self) -> "Browser":
        """Give a tab of the same browser: the same cookies, a connection of its own."""
        tab = Browser(self.url)
        tab.session.cookies.update(self.session.cookies)
        tab._token = self._token
        return tab

    def get(self, path: str) -> requests.Response:
        """Ask for a page."""
        return self.session.get(self.url + path, timeout=30, allow_redirects=False)

    def post(self, path: str, data: Mapping[str, Any], *, swapping: str | None = None) -> requests.Response:
        """Send a form with the session's token, as a whole page or for one part."""
        headers = {} if swapping is None else {"HX-Request": "true", "HX-Target": swapping}
        return self.session.post(
            self.url + path,
            data={"csrf_token": self._token, **data},
            headers=headers,
            timeout=30,
            allow_redirects=False,
        )

    def _token_of(self, path: str) -> str:
        field = BeautifulSoup(self.get(path).text, "html.parser").select_one("input[name=csrf_token]")
        if field is None:
            raise AssertionError(f"{path} shows no token.")
        return str(field["value"])


def at_once(tasks: Sequence[Callable[[], requests.Response]]) -> list[requests.Response]:
    """Send all of it at the same moment, each from a thread of its own; give the answers in the order asked."""
    start = threading.Barrier(len(tasks))
    answers: dict[int, requests.Response] = {}

    def send(number: int) -> None:
        start.wait(30)
        answers[number] = tasks[number]()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(tasks))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return [answers[number] for number in range(len(tasks))]
