"""What each role sees: a whole month walked by links; nothing on a page leads to what the role may not do."""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect

from portal.config import Settings
from portal.db.records import Person
from portal.web.access import PUBLIC, ROLES_OF, declared
from tests.support.database import settings_on
from tests.support.people import NAMES, a_person
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
PAGES = 120  # at most, for each role; pages that differ in their query alone count once


@pytest.fixture
def settings(tmp_path: Path, loaded_file: Path) -> Settings:
    """A portal with a month in it."""
    instance = tmp_path / "instance"
    instance.mkdir()
    file = instance / "countersign.sqlite"
    shutil.copyfile(loaded_file, file)
    return settings_on(f"sqlite:///{file}", instance)


def needs(app: Flask, adapter: MapAdapter, method: str, path: str) -> str | None:
    """What an address asks for; none where it is no address of the portal."""
    try:
        endpoint, _ = adapter.match(urlsplit(path).path, method=method)
    except (RequestRedirect, HTTPException):
        return None
    return declared(app, str(endpoint))


def doors(page: BeautifulSoup, here: str) -> list[tuple[str, str]]:
    """What a page lets somebody do: each with its method and address."""
    found = [("GET", str(link["href"])) for link in page.select("a[href]")]
    found += [(str(form.get("method", "get")).upper(), str(form.get("action", here))) for form in page.select("form")]
    found += [("GET", str(part["hx-get"])) for part in page.select("[hx-get]")]
    found += [("POST", str(part["hx-post"])) for part in page.select("[hx-post]")]
    found += [("POST", str(part["formaction"])) for part in page.select("button[formaction]")]
    return [(method, urljoin(here, path)) for method, path in found if not path.startswith(("#", "http", "mailto:"))]


@pytest.mark.parametrize("role", ["viewer", "biller", "manager", "admin"])
def test_nothing_on_a_page_leads_to_what_the_role_may_not_do(app: Flask, signed_in_as: SignedInAs, role: str) -> None:
    visitor = signed_in_as(role)
    adapter = app.url_map.bind("localhost")
    waiting, seen, shut = ["/", "/cards", "/profile"], set[str](), set[tuple[str, str, str]]()
    endpoints: dict[object, int] = {}
    while waiting and len(seen) < PAGES:
        here = waiting.pop(0)
        path = urlsplit(here).path
        if path in seen:
            continue
        endpoint = adapter.match(path)[0]
        endpoints[endpoint] = endpoints.get(endpoint, 0) + 1
        if endpoints[endpoint] > 3:  # a third card looks like the first
            continue
        seen.add(path)
        answer = visitor.get(here)
        assert answer.status_code not in {403, 500}, (here, answer.status_code)
        if answer.mimetype != "text/html":
            continue
        for method, found in doors(visitor.page(answer), here):
            right = needs(app, adapter, method, found)
            if right not in {None, PUBLIC} and role not in ROLES_OF[str(right)]:
                shut.add((path, method, found))
            elif method == "GET" and right is not None and "sign-out" not in found:
                waiting.append(found)

    assert not shut, sorted(shut)[:20]
    assert len(seen) > 15


@pytest.mark.parametrize("role", ["viewer", "biller", "manager"])
def test_a_page_that_a_role_may_not_open_names_the_roles_and_the_people(
    session: Session, signed_in_as: SignedInAs, role: str
) -> None:
    for other in NAMES:
        if other != role:
            a_person(session, other)
    visitor = signed_in_as(role)

    text = visitor.get("/people").get_data(as_text=True)

    assert f"Only admins may open this page; you are signed in as a {role}. Priya can do it for you." in text
    assert session.query(Person).count() == len(NAMES)


def test_a_viewers_board_has_no_forms_that_decide(signed_in_as: SignedInAs) -> None:
    page = (viewer := signed_in_as("viewer")).page(viewer.get("/cards"))

    assert page.select("[id^=card-]")
    assert not page.select("main form[method=post] button, main input[name=card_id]")
