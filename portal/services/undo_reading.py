"""What planning an undo reads: for one card as it goes, or for many cards in few queries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from portal.db.records import Card, Decision, PsaAddition, Push
from portal.domain.psa import BilledAgreement, CatalogItem, Line
from portal.services import settings_store
from portal.services.card_picture import billed_agreements, catalog, line_of
from portal.services.decision_plans import billed_agreement, lines_of

_CHUNK = 500  # ids in one query


class Reads:
    """Reads what planning an undo asks for, each time anew."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def limits(self) -> Mapping[str, Any]:
        """Give above what a second person must confirm."""
        return settings_store.get(self.session, "limits", {})

    def decision(self, decision_id: int) -> Decision | None:
        """Give a decision."""
        return self.session.get(Decision, decision_id)

    def push_of(self, decision_id: int) -> Push | None:
        """Give the push of a decision as it is now."""
        query = sa.select(Push).where(Push.decision_id == decision_id)
        return self.session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def agreement(self, agreement_id: int, day: date) -> BilledAgreement:
        """Give an agreement as it is billed on a day.

        Raises:
            NotFound: The PSA does not have it (any more).
        """
        return billed_agreement(self.session, agreement_id, day)

    def lines(self, agreement_id: int, product: str) -> list[Line]:
        """Give all lines of a product on an agreement, ended and scheduled ones too."""
        return lines_of(self.session, agreement_id, product)

    def item(self, product: str) -> CatalogItem | None:
        """Give a catalogue item."""
        return catalog(self.session, product).get(product)

    def names(self, push: Push) -> set[str]:
        """Give the Product IDs that the lines of a push have by now."""
        query = sa.select(PsaAddition.product).where(
            PsaAddition.agreement_id == push.agreement_id,
            PsaAddition.id.in_(_written(push)),
            PsaAddition.gone_at.is_(None),
        )
        return set(self.session.scalars(query))


class ReadTogether(Reads):
    """Reads what many cards need in a number of queries that hardly grows with them; the rest one by one.

    Args:
        session: For reading, on one picture: nothing is read anew.
        cards: The cards that are looked at.
        decision_ids: The decisions that are meant besides the cards' latest.
        day: On which agreements are looked at.
    """

    def __init__(self, session: Session, cards: Iterable[Card], decision_ids: Iterable[int], day: date) -> None:
        super().__init__(session)
        cards = list(cards)
        self._day, self._limits = day, super().limits()
        self._decisions = self._read_decisions(
            {one.decision_id for one in cards if one.decision_id is not None} | set(decision_ids)
        )
        before = {one.undoes_id for one in self._decisions.values() if one.undoes_id is not None}
        self._decisions |= self._read_decisions(before - self._decisions.keys())
        pushes = [one.push for one in self._decisions.values() if one.push is not None]
        self._agreements = billed_agreements(session, day) if pushes else {}
        self._products = {one.product for one in cards}
        self._items = catalog(session) if pushes else {}
        self._names: dict[int, str] = {}
        self._lines: dict[tuple[int, str], list[Line]] = {}
        self._read_lines(sorted({one.agreement_id for one in pushes}))
        self._read_names(sorted({line_id for one in pushes for line_id in _written(one)}))

    def limits(self) -> Mapping[str, Any]:
        """Give above what a second person must confirm."""
        return self._limits

    def decision(self, decision_id: int) -> Decision | None:
        """Give a decision."""
        return self._decisions.get(decision_id) or super().decision(decision_id)

    def push_of(self, decision_id: int) -> Push | None:
        """Give the push of a decision."""
        known = self._decisions.get(decision_id)
        return super().push_of(decision_id) if known is None else known.push

    def agreement(self, agreement_id: int, day: date) -> BilledAgreement:
        """Give an agreement as it is billed on a day.

        Raises:
            NotFound: The PSA does not have it (any more).
        """
        known = self._agreements.get(agreement_id) if day == self._day else None
        return super().agreement(agreement_id, day) if known is None else known

    def lines(self, agreement_id: int, product: str) -> list[Line]:
        """Give all lines of a product on an agreement."""
        if product not in self._products:
            return super().lines(agreement_id, product)
        return self._lines.get((agreement_id, product), [])

    def item(self, product: str) -> CatalogItem | None:
        """Give a catalogue item."""
        return self._items.get(product)

    def names(self, push: Push) -> set[str]:
        """Give the Product IDs that the lines of a push have by now."""
        return {self._names[one] for one in _written(push) if one in self._names}

    def _read_decisions(self, ids: set[int]) -> dict[int, Decision]:
        found: dict[int, Decision] = {}
        for some in _chunks(sorted(ids)):
            query = (
                sa.select(Decision)
                .where(Decision.id.in_(some))
                .options(joinedload(Decision.push).selectinload(Push.steps))
                .execution_options(populate_existing=True)
            )
            found |= {one.id: one for one in self.session.scalars(query)}
        return found

    def _read_lines(self, agreement_ids: Sequence[int]) -> None:
        for some in _chunks(agreement_ids):
            query = (
                sa.select(PsaAddition)
                .where(PsaAddition.agreement_id.in_(some), PsaAddition.gone_at.is_(None))
                .order_by(PsaAddition.id)
            )
            for row in self.session.scalars(query):
                if row.product in self._products:
                    self._lines.setdefault((row.agreement_id, row.product), []).append(line_of(row))

    def _read_names(self, line_ids: Sequence[int]) -> None:
        for some in _chunks(line_ids):
            query = sa.select(PsaAddition.id, PsaAddition.product).where(
                PsaAddition.id.in_(some), PsaAddition.gone_at.is_(None)
            )
            self._names |= dict(self.session.execute(query).all())


def _written(push: Push) -> set[int]:
    return {step.addition_id for step in push.steps if step.addition_id is not None}


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[begin : begin + _CHUNK] for begin in range(0, len(ids), _CHUNK))
