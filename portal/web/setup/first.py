"""The first admin of a bare installation, made with the code that the portal's machine prints."""

from datetime import UTC, datetime

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import first_admin, passwords, people, throttling
from portal.services.errors import Conflict, Invalid
from portal.services.throttling import Throttled
from portal.web.access import public
from portal.web.htmx import announce
from portal.web.setup.blueprint import bp
from portal.web.sign_in.door import let_in

_WHO = "set-up code"  # whom wrong codes are counted for
_WAITS = (
    "Too many codes that are not the set-up code were given. Nothing was made. Wait a quarter of an hour, or make the "
    "first admin on the portal's machine: flask --app app users create you@example.com --role admin"
)


@bp.get("/first")
@public
def first() -> ResponseReturnValue:
    """Ask for the first admin, while nobody is here."""
    if not people.nobody_yet(reading()):
        return redirect(url_for(".index"), 303)
    return _page({})


@bp.post("/first")
@public
def make_first() -> ResponseReturnValue:
    """Make the first admin and let them in."""
    typed = {name: request.form.get(name, "")[:longest] for name, longest in (("email", 300), ("name", 200))}
    address, moment = request.remote_addr, datetime.now(UTC)
    try:
        if people.nobody_yet(reading()):
            with transaction() as store:
                throttling.note_attempt(store, email=_WHO, address=address, now=moment, kind="code")
        with transaction() as store:
            person = first_admin.make_first_admin(
                store,
                code=request.form.get("code", "")[:100],
                secret_key=settings_of().secret_keys[0],
                email=typed["email"],
                name=typed["name"],
                password=request.form.get("password", ""),
                address=address,
                now=clock().now(),
                real_now=moment,
            )
            throttling.forget_attempts(store, email=_WHO, address=address, kind="code")
            person_id = person.id
    except Throttled:
        return _page(typed, failed=_WAITS, status=429)
    except Invalid as error:
        return _page(typed, errors=error.fields or {"email": str(error)}, status=422)
    except Conflict as refusal:
        announce(str(refusal), "warn")
        return redirect(url_for("sign_in.form"), 303)
    answer = let_in(person_id, how="password", goes_on=url_for(".index"))
    announce("You are the first admin. Nobody can use the set-up code again.")
    return answer


def _page(
    typed: dict[str, str], *, errors: dict[str, str] | None = None, failed: str = "", status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "setup/first.html", typed=typed, errors=errors or {}, failed=failed, shortest=passwords.SHORTEST
    )
    return make_response(page, status)
