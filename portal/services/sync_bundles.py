"""Whether bundles of reads can be believed: tried on lines that are known, before a run rests on them.

The reference says how a bundle is asked for, and little of what it means. A server that took it otherwise might answer
that agreements have no lines, and a full sync would mark them all as gone. So each run reads one agreement both ways
first, whole and by what changed; where the two differ, or the bundle does not come, all is read singly in this run.
"""

import copy
import logging
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.connectwise import ConnectWise, ConnectWiseError, Rejected, Throttled
from portal.connectwise.addition_lines import FIELDS, Addition, AgreementAdditions
from portal.connectwise.additions import Additions
from portal.connectwise.bundles import lists_of
from portal.connectwise.resource import wanted
from portal.db.records import PsaAddition

log = logging.getLogger(__name__)

_TRIED = 5  # agreements that are read until one has lines, where none is known to have any
_DEFAULT_PAGE = 25  # records that ConnectWise gives where it overlooks how many were asked for
_BEFORE = timedelta(seconds=1)


def additions_of(client: ConnectWise, session: Session, agreement_ids: Sequence[int]) -> Additions:
    """Give what reads the additions of these agreements: in bundles where those prove right, else singly.

    Args:
        client: The PSA.
        session: For reading what is mirrored.
        agreement_ids: What is to be read.

    Raises:
        ConnectWiseError: ConnectWise refuses the keys, asks to wait, or an agreement cannot be read singly either.
    """
    transport = client.transport
    if getattr(transport, "bundle_size", 0) <= 1 or transport.no_bundles or len(agreement_ids) <= 1:
        return client.additions
    if _proven(client, _candidates(session, agreement_ids), agreement_ids):
        return client.additions
    log.warning("Bundles were not proven to bring what single reads bring; this run reads singly.")
    return singly(client)


def singly(client: ConnectWise) -> Additions:
    """Give what reads the additions of each agreement by itself."""
    view = copy.copy(client.transport)
    view.bundle_size = 0
    return Additions(view)


def may_be_cut(each: AgreementAdditions) -> bool:
    """Tell whether a bundle's answer may hold no more than a first page: exactly as many lines as one has."""
    return len(each.additions) + len(each.skipped) == _DEFAULT_PAGE


def _candidates(session: Session, agreement_ids: Sequence[int]) -> list[int]:
    """Choose what to try: the agreement with the most lines that are known, or some from all over."""
    number = sa.func.count()
    most = sa.select(PsaAddition.agreement_id).where(
        PsaAddition.gone_at.is_(None), PsaAddition.agreement_id.is_not(None)
    )
    most = most.group_by(PsaAddition.agreement_id).order_by(number.desc(), PsaAddition.agreement_id)
    asked = frozenset(agreement_ids)
    known = next((found for found in session.scalars(most) if found in asked), None)
    spread = list(agreement_ids[:: max(1, len(agreement_ids) // _TRIED)])[:_TRIED]
    return [*([] if known is None else [known]), *spread]


def _proven(client: ConnectWise, candidates: Sequence[int], agreement_ids: Sequence[int]) -> bool:
    for candidate in candidates:
        try:
            lines = tuple(client.additions.of(candidate, skipped=lambda _error: None))
        except Rejected as error:
            if error.unauthorized:
                raise
            continue
        if lines:
            other = next(each for each in agreement_ids if each != candidate)
            # whoever works there may change a line between the two reads: then once more
            return _same(client, candidate, other, lines) or _same(
                client, candidate, other, tuple(client.additions.of(candidate, skipped=lambda _error: None))
            )
    return False


def _same(client: ConnectWise, agreement_id: int, other: int, lines: Sequence[Addition]) -> bool:
    """Tell whether a bundle brings these lines, and the one that changed last where only changes are asked for."""
    page = client.transport.page_size  # a bundle brings the first page, by id
    first = {line.id for line in sorted(lines, key=lambda line: line.id)[:page]}
    moments = [(line.last_updated, line.id) for line in lines if line.last_updated is not None]
    if not moments:
        return False
    changed_at, changed_id = max(moments)
    since = wanted(None, changed_at - _BEFORE)
    whole, recent = (_bundled(client, (other, agreement_id), conditions) for conditions in (None, since))
    if whole is None or recent is None:
        return False
    return first <= whole and (changed_id in recent or len(recent) >= page)


def _bundled(client: ConnectWise, pair: tuple[int, int], conditions: str | None) -> set[object] | None:
    """Give the ids that a bundle brings for the second of two agreements; none where it brings nothing of use."""
    try:
        parts = lists_of(client.transport, "Addition", pair, fields=FIELDS, conditions=conditions)
    except Throttled:
        raise
    except ConnectWiseError as error:
        if isinstance(error, Rejected) and error.unauthorized:
            raise
        log.info("A bundle on trial was not answered: %s", error)
        return None
    part = parts.get(pair[1])
    return None if part is None else {row.get("id") for row in part.rows}
