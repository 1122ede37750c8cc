"""What a push asks of ConnectWise: reads the agreement and its lines, makes a step's call, tells whose a change is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from portal.connectwise import Addition, Agreement, ConnectWise, ConnectWiseError, NewLine, Rejected
from portal.domain.periods import local_day
from portal.domain.psa import Agreement as KnownAgreement
from portal.domain.psa import live_agreements
from portal.domain.steps import Step, StepAction
from portal.services.push_looking import Look, look, made_by
from portal.services.push_points import passed
from portal.services.push_table import Whose
from portal.services.push_work import StepWork, Work

_T = TypeVar("_T")
_TRAIL = 50  # entries of ConnectWise's audit trail that are looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What ConnectWise has just now.

    Args:
        why_not: Why nothing may be written to the agreement, as a sentence; none where it may.
        agreement: None: ConnectWise does not have it any more, or it was not asked for.
        gone: ConnectWise does not have it any more.
        lines: All its additions.
    """

    agreement: Agreement | None
    why_not: str | None
    lines: tuple[Addition, ...]
    gone: bool = False


_GONE = Picture(agreement=None, why_not="The agreement was deleted in ConnectWise.", lines=(), gone=True)


class Asking:
    """Asks ConnectWise for one push.

    Args:
        client: The PSA.
        now: The business clock.
        zone: The portal's time zone.
    """

    def __init__(self, client: ConnectWise, now: Callable[[], datetime], zone: ZoneInfo) -> None:
        self.client = client
        self.now = now
        self.zone = zone

    def picture(self, work: Work) -> Picture:
        """Read the agreement and its lines.

        Raises:
            ConnectWiseError: They cannot be read.
        """
        passed("looking")
        try:
            agreement, lines = self.client.agreement_with_lines(
                work.agreement_id, between=lambda: passed("agreement_read")
            )
        except Rejected as error:
            if not error.missing:
                raise
            return _GONE
        return Picture(agreement=agreement, why_not=self._why_not(agreement), lines=lines)

    def lines_alone(self, work: Work) -> Picture:
        """Read the lines alone: after a write it is asked whether it stands, not whether it may be made.

        Raises:
            ConnectWiseError: They cannot be read.
        """
        passed("looking")
        try:
            return Picture(agreement=None, why_not=None, lines=tuple(self.client.additions.of(work.agreement_id)))
        except Rejected as error:
            if not error.missing:
                raise
            return _GONE

    def look(self, work: Work, step: StepWork, picture: Picture) -> Look:
        """Say what ConnectWise shows of a step."""
        return look(
            step.step,
            [line for line in picture.lines if line.product == work.product],
            work.expected,
            local_day(self.now(), self.zone),
            known_ids=step.known_ids,
            created=step.created,
            taken=work.taken,
            member=work.member,
        )

    def model(self, work: Work, step: StepWork) -> Addition | NewLine | None:
        """Read what a new line is to be like; none for a step that makes none.

        Raises:
            ConnectWiseError: It cannot be read.
        """
        one: Step = step.step
        if one.action is not StepAction.CREATE:
            return None
        if one.like is not None:
            return self.client.additions.get(work.agreement_id, one.like)
        return NewLine(product_id=_known(step.product_id), unit_price=one.unit_price, unit_cost=one.unit_cost)

    def write(
        self, work: Work, step: StepWork, model: Addition | NewLine | None, check: Callable[[], None]
    ) -> Addition:
        """Make one step's call, once.

        Args:
            work: The push.
            step: Its step.
            model: What a new line is to be like.
            check: Raises at the very last moment where the write must not leave.

        Raises:
            ConnectWiseError: As `Additions`; `Withheld` where the check kept it.
        """
        one, agreement_id = step.step, work.agreement_id
        additions = self.client.fenced(check).additions
        if model is not None:
            return additions.create(
                agreement_id,
                model,
                quantity=_known(one.quantity),
                effective=_known(one.effective),
                cancelled=one.cancelled,
                replaces=one.less_included != 0,
            )
        line_id = _known(one.addition_id)
        if one.action is StepAction.SET:
            return additions.set_quantity(agreement_id, line_id, _known(one.quantity))
        if one.cancelled is not None and one.action is StepAction.END:
            return additions.end(agreement_id, line_id, one.cancelled)
        return additions.reopen(agreement_id, line_id, one.cancelled)

    def whose(self, work: Work, step: StepWork, seen: Look) -> Whose:  # noqa: PLR0911 - one line a case
        """Tell who made what stands there, as far as ConnectWise says.

        A write of ours that a person touched since, in another field, is told from theirs by ConnectWise's audit trail.
        """
        line = seen.line
        if line is None or step.answered:
            return Whose.OURS
        if work.said is not None:
            return Whose.OURS if work.said else Whose.OTHERS
        asked = step.state == "intent"
        if work.member is None:
            return Whose.UNKNOWN if asked else Whose.OTHERS
        member = work.member.casefold()
        created = step.step.action is StepAction.CREATE
        if (made_by(line) if created else line.updated_by.casefold()) == member:
            return Whose.OURS
        if not asked or (created and line.entered_by):
            return Whose.OTHERS
        told = self._in_the_trail(work, step, member)
        if told is None or (told and created):
            return Whose.UNKNOWN  # an older line of ours may have been as this one
        return Whose.OURS if told else Whose.OTHERS

    def who(self, agreement_id: int, line: Addition | None, product: str) -> tuple[str, datetime | None]:
        """Tell who changed a line last and when: by the line, else by the PSA's trail; "" where both are silent."""
        if line is not None and line.updated_by:
            return line.updated_by, line.last_updated
        try:
            trail = self.client.audit_trail.of_agreement(agreement_id, most=_TRAIL)
            entry = next((one for one in trail if product in one.text), None)
        except ConnectWiseError:
            entry = None
        return ("", None) if entry is None else (entry.entered_by, entry.entered_at)

    def _in_the_trail(self, work: Work, step: StepWork, member: str) -> bool | None:
        """Tell whether the audit trail names our member for such a change; none: it may not be read."""
        passed("asking_whose")
        number = "" if step.step.quantity is None else re.escape(f"{step.step.quantity.normalize():f}")
        wanted = re.compile(rf"(?<![\d.,]){number}(?![.,]?\d)")
        since = step.before_updated
        try:
            return any(
                entry.entered_by.casefold() == member
                and work.product in entry.text
                and wanted.search(entry.text)
                and (since is None or entry.entered_at is None or entry.entered_at > since)
                for entry in self.client.audit_trail.of_agreement(work.agreement_id, most=_TRAIL)
            )
        except Rejected:
            return None

    def _why_not(self, found: Agreement) -> str | None:
        """Say why nothing may be written to an agreement any more."""
        family = [_known_agreement(one) for one in self._with_parents(found)]
        return live_agreements(family, local_day(self.now(), self.zone))[found.id].why_not

    def _with_parents(self, found: Agreement) -> list[Agreement]:
        """Read the parents of an agreement too: a live child of a cancelled parent is not written to."""
        family = [found]
        while (parent := family[-1].parent_id) is not None and parent not in {one.id for one in family}:
            try:
                family.append(self.client.agreements.get(parent))
            except Rejected as error:
                if not error.missing:
                    raise
                break
        return family


def _known_agreement(found: Agreement) -> KnownAgreement:
    """Read of an agreement what decides whether it lives; a billing cycle it had when the plan was made."""
    return KnownAgreement(
        id=found.id,
        company_id=found.company_id,
        name=found.name,
        start=found.start_date,
        end=found.end_date,
        no_ending=found.no_ending_date,
        cancelled=found.cancelled,
        cancelled_on=found.date_cancelled,
        cycle_months=1,
        parent_id=found.parent_id,
        prorates=found.prorates,
    )


def _known(value: _T | None) -> _T:
    if value is None:
        raise ValueError("The step lacks a value that its plan must have.")
    return value
