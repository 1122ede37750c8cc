"""The line to a mail server, which ends after a while however slowly the server talks.

The time-out of a socket is one of each piece that comes: a server that sends a letter every few seconds would hold its
worker for hours.
"""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import Any

LONGEST = 120.0  # seconds of a whole talk


class Line(smtplib.SMTP):
    """A line that is cut when the talk takes too long; whoever waits then sees it as lost."""

    _timer: threading.Timer | None = None

    def connect(self, *args: Any, **named: Any) -> tuple[int, bytes]:  # noqa: ANN401 - as the library has it
        """Open the line; from now on its time runs."""
        self._timer = threading.Timer(LONGEST, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            return super().connect(*args, **named)
        except BaseException:
            self._timer.cancel()
            raise

    def close(self) -> None:
        """Close the line."""
        if self._timer is not None:
            self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class TlsLine(Line, smtplib.SMTP_SSL):
    """The same, with TLS from its first byte on."""
