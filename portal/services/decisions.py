"""Decisions on cards, in one place for those who call them.

Every rule is checked by these functions; forms only explain them. A decision, its plan, its audit event, its push and
the steps are one transaction. Of two people, workers or clicks one wins and the other is told.
"""

from portal.services.decision_batches import (
    adjust_many,
    approve_many,
    confirm_planned_many,
    confirm_second_many,
    dismiss_many,
)
from portal.services.decision_checks import (
    ago,
    blocking,
    decided_words,
    needs_second,
    seen_token,
    writing_is_on,
)
from portal.services.decision_finding import actor_of, card_of, company_of
from portal.services.decision_plans import billed_agreement, lines_of, plan_for, plan_write
from portal.services.decision_second import confirm_planned, confirm_second
from portal.services.decision_sharing import share
from portal.services.decision_undo import undo
from portal.services.decision_verbs import add, adjust, approve, dismiss
from portal.services.undo_many import undo_batch, undo_many
from portal.services.undo_planning import plan_back

__all__ = [
    "actor_of",
    "add",
    "adjust",
    "adjust_many",
    "ago",
    "approve",
    "approve_many",
    "billed_agreement",
    "blocking",
    "card_of",
    "company_of",
    "confirm_planned",
    "confirm_planned_many",
    "confirm_second",
    "confirm_second_many",
    "decided_words",
    "dismiss",
    "dismiss_many",
    "lines_of",
    "needs_second",
    "plan_back",
    "plan_for",
    "plan_write",
    "seen_token",
    "share",
    "undo",
    "undo_batch",
    "undo_many",
    "writing_is_on",
]
