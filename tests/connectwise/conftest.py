"""A sandbox over HTTP, and clients for it that do not wait long."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from portal.connectwise import ConnectWise, Patience
from portal.sandbox.server import running

TRAPS = Path(__file__).parents[1] / "samples" / "traps"
GUID = "5d1c7f0e-2f0b-4b57-9d4a-0f6f4d1f6c11"
QUICK = Patience(connect=2, read=2, whole=5, attempts=3, back_off=0.01, longest_wait=2)


class Site:
    """A ConnectWise of a test's own."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def post(self, path: str, body: object) -> None:
        """Steer the sandbox."""
        requests.post(f"{self.base_url}/_sandbox/{path}", json=body, timeout=5).raise_for_status()

    def faults(self, *faults: dict[str, object]) -> None:
        """Let requests go wrong."""
        self.post("faults", list(faults))

    @property
    def journal(self) -> list[dict[str, object]]:
        """The requests so far."""
        found: list[dict[str, object]] = requests.get(f"{self.base_url}/_sandbox/requests", timeout=5).json()
        return found

    def asked(self, method: str, path: str = "") -> list[dict[str, object]]:
        """The requests of one method whose path holds a text."""
        return [each for each in self.journal if each["method"] == method and path in str(each["path"])]


@pytest.fixture
def site() -> Iterator[Site]:
    with running(TRAPS) as sandbox:
        yield Site(sandbox.base_url)


Connect = Callable[..., ConnectWise]


@pytest.fixture
def connect(site: Site) -> Iterator[Connect]:
    """Make clients of the sandbox that close with the test."""
    with ExitStack() as open_until_then:

        def made(**other: object) -> ConnectWise:
            given: dict[str, object] = {
                "company": "sandbox",
                "public_key": "portal",
                "private_key": "portal-secret",
                "client_id": GUID,
                "allow_private": True,
                "patience": QUICK,
            }
            client = ConnectWise(str(other.pop("address", site.base_url)), **(given | other))  # type: ignore[arg-type]
            return open_until_then.enter_context(client)

        yield made


@pytest.fixture
def client(connect: Connect) -> ConnectWise:
    return connect()
