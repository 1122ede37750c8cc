"""One person: role, sessions, second step, links; and switching them off."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock
from portal.services import company_people, company_provider, invitations, people, sessions, sign_in_rules, two_step
from portal.web.access import current_actor, may
from portal.web.forms import whole
from portal.web.htmx import announce
from portal.web.people.blueprint import bp, real_now, roles
from portal.web.posting import post


@bp.get("/<int:person_id>")
@may("settings")
def show(person_id: int) -> ResponseReturnValue:
    """Show a person with their sessions and links."""
    person = people.person_by_id(reading(), person_id)
    moment = real_now()
    return render_template(
        "people/person.html",
        person=person,
        last=people.last_admin(reading()) == person.id,
        sessions=sessions.living_sessions(reading(), now=moment, person_id=person.id),
        links=invitations.listed(reading(), real_now=moment, person_id=person.id),
        two_step_on=two_step.is_on(reading(), person.id),
        two_step_needed=person.role in sign_in_rules.read(reading()).two_step_for,
        recovery_left=two_step.recovery_left(reading(), person.id),
        company=company_provider.found(reading()),
        identity=company_people.identity_of(reading(), person.id),
        roles=roles(),
        real_now=moment,
    )


@bp.post("/<int:person_id>/off")
@may("settings")
def switch_off(person_id: int) -> ResponseReturnValue:
    """Switch a person off; their sessions end at once."""
    with transaction() as session:
        person = people.switch_off(session, person_id, by=current_actor(), now=clock().now(), real_now=real_now())
        said = f"{person.name} is switched off and signed out everywhere."
    return _back(said)


@bp.post("/<int:person_id>/on")
@may("settings")
def switch_on(person_id: int) -> ResponseReturnValue:
    """Let a person sign in again."""
    with transaction() as session:
        said = f"{people.switch_on(session, person_id, by=current_actor(), now=clock().now()).name} may sign in again."
    return _back(said)


@bp.post("/<int:person_id>/sessions/end")
@may("settings")
def end_sessions(person_id: int) -> ResponseReturnValue:
    """End every session of a person."""
    with transaction() as session:
        ended = people.end_sessions_of(session, person_id, by=current_actor(), now=clock().now(), real_now=real_now())
    return _back(f"{ended} {'session has' if ended == 1 else 'sessions have'} ended.")


@bp.post("/<int:person_id>/sessions/<int:sign_in_id>/end")
@may("settings")
def end_session(person_id: int, sign_in_id: int) -> ResponseReturnValue:
    """End one session of a person."""
    with transaction() as session:
        person = people.end_session_of(
            session, person_id, sign_in_id, by=current_actor(), now=clock().now(), real_now=real_now()
        )
        said = f"That session of {person.name} has ended."
    announce(said)
    return redirect(url_for(".show", person_id=person_id), 303)


@bp.post("/<int:person_id>/two-step/reset")
@may("settings")
def reset_two_step(person_id: int) -> ResponseReturnValue:
    """Take the second step off a person who has lost the app; they are told."""
    with transaction() as session:
        person = people.person_by_id(session, person_id)
        two_step.reset(session, person, by=current_actor(), now=clock().now(), real_now=real_now(), post=post())
        said = f"{person.name} has no second step now, was signed out, and is told."
    announce(said)
    return redirect(url_for(".show", person_id=person_id), 303)


@bp.post("/<int:person_id>/company/unlink")
@may("settings")
def unlink(person_id: int) -> ResponseReturnValue:
    """Take away who a person is at the company's sign-in."""
    with transaction() as session:
        person = people.person_by_id(session, person_id)
        company_people.unlink(session, person, by=current_actor(), now=clock().now(), real_now=real_now(), post=post())
        said = f"{person.name} is not linked any more."
    announce(said)
    return redirect(url_for(".show", person_id=person_id), 303)


def _back(said: str) -> ResponseReturnValue:
    """Say what was done, on the page that asked: the list, or the person's own."""
    announce(said)
    person_id = (request.view_args or {}).get("person_id")
    if request.form.get("back") == "one" and person_id is not None:
        return redirect(url_for(".show", person_id=person_id), 303)
    return redirect(url_for(".index", page=whole(request.args, "page")), 303)
