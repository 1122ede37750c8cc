"""How far a new installation is. Each step's state follows from what the store holds, not from what was clicked."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Connection,
    Decision,
    PsaCompanyType,
    RowMeaning,
    ServiceMapping,
    Setting,
    UsageImport,
)
from portal.services import made_up_mark, settings_store
from portal.services.actors import Actor, require
from portal.services.errors import Invalid

NAME = "setting_up"  # the setting that holds what was chosen and skipped
STEPS = ("start", "keys", "read", "statuses", "import", "map", "board")
TITLES = {
    "start": "What to start with",
    "keys": "Connect ConnectWise",
    "read": "Read ConnectWise",
    "statuses": "Statuses and types",
    "import": "First file of a vendor",
    "map": "Mapping",
    "board": "The board, read-only",
}
NEEDS = {"read": ("keys",), "statuses": ("read",), "map": ("import", "read"), "board": ("read", "import")}
"""What has to be done before a step can be taken; all else can be done in any order."""
MAY_SKIP = frozenset({"keys", "read", "statuses", "import", "map"})
OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as the list shows it.

    Args:
        state: done, skipped, open, or waits (for the step named by `after`).
        after: The title of what has to be done first.
    """

    name: str
    title: str
    state: str
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How far a new installation is; each step in order.

    Args:
        statuses: Somebody has said which companies are customers.
        imported: A vendor's file counts.
        mapped: A vendor account is mapped or left out.
        services: A vendor's service is.
        types: Somebody has said which types of companies are in, or there are none.
        chosen: Somebody has said what to start with.
        decided: A decision was made.
        skipped: Steps that somebody has put off.
    """

    connected: bool
    read: bool
    statuses: bool = False
    imported: bool = False
    mapped: bool = False
    services: bool = False
    types: bool = False
    chosen: bool = False
    decided: bool = False
    skipped: frozenset[str] = field(default=frozenset())

    @property
    def ready(self) -> bool:
        """Whether there is anything to compare."""
        return self.connected and self.read

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.state == "done" for step in self.steps)

    @property
    def whole(self) -> bool:
        """Whether nothing is left but to decide, or what is left was put off."""
        return all(step.state in ("done", "skipped") for step in self.steps[:-1])

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in order, each with its state."""
        return tuple(self._step(name) for name in STEPS)

    @property
    def next(self) -> Step:
        """The step to take now: the first that is open; the board where none is."""
        steps = self.steps
        return next((step for step in steps if step.state == "open"), steps[-1])

    def _is_done(self, name: str) -> bool:
        return {
            "start": self.chosen or self.connected,
            "keys": self.connected,
            "read": self.read,
            "statuses": self.statuses and self.types,
            "import": self.imported,
            "map": self.mapped and self.services,
            "board": self.decided,
        }[name]

    def _step(self, name: str) -> Step:
        missing = next((each for each in NEEDS.get(name, ()) if not self._is_done(each)), None)
        if self._is_done(name):
            state = "done"
        elif name in self.skipped:
            state = "skipped"
        else:
            state = "waits" if missing else "open"
        return Step(name=name, title=TITLES[name], state=state, after=TITLES[missing] if missing else "")


def start_of(session: Session) -> Start:
    """Tell how far a new installation is."""
    connection = session.get(Connection, "connectwise")
    kept = settings_store.get(session, NAME, {})
    statuses, types, imported, accounts, services, decided, made_up = session.execute(
        sa.select(
            sa.exists().where(RowMeaning.list == "status"),
            sa.or_(sa.exists().where(RowMeaning.list == "type"), ~sa.exists().where(PsaCompanyType.type_id > 0)),
            sa.exists().where(UsageImport.state == "committed"),
            sa.exists().where(AccountMapping.vendor_id.is_not(None)),
            sa.exists().where(ServiceMapping.vendor_id.is_not(None)),
            sa.exists().where(Decision.id.is_not(None)),
            sa.exists().where(Setting.name == made_up_mark.NAME),
        )
    ).one()
    return Start(
        connected=connection is not None,
        read=connection is not None and connection.last_full_at is not None,
        statuses=statuses,
        imported=imported,
        mapped=accounts,
        services=services,
        types=types,
        chosen=kept.get("start") is not None or made_up,
        decided=decided,
        skipped=frozenset(kept.get("skipped", ())) & MAY_SKIP,
    )


def choose(session: Session, start: str, *, by: Actor, now: datetime) -> None:
    """Say what to start with.

    Args:
        session: A writing session.
        start: `OWN`, one's own ConnectWise.
        by: Who chooses; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: There is no such start.
    """
    require(by, "admin", "set up the portal")
    if start != OWN:
        raise Invalid("Choose what to start with.", {"start": "Choose one of the two."})
    value = settings_store.get(session, NAME, {}) | {"start": start}
    settings_store.put(session, NAME, value, by=by, now=now, sentence="Setting up starts with the own ConnectWise.")


def skip(session: Session, name: str, *, again: bool, by: Actor, now: datetime) -> None:
    """Put a step of setting up off, or take it up again. Nothing else changes by it.

    Args:
        session: A writing session.
        name: One of `MAY_SKIP`.
        again: Whether it is taken up again.
        by: Who does it; an admin.
        now: By the business clock.

    Raises:
        NotAllowed: The role is too low.
        Invalid: The step cannot be put off.
    """
    require(by, "admin", "set up the portal")
    if name not in MAY_SKIP:
        raise Invalid("This step cannot be skipped.")
    kept = settings_store.get(session, NAME, {})
    skipped = set(kept.get("skipped", ()))
    changed = skipped - {name} if again else skipped | {name}
    if changed != skipped:
        said = (
            f"{'Took up' if again else 'Skipped'} the step “{TITLES[name]}” of setting up{' again' if again else ''}."
        )
        settings_store.put(session, NAME, kept | {"skipped": sorted(changed)}, by=by, now=now, sentence=said)
