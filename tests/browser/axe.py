"""What axe finds on a page (WCAG 2.2 AA and best practice)."""

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOK = """only => { scrollTo(0, 0);  // what is half under the tape by where the page happens to stand is not small
  return axe.run(document, {runOnly: only, resultTypes: ["violations"]})
    .then(found => found.violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`)) }"""
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Ask axe, by all of its rules or by some, with the page at its top."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)  # by the debugger, not by the page: its content policy allows no script from elsewhere
    found: list[str] = page.evaluate(LOOK, {"type": "rule", "values": list(rules)} if rules else ALL)
    return found


def looked_at(page: Page) -> list[str]:
    """What axe finds on a page, and whether it is wider than the screen; one h1 it must have."""
    found = violations(page)
    if page.locator("h1").count() != 1:
        found.append("not one h1")
    if page.evaluate(TOO_WIDE):
        found.append("wider than the screen")
    return found
