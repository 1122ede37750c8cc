"""The help inside the portal: every page renders, its links and pictures lead somewhere, and nothing in it runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.web.help import pages
from tests.support.visitor import Visitor


def test_every_page_renders_and_its_links_lead_somewhere(signed_in_as: Callable[[str], Visitor]) -> None:
    viewer = signed_in_as("viewer")
    lost = []
    for name in pages.PAGES:
        answer = viewer.get(f"/help/{name}")
        assert answer.status_code == 200, name
        for link in viewer.page(answer).select("main a[href^='/'], main img"):
            where = str(link.get("href") or link.get("src"))
            path, _, part = where.partition("#")
            found = viewer.get(path)
            if found.status_code != 200 or (part and not viewer.page(found).find(id=part)):
                lost.append((name, where))
            found.close()

    assert lost == []


def test_what_a_page_does_not_have_is_not_found(signed_in_as: Callable[[str], Visitor]) -> None:
    viewer = signed_in_as("viewer")

    for path in ("/help/interfaces", "/help/nothing", "/help/pictures/nothing.png", "/help/pictures/..%2Ftrust.md"):
        assert viewer.get(path).status_code == 404, path


@pytest.mark.parametrize(
    ("written", "never"),
    [
        ("<script>alert(1)</script>", "<script"),
        ("[a](javascript:alert(1))", 'href="javascript'),
        ("![a](https://elsewhere.example/x.png)", "elsewhere"),
        ("<img src=x onerror=alert(1)>", "<img"),
        ("[a](../portal/config.py)", "href"),
    ],
)
def test_markup_in_a_page_is_shown_and_never_run(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, never: str
) -> None:
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    (tmp_path / "month.md").write_text(f"# Month\n\n{written}\n", encoding="utf-8")

    with app.test_request_context():
        page = pages.find("month")

    assert never not in page.body
    assert page.title == "Month"


def test_every_hint_beside_the_work_leads_to_a_part_that_is_there(app: Flask) -> None:
    folder = Path(app.root_path) / str(app.template_folder)
    named = {
        found
        for file in folder.rglob("*.html")
        for found in re.findall(r"cards#[a-z-]+", file.read_text(encoding="utf-8"))
    }

    with app.test_request_context():
        parts = {f"cards#{anchor}" for anchor, _ in pages.find("cards").parts}

    assert named
    assert named <= parts
