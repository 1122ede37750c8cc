"""How often one person, or one address before a sign-in, may ask for what costs much; far above what work needs.

Counted in memory by the minute, like callbacks, after it is known who asks and that they may. Wrong passwords and codes
are counted elsewhere (`portal.services.throttling`): there each try matters, and nothing is forgotten at a start.
"""

from dataclasses import dataclass

from flask import Flask, current_app, request

from portal.services.errors import TooOften
from portal.services.throttling import place
from portal.web.access import signed_in
from portal.web.callbacks.limits import Limit

LIMITS = "paces"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something may be asked for.

    Args:
        what: As a sentence names it, in the plural.
        most: A minute.
        kept: What became of the one that was too many, as a sentence.
        endpoints: Which addresses are counted together.
    """

    what: str
    most: int
    kept: str
    endpoints: frozenset[str]


PACES = (
    Pace(
        "files brought", 60, "Nothing of this one was kept.",
        frozenset({"imports.choose", "imports.say_whose", "mapping.receive", "statuses.receive"}),
    ),
    Pace("other ways to read a file", 120, "The file is read as before.", frozenset({"imports.change"})),
    Pace(
        "files taken away", 60, "Nothing was changed.",
        frozenset({
            "activity.skipped_file", "audit.export_csv", "audit.export_lines", "audit.summary_csv", "cards.export_csv",
            "connections.written_report_csv", "imports.problems_file", "mapping.export_file", "statuses.export_file",
        }),
    ),
    Pace(
        "tests of a connection", 20, "Nothing was asked or kept.",
        frozenset({"connections.save", "connections.save_tested", "people.save_company"}),
    ),
    Pace(
        "questions to ConnectWise", 120, "Nothing was asked.",
        frozenset({"audit.read_event_psa", "audit.read_psa", "cards.read_again", "connections.start_sync"}),
    ),
    Pace("checks of the audit trail", 20, "Nothing was checked.", frozenset({"audit.verify"})),
    Pace(
        "ways to the company's sign-in and back", 240, "Nobody was let in.",
        frozenset({"sign_in.company", "sign_in.company_back"}),
    ),
    Pace("links opened", 60, "The link still works.", frozenset({"sign_in.link", "sign_in.set_password"})),
)  # fmt: skip
_PACE_OF = {endpoint: pace for pace in PACES for endpoint in pace.endpoints}


def _check() -> None:
    """Count a request, and refuse it where it is one too many."""
    pace = _PACE_OF.get(request.endpoint or "")
    if pace is None or request.method == "OPTIONS":
        return
    limit: Limit = current_app.extensions[LIMITS][pace.what]
    person = signed_in()
    who = f"address {place(request.remote_addr)}" if person is None else f"person {person.id}"
    if not limit.takes(who):
        seconds = limit.ends_in()
        of = "you" if person is not None else "your address"
        raise TooOften(
            f"More than {limit.most} {pace.what} a minute came from {of}. {pace.kept} Try again in {seconds} s.",
            seconds,
        )


def register(app: Flask) -> None:
    """Count after it is known who may. Modules register by their names, so this one follows `access`."""
    app.extensions[LIMITS] = {pace.what: Limit(pace.most) for pace in PACES}
    app.before_request(_check)
