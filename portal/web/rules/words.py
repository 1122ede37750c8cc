"""Rules in words."""

from portal.db.records import Rule
from portal.domain.rules import Ignore, Minimum, Rounding, Tolerance
from portal.services.rules_store import body_of
from portal.web.filters import money, quantity

KINDS = {
    "rounding": "Rounding",
    "minimum": "Minimum",
    "floor": "Commitment floor",
    "tolerance": "Tolerance",
    "ignore": "Ignore",
}
KIND_WORDS = {
    "rounding": "A count between two steps is brought to one of them.",
    "minimum": "At least so many are proposed, however few are counted.",
    "floor": "The quantity does not fall below so many until a day; it is never raised to them.",
    "tolerance": "A difference of up to so much is no change. A minimum wins over it.",
    "ignore": "The card is left alone while its numbers stand still; it comes back at once when the vendor's or "
    "ConnectWise's number moves.",
}


def says(rule: Rule) -> str:
    """Say what a rule does, without its last day and where it is agreed."""
    match body_of(rule):
        case Rounding() as body:
            return body.words()[0].upper() + body.words()[1:]
        case Minimum() as body:
            return f"At least {quantity(body.quantity)}"
        case Tolerance() as body:
            if body.money is not None:
                return f"Up to {money(body.money, '')} a month is no change"
            return f"Up to {body.words()} is no change"
        case Ignore():
            return "Left alone while its numbers stand still"
        case body:
            return f"Not below {quantity(body.quantity)}"
