"""The judge of a storm sees what it is there for."""

from decimal import Decimal
from typing import Any

from portal.db.records import Card, Decision, Push, PushStep
from portal.domain.steps import Step, StepAction
from tests.storm.effects import Effect, Effects
from tests.storm.storm import Result
from tests.storm.verdict import Verdict, judge

OURS, THEIRS = True, False
SET = Step(action=StepAction.SET, addition_id=7, expected=Decimal(10), quantity=Decimal(13))
CREATE = Step(action=StepAction.CREATE, product="SEAT", quantity=Decimal(6))


def effect(ours: bool, quantity: int, *, line: int = 7, created: bool = False) -> dict[str, Any]:
    return {"ours": ours, "quantity": Decimal(quantity), "line": line, "created": created}


def judged(step: Step, state: str, *effects: dict[str, Any], cause: str | None = None) -> Verdict:
    """Judge one push of one step by what took effect."""
    seen = Effects("apiuser")
    fixed: dict[str, Any] = {"agreement": 1, "product": "SEAT", "ended": None, "effective": None, "changed": "quantity"}
    seen.all = [Effect(number=number, **fixed, **one) for number, one in enumerate(effects)]
    push = Push(id=1, agreement_id=1, state=state, cause=cause, decision=Decision(), card=Card(product="SEAT"))
    push.steps = [PushStep(ordinal=1, action=step.action.value, plan=dict(step.stored()))]
    return judge(Result(effects=seen, journal=[]), [push])


def test_what_stands_once_and_is_confirmed_breaks_nothing() -> None:
    assert judged(SET, "confirmed", effect(OURS, 13)).broken == ()
    assert judged(CREATE, "confirmed", effect(OURS, 6, created=True)).broken == ()


def test_what_is_confirmed_and_stands_nowhere_is_lost() -> None:
    assert len(judged(SET, "confirmed").lost) == 1
    assert len(judged(CREATE, "confirmed", effect(OURS, 5, created=True)).lost) == 1


def test_what_is_not_settled_or_stopped_for_no_reason_is_lost() -> None:
    assert len(judged(SET, "in_doubt", effect(OURS, 13)).lost) == 1
    assert len(judged(SET, "failed").lost) == 1
    assert len(judged(SET, "changed_in_psa").lost) == 1
    assert judged(SET, "changed_in_psa", effect(THEIRS, 900)).broken == ()


def test_what_took_effect_twice_is_doubled() -> None:
    assert len(judged(SET, "confirmed", effect(OURS, 13), effect(OURS, 13)).doubled) == 1
    twice = [effect(OURS, 6, line=line, created=True) for line in (8, 9)]
    assert len(judged(CREATE, "confirmed", *twice).doubled) == 1


def test_a_line_of_a_person_that_is_just_like_ours_is_no_double() -> None:
    both = [effect(ours, 6, line=line, created=True) for ours, line in ((OURS, 8), (THEIRS, 9))]
    assert judged(CREATE, "confirmed", *both).broken == ()


def test_a_write_over_a_persons_is_seen_and_one_before_it_is_none() -> None:
    assert len(judged(SET, "confirmed", effect(THEIRS, 900), effect(OURS, 13)).overwritten) == 1
    assert judged(SET, "confirmed", effect(OURS, 13), effect(THEIRS, 900)).overwritten == ()


def test_a_push_that_denies_its_write_is_untrue() -> None:
    effects = [effect(OURS, 13), effect(THEIRS, 900)]
    denied = judged(SET, "changed_in_psa", *effects, cause="You saw 10; ConnectWise has 900. Nothing was changed.")
    told = judged(SET, "changed_in_psa", *effects, cause="You saw 10; ConnectWise has 900. Step 1 of 1 stands: …")

    assert len(denied.untrue) == 1
    assert told.broken == ()
