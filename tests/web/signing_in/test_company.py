"""The company's own sign-in, against a provider over HTTP that does as it should, or does not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.db.records import AuditEvent, AuditRefusal, CompanyIdentity, CompanyProvider, OneTimeLink, Person
from portal.services import invitations
from portal.services.actors import COMMAND_LINE
from tests.support.company import SECRET, Company
from tests.support.people import a_person
from tests.support.visitor import Visitor
from tests.web.signing_in.conftest import linked, there_and_back, way_back

SetUp = Callable[..., TestResponse]
SignedInAs = Callable[[str], Visitor]


@pytest.fixture
def dana(session: Session, set_up: SetUp) -> Person:
    """Somebody who is linked to the account that the provider signs in."""
    assert set_up().status_code == 303
    person = a_person(session, "biller", email="dana@fennimore.example")
    linked(session, person.id)
    return person


def test_who_is_linked_gets_in_and_goes_on_to_the_page_asked_for(dana: Person, visitor: Visitor) -> None:
    answer = there_and_back(visitor, "/sign-in/company?next=/cards")

    assert answer.headers["Location"] == "/cards"
    assert dana.name in visitor.get("/profile").get_data(as_text=True)


@pytest.mark.usefixtures("dana")
def test_the_way_there_carries_state_nonce_and_a_proof_key(visitor: Visitor, provider: Company) -> None:
    there = urlsplit(visitor.get("/sign-in/company").headers["Location"])
    again = urlsplit(visitor.get("/sign-in/company").headers["Location"])
    first, second = parse_qs(there.query), parse_qs(again.query)

    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{provider.url}/authorize"
    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 32
        assert first[name] != second[name]
    assert SECRET not in there.query


@pytest.mark.parametrize(
    ("offered", "asked"), [(["openid", "groups"], "openid email profile groups"), (None, "openid email profile")]
)
def test_roles_are_asked_for_where_the_provider_has_a_scope_of_that_name(
    set_up: SetUp, provider: Company, visitor: Visitor, offered: list[str] | None, asked: str
) -> None:
    provider.facts["scopes_supported"] = offered
    set_up(role_claim="groups", role_map="heads = manager")

    there = urlsplit(visitor.get("/sign-in/company").headers["Location"])

    assert parse_qs(there.query)["scope"] == [asked]


@pytest.mark.usefixtures("dana")
def test_a_provider_that_reads_the_secret_as_it_stands_is_understood(visitor: Visitor, provider: Company) -> None:
    provider.unquotes = False

    assert there_and_back(visitor).headers["Location"] == "/"

    assert provider.asked.count("/token") == 2


@pytest.mark.usefixtures("dana")
def test_a_way_back_is_taken_once(app: Flask, visitor: Visitor) -> None:
    visitor.get("/sign-in")
    path = way_back(visitor)
    with visitor.client.session_transaction() as cookie:
        stolen = dict(cookie)
    assert visitor.get(path).headers["Location"] == "/"

    thief = Visitor(app)
    with thief.client.session_transaction() as cookie:
        cookie.update(stolen)
    answer = thief.get(path)

    assert answer.headers["Location"] == "/sign-in"
    assert "taken before" in thief.get("/sign-in").get_data(as_text=True)
    assert thief.get("/profile").status_code == 303


@pytest.mark.usefixtures("dana")
def test_a_way_back_that_began_in_another_browser_is_not_taken(app: Flask, visitor: Visitor) -> None:
    path = way_back(visitor)
    victim = Visitor(app)

    victim.get(path)

    assert victim.get("/profile").status_code == 303
    assert "began in this browser" in victim.get("/sign-in").get_data(as_text=True)


HOUR = 3600
WRONG: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "another nonce": ({"nonce": "of another sign-in"}, {}, "not for this sign-in"),
    "no nonce": ({"nonce": None}, {}, "not for this sign-in"),
    "another issuer": ({"iss": "https://evil.example"}, {}, "made by somebody else"),
    "another audience": ({"aud": "another portal"}, {}, "for somebody else"),
    "many audiences and no party": ({"aud": ["countersign", "another"]}, {}, "asked for by somebody else"),
    "another party": ({"azp": "another portal"}, {}, "asked for by somebody else"),
    "over": ({"exp": int(time.time()) - 120}, {}, "is over"),
    "no end": ({"exp": None}, {}, "from when to when"),
    "an end that is a text": ({"exp": "9999999999"}, {}, "from when to when"),
    "from the future": ({"iat": int(time.time()) + 10 * HOUR}, {}, "from the future"),
    "old": ({"iat": int(time.time()) - HOUR}, {}, "an old one"),
    "nobody": ({"sub": None}, {}, "who it is about"),
    "an unknown key": ({}, {"key": "another"}, "does not name"),
    "the right name on another key": ({}, {"key": "another", "kid": "one"}, "signature"),
    "no signature": ({}, {"alg": "none"}, "not taken"),
    "the public key as a shared secret": ({}, {"alg": "HS256"}, "not taken"),
    "a key of its own": ({}, {"key": "another", "jwk": {"kty": "RSA"}, "kid": "one"}, "signature"),
}


@pytest.mark.usefixtures("dana")
def test_a_token_that_fails_a_check_lets_nobody_in(session: Session, visitor: Visitor, provider: Company) -> None:
    let_in = {}
    for case, (claims, signing, said) in WRONG.items():
        provider.claims, provider.signs_with = dict(claims), {"key": "one"} | signing
        there = there_and_back(visitor).headers["Location"]
        if there != "/sign-in" or said not in visitor.get("/sign-in").get_data(as_text=True):
            let_in[case] = there

    assert let_in == {}
    assert visitor.get("/profile").status_code == 303
    (told,) = session.scalars(sa.select(AuditRefusal)).all()
    assert told.told + told.untold == len(WRONG)


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -1), ("iat", 45)])
@pytest.mark.usefixtures("dana")
def test_the_clocks_may_lie_a_little_apart(visitor: Visitor, provider: Company, claim: str, seconds: int) -> None:
    now = int(time.time())
    provider.claims = {"exp": now + 10, claim: now + seconds}

    assert there_and_back(visitor).headers["Location"] == "/"


@pytest.mark.parametrize("says", ["https://evil.example", ""])
@pytest.mark.usefixtures("dana")
def test_an_answer_of_another_provider_is_not_exchanged(visitor: Visitor, provider: Company, says: str) -> None:
    provider.answers_with = {"iss": says}

    there_and_back(visitor)

    assert "/token" not in provider.asked
    assert "another sign-in than the one you went to" in visitor.get("/sign-in").get_data(as_text=True)


@pytest.mark.usefixtures("dana")
def test_a_provider_that_is_changed_meanwhile_ends_the_way(
    session: Session, visitor: Visitor, provider: Company
) -> None:
    path = way_back(visitor)
    session.execute(sa.update(CompanyProvider).values(issuer="https://elsewhere.example"))
    session.commit()

    visitor.get(path)

    assert "/token" not in provider.asked
    assert "was changed while you were there" in visitor.get("/sign-in").get_data(as_text=True)


@pytest.mark.usefixtures("dana")
def test_who_says_no_there_is_told(visitor: Visitor, provider: Company) -> None:
    provider.answers_with = {"code": "", "error": "access_denied"}

    there_and_back(visitor)

    assert "did not let you in" in visitor.get("/sign-in").get_data(as_text=True)


@pytest.mark.usefixtures("dana")
def test_new_keys_are_asked_for_once_a_minute(session: Session, visitor: Visitor, provider: Company) -> None:
    session.execute(sa.update(CompanyProvider).values(keys_at=datetime.now(UTC) - timedelta(minutes=5)))
    session.commit()
    provider.keys, provider.signs_with = ["one", "two"], {"key": "two"}
    before = provider.asked.count("/keys")

    assert there_and_back(visitor).headers["Location"] == "/"
    provider.signs_with = {"key": "unknown"}
    for _ in range(3):
        there_and_back(visitor)

    assert provider.asked.count("/keys") == before + 1


@pytest.mark.usefixtures("dana")
def test_a_provider_that_is_away_is_a_sentence(session: Session, visitor: Visitor) -> None:
    path = way_back(visitor)
    provider = session.get_one(CompanyProvider, 1, populate_existing=True)
    provider.facts = {**provider.facts, "token_endpoint": "http://127.0.0.1:9/token"}
    session.commit()

    assert visitor.get(path).headers["Location"] == "/sign-in"
    assert "127.0.0.1 did not answer. Try again in a minute." in visitor.get("/sign-in").get_data(as_text=True)


def test_a_stranger_with_a_verified_e_mail_of_somebody_is_not_that_somebody(
    session: Session, set_up: SetUp, visitor: Visitor
) -> None:
    set_up()
    a_person(session, "biller", email="dana@fennimore.example")

    there_and_back(visitor)

    assert session.scalars(sa.select(CompanyIdentity)).all() == []
    page = visitor.get("/sign-in").get_data(as_text=True)
    assert "nobody here is linked to that account. Ask Priya to invite you." in page


@pytest.mark.parametrize(("verified", "gets_in"), [(True, True), (False, False), (None, False)])
def test_where_an_admin_says_so_a_verified_e_mail_links_somebody_who_is_here(
    session: Session, set_up: SetUp, visitor: Visitor, provider: Company, verified: bool | None, gets_in: bool
) -> None:
    set_up(link_by_email="1")
    a_person(session, "biller", email="dana@fennimore.example")
    provider.person["email_verified"] = verified

    there_and_back(visitor)

    assert (visitor.get("/profile").status_code == 200) is gets_in


def test_who_was_invited_is_known_by_the_verified_e_mail_and_the_link_is_used_up(
    session: Session, set_up: SetUp, visitor: Visitor
) -> None:
    set_up()
    now = datetime.now(UTC)
    invitations.create_person(session, "dana@fennimore.example", "", "biller", COMMAND_LINE, now, real_now=now)
    session.commit()

    assert there_and_back(visitor).headers["Location"] == "/"

    assert session.scalars(sa.select(OneTimeLink.used_at)).one() is not None


def test_an_invitation_that_was_taken_back_links_nobody(session: Session, set_up: SetUp, visitor: Visitor) -> None:
    set_up()
    now = datetime.now(UTC)
    invitations.create_person(session, "dana@fennimore.example", "", "biller", COMMAND_LINE, now, real_now=now)
    link = session.scalars(sa.select(OneTimeLink.id)).one()
    invitations.revoke(session, link, by=COMMAND_LINE, now=now, real_now=now)
    session.commit()

    there_and_back(visitor)

    assert visitor.get("/profile").status_code == 303


def test_the_link_of_an_invitation_links_whatever_the_e_mail_there_is(
    session: Session, set_up: SetUp, visitor: Visitor, provider: Company
) -> None:
    set_up()
    now = datetime.now(UTC)
    token = invitations.create_person(session, "nora@fennimore.example", "Nora", "biller", COMMAND_LINE, now,
                                      real_now=now)  # fmt: skip
    session.commit()
    provider.person["email"] = None
    button = visitor.page(visitor.get(f"/link/{token}")).select_one("a.button")
    assert button is not None

    there_and_back(visitor, str(button["href"]))

    assert "Nora" in visitor.get("/profile").get_data(as_text=True)
    assert visitor.get(f"/link/{token}").status_code == 410


def test_somebody_signed_in_links_their_own_account_and_no_second_one(
    session: Session, set_up: SetUp, signed_in_as: SignedInAs, provider: Company
) -> None:
    set_up()
    biller = signed_in_as("biller")

    link = f"/sign-in/company?next=/profile&link={biller.token()}"
    assert there_and_back(biller, link).headers["Location"] == "/profile"
    provider.person["sub"] = "u-2"
    there_and_back(biller, f"/sign-in/company?next=/profile&link={biller.token()}")

    session.rollback()
    assert session.scalars(sa.select(CompanyIdentity.subject)).all() == ["u-1"]
    assert "linked to another account there already" in biller.get("/profile").get_data(as_text=True)


def test_an_account_that_is_somebody_elses_is_not_taken_over(dana: Person, signed_in_as: SignedInAs) -> None:
    viewer = signed_in_as("viewer")

    there_and_back(viewer, "/sign-in/company?next=/profile")

    assert "linked to somebody else here" in viewer.get("/profile").get_data(as_text=True)
    assert dana.name not in viewer.page(viewer.get("/profile")).select_one("h1").get_text()  # type: ignore[union-attr]


def test_somebody_switched_off_does_not_get_in(dana: Person, session: Session, visitor: Visitor) -> None:
    session.execute(sa.update(Person).where(Person.id == dana.id).values(active=False))
    session.commit()

    there_and_back(visitor)

    assert visitor.get("/profile").status_code == 303


def test_a_token_gives_no_role_unless_an_admin_mapped_it(
    dana: Person, session: Session, visitor: Visitor, provider: Company, set_up: SetUp
) -> None:
    def role() -> str:
        session.rollback()
        found = session.scalars(sa.select(Person.role).where(Person.id == dana.id)).one()
        session.commit()
        return found

    provider.person |= {"groups": ["heads", "billing"], "role": "admin"}
    there_and_back(visitor)
    assert role() == "biller"

    set_up(role_claim="groups", role_map="heads = manager\nbilling = viewer")
    there_and_back(visitor)
    assert role() == "manager"

    provider.person["groups"] = ["others"]
    there_and_back(visitor)
    assert role() == "manager"


def test_the_last_admin_stays_one_whatever_a_token_says(
    session: Session, set_up: SetUp, signed_in_as: SignedInAs, provider: Company, visitor: Visitor
) -> None:
    set_up(role_claim="groups", role_map="all = viewer")
    provider.person["groups"] = "all"

    there_and_back(signed_in_as("admin"))
    there_and_back(visitor)

    session.rollback()
    assert session.scalars(sa.select(Person.role)).one() == "admin"
    assert visitor.get("/people").status_code == 200


def test_another_sites_link_links_nobody_who_is_signed_in(
    app: Flask, session: Session, set_up: SetUp, signed_in_as: SignedInAs
) -> None:
    set_up()
    biller, stranger = signed_in_as("biller"), Visitor(app)
    stranger.get("/sign-in")

    for token in ("", "&link=x", f"&link={stranger.token()}"):
        answer = biller.get(f"/sign-in/company?next=/cards{token}")
        assert answer.headers["Location"] == "/cards", token
    page = biller.page(biller.get("/profile"))
    own = page.select_one("a[href*='link=']")
    assert own is not None
    there_and_back(biller, str(own["href"]))

    session.rollback()
    assert session.scalars(sa.select(CompanyIdentity.subject)).all() == ["u-1"]


@pytest.mark.usefixtures("dana")
def test_another_site_signs_nobody_in(visitor: Visitor) -> None:
    answer = visitor.client.get("/sign-in/company?next=/cards", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.headers["Location"] == "/sign-in?next=/cards"


@pytest.mark.usefixtures("dana")
def test_coming_back_with_nothing_does_not_fill_the_trail(visitor: Visitor, session: Session) -> None:
    for number in range(20):
        visitor.get(f"/sign-in/company/back?state={number}&code=x")

    session.rollback()
    events = session.scalars(sa.select(AuditEvent.sentence).where(AuditEvent.what == "refusal")).all()
    assert len(events) == 5
    assert all("was not let in" in sentence for sentence in events)
