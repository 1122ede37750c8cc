"""Who does something: a person who signed in, the command line, or the portal itself."""

from dataclasses import dataclass

from portal.db.records.people import ROLES
from portal.services.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something.

    Args:
        name: As people know them.
        person_id: None: no person who signs in.
        role: `viewer`, `biller`, `manager` or `admin`.
        address: Where the request came from, if it came over the network.
    """

    name: str
    person_id: int | None = None
    role: str = "admin"
    address: str | None = None

    def at_least(self, role: str) -> bool:
        """Tell whether the role is this one or a higher one."""
        return self.role in ROLES and ROLES.index(self.role) >= ROLES.index(role)

    def same_as(self, name: str, person_id: int | None) -> bool:
        """Tell whether this is the person of a stored name and id."""
        if self.person_id is None or person_id is None:
            return self.person_id == person_id and self.name == name
        return self.person_id == person_id


COMMAND_LINE = Actor("command line")
SYSTEM = Actor("Countersign")


def require(by: Actor, role: str, what: str) -> None:
    """Refuse an actor whose role is too low.

    Args:
        by: Who asks.
        role: The least role that may.
        what: What is asked, to complete "may not ...", such as "decide cards".

    Raises:
        NotAllowed: The role is lower.
    """
    if by.at_least(role):
        return
    if not by.at_least("biller"):
        raise NotAllowed("Viewers can read this, not change it. An admin can give you another role.")
    raise NotAllowed(f"A {by.role} may not {what}; a {role} may. An admin can give you another role.")
