"""Pictures, taken anew by `make pictures`: of every page, to be looked at, and those of the documentation.

Every page of the list is taken at three widths in both themes into `pictures/`, which is not kept. Those of the
documentation stand in `docs/pictures/`: the sample month at its own time, in few colours, so that pages are light.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.config import ROOT
from portal.web.help.pages import PICTURES
from tests.browser.conftest import Site
from tests.browser.gallery import Gallery
from tests.browser.opening import opened
from tests.browser.pages import PAGES, picture_name
from tests.browser.settings import PATIENCE_MS
from tests.browser.small_png import keep_small
from tests.browser.test_first_hour import connects, makes_the_first_admin
from tests.browser.test_month import found

pytestmark = pytest.mark.browser

FOLDER = ROOT / "pictures"
SIZES = ((1440, 900), (1024, 768), (390, 844))
WINDOW = {"width": 1120, "height": 700}  # of a picture in the documentation
LARGEST = 60_000  # bytes of one
PARTS = 24


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_taken_at_three_widths_in_both_themes(pages: Gallery, browser: Browser, part: int) -> None:
    for one in opened(browser, pages, PAGES[part::PARTS], viewport={"width": 1440, "height": 900}):
        for theme in ("light", "dark"):
            one.page.emulate_media(color_scheme=theme)
            for width, height in SIZES:
                folder = FOLDER / f"{width}-{theme}"
                folder.mkdir(parents=True, exist_ok=True)
                one.page.set_viewport_size({"width": width, "height": height})
                path = folder / f"{picture_name(one.shown)}.png"
                one.page.screenshot(path=path, full_page=True, caret="initial")


def taken(page: Page, name: str) -> None:
    """Take a picture of what the window shows."""
    page.mouse.move(0, 0)
    shot = page.screenshot(caret="initial")  # hiding the caret takes a style that the content policy forbids
    desk = page.context.new_page()
    keep_small(desk, shot, PICTURES / f"{name}.png")
    desk.close()
    assert (PICTURES / f"{name}.png").stat().st_size < LARGEST


def test_the_documentation_shows_the_month(site: Site, open_page: Callable[..., Page]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = open_page("biller")
    page.set_viewport_size(WINDOW)  # type: ignore[arg-type] # as Playwright wants it
    page.emulate_media(reduced_motion="reduce")

    page.goto("/")
    taken(page, "today")
    page.goto("/cards?sort=name")
    page.keyboard.press("j")
    page.keyboard.press("j")
    taken(page, "board")
    page.goto("/mapping/accounts")
    taken(page, "mapping")
    page.goto("/imports")
    taken(page, "imports")
    page.goto("/statuses")
    taken(page, "statuses")

    raised, lowered = found(site, "increase", prorates=True)[0], found(site, "decrease", prorates=True)[0]
    page.goto(f"/cards/{raised.id}")
    taken(page, "card")

    page.goto(f"/cards?q={raised.product}&agreement={raised.agreement}")
    page.locator(f"#approve-{raised.id}").click()
    expect(page.locator(f"#card-{raised.id} .tag", has_text="Confirmed")).to_be_visible(timeout=30_000)
    page.goto(f"/cards/{lowered.id}/dismiss")
    page.get_by_label("Reason").fill("agreed by telephone until January")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    expect(page.locator(f"#card-{lowered.id} .tag", has_text="Dismissed").first).to_be_visible()
    page.goto("/audit")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#chain")).to_contain_text("The chain is whole")
    page.locator("tr.event", has_text="Approved").first.get_by_role("link").click()
    expect(page.locator("tr.more")).to_contain_text("as seen")
    page.evaluate("window.scrollTo(0, 0)")
    taken(page, "audit")


def test_the_documentation_shows_the_guide(bare: Site, browser: Browser) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(base_url=bare.url, viewport=WINDOW, reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    def look(name: str) -> None:
        if name == "connect":  # a site as it is in ConnectWise's cloud, in place of the one behind this test
            page.get_by_label("Site").fill("https://na.myconnectwise.net")
            page.locator("#h-trial").evaluate("heading => { heading.scrollIntoView(); scrollBy(0, 32); }")
        taken(page, name)

    makes_the_first_admin(page)
    connects(page, bare, look)
    context.close()
