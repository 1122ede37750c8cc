"""A server of a test's own that answers as it is told, over real sockets, and counts the connections it took."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Respond = Callable[["Handler"], None]
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Handler(BaseHTTPRequestHandler):
    """Lets the server's function answer, on a connection that stays open."""

    protocol_version = "HTTP/1.1"
    server: "OddServer"

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {self.path.partition('?')[0].partition('/apis/3.0')[2]}")
        self.server.respond(self)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - names of http.server

    def send(
        self, body: bytes, status: int = 200, *, length: int | None = None, date: str | None = None, **headers: str
    ) -> None:
        """Answer."""
        self.send_response_only(status)
        self.send_header("Date", date or self.date_time_string())
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        for name, text in named.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def hang_up(self) -> None:
        """Close the connection."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Keep quiet."""


class OddServer(ThreadingHTTPServer):
    """Counts what it takes."""

    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.accepted = 0
        self.asked: list[str] = []
        self.connections: list[Any] = []

    def get_request(self) -> tuple[Any, Any]:
        """Take a connection, and count it."""
        taken = super().get_request()
        self.accepted += 1
        self.connections.append(taken[0])
        return taken

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: callers hang up on purpose."""

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """The site."""
        return f"{scheme}://{host}:{self.server_address[1]}"


@contextmanager
def odd_server(respond: Respond, tls: ssl.SSLContext | None = None) -> Iterator[OddServer]:
    """Serve from a thread until the block ends."""
    server = OddServer(respond)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self, name: str = "Own Authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._own = self._made(self._name, self._key.public_key(), NOW - DAY, NOW + DAY, ca=True).sign(
            self._key, hashes.SHA256()
        )
        self.pem = self._own.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, folder: Path, *, host: str = "127.0.0.1", start: int = -1, end: int = 1) -> ssl.SSLContext:
        """Make what a server shows: a certificate for a host, from so many days from now to so many."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._made(name, key.public_key(), NOW + start * DAY, NOW + end * DAY, ca=False)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alternative = x509.DNSName(host)
        made = made.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return served(folder, made.sign(self._key, hashes.SHA256()), key)

    def itself(self, folder: Path) -> ssl.SSLContext:
        """Make what a server shows that signed its certificate itself."""
        return served(folder, self._own, self._key)

    def _made(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        start: dt.datetime,
        end: dt.datetime,
        *,
        ca: bool,
    ) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        return made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)


def served(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    """Make a server's context."""
    file = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
