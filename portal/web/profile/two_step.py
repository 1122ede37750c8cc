"""A person's second step: setting it up, new recovery codes, switching it off."""

from datetime import UTC, datetime

import segno
from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from portal.db.session import reading, transaction
from portal.domain import one_time_codes
from portal.factory import clock
from portal.services import people, sign_in_rules, throttling, two_step
from portal.services.errors import Invalid
from portal.services.throttling import Throttled
from portal.web.access import current_actor, current_person, may
from portal.web.htmx import announce
from portal.web.posting import post, sealer
from portal.web.profile.blueprint import bp

LONGEST = 40  # characters of a code


@bp.get("/two-step")
@may("read")
def two_step_page() -> ResponseReturnValue:
    """Show whether it is on, or the secret that waits for its first code."""
    return _page()


@bp.post("/two-step/begin")
@may("read")
def begin_two_step() -> ResponseReturnValue:
    """Make a secret and show it."""
    with transaction() as store:
        two_step.begin(store, current_person().id, sealer=sealer(), real_now=datetime.now(UTC))
    return redirect(url_for(".two_step_page"), 303)


@bp.post("/two-step/confirm")
@may("read")
def confirm_two_step() -> ResponseReturnValue:
    """Switch it on with the first code, and show the recovery codes once."""
    me, code = current_person(), _typed()
    try:
        _count_try()
        with transaction() as store:
            person = people.person_by_id(store, me.id)
            codes = two_step.confirm(
                store, person, code=code, keep_sign_in=me.sign_in_id, by=current_actor(), sealer=sealer(),
                now=clock().now(), real_now=datetime.now(UTC), post=post(),
            )  # fmt: skip
    except (Invalid, Throttled) as error:
        return make_response(_page(error=str(error)), error.status)
    _forget_tries()
    return _codes(codes, "The second step is on. Your other sessions have ended.")


@bp.post("/two-step/codes")
@may("read")
def new_codes() -> ResponseReturnValue:
    """Make new recovery codes and show them once."""
    me, code = current_person(), _typed()
    try:
        _count_try()
        with transaction() as store:
            person = people.person_by_id(store, me.id)
            codes = two_step.new_recovery_codes(
                store, person, code=code, sealer=sealer(), by=current_actor(), now=clock().now(),
                real_now=datetime.now(UTC),
            )  # fmt: skip
    except (Invalid, Throttled) as error:
        return make_response(_page(error=str(error)), error.status)
    _forget_tries()
    return _codes(codes, "New recovery codes are made. The earlier ones work no more.")


@bp.post("/two-step/off")
@may("read")
def switch_two_step_off() -> ResponseReturnValue:
    """Switch it off, with a code of the app."""
    me, code = current_person(), _typed()
    try:
        _count_try()
        with transaction() as store:
            person = people.person_by_id(store, me.id)
            two_step.switch_off(
                store, person, code=code, keep_sign_in=me.sign_in_id, sealer=sealer(), by=current_actor(),
                now=clock().now(), real_now=datetime.now(UTC), post=post(),
            )  # fmt: skip
    except (Invalid, Throttled) as error:
        return make_response(_page(error=str(error)), error.status)
    _forget_tries()
    announce("The second step is off. Your other sessions have ended.")
    return redirect(url_for(".two_step_page"), 303)


def _typed() -> str:
    return request.form.get("code", "")[:LONGEST]


def _count_try() -> None:
    """Count a try before the code is looked at: whoever sits at an open session cannot guess codes either."""
    with transaction() as store:
        throttling.note_attempt(
            store, email=current_person().email, address=request.remote_addr, now=datetime.now(UTC), kind="code"
        )


def _forget_tries() -> None:
    with transaction() as store:
        throttling.forget_attempts(store, email=current_person().email, address=request.remote_addr, kind="code")


def _codes(codes: list[str], sentence: str) -> str:
    return render_template("profile/codes.html", codes=codes, sentence=sentence)


def _page(error: str = "") -> str:
    me = current_person()
    secret = two_step.pending_secret(reading(), me.id, sealer=sealer())
    picture, text = Markup(""), ""
    if secret is not None:
        address = one_time_codes.address_of(secret, account=me.email, issuer=two_step.ISSUER)
        # the colours stand on the picture itself: cameras want dark on light, in the dark theme too
        drawn = segno.make(address, error="m").svg_inline(
            border=4,
            dark="#000",
            light="#fff",
            svgclass="qr",
            lineclass=None,
            omitsize=True,
            title="QR code for the app",
        )
        picture = Markup(drawn)  # noqa: S704 - drawn here from our own numbers
        plain = one_time_codes.as_text(secret)
        text = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return render_template(
        "profile/two_step.html",
        on=two_step.is_on(reading(), me.id),
        left=two_step.recovery_left(reading(), me.id),
        needed=me.role in sign_in_rules.read(reading()).two_step_for,
        must=me.must_set_up,
        picture=picture,
        text=text,
        error=error,
    )
