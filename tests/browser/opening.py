"""Opens pages of the list, and notes what goes wrong while one is opened."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gallery import Gallery
from tests.browser.pages import Shown
from tests.browser.settings import PATIENCE_MS

PAGE, FILES = 100_000, 200_000  # bytes, compressed
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
WATCH = f"""window.shifted = [];
window.watching = new Promise(begun => addEventListener("load", async () => {{
  await {FRAMES};  // all of it is drawn: what came piece by piece on a slow line is no shift
  new PerformanceObserver(list => {{
    for (const each of list.getEntries()) {{
      const what = each.sources.map(one => one.node?.nodeName ?? "?").join(" ");
      if (!each.hadRecentInput) window.shifted.push(`${{each.value.toFixed(4)}} ${{what}}`);
    }}
  }}).observe({{type: "layout-shift"}});
  begun();
}}));"""
AT_ONCE = 'hx-trigger="load"'  # a part that is asked for as soon as the page is there, and moves what is being read
WEIGHT = """() => ({page: performance.getEntriesByType("navigation")[0].encodedBodySize,
  files: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.encodedBodySize, 0)})"""
REFUSED = ("status of 4", "Response Status Error Code 422")  # the console's words for a page or a form that is refused
LAZY = f"""async () => {{
  for (const one of document.images) {{ one.scrollIntoView(); await one.decode(); }}
  scrollTo(0, 0);
  await {FRAMES};
}}"""


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
                contexts[key].set_default_timeout(PATIENCE_MS)
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
            None
            if said.type != "error" or any(word in said.text for word in REFUSED)
            else one.wrong.append(f"console: {said.text}")
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
    if answer is not None and AT_ONCE in answer.text():
        one.wrong.append("asks for a part at once")
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
    page.evaluate("window.watching")
    page.evaluate(LAZY)
    weight = page.evaluate(WEIGHT)
    if not 0 < weight["page"] < PAGE or weight["files"] >= FILES:
        one.wrong.append(f"weighs {weight}")
    if shifted := page.evaluate("window.shifted"):
        one.wrong.append(f"shifts {shifted}")
