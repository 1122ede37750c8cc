"""The settings of the ConnectWise connection: a worker tests what was typed, live, and stores it when it holds."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.records import Connection, PsaQuestion
from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.jobs import queue
from portal.services import connection_asking, connections, questions
from portal.services.certificates import Authority, read_authorities
from portal.services.errors import Conflict, Invalid
from portal.services.sealing import Sealer
from portal.web import forms
from portal.web.access import current_actor, may
from portal.web.connections.blueprint import bp
from portal.web.connections.forms import ConnectionForm
from portal.web.htmx import announce, leave_to, swaps

NOT_CONNECTED = "ConnectWise was not connected."
UNCHANGED = "The connection was not changed."


@bp.get("/connectwise")
@may("settings")
def psa_settings() -> ResponseReturnValue:
    """Show the settings, or only how far the test is; once it is over, the page as a whole comes anew."""
    question = asked_for()
    if question is None or not swaps("trial"):
        return psa_page(question=question)
    if question.state in questions.OPEN:
        return render_template("connections/_trial.html", **_trial(question))
    # another address than the page's own, since a browser does not load that one anew for an anchor
    if question.state == "failed":
        return leave_to(address(test=question.id, over=1))  # its alert says why
    announce(f"{_came_of(question)}.", "warn" if question.answer.get("missing") else "ok")
    return leave_to(address(test=question.id, over=1, _anchor="trial"))


@bp.post("/connectwise")
@may("settings")
def save() -> ResponseReturnValue:
    """Let a worker test what was typed, and store it unless it is to be a test alone."""
    form = ConnectionForm.read(request)
    if form.errors:
        return psa_page(form=form, failed=next(iter(form.errors.values())), status=422)
    try:
        with transaction() as session:
            question_id = connection_asking.ask_test(
                session,
                form.values,
                form.private_key,
                save=request.form.get("do") != "test",
                moved_ok=form.moved_ok,
                sealer=Sealer(settings_of().secret_keys),
                by=current_actor(),
                now=clock().now(),
                real_now=datetime.now(UTC),
            ).id
    except Invalid as error:
        form.errors = error.fields
        if form.public_key == form.private_key:
            form.public_key = ""  # it may be the private one, which is never shown
        return psa_page(form=form, failed=str(error), status=422)
    queue.wake_question(question_id)
    return redirect(address(test=question_id, _anchor="trial"), 303)


@bp.post("/connectwise/tested/<int:question_id>")
@may("settings")
def save_tested(question_id: int) -> ResponseReturnValue:
    """Let a worker store what this person has tested, with the key as it was typed then."""
    try:
        with transaction() as session:
            asked_id = connection_asking.save_tested(
                session,
                question_id,
                moved_ok=forms.ticked(request.form, "moved_ok"),
                sealer=Sealer(settings_of().secret_keys),
                by=current_actor(),
                now=clock().now(),
                real_now=datetime.now(UTC),
            ).id
    except (Conflict, Invalid) as error:
        return psa_page(question=_question(question_id), failed=str(error), status=error.status)
    queue.wake_question(asked_id)
    return redirect(address(test=asked_id, _anchor="trial"), 303)


@bp.post("/connectwise/limits")
@may("settings")
def limits() -> ResponseReturnValue:
    """Set how much is asked of ConnectWise at once."""
    typed = {name: request.form.get(name, "").strip() for name in connections.LIMITS}
    given = {name: int(value) if value.isascii() and value.isdigit() and len(value) < 7 else -1 for name, value in typed.items()}  # fmt: skip  # noqa: E501, PLR2004 - a number of six digits at most
    try:
        with transaction() as session:
            connections.set_limits(session, **given, by=current_actor(), now=clock().now())
    except Invalid as error:
        return psa_page(limits={"typed": typed, "errors": error.fields}, status=422)
    announce("The limits hold from the next call on.")
    return redirect(url_for(".psa_settings"), 303)


def psa_page(
    *,
    form: ConnectionForm | None = None,
    question: PsaQuestion | None = None,
    failed: str = "",
    age: Mapping[str, str] | None = None,
    limits: Mapping[str, Any] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Show the settings.

    Args:
        form: As typed; none: as it was tested, or as it is stored.
        question: The test to show; none: the one that is at work, if any.
        failed: Why what was typed cannot be used.
        age: The age limit as typed, and what is wrong with it.
        limits: The limits as typed, and what is wrong with each.
        status: Of the answer.
    """
    values = psa_values(form=form, question=question, failed=failed, age=age, limits=limits)
    if guided():
        return make_response(render_template("setup/step.html", name="keys", **values), status)
    page = render_template("connections/connectwise.html", **values)
    return make_response(page, status)


def asked_for() -> PsaQuestion | None:
    """Give the test that the address names."""
    return _question(forms.whole(request.args, "test"))


def guided() -> bool:
    """Tell whether the guide through the first hour asks, so that its page answers."""
    return request.values.get("guide") == "1"


def address(**values: Any) -> str:  # noqa: ANN401 - as `url_for`
    """Give the address of the settings, or of the guide's step with them."""
    return url_for("setup.step", name="keys", **values) if guided() else url_for(".psa_settings", **values)


def psa_values(
    *,
    form: ConnectionForm | None = None,
    question: PsaQuestion | None = None,
    failed: str = "",
    age: Mapping[str, str] | None = None,
    limits: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give what the settings show; the arguments are those of `psa_page`."""
    connection = connections.get_connectwise(reading())
    if question is None and form is None:
        found = questions.newest(reading(), connection_asking.KIND)
        question = found if found is not None and found.state in questions.OPEN else None
    stored = question is not None and question.answer.get("stored", False)
    if form is None:
        form = ConnectionForm.of(connection)
        if question is not None and not stored:
            form = ConnectionForm.of_test(question.asked, question.answer.get("fields", {}))
            if question.state == "failed":
                failed = question.error or ""
    numbers = {name: getattr(connection, name, "") for name in connections.LIMITS}
    return {
        "form": form,
        "connection": connection,
        "authorities": _authorities(form.ca_certificates),
        "moved": "moved_ok" in form.errors or connections.is_another_psa(connection, form.url, form.company),
        "moved_text": connection_asking.MOVED,
        "failed": failed,
        "what_failed": NOT_CONNECTED if connection is None else UNCHANGED,
        "key_hint": "" if connection is not None and "private_key" in form.errors else _key_hint(connection),
        "age": age or {"hours": "", "error": ""},
        "limits": limits or {"typed": numbers, "errors": {}},
        **_trial(question),
    }


def _question(number: int | None) -> PsaQuestion | None:
    """Give a test by its number; one that was forgotten by now shows the bare settings."""
    found = None if number is None else reading().get(PsaQuestion, number)
    return found if found is not None and found.kind == connection_asking.KIND else None


def _trial(question: PsaQuestion | None) -> dict[str, Any]:
    """Give what the test's part needs."""
    if question is None:
        return {"test": None, "lines": [], "over": True, "title": "", "silent": "", "may_save": False}
    over = question.state not in questions.OPEN
    return {
        "test": question,
        "lines": question.answer.get("lines", []),
        "over": over,
        "title": _came_of(question) if over else "Testing the connection",
        "silent": questions.nobody_answers(question, now=clock().now()),
        "may_save": connection_asking.may_save(question, by=current_actor(), real_now=datetime.now(UTC)),
    }


def _came_of(question: PsaQuestion) -> str:
    """Say in a few words what came of a test."""
    if question.state == "failed":
        return "The test failed"
    if question.answer.get("stored"):
        return "The test passed, and the connection is saved"
    missing = question.answer.get("missing", 0)
    if missing:
        return f"{missing} {'right is' if missing == 1 else 'rights are'} missing"
    return "The test passed"


def _authorities(pem: str) -> tuple[Authority, ...]:
    with suppress(Invalid):
        return read_authorities(pem, real_now=datetime.now(UTC))[1]
    return ()


def _key_hint(connection: Connection | None) -> str:
    if connection is None:
        return "ConnectWise shows it once, when the key is made."
    tail = f", ends with {connection.key_tail}" if connection.key_tail else ""
    return f"•••• is set{tail}. Leave it empty to keep it."
