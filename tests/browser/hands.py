"""Somebody who does the month in a browser, by keys alone or by pointer; keys, clicks, pages and waits are counted.

How long a person would take is estimated by the keystroke-level model (Card, Moran and Newell, 1980): K for a key, P
for pointing, B for a click, H for a hand that moves between keyboard and mouse, M for what goes on in a mind. Each card
costs M twice, to find its numbers and to decide, and each form once more. What the portal took to answer is measured.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, Response

from tests.browser.waiting import until

K, P, B, H, M = 0.28, 1.1, 0.2, 0.4, 1.35  # seconds
REASON = "asked the vendor"
PRESS_LIMIT = 400  # cards; a loop that never ends is a fault
_FRESH = """id => { const row = document.getElementById(id);
  return row && !row.dataset.seen && !row.classList.contains('htmx-settling')
    && document.activeElement !== document.body }"""
_FOCUSED = """() => { const at = document.activeElement; const row = at.closest('tbody[id^=card-]');
  return {row: row ? row.id : '', pager: at.matches('.pager a'), first: !!row?.querySelector('tr.card [data-key=a]'),
    open: !!row && !row.querySelector('.card.decided')} }"""
_FORM = "id => { const form = document.querySelector(`#${id} form.form-row`); return form ? form.action : '' }"
_MARK = "id => { document.getElementById(id).dataset.seen = '1' }"


@dataclass
class Tally:
    """What was done.

    Args:
        minds: How often something had to be read or thought over.
        waited: Seconds that the portal took to answer.
        moves: Hands that went between keyboard and mouse.
    """

    keys: int = 0
    clicks: int = 0
    pages: int = 0
    moves: int = 0
    minds: int = 0
    waited: float = 0.0
    began: float = field(default_factory=time.monotonic)
    decisions: Counter[str] = field(default_factory=Counter)

    @property
    def person(self) -> float:
        """About how many seconds a person takes."""
        return self.keys * K + self.clicks * (P + B) + self.moves * H + self.minds * M + self.waited

    def words(self, title: str) -> str:
        """Tell it in lines."""
        each = ", ".join(f"{number} {name}" for name, number in sorted(self.decisions.items()))
        took = time.monotonic() - self.began
        parts = (
            f"{self.keys} x {K} s (key)",
            f"{self.clicks} x {P + B:.1f} s (point and click)",
            f"{self.moves} x {H} s (hand)",
            f"{self.minds} x {M} s (mind)",
            f"{self.waited:.0f} s (answers)",
        )
        return (
            f"\n{title}\n"
            f"  decisions   {sum(self.decisions.values())} ({each})\n"
            f"  keys        {self.keys}, clicks {self.clicks}, pages {self.pages}\n"
            f"  this run    {took:.0f} s, of which the portal took {self.waited:.0f} s to answer\n"
            f"  a person    about {self.person / 60:.1f} minutes = {' + '.join(parts)}\n"
        )


class Hands:
    """Somebody at the board."""

    def __init__(self, page: Page, *, pointer: bool = False) -> None:
        self.page = page
        self.pointer = pointer
        self.tally = Tally()
        self._on_mouse = False

    # what fingers do

    def press(self, key: str) -> None:
        """Press a key."""
        self._hand(on_mouse=False)
        self.tally.keys += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Type a text."""
        self._hand(on_mouse=False)
        self.tally.keys += len(text)
        self.page.keyboard.type(text)

    def click(self, selector: str) -> None:
        """Point at something and click."""
        self._hand(on_mouse=True)
        self.tally.clicks += 1
        self.page.locator(selector).first.click()

    def think(self, times: int = 1) -> None:
        """Read and make up one's mind."""
        self.tally.minds += times

    def _hand(self, *, on_mouse: bool) -> None:
        if self._on_mouse != on_mouse:
            self.tally.moves += 1
            self._on_mouse = on_mouse

    def leads_to(self, act: Callable[[], None], where: str = "**/*") -> None:
        """Do what opens another page."""
        began = time.monotonic()
        with self.page.expect_navigation(url=where):
            act()
        self.page.wait_for_load_state("load")
        self.tally.pages += 1
        self.tally.waited += time.monotonic() - began

    def answered(self, row: str, act: Callable[[], None]) -> Response:
        """Do what the portal answers with the row anew."""
        card = row.removeprefix("card-")
        self.page.evaluate(_MARK, row)
        began = time.monotonic()
        with self.page.expect_response(
            lambda answer: re.search(rf"/cards/{card}(/|\\?)", answer.url) is not None
        ) as found:
            act()
        answer = found.value
        until(self.page, _FRESH, row)
        self.tally.waited += time.monotonic() - began
        return answer

    # the month

    def to_the_board(self) -> None:
        """Open the portal, and from Today the board."""
        self.page.goto("/")
        self.tally.pages += 1
        self.think()
        if self.pointer:
            self.leads_to(lambda: self.click(".head a.primary"), "**/cards*")
            return
        for key in ("Tab", "Enter", "Tab"):  # past the rail
            self.press(key)
        self.leads_to(lambda: self.press("Enter"), "**/cards*")

    def whole_board(self, most: int = PRESS_LIMIT) -> None:
        """Decide card after card, page after page, until none is left."""
        if not self.pointer:
            self.press("j")
        for _ in range(most):
            at = self._next()
            if at is None:
                return
            self.one_card(str(at["row"]), first=bool(at["first"]))

    def _next(self) -> dict[str, str | bool] | None:
        """Give the card that is next to be decided; turns the page where this one is done."""
        for _ in range(3):
            if self.pointer:
                rows = self.page.locator("#cards > table tbody[id^=card-]:not(:has(.card.decided))")
                if rows.count():
                    row = str(rows.first.get_attribute("id"))
                    return {"row": row, "first": self.page.locator(f"#{row} tr.card [data-key=a]").count() > 0}
                if not self.page.locator(".pager a[rel=next]").count():
                    return None
                self.leads_to(lambda: self.click(".pager a[rel=next]"))
                continue
            at: dict[str, str | bool] = self.page.evaluate(_FOCUSED)
            if at["row"] and at["open"]:
                return at
            if not at["pager"]:
                return None
            self.leads_to(lambda: self.press("Enter"))
            self.press("j")
        return None

    def one_card(self, row: str, *, first: bool) -> None:
        """Decide a card: its first button where it has one, else it is dismissed with a reason."""
        self.think(2)
        if not first:
            self._dismiss(row)
            return
        self.answered(row, lambda: self._act(row, "a"))
        form = str(self.page.evaluate(_FORM, row))
        if not form:
            self.tally.decisions["approved at once"] += 1
            return
        self.think()
        name = form.partition("?")[0].rsplit("/", 1)[-1]
        if name == "add" and not self.page.locator(f"#{row} [name=agreement]").count():
            self._dismiss(row, other="form a.button.big")  # no agreement can take it: the form offers to dismiss it
            return
        self._choose(row, name)
        self._confirm(row)
        self.tally.decisions[{"add": "added", "split": "shared", "approve": "approved by its plan"}[name]] += 1

    def _act(self, row: str, key: str) -> None:
        if self.pointer:
            self.click(f"#{row} tr.card [data-key={key}]")
        else:
            self.press(key)

    def _choose(self, row: str, name: str) -> None:
        """Choose the first agreement where one has to be chosen."""
        radio = {"add": "agreement", "split": "all_to"}.get(name)
        if radio is None or (name == "add" and self.page.locator(f"#{row} [name=agreement]:checked").count()):
            return
        self.answered(row, lambda: self._tick(row, radio)) if name == "add" else self._tick(row, radio)

    def _tick(self, row: str, radio: str) -> None:
        if self.pointer:
            self.click(f"#{row} [name={radio}]")
        else:
            self.press("Space")

    def _confirm(self, row: str) -> None:
        """Send a form; a warning that has to be ticked is read and ticked."""
        for _ in range(3):
            answer = self.answered(row, self._send(row))
            if answer.status < 400:
                return
            self.think()
            if self.pointer:
                self.click(f"#{row} input[aria-invalid=true]")
            else:
                self.press("Space")
        raise AssertionError(f"{row} was not decided: {self.page.locator(f'#{row} form').inner_text()}")

    def _send(self, row: str) -> Callable[[], None]:
        if self.pointer:
            return lambda: self.click(f"#{row} form.form-row button.primary")
        return lambda: self.press("Enter")

    def _dismiss(self, row: str, *, other: str = "") -> None:
        """Dismiss with a reason, by the row's own button or by the one that a form has in its place."""
        if not other:
            self.answered(row, lambda: self._act(row, "d"))
        elif self.pointer:
            self.answered(row, lambda: self.click(f"#{row} {other}"))
        else:
            self.answered(row, lambda: self.press("Enter"))
        self.type(REASON)
        self.answered(row, self._send(row))
        self.tally.decisions["dismissed"] += 1

    def preview_of_all(self) -> None:
        """Approve what can be approved at once after a look at the preview, then come back to the board."""
        self.think()
        self.leads_to(lambda: self.click("button[value=filter]"), "**/cards/preview*")
        self.think(4)  # the outliers are read
        number = re.search(r"\d+", self.page.locator("#go button.primary").inner_text())
        self.leads_to(lambda: self.click("#go button.primary"), "**/batches/*")
        self.tally.decisions["approved together"] += int(number.group()) if number else 0
        self.think()
        self.leads_to(lambda: self.click("#nav-counts a[href='/cards']"), "**/cards*")
