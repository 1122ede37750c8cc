"""The sandbox's HTTP server: in the foreground for people, in a thread for tests."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from portal.sandbox import jsontext
from portal.sandbox.app import create_sandbox
from portal.sandbox.dataset import SetError, load
from portal.sandbox.faults import Faults
from portal.sandbox.journal import Journal, JournalError
from portal.sandbox.mishaps import DROPPED
from portal.sandbox.store import Store

MONTH = Path(__file__).parent / "month"
"""The sample set that the project ships."""

_WAITING_CALLERS = 128


class ServeError(Exception):
    """The sandbox cannot be served; the text is a sentence for the person who started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A sandbox that is being served.

    Args:
        base_url: ``http://127.0.0.1:PORT``, without a slash at its end.
        store: What it holds.
        faults: What is set to go wrong.
    """

    base_url: str
    store: Store
    faults: Faults


class _Handler(WSGIRequestHandler):
    """Says nothing about each request: the journal of requests tells it."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's own name
        """Keep quiet."""


def _dying(app: Flask) -> WSGIApplication:
    """The application, closing the connection without a byte when a request is marked as dropped."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = app.response_class.from_app(app.wsgi_app, environ)
        if DROPPED in response.headers:
            connection: socket.socket = environ["werkzeug.socket"]
            connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        return response(environ, start_response)

    return respond


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise ServeError(f"The sandbox cannot listen on {host}, port {port}: {error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_WAITING_CALLERS)
    except OSError as error:
        listener.close()
        raise ServeError(
            f"The sandbox cannot listen on {host}, port {port}: {os.strerror(error.errno or 0).lower()}. "
            "Nothing was started; choose another port, or end what uses this one."
        ) from error
    return listener


def _planned(path: Path | None) -> Faults:
    faults = Faults()
    try:
        if path is not None:
            faults.set(jsontext.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ServeError(f"The faults in {path} cannot be read: {error}") from error
    return faults


@contextmanager
def _served(
    data: Path, host: str, port: int, faults: Path | None, state: Path | None, latency: float
) -> Iterator[tuple[BaseWSGIServer, Running]]:
    with ExitStack() as stack:
        planned = _planned(faults)
        try:
            dataset = load(data)
            journal = stack.enter_context(closing(Journal(state))) if state is not None else None
            store = Store(dataset, journal)
        except (SetError, JournalError) as error:
            raise ServeError(str(error)) from error
        listener = stack.enter_context(closing(_listen(host, port)))
        app = create_sandbox(store, faults=planned, latency=latency)
        server = make_server(host, port, _dying(app), threaded=True, request_handler=_Handler, fd=listener.fileno())
        stack.callback(server.server_close)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        yield server, Running(base_url=url, store=store, faults=planned)


@contextmanager
def running(
    data: Path,
    port: int = 0,
    *,
    faults: Path | None = None,
    state: Path | None = None,
    latency: float = 0,
) -> Iterator[Running]:
    """Serve a set from a thread of this process, until the block ends.

    Args:
        data: The set's folder.
        port: Where to listen on 127.0.0.1; 0: any free port.
        faults: A file with a list of faults that are set at the start.
        state: A file that keeps what callers write.
        latency: Seconds that every answer takes longer.

    Raises:
        ServeError: The set, a file or the port cannot be used.
    """
    with _served(data, "127.0.0.1", port, faults, state, latency) as (server, sandbox):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield sandbox
        finally:
            server.shutdown()
            thread.join()


def serve(
    data: Path,
    port: int,
    *,
    host: str = "127.0.0.1",
    faults: Path | None = None,
    state: Path | None = None,
    latency: float = 0,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a set until SIGTERM or SIGINT.

    Raises:
        ServeError: The set, a file or the port cannot be used.
    """
    with _served(data, host, port, faults, state, latency) as (server, sandbox):
        stop = threading.Event()

        def ended(_signal: int, _frame: FrameType | None) -> None:
            stop.set()

        before = {number: signal.signal(number, ended) for number in (signal.SIGTERM, signal.SIGINT)}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            say(f"ConnectWise sandbox on {sandbox.base_url} with the set in {data}.")
            stop.wait()
        finally:
            server.shutdown()
            thread.join()
            for number, handler in before.items():
                signal.signal(number, handler)
