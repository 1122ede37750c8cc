"""Somebody who goes through a page by Tab alone, and what is wrong with the stops."""

from playwright.sync_api import Page

MARGIN = 30  # stops beyond those that can be counted: fields for dates have several, frames of scrolling have one
PARTS = "input[type=date], input[type=datetime-local], input[type=month], input[type=time]"
COUNT = f"""() => document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]").length
  + 5 * document.querySelectorAll("{PARTS}").length"""
NOWHERE = "() => document.activeElement === document.body"
STOP = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const wrong = [];
  const text = id => document.getElementById(id)?.textContent ?? "";
  const name = at.ariaLabel || (at.getAttribute("aria-labelledby") ?? "").split(" ").map(text).join(" ")
    || [...(at.labels ?? [])].map(one => one.textContent).join(" ") || at.textContent || at.title;
  if (!name.trim()) wrong.push("has no name");
  if (!at.checkVisibility({visibilityProperty: true})) wrong.push("is not visible");
  const seen = getComputedStyle(at).opacity === "0" ? at.nextElementSibling : at;  // a radio below its own words
  const style = getComputedStyle(seen);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) wrong.push("shows no ring");
  const box = [...at.getClientRects()].find(one => one.width > 1 && one.height > 1);
  if (!box) wrong.push("has no size");
  else {
    const edge = (low, high, most) => [Math.max(low, 0), Math.min(high, most)];
    const [left, right] = edge(box.left, box.right, innerWidth), [top, bottom] = edge(box.top, box.bottom, innerHeight);
    if (right - left < 1 || bottom - top < 1) wrong.push("is out of view");
    else {
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const label = at.closest("label");
      if (!hit || !(at.contains(hit) || hit.contains(at) || label?.contains(hit)))
        wrong.push(`is covered by ${hit?.outerHTML.slice(0, 80)}`);
    }
  }
  window.walked = window.walked ?? 0;
  const key = at.dataset.walked ?? (at.dataset.walked = String(window.walked += 1));
  return {key, what: at.outerHTML.slice(0, 110), wrong};
}"""


def walked(page: Page) -> list[str]:
    """Press Tab until the page is at its end; give what is wrong.

    Every stop has to have a name, be seen, be covered by nothing and show a ring, and there has to be an end.
    """
    most = int(page.evaluate(COUNT)) + MARGIN
    for _ in range(most):  # where the page itself set the focus: past its end, so that the next Tab is at the top
        if page.evaluate(NOWHERE):
            break
        page.keyboard.press("Tab")
    found: list[str] = []
    stops: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or (stops and stop["key"] == stops[0]):
            break
        if not stops or stop["key"] != stops[-1]:
            found += [f"{each}: {stop['what']}" for each in stop["wrong"]]
        stops.append(stop["key"])
    else:
        found.append(f"has no end within {most} stops")
    if not stops:
        found.append("has no stop")
    return found
