"""Waiting for a state of a page in the page itself.

Playwright's own `wait_for_function` looks again by `eval`, which the portal's content security policy refuses.
"""

from playwright.sync_api import Page

FRAMES = 1800  # looked at, at most: half a minute where 60 are drawn a second


def until(page: Page, condition: str, arg: object = None) -> None:
    """Wait until a condition holds.

    Args:
        page: Where.
        condition: A JavaScript function of `arg`.
        arg: What it is given.
    """
    found = page.evaluate(
        f"""async arg => {{
          const holds = {condition};
          for (let looked = 0; looked < {FRAMES}; looked++) {{
            if (holds(arg)) return true;
            await new Promise(requestAnimationFrame);
          }}
          return false;
        }}""",
        arg,
    )
    assert found, f"It did not come true in time: {condition}"
