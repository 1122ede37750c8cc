"""How a person wants dates and numbers written: chosen on the profile, kept with the person.

`current_locale()` gives the choice of whoever is signed in. The portal's own way is that of the design: 27 Nov 2026,
10:12, 1,061.5. Money keeps the sign of its currency whatever is chosen; only its separators follow.
"""

from datetime import datetime
from decimal import Decimal
from typing import cast

from flask import Flask, g, has_request_context

from portal.domain.quantities import Marks
from portal.web.access import signed_in
from portal.web.locales import LOCALES, OWN, Locale

__all__ = ["LOCALES", "OWN", "PREFERENCE", "Locale", "current_locale", "current_marks", "sample"]
PREFERENCE = "locale"


def current_locale() -> Locale:
    """Give the choice of whoever is signed in; the portal's own for strangers and whoever chose none. In `g`, too.

    Outside a request (mail, a worker, the command line) it is the portal's own.
    """
    if not has_request_context():
        return OWN
    if "locale" not in g:
        person = signed_in()
        chosen = person.preferences.get(PREFERENCE) if person is not None else None
        g.locale = LOCALES.get(chosen, OWN) if isinstance(chosen, str) else OWN
    return cast("Locale", g.locale)


def current_marks() -> Marks:
    """Give the marks by which the numbers are read that this person types."""
    locale = current_locale()
    return Marks(locale.decimal, locale.group)


def sample(locale: Locale, moment: datetime) -> str:
    """Show how a locale writes: a day, a time, a number, a month and an amount.

    Args:
        locale: Which.
        moment: In the portal's zone.
    """
    parts = (
        locale.day(moment.date()), locale.time(moment), locale.number(Decimal("1061.5")),
        locale.money(Decimal("-1214.05"), "$"), locale.period(moment.date()),
    )  # fmt: skip
    return " · ".join(parts)


def register(app: Flask) -> None:
    """Give templates the choice."""
    app.add_template_global(current_locale)
