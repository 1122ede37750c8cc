"""The README is all that a stranger has: each of its links leads somewhere, and it leads to every page of the docs."""

import re

import pytest

from portal.config import ROOT
from portal.web.help.pages import anchor

PAGES = sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")


def links(page: str) -> list[str]:
    return LINK.findall((ROOT / page).read_text(encoding="utf-8"))


def test_the_readme_leads_to_every_page() -> None:
    linked = {link.partition("#")[0] for link in links("README.md")}

    assert {f"docs/{page.name}" for page in PAGES} - linked == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in PAGES)])
def test_each_link_leads_to_a_file_and_a_part_that_are_there(page: str) -> None:
    lost = []
    for link in links(page):
        path, _, part = link.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if file.suffix == ".md" else []
        if not file.exists() or (part and part not in {anchor(head) for head in heads}):
            lost.append(link)

    assert lost == []
