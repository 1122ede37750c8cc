"""The pages of `docs/` that are shown inside the portal, rendered from their Markdown.

HTML in a page is shown as text, and addresses that a browser could run are no links: the renderer takes CommonMark
with tables and nothing else. Pages stand beside the program, so they are read where no network is.
"""

import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

from flask import url_for
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from portal.config import ROOT
from portal.services.errors import NotFound

FOLDER = ROOT / "docs"
PICTURES = FOLDER / "pictures"
PAGES = {
    "first-hour": "The first hour",
    "month": "The month on the board",
    "cards": "What the cards mean",
    "connectwise": "ConnectWise: keys and permissions",
    "importing": "Importing usage",
    "mapping": "Mapping",
    "statuses": "Statuses and types",
    "rules": "Rules, notes and tags",
    "people": "People and sign-in",
    "trust": "How nothing is written twice",
}
_OWN = re.compile(r"([a-z-]+)\.md(#[\w-]*)?")
_PICTURE = re.compile(r"pictures/([a-z0-9-]+\.png)")
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the help.

    Args:
        parts: Anchor and title of each part, in order.
        body: All but the heading, as HTML.
    """

    title: str
    parts: tuple[tuple[str, str], ...]
    body: Markup


def find(name: str) -> Page:
    """Give a page.

    Raises:
        NotFound: There is none.
    """
    file = FOLDER / f"{name}.md"
    if name not in PAGES or not file.is_file():
        raise NotFound("The help has no such page. Its list shows which there are.")
    return _rendered(file, file.stat().st_mtime_ns)


def anchor(title: str) -> str:
    """Give the anchor of a heading: its words in lower case, as code hosts make it."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())


@lru_cache(maxsize=32)
def _rendered(file: Path, _changed: int) -> Page:
    tokens = _markdown.parse(file.read_text(encoding="utf-8"))
    title, parts = PAGES[file.stem], []
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        title = tokens[1].content
        tokens = tokens[3:]
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", anchor(following.content))
            if token.tag == "h2":
                parts.append((anchor(following.content), following.content.replace("`", "")))
        elif token.type == "table_open":
            token.attrSet("class", "grid")
        for child in token.children or ():
            _lead_within(child)
    body = _markdown.renderer.render(tokens, _markdown.options, {})
    number = count(1)  # each region that scrolls has a name of its own
    scroll = '<div class="scroll" tabindex="0" role="region" aria-label="Table {}"><table'
    body = body.replace("<th></th>", "<td></td>")  # a head without words is no head
    body = re.sub("<table", lambda _found: scroll.format(next(number)), body).replace("<pre>", '<pre tabindex="0">')
    return Page(title, tuple(parts), Markup(body.replace("</table>", "</table></div>")))  # noqa: S704 - CommonMark without HTML


def _lead_within(token: Token) -> None:
    """Lead links to other pages and pictures to where the portal shows them; what it does not show is no link."""
    if token.type == "image":
        found = _PICTURE.fullmatch(str(token.attrGet("src")))
        token.attrSet("src", url_for("help.picture", name=found[1]) if found else "")
        token.attrSet("loading", "lazy")
        for name, pixels in zip(("width", "height"), _size(PICTURES / found[1]) if found else (), strict=False):
            token.attrSet(name, str(pixels))  # its place is kept while it comes
    elif token.type == "link_open":
        href = str(token.attrGet("href"))
        found = _OWN.fullmatch(href)
        if found and found[1] in PAGES:
            token.attrSet("href", url_for("help.page", name=found[1]) + (found[2] or ""))
        elif not href.startswith(("#", "https://", "/")):
            token.attrs.pop("href", None)


def _size(picture: Path) -> tuple[int, ...]:
    """Give width and height of a PNG file in pixels; nothing where there is none."""
    if not picture.is_file():
        return ()
    with picture.open("rb") as file:
        return struct.unpack(">II", file.read(24)[16:])  # they are the first thing in its first part
