"""The sandbox's HTTP server: in the foreground for people, in a thread for tests."""

import io
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from wsgiref.types import WSGIEnvironment

from flask import Flask
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from portal.sandbox import jsontext
from portal.sandbox.app import MAX_BODY, create_sandbox
from portal.sandbox.dataset import DataSet, SetError, load
from portal.sandbox.faults import Faults
from portal.sandbox.journal import Journal, JournalError
from portal.sandbox.mishaps import DROPPED
from portal.sandbox.store import Store

MONTH = Path(__file__).parent / "month"
"""The sample set that the project ships."""

_WAITING_CALLERS = 128
_LARGEST_BODY = 2 * MAX_BODY  # bytes of a request that are read before it is answered
_LINGER = 1.0  # seconds
_MOST_PIECES = 1_000


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
    """Serves one connection after request, and keeps it open: each answer is sent at once, with its length.

    It says nothing about each request: the journal of requests tells it.
    """

    server: "_Server"
    protocol_version = "HTTP/1.1"
    timeout = 120  # seconds that a connection may be idle
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's own name
        """Keep quiet."""

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        self._take_body(environ)
        app = self.server.sandbox
        with app.response_class.from_app(app.wsgi_app, environ) as response:
            if DROPPED in response.headers:
                self._die()
                return
            body = response.get_data()
            said = response.headers.get("Content-Length", type=int)
            if self.command != "HEAD" and said is not None and said != len(body):
                self.close_connection = True  # the rest of a cut answer never comes
            lines = [f"{self.protocol_version} {response.status}", f"Server: {self.version_string()}"]
            lines += [f"Date: {self.date_time_string()}", f"Connection: {self._connection()}"]
            lines += [f"{name}: {value}" for name, value in response.headers]
        head = "\r\n".join(lines).encode("latin-1")
        self.wfile.write(head + b"\r\n\r\n" + body)
        if self.close_connection:
            self._drain()

    def _take_body(self, environ: WSGIEnvironment) -> None:
        """Read the body before the request is answered, so that the next request begins where this one ends."""
        chunked = environ.get("wsgi.input_terminated") is True
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isascii() and length.isdigit() else _LARGEST_BODY + 1
        if not chunked and size > _LARGEST_BODY:
            self.close_connection = True  # the application refuses it unread
            return
        body = environ["wsgi.input"].read(_LARGEST_BODY + 1 if chunked else size)
        if chunked:
            self.close_connection = self.close_connection or len(body) > _LARGEST_BODY
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)

    def _connection(self) -> str:
        return "close" if self.close_connection else "keep-alive"

    def _die(self) -> None:
        """Let the connection die without a byte."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _drain(self) -> None:
        """Take what the caller still sends, for a moment: else it would see a broken connection, not the answer."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER)
            for _ in range(_MOST_PIECES):
                if not self.connection.recv(2**16):
                    return


class _Server(ThreadedWSGIServer):
    """A thread for each connection; closing it ends those that are open."""

    daemon_threads = True

    def __init__(self, host: str, port: int, app: Flask, listener: socket.socket) -> None:
        self.sandbox = app
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(host, port, app, _Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's own types
        """Note a connection, and serve it in a thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's own types
        """Forget a connection that is over."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the listener and every connection."""
        super().server_close()
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


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
    data: Path | DataSet, host: str, port: int, faults: Path | None, state: Path | None, latency: float
) -> Iterator[tuple[BaseWSGIServer, Running]]:
    with ExitStack() as stack:
        planned = _planned(faults)
        try:
            dataset = data if isinstance(data, DataSet) else load(data)
            journal = stack.enter_context(closing(Journal(state))) if state is not None else None
            store = Store(dataset, journal)
        except (SetError, JournalError) as error:
            raise ServeError(str(error)) from error
        listener = stack.enter_context(closing(_listen(host, port)))
        app = create_sandbox(store, faults=planned, latency=latency)
        server = _Server(host, port, app, listener)
        stack.callback(server.server_close)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        yield server, Running(base_url=url, store=store, faults=planned)


@contextmanager
def running(
    data: Path | DataSet,
    port: int = 0,
    *,
    faults: Path | None = None,
    state: Path | None = None,
    latency: float = 0,
) -> Iterator[Running]:
    """Serve a set from a thread of this process, until the block ends.

    Args:
        data: The set's folder, or the set.
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
    data: Path | DataSet,
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
            say(f"ConnectWise sandbox on {sandbox.base_url} with {sandbox.store.data.title}.")
            stop.wait()
        finally:
            server.shutdown()
            thread.join()
            for number, handler in before.items():
                signal.signal(number, handler)
