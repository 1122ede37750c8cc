"""Where the company's sign-in may stand: an address that an admin typed is no way into the portal's own network."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import CompanyProvider
from portal.services import company_asking
from portal.services.company_asking import CompanyAway
from tests.support.company import CLIENT, SECRET, Company
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
MACHINES_KEYS = (
    "http://169.254.169.254",
    "https://169.254.169.254",
    "http://[fd00:ec2::254]",
    "http://[::ffff:169.254.169.254]",
)


def typed(issuer: str, **other: str) -> dict[str, str]:
    return {"title": "Fennimore", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, **other}


def test_a_provider_inside_the_own_network_is_asked_only_where_an_admin_says_so(
    session: Session, signed_in_as: SignedInAs, provider: Company
) -> None:
    admin = signed_in_as("admin")

    refused = admin.post("/people/sign-in/company", typed(provider.url))
    asked_before = list(provider.asked)
    kept = admin.post("/people/sign-in/company", typed(provider.url, allow_private="1"))

    assert (refused.status_code, asked_before, kept.status_code) == (422, [], 303)
    assert session.scalars(sa.select(CompanyProvider.issuer)).all() == [provider.url]


@pytest.mark.parametrize(
    "issuer", [*MACHINES_KEYS, "file:///etc/passwd", "gopher://127.0.0.1:25", "https://a b", "//x"]
)
def test_machines_keys_and_other_schemes_are_asked_by_nobody(
    session: Session, signed_in_as: SignedInAs, issuer: str
) -> None:
    answer = signed_in_as("admin").post("/people/sign-in/company", typed(issuer, allow_private="1"))

    assert answer.status_code == 422
    assert session.scalars(sa.select(CompanyProvider)).all() == []


@pytest.mark.parametrize("facts", [
    {"issuer": "https://evil.example"},
    {"jwks_uri": "file:///etc/passwd"},
    {"authorization_endpoint": "javascript:alert(1)"},
])  # fmt: skip
def test_a_discovery_of_another_issuer_is_not_kept(
    session: Session, signed_in_as: SignedInAs, provider: Company, facts: dict[str, str]
) -> None:
    provider.facts = facts

    answer = signed_in_as("admin").post("/people/sign-in/company", typed(provider.url, allow_private="1"))

    assert answer.status_code == 422
    assert session.scalars(sa.select(CompanyProvider)).all() == []


@pytest.mark.parametrize("url", [f"{each}/keys" for each in MACHINES_KEYS])
def test_what_a_discovery_names_is_checked_again_when_it_is_asked(url: str) -> None:
    facts = company_asking.Facts(
        issuer="https://id.example", authorization=url, token=url, keys=url, algorithms=("RS256",), says_who=True,
        secret_in_form=False,
    )  # fmt: skip

    with pytest.raises(CompanyAway):
        company_asking.fetch_keys(facts, allow_private=True)
    with pytest.raises(CompanyAway):
        company_asking.exchange(
            facts,
            client_id=CLIENT,
            secret=SECRET,
            code="x",
            verifier="x",
            back="https://us.example",
            allow_private=True,
        )
