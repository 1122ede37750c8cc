"""Answers that fail, come from somebody else or never come: what was typed stays, and it can be sent again at once."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from portal.services import decisions
from portal.web.htmx import LONGEST_MS
from tests.browser.conftest import Site
from tests.browser.settings import PASSWORD, PATIENCE_MS
from tests.browser.test_month import Found, found

pytestmark = pytest.mark.browser

TYPED = "asked the vendor by telephone"
LOST = "No answer from Countersign. Nothing you typed is lost; try again."


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A biller's page. Requests fail on purpose here, so the console may say so; a script that stops may not."""
    stopped: list[str] = []
    with browser.new_context(base_url=site.url) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: stopped.append(str(error)))
        sign_in(page)
        yield page
        page.unroute_all(behavior="ignoreErrors")
    assert stopped == []


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    finish_signing_in(page)


def finish_signing_in(page: Page) -> None:
    page.get_by_label("E-mail").fill("biller@demo.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


class Form:
    """The form to adjust a card, as somebody has filled it in."""

    def __init__(self, page: Page, card: Found) -> None:
        self.page = page
        self.card = card
        page.goto(f"/cards?agreement={card.agreement}&q={card.product}")
        self.row.get_by_role("link", name="Adjust…").click()
        expect(self.quantity).to_be_focused()  # the form takes the focus a moment after it stands
        self.reason.fill(TYPED)
        self.quantity.fill(str(card.psa + 3))
        expect(self.button).to_contain_text(f"Adjust to {card.psa + 3}")  # the plan of what was typed stands

    @property
    def row(self) -> Locator:
        return self.page.locator(f"#card-{self.card.id}")

    @property
    def quantity(self) -> Locator:
        return self.row.get_by_label("Quantity")

    @property
    def reason(self) -> Locator:
        return self.row.get_by_label("Reason")

    @property
    def button(self) -> Locator:
        return self.row.locator("form button.primary")

    def send(self) -> None:
        """Press Enter on the button."""
        self.button.focus()
        self.page.keyboard.press("Enter")

    def is_as_it_was(self, notice: str) -> None:
        """See the notice, what was typed, and the button ready and with the focus."""
        expect(self.page.locator("#notices")).to_contain_text(notice)
        expect(self.quantity).to_have_value(str(self.card.psa + 3))
        expect(self.reason).to_have_value(TYPED)
        expect(self.button).to_be_enabled()
        expect(self.button).to_be_focused()
        expect(self.page.locator("[aria-busy]")).to_have_count(0)


@contextmanager
def failing(page: Page, how: Callable[[Route], None]) -> Iterator[None]:
    """Let what is sent to adjust a card fail."""
    page.route("**/cards/*/adjust*", lambda route: how(route) if route.request.method == "POST" else route.continue_())
    yield
    page.unroute_all(behavior="ignoreErrors")


def test_what_was_typed_stays_and_can_be_sent_again(site: Site, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    form = Form(page, found(site, "increase", prorates=False)[0])

    waiting: list[Route] = []
    with failing(page, waiting.append):
        form.send()
        expect(form.row).to_have_attribute("aria-busy", "true")
        expect(form.button).to_be_disabled()
        waiting[0].abort()
        form.is_as_it_was(LOST)

    proxy = "<html><h1>502 Bad Gateway</h1></html>"
    with failing(page, lambda route: route.fulfill(status=502, content_type="text/html", body=proxy)):
        form.send()
        form.is_as_it_was(LOST)
        expect(page.get_by_text("Bad Gateway")).to_have_count(0)

    assert page.evaluate("htmx.config.timeout") == LONGEST_MS
    page.evaluate("htmx.config.timeout = 200")
    with failing(page, lambda _: None):
        form.send()
        form.is_as_it_was(LOST)
    page.evaluate(f"htmx.config.timeout = {LONGEST_MS}")

    with monkeypatch.context() as broken:
        broken.setattr(decisions, "adjust", lambda *_, **__: 1 / 0)
        form.send()
        form.is_as_it_was("Something failed on our side. Nothing was sent.")

    form.send()
    expect(form.row).to_contain_text(f"Dana adjusted to {form.card.psa + 3} at")
    expect(page.locator("#notices")).to_be_empty()


def test_a_part_that_waits_for_its_end_goes_on_asking(site: Site, page: Page) -> None:
    card = found(site, "increase", prorates=False)[0]
    page.clock.install()
    page.goto(f"/cards?agreement={card.agreement}&q={card.product}")
    page.route(f"**/cards/{card.id}?*", lambda route: route.abort())
    page.get_by_role("button", name=f"Approve {card.proposed}, effective today").click()
    expect(page.locator(f"#card-{card.id} .tag").first).to_contain_text("Approved")

    page.clock.run_for(2_000)
    expect(page.locator("#notices")).to_contain_text("What you see may be old; it is asked again by itself.")
    page.clock.run_for(6_000)
    expect(page.locator("#notices .notice")).to_have_count(1)

    page.unroute_all(behavior="ignoreErrors")
    page.clock.run_for(6_000)
    expect(page.locator("#notices")).to_be_empty()


def test_a_form_of_a_session_that_ended_comes_back_after_signing_in(site: Site, page: Page) -> None:
    form = Form(page, found(site, "increase", prorates=False)[0])
    with closing(sqlite3.connect(site.instance / "countersign.sqlite")) as connection, connection:
        connection.execute("UPDATE sign_in SET ended_at = created_at")

    form.reason.press("End")
    form.reason.press_sequentially(", again")
    expect(page.locator("#notices")).to_contain_text("You are signed out. What you typed on this page stays;")
    expect(form.reason).to_have_value(f"{TYPED}, again")
    expect(form.reason).to_be_focused()
    form.send()
    page.wait_for_url(lambda url: "/sign-in" in url)
    expect(page.locator("main")).to_contain_text("What you typed is kept")
    finish_signing_in(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("What you had typed is kept")
    expect(page.get_by_label("Quantity")).to_have_value(str(form.card.psa + 3))
    expect(page.get_by_label("Reason")).to_have_value(f"{TYPED}, again")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("What you had typed is kept")
    page.goto(f"/cards/{form.card.id}")
    expect(form.row).to_contain_text(f"Dana adjusted to {form.card.psa + 3} at")
