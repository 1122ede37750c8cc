"""What a push asks of ConnectWise: reads the agreement and its lines, makes a step's call, tells whose a change is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from portal.connectwise import Addition, Agreement, ConnectWise, NewLine, Rejected
from portal.domain.periods import local_day
from portal.domain.psa import Agreement as KnownAgreement
from portal.domain.psa import live_agreements
from portal.domain.steps import Step, StepAction
from portal.services.push_looking import Look, look
from portal.services.push_work import StepWork, Work

_T = TypeVar("_T")
_TRAIL = 50  # entries of ConnectWise's audit trail that are looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What ConnectWise has just now.

    Args:
        why_not: Why nothing may be written to the agreement, as a sentence; none where it may.
        agreement: None: ConnectWise does not have it any more.
        lines: All its additions.
    """

    agreement: Agreement | None
    why_not: str | None
    lines: tuple[Addition, ...]


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
        try:
            agreement = self.client.agreements.get(work.agreement_id)
            lines = tuple(self.client.additions.of(work.agreement_id))
        except Rejected as error:
            if not error.missing:
                raise
            return Picture(agreement=None, why_not="The agreement was deleted in ConnectWise.", lines=())
        return Picture(agreement=agreement, why_not=self._why_not(agreement), lines=lines)

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
        )

    def write(self, work: Work, step: StepWork) -> Addition:
        """Make one step's call, once.

        Raises:
            ConnectWiseError: As `Additions`.
        """
        one, additions, agreement_id = step.step, self.client.additions, work.agreement_id
        if one.action is StepAction.CREATE:
            return additions.create(
                agreement_id,
                self._model(work, step),
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

    def ours(self, work: Work, step: StepWork, line: Addition, *, asked: bool) -> bool:
        """Tell whether our API member made what is found, as far as ConnectWise says so.

        Where the member is not known yet, a change that came between our reading and now, to just what we sent, counts
        as ours.
        """
        if work.member is None:
            return asked
        if line.updated_by.casefold() == work.member.casefold():
            return True
        if not asked:
            return False
        quantity = "" if step.step.quantity is None else f"{step.step.quantity.normalize():f}"
        since = step.before_updated
        return any(
            entry.entered_by.casefold() == work.member.casefold()
            and work.product in entry.text
            and quantity in entry.text
            and (since is None or entry.entered_at is None or entry.entered_at > since)
            for entry in self.client.audit_trail.of_agreement(work.agreement_id, most=_TRAIL)
        )

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

    def _model(self, work: Work, step: StepWork) -> Addition | NewLine:
        """Give what a new line is to be like."""
        one: Step = step.step
        if one.like is not None:
            return self.client.additions.get(work.agreement_id, one.like)
        return NewLine(product_id=_known(step.product_id), unit_price=one.unit_price, unit_cost=one.unit_cost)


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
