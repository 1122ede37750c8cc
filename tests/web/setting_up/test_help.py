"""The help inside the portal: every page renders, its links and pictures lead somewhere, and nothing in it runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from portal.db.records import Card
from portal.web.help import KINDS, STATES, help_on, pages
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


def test_pictures_have_their_place_before_they_come_and_heads_of_tables_have_words(app: Flask) -> None:
    with app.test_request_context():
        bodies = [BeautifulSoup(pages.find(name).body, "html.parser") for name in pages.PAGES]

    images = [image for body in bodies for image in body.select("img")]
    assert images
    assert all(int(str(image["width"])) > 300 and int(str(image["height"])) > 200 for image in images)
    assert all(head.get_text().strip() for body in bodies for head in body.select("th"))
    assert any(not cell.get_text() for body in bodies for cell in body.select("thead td"))


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


@pytest.fixture
def hints(app: Flask) -> set[str]:
    """What the templates lead to, and what the state and the kind of a card lead to."""
    folder = Path(app.root_path) / str(app.template_folder)
    in_templates = {
        found
        for file in folder.rglob("*.html")
        for call in re.findall(r"help_at\(([^)]*)\)", file.read_text(encoding="utf-8"))
        for found in re.findall(r"""["']([a-z-]+(?:#[a-z-]+)?)["']""", call)
    }
    return in_templates | set(STATES.values()) | set(KINDS.values()) | {"cards#kinds"}


def test_every_hint_beside_the_work_leads_to_a_part_that_is_there(app: Flask, hints: set[str]) -> None:
    with app.test_request_context():
        parts = {f"{name}#{anchor}" for name in pages.PAGES for anchor, _ in pages.find(name).parts}

    assert hints
    assert hints <= parts | set(pages.PAGES)


def test_every_part_on_cards_is_told_beside_the_work(app: Flask, hints: set[str]) -> None:
    with app.test_request_context():
        parts = {f"cards#{anchor}" for anchor, _ in pages.find("cards").parts}

    assert parts - hints == set()


def test_mapping_files_statuses_rules_people_and_writes_each_lead_to_their_page(
    signed_in_as: Callable[[str], Visitor],
) -> None:
    admin = signed_in_as("admin")
    screens = {
        "/mapping/accounts": "mapping",
        "/mapping/services": "mapping",
        "/imports": "importing",
        "/statuses": "statuses",
        "/rules": "rules",
        "/people": "people",
        "/pushes": "trust",
        "/pushes?show=planned": "cards#read-only",
        "/pushes?show=in_doubt": "cards#in-doubt",
    }

    lost = {
        where
        for where, topic in screens.items()
        if not admin.page(admin.get(where)).select(f"main a[href='/help/{topic}']")
    }

    assert lost == set()


@pytest.mark.parametrize(
    ("kind", "state", "part"),
    [
        ("increase", "open", "kinds"),
        ("not_reported", "open", "not-reported"),
        ("to_split", "open", "to-split"),
        ("stale", "stale", "stale"),
        ("decrease", "waiting", "second-person"),
        ("not_reported", "planned", "read-only"),
        ("increase", "changed_in_psa", "changed-in-connectwise"),
        ("increase", "in_doubt", "in-doubt"),
    ],
)
def test_a_card_leads_to_what_its_state_means_and_else_its_kind(app: Flask, kind: str, state: str, part: str) -> None:
    with app.test_request_context():
        assert help_on(Card(kind=kind, state=state)) == f"/help/cards#{part}"
