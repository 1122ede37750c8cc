"""What kinds and states are called on screen, with their sign and colour: shape, then word, then colour."""

from dataclasses import dataclass

from portal.web import filters as shown


@dataclass(frozen=True, slots=True)
class Sign:
    """A word, the icon before it, and a colour.

    Args:
        word: As people read it.
        icon: Its name in `components/icons.html`.
        tone: The class that colours it, or an empty text.
        fill: The class of a filled icon, or an empty text.
    """

    word: str
    icon: str
    tone: str = ""
    fill: str = ""


KINDS = {
    "increase": Sign("Increase", "up", "up", "solid"),
    "decrease": Sign("Decrease", "down", "down"),
    "new_revenue": Sign("New revenue", "new", "new"),
    "not_reported": Sign("Not reported", "dashes"),
    "to_split": Sign("To split", "fork", "alert"),
    "no_change": Sign("No change", "equal"),
    "psa_only": Sign("PSA only", "plug"),
    "stale": Sign("Stale", "struck"),
}

STATES = {
    "open": Sign("Open", "dashes"),
    "waiting": Sign("Waits for a second person", "seal", "accent"),
    "planned": Sign("Planned, not sent", "clock", "accent"),
    "queued": Sign("Queued", "clock", "accent"),
    "sending": Sign("Sending", "sync", "accent"),
    "in_doubt": Sign("Answer lost, looking", "sync", "warn"),
    "confirmed": Sign("Confirmed", "seal", "ok"),
    "failed": Sign("Failed", "stop", "bad"),
    "given_up": Sign("Given up", "stop"),
    "changed_in_psa": Sign("Changed in PSA", "swap", "warn"),
    "dismissed": Sign("Dismissed", "dashes"),
    "withdrawn": Sign("Taken back", "undo"),
    "undone": Sign("Undone", "undo"),
    "stale": Sign("Stale", "struck"),
}

UNSETTLED = ("queued", "sending", "in_doubt")  # a row in one of these asks again by itself
POLL_SECONDS = (1, 2, 5, 10)


def poll_delay(times: int) -> int:
    """Give the seconds until a row asks again, having asked so many times."""
    return POLL_SECONDS[min(max(times, 0), len(POLL_SECONDS) - 1)]


def count_of(number: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: "1 card", "1,061 cards"."""
    return shown.count(number, one, many)
