"""Which companies are in scope: what an admin said their statuses and types mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class StatusMeaning(StrEnum):
    """What a company status means for billing."""

    CUSTOMER = "customer"
    NOT_CUSTOMER = "not_customer"
    IGNORE = "ignore"


class TypeMeaning(StrEnum):
    """What a company type means for billing."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whether a company makes cards.

    Args:
        needs_decision: The answer hangs on a status or type that nobody has given a meaning yet.
        reason: A sentence for people.
    """

    in_scope: bool
    needs_decision: bool
    reason: str


def scope_of(
    deleted: bool,
    status_meaning: StatusMeaning | None,
    type_meanings: Sequence[TypeMeaning | None],
    was_in_scope: bool | None,
) -> Scope:
    """Tell whether a company is in scope.

    Args:
        deleted: It lies in the recycle bin.
        status_meaning: What its status means; none: no decision yet.
        type_meanings: What each of its types means. At least one must be in; without any type the status decides.
        was_in_scope: What it was when it was last decided; none: it never was.

    Returns:
        Where a decision is missing and matters, the company stays as it was, or out if it never was in.
    """
    certain = _why_out(status_meaning, type_meanings, deleted=deleted)
    if certain is not None:
        return Scope(in_scope=False, needs_decision=False, reason=certain)
    if status_meaning is None:
        return _as_it_was("Its status needs a decision", was_in_scope)
    if type_meanings and TypeMeaning.IN not in type_meanings:
        return _as_it_was("One of its types needs a decision", was_in_scope)
    return Scope(in_scope=True, needs_decision=False, reason="Its status and types are in scope.")


def _why_out(
    status_meaning: StatusMeaning | None, type_meanings: Sequence[TypeMeaning | None], *, deleted: bool
) -> str | None:
    """Say why a company is out of scope whatever is still to be decided; none where it is not."""
    if deleted:
        return "The company lies in the recycle bin."
    if status_meaning is StatusMeaning.IGNORE:
        return "Its status is ignored."
    if status_meaning is StatusMeaning.NOT_CUSTOMER:
        return "Its status means that it is not a customer."
    if type_meanings and all(meaning is TypeMeaning.OUT for meaning in type_meanings):
        return "None of its types is in scope."
    return None


def _as_it_was(reason: str, was_in_scope: bool | None) -> Scope:
    """Keep a company as it was until somebody decides."""
    kept = "it stays in scope" if was_in_scope else "it stays out of scope"
    return Scope(in_scope=bool(was_in_scope), needs_decision=True, reason=f"{reason}; until then {kept}.")
