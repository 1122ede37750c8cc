"""What stands around every page: the rail with its counts, the tape, the read-only notice."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import cast

import sqlalchemy as sa
from flask import Flask, g, render_template, request
from jinja2 import StrictUndefined
from sqlalchemy.orm import Session

from portal.db.records import Card, Connection, Notice
from portal.db.session import reading
from portal.domain.periods import Period
from portal.factory import clock, settings_of
from portal.services import notices
from portal.services.cards import DECIDABLE, TO_DECIDE_KINDS
from portal.services.connections import SourceAge
from portal.web.access import allowed, signed_in
from portal.web.filters import age, count, month_name
from portal.web.filters import period as month_words
from portal.web.htmx import beside, from_htmx, page_path
from portal.web.locale_choice import current_locale
from portal.web.steps_left import steps_left
from portal.web.waiting import ages, waiting

WINDOW_DAYS = 5  # the recommended window: the last days of the month (product.md, section 5)
_DAY_WIDTH = 10  # of the ruler's drawing, in its own units


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the rail.

    Args:
        count: Work for a person; 0 shows nothing.
        says: What the count counts, for those who hear it.
        flag: Whether money hangs on it.
        under: Where its pages stand, if not under its own path.
    """

    path: str
    title: str
    icon: str
    count: int = 0
    says: str = "need attention"
    flag: bool = False
    under: str = ""

    @property
    def root(self) -> str:
        """The path under which the entry is the one shown."""
        return self.under or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A day on the ruler."""

    x: int
    top: int
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Where we are in the month, and how old the numbers are.

    Args:
        looking_at: A sentence where the page shows another period than the current one.
        version: Changes whenever the text changes.
    """

    period: Period
    today: date
    where: str
    invoices: str
    ticks: tuple[Tick, ...]
    width: int
    window_x: int
    window_width: int
    today_x: int | None
    invoice_x: int
    says: str
    psa: SourceAge | None
    psa_age: str
    fresh: int
    too_old: int
    held: int
    looking_at: str = ""
    clock_words: str = ""
    version: str = ""


@dataclass(slots=True)
class Frame:
    """The frame of one answer. Its parts are read when they are asked for, and once."""

    _kept: dict[str, object] = field(default_factory=dict)

    def _once(self, name: str, read: Callable[[], object]) -> object:
        if name not in self._kept:
            self._kept[name] = read()
        return self._kept[name]

    @property
    def nav(self) -> list[tuple[str, list[Entry]]]:
        """The rail: headings and entries that this person may open."""
        return cast("list[tuple[str, list[Entry]]]", self._once("nav", _nav))

    @property
    def tape(self) -> Tape:
        """The tape."""
        return cast("Tape", self._once("tape", _tape))

    @property
    def read_only(self) -> bool:
        """Whether decisions are only planned: a connection is there, and writing is off."""
        return cast("bool", self._once("read_only", lambda: _read_only(reading())))

    @property
    def notices(self) -> list[Notice]:
        """What this person was told and has not dismissed, but for what the page itself is about."""
        return cast("list[Notice]", self._once("notices", _notices))

    def is_here(self, path: str) -> bool:
        """Tell whether the page shown belongs to an entry of the rail."""
        here = (page_path() if from_htmx() else request.path).partition("?")[0]
        return here == path if path == "/" else here == path or here.startswith(f"{path}/")


def frame() -> Frame:
    """Give the frame of the answer in hand."""
    if "frame" not in g:
        g.frame = Frame()
    return cast("Frame", g.frame)


def notices_beside() -> None:
    """Send this person's notices along with a part, so that a new one shows on a page that stays open."""
    beside(render_template("notices/_beside.html", notices=frame().notices))


def look_at(period: Period) -> None:
    """Say which period the page shows, so that the tape says so when it is not the current one."""
    g.looked_at = period


def refresh_sources() -> None:
    """Send the rail and the tape along with a part that tells that a source was read, with what holds now."""
    refresh_counts()
    beside(render_template("today/_tape.html", beside=True))
    notices_beside()  # the tape's own poll would take them for told


def refresh_counts() -> None:
    """Send the rail along with a part, with counts as they are now."""
    g.pop("frame", None)
    beside(render_template("components/_nav.html", beside=True))


def _read_only(session: Session) -> bool:
    writing = session.scalar(sa.select(Connection.writing).where(Connection.name == "connectwise"))
    return writing is False


def _notices() -> list[Notice]:
    person = signed_in()
    if person is None:
        return []
    here = (page_path() if from_htmx() else request.path).partition("?")[0]
    return [each for each in notices.open_notices(reading(), person.id) if each.link != here]


def _nav() -> list[tuple[str, list[Entry]]]:
    session = reading()
    waits = sum(1 for source in ages() if source.too_old or source.held)
    counts = waiting()
    settings = [
        Entry(path="/statuses", title="Statuses and types", icon="statuses", count=counts.statuses, flag=True),
        Entry(path="/rules", title="Rules", icon="rules"),
        Entry(path="/tags", title="Tags", icon="tags"),
    ]
    if allowed("settings"):
        settings.append(Entry(path="/people", title="People and security", icon="people"))
    left = steps_left()
    guide = [Entry(path="/setup", title="Set up", icon="plug", count=left, says="steps left")] if left else []
    return [
        (
            "This month",
            [
                *guide,
                Entry(path="/", title="Today", icon="today"),
                Entry(path="/cards", title="Board", icon="board", count=to_decide(session), says="to decide"),
                Entry(path="/pushes", title="Writes", icon="swap", count=counts.writes, says="need a look", flag=True),
            ],
        ),
        (
            "What comes in",
            [
                Entry(
                    path="/mapping/accounts",
                    under="/mapping",
                    title="Mapping",
                    says="unmapped",
                    icon="mapping",
                    count=counts.unmapped,
                    flag=True,
                ),
                Entry(path="/imports", title="Imports", icon="imports"),
                Entry(path="/connections", title="Connections", icon="connections", count=waits, flag=True),
            ],
        ),
        ("The record", [Entry(path="/audit", title="Audit trail", icon="audit")]),
        ("Settings", settings),
    ]


def to_decide(session: Session) -> int:
    """Count the cards of the current period that wait for a decision."""
    period = Period.holding(clock().today())
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Card)
            .where(
                Card.period == str(period),
                Card.kind.in_(sorted(TO_DECIDE_KINDS)),
                Card.state.in_(sorted(DECIDABLE)),
                Card.gone_at.is_(None),
            )
        )
        or 0
    )


def _tape() -> Tape:
    today = clock().today()
    current = Period.holding(today)
    period = cast("Period", g.get("looked_at", current))
    opens = period.last - timedelta(days=WINDOW_DAYS - 1)
    goes_out = period.next.first
    name = month_name(period)
    found = ages()
    psa = next((source for source in found if source.kind == "psa"), None)
    vendors = [source for source in found if source.kind != "psa"]
    says = f"{name}: "
    if period == current:
        says += f"today is day {today.day} of {period.days}. "
    says += f"The recommended window is day {opens.day} to {period.last.day}. Invoices go out on {_short(goes_out)}."
    tape = Tape(
        period=period,
        today=today,
        where=_where(today, period, opens),
        invoices=_invoices(today, goes_out),
        ticks=tuple(
            Tick(
                x=number * _DAY_WIDTH,
                top=12 if number == 1 or number % 5 == 0 else 16,
                past=period < current or (period == current and number < today.day),
            )
            for number in range(1, period.days + 1)
        ),
        width=(period.days + 2) * _DAY_WIDTH,
        window_x=opens.day * _DAY_WIDTH - _DAY_WIDTH // 2,
        window_width=WINDOW_DAYS * _DAY_WIDTH,
        today_x=today.day * _DAY_WIDTH if period == current else None,
        invoice_x=(period.days + 1) * _DAY_WIDTH,
        says=says,
        psa=psa,
        psa_age=age(psa.last_read_at) if psa is not None else "",
        fresh=sum(1 for source in vendors if not source.too_old and not source.held),
        too_old=sum(1 for source in vendors if source.too_old and not source.held),
        held=sum(1 for source in vendors if source.held),
        looking_at="" if period == current else f"You are looking at {month_words(period)}.",
        clock_words=_clock_words(),
    )
    told = [each.id for each in frame().notices]  # the tape's poll brings new ones along
    return replace(tape, version=sha256(repr((_text(tape), told)).encode()).hexdigest()[:12])


def _text(tape: Tape) -> tuple[object, ...]:
    """Give all that the tape shows."""
    return (tape.where, tape.says, tape.psa_age, tape.psa and tape.psa.too_old, tape.fresh, tape.too_old, tape.held)


def _where(today: date, period: Period, opens: date) -> str:
    """Say where in the calendar of a period a day lies."""
    weekday = current_locale().weekday_and_day(today)
    if today > period.last:
        late = (today - period.last).days
        return f"{weekday}, {month_name(period)} is late by {count(late, 'day')}, and open"
    if today < opens:
        return f"{weekday}, the window opens in {count((opens - today).days, 'day')}"
    return f"{weekday}, day {(today - opens).days + 1} of the {WINDOW_DAYS}-day window"


def _invoices(today: date, goes_out: date) -> str:
    day = current_locale().weekday_and_day(goes_out)
    if today >= goes_out:
        return f"Invoices went out on {day}."
    left = (goes_out - today).days
    return f"Invoices go out {'tomorrow' if left == 1 else f'in {left} days'}, {day}."


def _short(day: date) -> str:
    return current_locale().day(day, year=False)


def _clock_words() -> str:
    """Say that the clock was set, and to when it is now."""
    start = settings_of().now
    if not clock().fixed or start is None:
        return ""
    local = start.astimezone(clock().zone)
    return f"The clock was set to {current_locale().day(local.date())}, {current_locale().time(local)}"


def register(app: Flask) -> None:
    """Give templates the frame."""
    app.add_template_global(frame)
    app.jinja_env.globals["zone_name"] = str(app.config["SETTINGS"].time_zone)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
