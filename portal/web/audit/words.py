"""What kinds of events are called on screen: shape, then word, then colour."""

from typing import NamedTuple

from portal.db.records import AuditEvent


class Sign(NamedTuple):
    """A word, the icon before it and a colour."""

    word: str
    icon: str
    tone: str = ""


# by the action's parts, from the whole to its head; product.md section 5 and 6 name the states
SIGNS = {
    "card.approve": Sign("Approved", "check", "up"),
    "card.adjust": Sign("Adjusted", "written", "up"),
    "card.dismiss": Sign("Dismissed", "dashes"),
    "card.add": Sign("Added", "new", "new"),
    "card.split": Sign("Shared", "fork"),
    "card.share": Sign("Shared", "fork"),
    "card.undo": Sign("Undone", "undo"),
    "card.second": Sign("Second person", "seal", "accent"),
    "card.stale": Sign("Stale", "struck", "warn"),
    "card.back": Sign("Back", "undo"),
    "card": Sign("Decided", "check"),
    "push.confirmed": Sign("Confirmed", "seal", "ok"),
    "push.written": Sign("Written", "written", "accent"),
    "push.sent": Sign("Written", "written", "accent"),
    "push.failed": Sign("Failed", "stop", "bad"),
    "push.refused": Sign("Failed", "stop", "bad"),
    "push.changed": Sign("Changed in PSA", "swap", "warn"),
    "push.changed_in_psa": Sign("Changed in PSA", "swap", "warn"),
    "push": Sign("Write", "written"),
    "mapping.file": Sign("Mapping file", "mapping"),
    "sync.failed": Sign("Sync failed", "stop", "warn"),
    "sync": Sign("Synced", "sync"),
    "sign-in.refused": Sign("Refused", "lock", "warn"),
    "sign-in": Sign("Sign-in", "key"),
    "person": Sign("Person", "people"),
}
KINDS = {
    "decision": Sign("Decision", "check"),
    "write": Sign("Write", "written"),
    "mapping": Sign("Mapping", "mapping"),
    "setting": Sign("Setting", "settings"),
    "usage": Sign("Import", "imports"),
    "sync": Sign("Sync", "sync"),
    "sign-in": Sign("Sign-in", "key"),
    "refusal": Sign("Refused", "lock", "warn"),
}
OTHER = Sign("Event", "dashes")  # of a newer version


MAPPED = {  # what a mapping did stands first in its sentence
    "Mapped": Sign("Mapped", "mapping"),
    "Moved": Sign("Moved", "swap"),
    "Excluded": Sign("Excluded", "dashes", "down"),
    "Took": Sign("Taken back", "undo"),
}


def sign_of(event: AuditEvent) -> Sign:
    """Give the sign of an event: of its action, of the action's head, else of its kind."""
    if event.what == "mapping" and (sign := MAPPED.get(event.sentence.partition(" ")[0])):
        return sign
    return SIGNS.get(event.action) or SIGNS.get(event.action.partition(".")[0]) or KINDS.get(event.what, OTHER)
