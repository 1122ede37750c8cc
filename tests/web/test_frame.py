"""The frame of every page: tape, rail, headers, errors, htmx."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask, render_template
from sqlalchemy.orm import Session

from portal.config import BadSetting, Settings
from portal.db.records import Connection
from portal.factory import create_app
from portal.services.errors import Conflict
from portal.web.access import may, public
from portal.web.htmx import announce, beside, swaps
from portal.web.security import TrustedProxies
from tests.support.people import a_person
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]


def test_pages_forbid_everything_that_is_not_ours(signed_in_as: SignedInAs) -> None:
    headers = signed_in_as("viewer").get("/").headers

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "object-src 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/people", "/profile", "/audit", "/connections", "/keys", "/nix"])
def test_no_page_has_a_script_or_a_style_inside(signed_in_as: SignedInAs, path: str) -> None:
    visitor = signed_in_as("admin")
    if path == "/sign-in":
        visitor.post("/sign-out")

    page = visitor.page(visitor.get(path))

    assert not page.select("style, script:not([src]), [style]")
    assert not [each for each in page.find_all(True) if any(name.startswith(("on", "hx-on")) for name in each.attrs)]
    assert len(page.select("h1")) == 1
    ids = [each["id"] for each in page.select("[id]")]
    assert len(ids) == len(set(ids))


def test_one_address_serves_two_bodies_and_says_so(signed_in_as: SignedInAs) -> None:
    assert {"HX-Request", "HX-Target"} <= set(signed_in_as("viewer").get("/audit").headers["Vary"].split(", "))


def test_static_files_carry_a_version_and_are_kept(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")
    sheet = str(visitor.page(visitor.get("/")).select_one("link[rel=stylesheet]")["href"])  # type: ignore[index]

    with_version, without = visitor.client.get(sheet), visitor.client.get(sheet.partition("?")[0])

    assert re.fullmatch(r"/static/css/portal\.css\?v=[0-9a-f]{12}", sheet)
    assert "immutable" in with_version.headers["Cache-Control"]
    assert without.headers["Cache-Control"] == "no-cache"
    with_version.close()
    without.close()


def test_the_tape_says_where_we_are_and_that_the_clock_was_set(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")

    tape = visitor.page(visitor.get("/tape")).get_text(" ")

    assert "October 2026" in tape
    assert "Wed 28 Oct, day 2 of the 5-day window" in tape
    assert "Invoices go out in 4 days, Sun 1 Nov." in tape
    assert "The clock was set to 28 Oct 2026, 09:00" in tape


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("2026-10-18T16:00:00Z", "the window opens in 9 days"),
        ("2026-10-31T23:00:00-04:00", "Invoices go out tomorrow"),
        ("2026-11-01T03:59:00Z", "day 5 of the 5-day window"),
        ("2026-11-01T05:00:00Z", "November 2026"),
    ],
)
def test_the_tape_follows_the_portals_own_calendar(
    settings: Settings, session: Session, moment: str, says: str
) -> None:
    a_person(session)
    visitor = Visitor(create_app(replace(settings, now=datetime.fromisoformat(moment))))
    visitor.sign_in("biller@fennimore.example")

    assert says in visitor.page(visitor.get("/tape")).get_text(" ")


def test_another_period_is_named_on_the_tape(signed_in_as: SignedInAs) -> None:
    tape = signed_in_as("viewer").get("/tape?period=2026-09").get_data(as_text=True)

    assert "You are looking at September 2026." in tape
    assert "September is late by 28 days, and open" in tape


def test_the_tape_is_sent_again_only_when_its_text_changed(session: Session, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")
    first = visitor.page(visitor.get("/tape", swapping="tape")).select_one("#tape")
    again = str(first["hx-get"])  # type: ignore[index]

    assert visitor.get(again, swapping="tape").status_code == 204
    connect(session)
    changed = visitor.get(again, swapping="tape")

    assert changed.status_code == 200
    assert "ConnectWise was never read" in changed.get_data(as_text=True)


def connect(session: Session, *, writing: bool = False) -> None:
    session.add(
        Connection(
            name="connectwise", url="http://127.0.0.1:1/x", company="c", public_key="p", sealed_private_key="s",
            key_tail="", client_id="i", allow_private=True, writing=writing, set_by="x", set_at=datetime.now(UTC),
        )
    )  # fmt: skip
    session.commit()


def test_read_only_mode_is_said_on_every_page_and_admins_get_the_switch(
    session: Session, signed_in_as: SignedInAs
) -> None:
    connect(session)
    viewer, admin = signed_in_as("viewer"), signed_in_as("admin")

    for path in ("/", "/audit", "/profile"):
        assert "nothing is sent to ConnectWise" in viewer.get(path).get_data(as_text=True)
    assert not viewer.page(viewer.get("/")).select("a[href='/connections/writing']")
    assert admin.page(admin.get("/")).select("a[href='/connections/writing']")


def test_entries_that_a_role_may_not_open_are_absent(signed_in_as: SignedInAs) -> None:
    viewer, admin = signed_in_as("viewer"), signed_in_as("admin")

    assert not viewer.page(viewer.get("/")).select("#nav-counts a[href='/people']")
    assert admin.page(admin.get("/")).select("#nav-counts a[href='/people']")


def test_the_page_shown_is_marked_in_the_rail(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")

    marked = visitor.page(visitor.get("/audit?q=x")).select("#nav-counts [aria-current=page]")

    assert [each["href"] for each in marked] == ["/audit"]


def test_a_missing_page_is_a_page_for_people_and_for_strangers(signed_in_as: SignedInAs, visitor: Visitor) -> None:
    inside, outside = signed_in_as("viewer").get("/nix"), visitor.get("/nix")

    assert inside.status_code == outside.status_code == 404
    assert "#tape" in inside.get_data(as_text=True) or 'id="tape"' in inside.get_data(as_text=True)
    assert 'id="tape"' not in outside.get_data(as_text=True)


def test_a_form_sent_to_a_page_without_forms_is_405(signed_in_as: SignedInAs) -> None:
    answer = signed_in_as("viewer").post("/audit")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "Nothing was changed." in answer.get_data(as_text=True)


def test_a_form_that_is_too_large_is_413(app: Flask, signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")
    token = visitor.token()
    app.config["MAX_CONTENT_LENGTH"] = 1000

    answer = visitor.post("/profile", {"theme": "x" * 5000, "csrf_token": token})

    assert answer.status_code == 413
    assert "Nothing was changed." in answer.get_data(as_text=True)


@pytest.fixture
def trying(app: Flask) -> Flask:
    """The app with views that fail and that say things."""

    @app.get("/fails")
    @public
    def fails() -> str:
        raise RuntimeError("a secret in the text of an error")

    @app.get("/refuses")
    @may("read")
    def refuses() -> str:
        raise Conflict("Marcus was quicker <b>.")

    @app.get("/says")
    @may("read")
    def says() -> str:
        announce("Approved <12>.")
        beside('<b id="n" hx-swap-oob="true">3</b>')
        return "<tr id='row'></tr>" if swaps("row") else render_template("keys/index.html")

    return app


def test_an_unexpected_error_shows_a_number_that_the_log_has_too(
    trying: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    trying.config["PROPAGATE_EXCEPTIONS"] = False
    visitor = Visitor(trying)

    page, part = visitor.get("/fails"), visitor.get("/fails", swapping="row")

    for answer in (page, part):
        number = re.search(r"[0-9a-f]{4}-[0-9a-f]{2}", visitor.page(answer).get_text())
        assert answer.status_code == 500
        assert number is not None
        assert number[0] in caplog.text
        assert "a secret" not in answer.get_data(as_text=True)
    assert part.headers["HX-Retarget"] == "#notices"


def test_a_refusal_is_a_page_or_a_notice_on_top_of_the_page(trying: Flask, session: Session) -> None:
    a_person(session)
    visitor = Visitor(trying)
    visitor.sign_in("biller@fennimore.example")

    page, part = visitor.get("/refuses"), visitor.get("/refuses", swapping="row")

    assert page.status_code == part.status_code == 409
    assert visitor.page(page).select_one("html") is not None
    assert visitor.page(part).select_one("html") is None
    assert "Marcus was quicker &lt;b&gt;." in part.get_data(as_text=True)
    assert part.headers["HX-Retarget"] == "#notices"
    assert visitor.page(part).select_one("[role=alert]") is not None


def test_what_is_announced_goes_out_of_band_or_onto_the_next_page(trying: Flask, session: Session) -> None:
    a_person(session)
    visitor = Visitor(trying)
    visitor.sign_in("biller@fennimore.example")

    part = visitor.get("/says", swapping="row").get_data(as_text=True)
    whole = visitor.get("/says").get_data(as_text=True)

    assert part.startswith("<tr id='row'></tr><template>")
    assert '<p id="announce" hx-swap-oob="innerHTML">Approved &lt;12&gt;.</p>' in part
    assert '<b id="n" hx-swap-oob="true">3</b>' in part
    assert "hx-swap-oob" not in whole
    assert "Approved &lt;12&gt;." in whole or "Approved &lt;12&gt;." in visitor.get("/keys").get_data(as_text=True)


def test_back_asks_for_the_whole_page(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("viewer")

    answer = visitor.client.get(
        "/audit", headers={"HX-Request": "true", "HX-Target": "events", "HX-History-Restore-Request": "true"}
    )

    assert visitor.page(answer).select_one("html") is not None


def seen_address(environ: dict[str, str], trusted: tuple[str, ...]) -> tuple[str, str, str]:
    seen: list[tuple[str, str, str]] = []

    def app(found: dict[str, str], _start: object) -> list[bytes]:
        seen.append((found["REMOTE_ADDR"], found["wsgi.url_scheme"], found["HTTP_HOST"]))
        return []

    whole = {"wsgi.url_scheme": "http", "HTTP_HOST": "inside:8000", **environ}
    TrustedProxies(app, trusted)(whole, lambda *_: lambda _b: None)
    return seen[0]


FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7, 10.0.0.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "countersign.example",
}


def test_forwarded_headers_count_only_from_trusted_proxies() -> None:
    trusted = ("10.0.0.0/24",)

    through = seen_address({"REMOTE_ADDR": "10.0.0.1", **FORWARDED}, trusted)
    around = seen_address({"REMOTE_ADDR": "203.0.113.8", **FORWARDED}, trusted)

    assert through == ("203.0.113.7", "https", "countersign.example")  # and not what the visitor made up
    assert around == ("203.0.113.8", "http", "inside:8000")


def test_a_forwarded_address_that_is_none_is_not_taken() -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "unknown", "HTTP_X_FORWARDED_PROTO": "gopher"}

    assert seen_address(environ, ("10.0.0.1",)) == ("10.0.0.1", "http", "inside:8000")


def test_a_wrong_proxy_setting_is_a_sentence(settings: Settings) -> None:
    with pytest.raises(BadSetting, match="COUNTERSIGN_TRUSTED_PROXIES"):
        create_app(replace(settings, trusted_proxies=("the-proxy",)))


def test_health_needs_no_sign_in_and_tells_no_secret(visitor: Visitor) -> None:
    live, ready = visitor.get("/health/live"), visitor.get("/health/ready")

    assert live.get_json() == {"status": "ok"}
    assert ready.get_json()["status"] == "ok"
    assert "sqlite" not in ready.get_data(as_text=True)


def test_a_store_that_was_never_migrated_is_not_ready(settings: Settings, engine: sa.Engine, visitor: Visitor) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")

    answer = visitor.get("/health/ready")

    assert answer.status_code == 503
    assert str(settings.instance) not in answer.get_data(as_text=True)


def test_an_id_that_no_record_can_have_is_404(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("admin")

    for path in ("/audit/99999999999999999999", "/activity/4294967296", "/people/99999999999999999999/off"):
        answer = visitor.post(path) if path.endswith("off") else visitor.get(path)
        assert answer.status_code == 404, path


def test_what_nobody_types_is_400(signed_in_as: SignedInAs) -> None:
    visitor = signed_in_as("admin")

    assert visitor.get("/audit?q=a%00b").status_code == 400
    assert visitor.post("/people", {"email": "a\0@x.example", "role": "biller"}).status_code == 400
    assert visitor.post("/profile", {"draft_id": "²", "theme": "light"}).status_code == 303


def test_over_tls_browsers_are_told_to_stay_there(visitor: Visitor) -> None:
    secure = visitor.client.get("/sign-in", base_url="https://localhost")

    assert "max-age" in secure.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in visitor.get("/sign-in").headers


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    cookie = visitor.get("/setup/first").headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
