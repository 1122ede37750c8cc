"""Opens pages of the list, and notes what goes wrong while one is opened."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gallery import Gallery
from tests.browser.pages import Shown

PAGE, FILES = 100_000, 200_000  # bytes, compressed
WATCH = """window.shifted = [];
new PerformanceObserver(list => {
  const whole = performance.getEntriesByType("navigation")[0].domContentLoadedEventStart;  // all of the page is there
  for (const each of list.getEntries()) if (!each.hadRecentInput && whole && each.startTime > whole)
    window.shifted.push(`${each.value.toFixed(4)} ${each.sources.map(one => one.node?.nodeName ?? "?").join(" ")}`);
}).observe({type: "layout-shift", buffered: true});"""
WEIGHT = """() => ({page: performance.getEntriesByType("navigation")[0].encodedBodySize,
  files: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.encodedBodySize, 0)})"""
LAZY = """async () => {
  for (const one of document.images) { one.scrollIntoView(); await one.decode(); }
  scrollTo(0, 0);
}"""


@dataclass
class Opened:
    """A page that was opened.

    Args:
        wrong: What went wrong so far.
    """

    page: Page
    shown: Shown
    wrong: list[str] = field(default_factory=list)


def opened(browser: Browser, gallery: Gallery, pages: Iterable[Shown], **other: Any) -> Iterator[Opened]:
    """Open one page after the other, each signed in as whoever looks at it.

    The status, the heading, the weight, the stillness and the hosts are looked at here: they are of the opening itself.
    """
    contexts: dict[tuple[str, str], BrowserContext] = {}
    try:
        for shown in pages:
            key = (shown.store, shown.role)
            if key not in contexts:
                contexts[key] = gallery.context(browser, *key, reduced_motion="reduce", **other)
                contexts[key].set_default_timeout(15_000)
                contexts[key].add_init_script(WATCH)
            page = contexts[key].new_page()
            yield _open(page, gallery, shown)
            page.close()
    finally:
        for context in contexts.values():
            context.close()


def _open(page: Page, gallery: Gallery, shown: Shown) -> Opened:
    one = Opened(page, shown)
    here = gallery.urls[shown.store]
    page.on("pageerror", lambda error: one.wrong.append(f"page error: {error}"))
    page.on(
        "console",
        lambda said: (
            one.wrong.append(f"console: {said.text}")
            if said.type == "error" and "status of 4" not in said.text
            else None
        ),
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((here, "data:")) else one.wrong.append(f"asks {asked.url}"),
    )
    address = shown.address.format(**gallery.ids)
    answer = page.goto(address)
    if answer is None or answer.status != shown.status:
        one.wrong.append(f"answers {answer and answer.status}")
    if page.url != here + address.replace(" ", "%20"):
        one.wrong.append(f"leads to {page.url}")
    _weigh(one)
    if shown.press:
        for label, text in shown.typed:
            page.get_by_label(label).fill(text)
        page.locator(shown.press).first.click()
        page.wait_for_selector(shown.shows)
        if shown.lands and page.url != here + shown.lands:
            one.wrong.append(f"pressing leads to {page.url}")
    headings = page.locator("h1").all_inner_texts()
    if len(headings) != 1 or not re.match(shown.says, headings[0]):
        one.wrong.append(f"is headed {headings}")
    return one


def _weigh(one: Opened) -> None:
    page = one.page
    page.evaluate(LAZY)
    weight = page.evaluate(WEIGHT)
    if not 0 < weight["page"] < PAGE or weight["files"] >= FILES:
        one.wrong.append(f"weighs {weight}")
    if shifted := page.evaluate("window.shifted"):
        one.wrong.append(f"shifts {shifted}")
