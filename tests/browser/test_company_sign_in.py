"""The company's own sign-in in a browser, by a provider that is somebody else's software, on its own pages."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session
from waitress.server import create_server

from portal.config import Settings
from portal.factory import create_app
from tests.browser.settings import PATIENCE_MS
from tests.support.people import a_person
from tests.support.real_company import CLIENT, PASSWORD, SECRET, real_company
from tests.support.visitor import PASSWORD as OWN_PASSWORD

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Door:
    """A portal with people, and the provider beside it."""

    url: str
    issuer: str
    browser: Browser
    contexts: list[BrowserContext]

    def visitor(self) -> Page:
        """Somebody with a fresh browser."""
        context = self.browser.new_context(base_url=self.url)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        return context.new_page()

    def by_password(self, email: str) -> Page:
        """Somebody who signed in by password."""
        page = self.visitor()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(OWN_PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    def set_up(self) -> Page:
        """The admin who has set the company's sign-in up under People, with roles from there."""
        page = self.by_password("priya@fennimore.example")
        page.goto("/people")
        page.get_by_role("link", name="How people sign in").click()
        expect(page.get_by_label("Address to enter there")).to_have_value(f"{self.url}/sign-in/company/back")
        page.get_by_label("Name on the button").fill("Fennimore")
        page.get_by_label("Issuer").fill(self.issuer)
        page.get_by_label("Client ID").fill(CLIENT)
        page.get_by_label("Client secret").fill(SECRET)
        page.get_by_label("It stands inside our own network").check()
        page.get_by_text("Roles from there").click()
        page.get_by_label("Claim").fill("groups")
        page.get_by_label("Its values, and the role that each gives").fill("owners = admin\nheads = manager")
        page.get_by_role("button", name="Test and keep it").click()
        expect(page.locator("main")).to_contain_text("Kept. Now link it on your own profile")
        return page


@pytest.fixture
def door(settings: Settings, session: Session, browser: Browser) -> Iterator[Door]:
    """A portal at the address that its settings name, as the provider sends people back there."""
    for name, role in (("priya", "admin"), ("dana", "biller")):
        a_person(session, role, email=f"{name}@fennimore.example")
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{line.getsockname()[1]}"
    server = create_server(create_app(replace(settings, base_url=url)), sockets=[line], threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    contexts: list[BrowserContext] = []
    try:
        with real_company(f"{url}/sign-in/company/back") as issuer:
            yield Door(url, issuer, browser, contexts)
    finally:
        for context in contexts:
            context.close()
        server.close()
        thread.join(timeout=10)


def through_its_pages(page: Page, door: Door, name: str, *, answer: str = "Accept") -> None:
    """Sign in on the provider's own pages, and answer whether the portal may learn who it is, where that is asked."""
    assert page.url.startswith(door.issuer)
    page.get_by_label("Login").fill(name)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    if answer:
        page.get_by_role("button", name=answer).click()


def test_an_admin_sets_it_up_people_link_themselves_and_come_in_with_their_role_from_there(door: Door) -> None:
    admin = door.set_up()
    admin.get_by_role("link", name="Link Fennimore to yourself").click()
    through_its_pages(admin, door, "priya")
    expect(admin).to_have_url(f"{door.url}/people/sign-in")
    expect(admin.locator("main")).to_contain_text("1 person is linked")

    dana = door.by_password("dana@fennimore.example")
    expect(dana.locator(".rail-foot")).to_contain_text("Biller")
    dana.goto("/profile")
    dana.get_by_role("link", name="Link Fennimore").click()
    through_its_pages(dana, door, "dana")
    expect(dana).to_have_url(f"{door.url}/profile")
    expect(dana.locator(".rail-foot")).to_contain_text("Manager")
    expect(dana.locator("main")).to_contain_text("You can sign in with Fennimore")

    dana.get_by_role("button", name="Sign out").click()
    expect(dana.locator("main")).to_contain_text("You are signed out.")
    dana.goto("/cards")
    expect(dana).to_have_url(f"{door.url}/sign-in?next=/cards")
    dana.get_by_role("link", name="Sign in with Fennimore").click()  # it knows her still, and has her agreement
    expect(dana).to_have_url(f"{door.url}/cards")
    expect(dana.locator(".rail-foot")).to_contain_text("Manager")

    admin.get_by_role("button", name="Take passwords no more").click()
    expect(admin.locator("main")).to_contain_text("Passwords are taken no more.")
    newcomer = door.visitor()
    newcomer.goto("/sign-in")
    expect(newcomer.get_by_label("Password")).to_have_count(0)
    newcomer.get_by_role("link", name="Sign in with Fennimore").click()
    through_its_pages(newcomer, door, "priya", answer="")  # she has agreed before
    expect(newcomer.locator(".rail-foot")).to_contain_text("Admin")


def test_who_has_no_place_here_or_does_not_agree_there_is_told_and_not_let_in(door: Door) -> None:
    door.set_up()
    stranger, shy = door.visitor(), door.visitor()

    stranger.goto("/sign-in")
    stranger.get_by_role("link", name="Sign in with Fennimore").click()
    through_its_pages(stranger, door, "stranger")
    expect(stranger.locator("main")).to_contain_text("nobody here is linked to that account. Ask Priya to invite you.")
    stranger.goto("/cards")
    expect(stranger).to_have_url(f"{door.url}/sign-in?next=/cards")

    shy.goto("/sign-in?next=/audit")
    shy.get_by_role("link", name="Sign in with Fennimore").click()
    through_its_pages(shy, door, "dana", answer="Deny")
    expect(shy.locator("main")).to_contain_text("The company's sign-in did not let you in.")
    expect(shy).to_have_url(f"{door.url}/sign-in?next=/audit")


def test_a_wrong_secret_is_told_by_the_provider_and_lets_nobody_in(door: Door) -> None:
    admin = door.set_up()
    admin.get_by_label("Client secret").fill("another secret")
    admin.get_by_role("button", name="Test and keep it").click()
    expect(admin.locator("main")).to_contain_text("Kept.")

    admin.get_by_role("link", name="Link Fennimore to yourself").click()
    through_its_pages(admin, door, "priya")

    expect(admin.locator("main")).to_contain_text("answered 401 and said “invalid_client”")
    expect(admin.locator("main")).to_contain_text("0 people are linked")
