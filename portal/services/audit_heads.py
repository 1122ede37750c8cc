"""Who gets the head of the chain by mail once a day: whoever keeps it can prove later that nothing was cut off."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.db.records import Setting
from portal.domain.periods import day_text
from portal.services import audit, mail
from portal.services.actors import Actor, require
from portal.services.errors import Conflict, Invalid

SETTING = "audit_heads"
MOST = 10  # addresses
_LONGEST = 254  # characters (RFC 5321)
_ADDRESS = re.compile(r"[^@\s,;<>\"()\\]+@[^@\s,;<>\"()\\]+\.[^@\s,;<>\"()\\.]+")


def recipients(session: Session) -> list[str]:
    """Give the addresses, in the order in which they were typed."""
    found = session.get(Setting, SETTING)
    return [] if found is None else [str(each) for each in found.value.get("to", [])]


def set_recipients(session: Session, text: str, *, by: Actor, now: datetime, seen: str | None = None) -> list[str]:
    """Set who gets the head each day.

    Args:
        session: A writing session.
        text: Addresses between commas, semicolons, blanks or lines; none: nobody gets one.
        by: Who sets it.
        now: By the business clock.
        seen: The addresses that the form showed, between commas; left out: whatever stands.

    Raises:
        Invalid: One is no address, or there are too many.
        Conflict: Somebody set others meanwhile.
        NotAllowed: Only admins may.
    """
    require(by, "admin", "set who gets mails about the audit trail")
    before = recipients(session)
    if seen is not None and seen != ", ".join(before):
        raise Conflict("Somebody changed these addresses meanwhile. Nothing was changed. Look at them again.")
    wanted = list(dict.fromkeys(each for each in re.split(r"[\s,;]+", text) if each))
    for each in wanted:
        if len(each) > _LONGEST or not each.isascii() or not _ADDRESS.fullmatch(each):
            raise Invalid(f"“{each[:60]}” is no e-mail address. Nothing was changed.", {"to": "This is no address."})
    if len(wanted) > MOST:
        raise Invalid(f"At most {MOST} addresses. Use a list of your mail server for more.", {"to": "Too many."})
    if wanted == before:
        return wanted
    value: dict[str, Any] = {"to": wanted}
    found = session.get(Setting, SETTING)
    if found is None:
        session.add(Setting(name=SETTING, value=value, set_by=by.name, set_at=now))
    else:
        found.value, found.set_by, found.set_at = value, by.name, now
    audit.record(
        session,
        what="setting",
        action="audit.heads",
        by=by,
        now=now,
        sentence="Set who gets the head of the audit trail by mail each day.",
        before=", ".join(before) or "nobody",
        after=", ".join(wanted) or "nobody",
    )
    session.flush()
    return wanted


def queue_mails(
    session: Session, to: Iterable[str], *, today: date, base_url: str, real_now: datetime
) -> tuple[int, str]:
    """Put the day's mails into the outbox; each address gets one a day.

    Args:
        session: A writing session.
        to: Addresses.
        today: The day in the portal's zone.
        base_url: How people reach the portal.
        real_now: Real time.

    Returns:
        The head that they tell.
    """
    number, own = audit.head(session)
    body = (
        f"On {day_text(today)} the audit trail of Countersign ends with\n\n    event {number}, {own}\n\n"
        "Keep this mail. Should somebody shorten the trail or write it anew later,\n\n"
        f"    flask --app app audit verify --head {own}\n\nsays so. The trail: {base_url}/audit\n"
    )
    for each in to:
        mail.queue(
            session,
            recipient=each,
            cause=f"audit head {today.isoformat()}",
            subject=f"Countersign: the audit trail on {day_text(today)}, event {number:,}",
            body=body,
            real_now=real_now,
        )
    return number, own
