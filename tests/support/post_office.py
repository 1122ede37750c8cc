"""A mail server on this machine: takes mails, with TLS or without, and misbehaves as it is told."""

import base64
import datetime as dt
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "countersign", "a password: with @ and /"


class PostOffice:
    """What the server took, and how it is to behave.

    Args:
        port: Where it listens, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[bytes] = []
        self.recipients: list[str] = []
        self.signed_in: list[tuple[str, str]] = []
        self.encrypted: list[bool] = []
        self.answers: dict[str, list[str]] = {}  # verb -> answers in place of the usual one, used up one by one
        self.dies_after_text = 0  # how often the line is cut after the text was taken, before the answer

    def mails(self) -> list[EmailMessage]:
        """What was taken, read."""
        return [message_from_bytes(each.replace(b"\r\n", b"\n"), policy=policy.default) for each in self.taken]


class _Talk(socketserver.StreamRequestHandler):
    office: PostOffice
    tls: str
    context: ssl.SSLContext | None
    line: socket.socket
    secure: bool

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError, EOFError):
            self._talk()

    def _talk(self) -> None:
        self.secure = self.tls == "whole"
        if self.secure:
            self._wrap()
        self._say("220 office ready")
        while line := self._line():
            verb = line[:4].upper()
            waiting = self.office.answers.get(verb)
            if waiting:
                self._say(waiting.pop(0))
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._usual(verb, line)

    def _usual(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            offers = ["office", "AUTH PLAIN", *(["STARTTLS"] if self.tls == "starttls" and not self.secure else [])]
            for offer in offers[:-1]:
                self._say(f"250-{offer}")
            self._say(f"250 {offers[-1]}")
        elif verb == "STAR" and self.tls == "starttls":
            self._say("220 go on")
            self._wrap()
            self.secure = True
        elif verb == "AUTH":
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
            self.office.signed_in.append((user, password))
            self._say("235 welcome" if (user, password) == (USER, PASSWORD) else "535 wrong")
        elif verb == "DATA":
            self._text()
        elif verb in {"MAIL", "RSET", "HELO", "RCPT"}:
            self._say("250 fine")
            if verb == "RCPT":
                self.office.recipients.append(line.partition("<")[2].partition(">")[0])
        else:
            self._say("502 unknown")

    def _text(self) -> None:
        self._say("354 go on")
        text = bytearray()
        while (row := self.stream.readline()) != b".\r\n":
            if not row:
                raise EOFError
            text += row[1:] if row.startswith(b"..") else row
        self.office.taken.append(bytes(text))
        self.office.encrypted.append(self.secure)
        if self.office.dies_after_text:
            self.office.dies_after_text -= 1
            self.line.shutdown(socket.SHUT_RDWR)
            raise EOFError
        self._say("250 taken")

    def _wrap(self) -> None:
        assert self.context is not None
        self.line = self.context.wrap_socket(self.connection, server_side=True)
        self.stream = self.line.makefile("rb")

    def setup(self) -> None:
        super().setup()
        self.line = self.connection
        self.stream = self.line.makefile("rb")

    def finish(self) -> None:
        with suppress(OSError):
            self.stream.close()
            self.line.close()
            super().finish()

    def _line(self) -> str:
        return self.stream.readline().decode("ascii", "replace").strip()

    def _say(self, text: str) -> None:
        self.line.sendall(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = True


@contextmanager
def open_office(tls: str = "none", certificate: Path | None = None) -> Iterator[PostOffice]:
    """Run a mail server until the block ends.

    Args:
        tls: none, starttls or whole.
        certificate: With which key it proves who it is, as `self_signed` made it.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    handler = type("Talk", (_Talk,), {"tls": tls, "context": context})
    with _Server(("127.0.0.1", 0), handler) as server:
        office = PostOffice(server.server_address[1])
        handler.office = office  # type: ignore[attr-defined] # of the class made above
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield office
        server.shutdown()
        thread.join()


def self_signed(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "office.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))
    return file
