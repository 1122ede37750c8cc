"""Dismissing a notice, and choosing which of them come by mail, too."""

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.db.session import reading, transaction
from portal.factory import clock, settings_of
from portal.services import mail, notices, people
from portal.services.mail import MailState
from portal.web import forms
from portal.web.access import allowed, current_person, may, own_path
from portal.web.frame import frame
from portal.web.htmx import announce, page_path, swaps

bp = Blueprint("notices", __name__, url_prefix="/notices")


@bp.post("/<int:notice_id>/dismiss")
@may("read")
def dismiss(notice_id: int) -> ResponseReturnValue:
    """Take a notice off this person's pages; one that is gone already is no error."""
    with transaction() as session:
        notices.dismiss(session, notice_id, person_id=current_person().id, now=clock().now())
    if swaps("own-notices"):
        return render_template("notices/_own.html", notices=frame().notices)
    return redirect(own_path(page_path()), 303)


@bp.post("/mail")
@may("read")
def choose_mail() -> ResponseReturnValue:
    """Keep which mails this person wants."""
    names = [name for name in notices.CHOICES if name != notices.FAILURES or allowed("settings")]
    wanted = {name: forms.ticked(request.form, name) for name in names}
    with transaction() as session:
        people.set_preferences(session, current_person().id, wanted)
    announce("Saved. It holds from the next run on.")
    return redirect(url_for("profile.index"), 303)


def mail_trouble() -> MailState | None:
    """Give how mails are doing where an admin has to know: one was given up, or the newest try did not work."""
    if settings_of().mail is None or not allowed("settings"):
        return None
    found = mail.state(reading())
    return found if found.error or found.failed else None


def register(app: Flask) -> None:
    """Register the addresses, and tell templates whether mails are sent at all."""
    app.register_blueprint(bp)
    app.add_template_global(mail_trouble)
    app.add_template_global(lambda: settings_of().mail is not None, "mail_is_on")
