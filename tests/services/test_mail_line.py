"""A mail server that talks for ever, a letter at a time, holds nobody for long."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from portal.services import mail, mail_line
from tests.services.test_mail import NOW, OpenSession, a_mail, at, kept, open_session, server_at

__all__ = ["open_session"]


@pytest.fixture(params=[b"", b"220 there\r\n250-"])
def dripping(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server that says this much at once, and then a letter now and then, and never ends a line."""
    ended = threading.Event()

    def drip(listening: socket.socket) -> None:
        with suppress(OSError):
            line, _ = listening.accept()
            with line:
                line.sendall(request.param)
                while not ended.wait(0.02):
                    line.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        ended.set()
        thread.join()


def test_a_server_that_never_ends_a_line_is_left(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch, dripping: int
) -> None:
    monkeypatch.setattr(mail_line, "LONGEST", 0.3)
    a_mail(open_session)

    assert mail.send_due(open_session, server_at(dripping), real_now=at(NOW)) == 0

    found = kept(open_session)
    assert (found.state, found.tries, found.doubts) == ("queued", 1, 0)
    assert "cannot be reached" in (found.error or "")
