"""From when on a write needs a look, and how far is looked back: settings that an admin makes."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.services import look_back, push_waiting, settings_store
from portal.services.actors import Actor, require
from portal.services.errors import Invalid

MINUTES = (5, 24 * 60)  # from and to
DAYS = (0, 62)


def shown(session: Session) -> dict[str, int]:
    """Give the settings as they hold: `look_after_minutes` and `look_back_days`."""
    after = settings_store.get(session, push_waiting.NAME, push_waiting.DEFAULTS)["look_after_minutes"]
    days = settings_store.get(session, look_back.NAME, look_back.DEFAULTS)["days"]
    return {"look_after_minutes": int(after), "look_back_days": int(days)}


def put(session: Session, *, look_after_minutes: int, look_back_days: int, by: Actor, now: datetime) -> None:
    """Set them; what changes is an event.

    Args:
        session: A writing session.
        look_after_minutes: After how long a write that cannot go on needs a look; 5 to 1,440.
        look_back_days: How many days the daily look back reads again; 0 (none) to 62.
        by: Who sets it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: A number is out of its range; `fields` names it.
    """
    require(by, "admin", "set how writes are looked after")
    wrong = {
        name: f"Choose from {least} to {most:,}."
        for name, value, (least, most) in (
            ("look_after_minutes", look_after_minutes, MINUTES),
            ("look_back_days", look_back_days, DAYS),
        )
        if not least <= value <= most
    }
    if wrong:
        raise Invalid(next(iter(wrong.values())), wrong)
    before = shown(session)
    if before["look_after_minutes"] != look_after_minutes:
        sentence = f"A write that cannot go on needs a look after {look_after_minutes} minutes."
        value = {"look_after_minutes": look_after_minutes}
        settings_store.put(session, push_waiting.NAME, value, by=by, now=now, sentence=sentence)
    if before["look_back_days"] != look_back_days:
        sentence = f"The daily look back reads {look_back_days} days again, {before['look_back_days']} before."
        settings_store.put(session, look_back.NAME, {"days": look_back_days}, by=by, now=now, sentence=sentence)
