"""Fixtures of the door: a company's sign-in that is set up, and a way there and back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import CompanyIdentity, CompanyProvider
from tests.support.company import CLIENT, SECRET, Company, company
from tests.support.visitor import Visitor


@pytest.fixture
def provider() -> Iterator[Company]:
    """The company's sign-in, running."""
    with company() as running:
        yield running


@pytest.fixture
def set_up(provider: Company, signed_in_as: Callable[[str], Visitor]) -> Callable[..., TestResponse]:
    """Sets it up as an admin would, on the screen."""

    def save(**other: str) -> TestResponse:
        admin = signed_in_as("admin")
        typed = {
            "title": "Fennimore", "issuer": provider.url, "client_id": CLIENT, "client_secret": SECRET,
            "allow_private": "1",
        }  # fmt: skip
        return admin.post("/people/sign-in/company", typed | other)

    return save


def way_back(visitor: Visitor, path: str = "/sign-in/company") -> str:
    """Go to the company's sign-in, and give the path with which it sends the visitor back."""
    there = visitor.get(path).headers["Location"]
    if there.startswith("/"):  # who is signed in is led there by a link of their own page alone
        there = visitor.get(f"{path}{'&' if '?' in path else '?'}link={visitor.token()}").headers["Location"]
    back = requests.get(there, allow_redirects=False, timeout=10).headers["Location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def there_and_back(visitor: Visitor, path: str = "/sign-in/company") -> TestResponse:
    """Sign in by the company's sign-in."""
    return visitor.get(way_back(visitor, path))


def linked(session: Session, person_id: int, subject: str = "u-1") -> None:
    """Know a person by an account there."""
    now = datetime.now(UTC)
    session.rollback()
    issuer = session.get_one(CompanyProvider, 1).issuer
    session.add(CompanyIdentity(person_id=person_id, issuer=issuer, subject=subject, linked_at=now, used_at=now))
    session.commit()
