"""What each step asks, what it will and will not write, and who may take it."""

from dataclasses import dataclass

NOTHING_THERE = "Nothing. ConnectWise is not even asked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A step in words.

    Args:
        question: The page's heading.
        there: What it writes to ConnectWise.
        here: What it writes to Countersign.
        right: What a person needs to take it.
        page: The page of the help that says more.
    """

    question: str
    there: str
    here: str
    right: str
    page: str = "first-hour"


WORDS = {
    "start": Words(
        question="What do you want to start with?",
        there=NOTHING_THERE,
        here="Your choice, and that you made it. Made-up data are marked on every page, and leave as a whole.",
        right="settings",
    ),
    "keys": Words(
        question="Which keys open your ConnectWise?",
        there="Nothing. The test only reads, and asks whether it could write.",
        here="The address and the keys, the private one sealed. Writing stays off.",
        right="settings",
        page="connectwise",
    ),
    "read": Words(
        question="Shall ConnectWise be read now?",
        there="Nothing. Companies, agreements, additions, products and statuses are read.",
        here="A copy of what was read. It is brought up to date every quarter of an hour from then on.",
        right="sync",
    ),
    "statuses": Words(
        question="Which companies are customers?",
        there="Nothing. Statuses and types stay as they are there.",
        here="What each status and type means. Only customers get cards.",
        right="settings",
        page="statuses",
    ),
    "import": Words(
        question="What did your customers use?",
        there=NOTHING_THERE,
        here="The file and its counts, once you commit them. An import can be undone as a whole.",
        right="import",
        page="importing",
    ),
    "map": Words(
        question="Who is who, and what is what?",
        there=NOTHING_THERE,
        here="Which company each vendor account is, and which product each service is. Each can be taken back.",
        right="map",
        page="mapping",
    ),
    "board": Words(
        question="Look as long as you like",
        there="Nothing. What you approve is planned, and stays planned until an admin switches writing on.",
        here="Your decisions, each with what you saw.",
        right="read",
        page="month",
    ),
}
