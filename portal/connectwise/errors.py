"""What can go wrong with a call, told apart by what the caller does next.

Each error's text is a sentence for users. It carries ConnectWise's request id where there was one,
and never a key. ``situation`` names the cause in one word, for callers that give advice of their own:

- no answer: ``dns``, ``refused``, ``timeout``, ``reset``, ``proxy``, ``tls-expired``, ``tls-not-yet-valid``,
  ``tls-unknown-authority``, ``tls-host``, ``tls-plain`` (no TLS is spoken there), ``tls-other``, ``other``
- an answer of no use: ``web-page``, ``truncated``, ``empty``, ``garbled``, ``not-json``, ``other-shape``,
  ``error-in-answer``, ``repeated``, ``too-long``, ``redirect``, ``field``
- put off: ``throttled``, ``out-of-order``
- refused: ``refusal``, or ``web-page`` where something on the way refused
"""

from __future__ import annotations


class ConnectWiseError(Exception):
    """A call to ConnectWise did not give what was asked for.

    Args:
        sentence: What happened and what to do, for users.
        request_id: ConnectWise's ``x-cw-request-id``, if an answer came at all.
        situation: The cause in one word, as above, or "".
    """

    def __init__(self, sentence: str, *, request_id: str | None = None, situation: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.request_id = request_id
        self.situation = situation

    def __str__(self) -> str:
        if self.request_id is None:
            return self.sentence
        return f"{self.sentence} (ConnectWise request {self.request_id})"


class AddressRefused(ConnectWiseError):
    """The address may not be called: correct it. Nothing was sent."""


class Stopped(ConnectWiseError):
    """Nobody waits for the answer any more. Only threads that read for somebody else meet it."""

    def __init__(self) -> None:
        super().__init__("The reading was ended before it was done.")


class Unreachable(ConnectWiseError):
    """No answer, or none of use, after every retry: call again later. Nothing was changed.

    Args:
        sentence: What happened, for users.
        request_id: ConnectWise's request id, if any.
        retry_after: Seconds that ConnectWise asked to wait, if it said so.
        situation: The cause in one word.
        status: The HTTP status, if an answer came.
    """

    def __init__(
        self,
        sentence: str,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
        situation: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(sentence, request_id=request_id, situation=situation)
        self.retry_after = retry_after
        self.status = status

    @property
    def cause(self) -> str:
        """The cause in one word: ``situation`` under the name that suits a failure."""
        return self.situation


class Throttled(Unreachable):
    """Too many calls (429): wait ``retry_after`` seconds, then call again. Nothing was changed."""

    def __init__(self, sentence: str, *, request_id: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence, request_id=request_id, retry_after=retry_after, situation="throttled", status=429)


class Withheld(ConnectWiseError):
    """A write was held back by its caller at the last moment, when its connection stood: nothing was sent."""

    def __init__(self) -> None:
        super().__init__("The change was held back before it was sent.", situation="withheld")


class OutcomeUnknown(ConnectWiseError):
    """A write was sent and its answer lost: look first, since it may have happened."""


class Rejected(ConnectWiseError):
    """ConnectWise refused: the same call would be refused again.

    Args:
        sentence: What was refused and why, for users.
        status: The HTTP status.
        code: ConnectWise's own code, or "".
        reasons: ConnectWise's own words, the general one first.
        request_id: ConnectWise's request id, if any.
        situation: ``web-page`` where not ConnectWise itself refused, but something on the way to it.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int,
        code: str = "",
        reasons: tuple[str, ...] = (),
        request_id: str | None = None,
        situation: str = "refusal",
    ) -> None:
        super().__init__(sentence, request_id=request_id, situation=situation)
        self.status = status
        self.code = code
        self.reasons = reasons

    @property
    def by_connectwise(self) -> bool:
        """Whether ConnectWise itself refused."""
        return self.situation != "web-page"

    @property
    def unauthorized(self) -> bool:
        """Whether the key pair was not accepted."""
        return self.status == 401  # noqa: PLR2004 - an HTTP status is its own name

    @property
    def forbidden(self) -> bool:
        """Whether the security role of the API member does not allow it."""
        return self.status == 403 and self.by_connectwise  # noqa: PLR2004 - as above

    @property
    def missing(self) -> bool:
        """Whether there is no such record."""
        return self.status == 404 and self.by_connectwise  # noqa: PLR2004 - as above


class UnexpectedPayload(ConnectWiseError):
    """An answer came that cannot be read as what was asked for.

    Args:
        sentence: What was not as it should be, for users.
        record: The record it is about, as "addition 8003", or the path that was asked.
        record_id: That record's id, where it could be read.
        request_id: ConnectWise's request id, if any.
        situation: The cause in one word.
        leads_to: Where a redirect leads, without its query.
    """

    def __init__(
        self,
        sentence: str,
        *,
        record: str,
        record_id: int | None = None,
        request_id: str | None = None,
        situation: str = "field",
        leads_to: str | None = None,
    ) -> None:
        super().__init__(sentence, request_id=request_id, situation=situation)
        self.record = record
        self.record_id = record_id
        self.leads_to = leads_to
