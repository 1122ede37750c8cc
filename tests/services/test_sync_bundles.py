"""A run reads in bundles only where they were proven to bring what single reads bring."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from portal.connectwise import ConnectWise, Patience, bundles
from portal.connectwise.errors import Unreachable
from portal.db.records import PsaAddition
from portal.services import sync_bundles
from tests.services.conftest import KEYS, Psa
from tests.support.pictures import picture, rows


@pytest.fixture
def bundled(psa: Psa) -> Iterator[Psa]:
    """A portal that read everything singly once, and may read in bundles from now on."""
    psa.meanings()
    psa.sync()
    patience = Patience(connect=2, read=5, attempts=2, back_off=0.01, longest_wait=1)
    with ConnectWise(
        psa.base_url,
        company=KEYS["company"],
        public_key=KEYS["public_key"],
        private_key=KEYS["private_key"],
        client_id=KEYS["client_id"],
        allow_private=True,
        patience=patience,
        bundle_size=25,
    ) as psa.client:
        psa.forget()
        yield psa


def calls(psa: Psa) -> tuple[int, int]:
    """How many bundles were asked for, and how many agreements' additions singly."""
    asked = psa.asked
    return sum("/system/bundles" in each for each in asked), sum("/additions" in each for each in asked)


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_bundles_that_prove_right_bring_all_in_few_calls(bundled: Psa, kind: str) -> None:
    before = picture(bundled)

    run = bundled.sync(kind)

    in_bundles, singly = calls(bundled)
    assert run.state == "done"
    assert picture(bundled) == before
    assert in_bundles >= 3
    assert singly <= 2  # the one of the proof, and in a quick sync one whose lines were never read


def test_an_agreement_of_several_pages_proves_them_by_its_first_one(bundled: Psa) -> None:
    bundled.client.transport.page_size = 2
    before = picture(bundled)

    assert bundled.sync("quick").state == "done"

    in_bundles, singly = calls(bundled)
    assert picture(bundled) == before
    assert in_bundles >= 3
    assert singly <= 4


def test_without_a_picture_some_agreement_with_lines_is_found_for_the_proof(bundled: Psa) -> None:
    before = picture(bundled)
    with bundled.open_session() as session:
        for row in session.query(PsaAddition):
            session.delete(row)

    assert bundled.sync().state == "done"

    in_bundles, singly = calls(bundled)
    assert picture(bundled) == before
    assert in_bundles >= 3
    assert singly <= 6


def _empty(found: dict[int, bundles.Part], conditions: str | None) -> dict[int, bundles.Part]:
    del conditions
    return {each: bundles.Part([], None, whole=True) for each in found}


def _no_changes(found: dict[int, bundles.Part], conditions: str | None) -> dict[int, bundles.Part]:
    return found if conditions is None else _empty(found, conditions)


def _nothing(_found: dict[int, bundles.Part], _conditions: str | None) -> dict[int, bundles.Part]:
    return {}


def _silent(_found: dict[int, bundles.Part], _conditions: str | None) -> dict[int, bundles.Part]:
    raise Unreachable("No answer.")


@pytest.mark.parametrize("lie", [_empty, _no_changes, _nothing, _silent])
@pytest.mark.parametrize("kind", ["full", "quick"])
def test_bundles_that_bring_less_are_not_believed(
    bundled: Psa, monkeypatch: pytest.MonkeyPatch, kind: str, lie: Callable[..., dict[int, bundles.Part]]
) -> None:
    real = bundles.lists_of

    def lying(*args: Any, **named: Any) -> dict[int, bundles.Part]:
        return lie(real(*args, **named), named["conditions"])

    monkeypatch.setattr(bundles, "lists_of", lying)
    monkeypatch.setattr(sync_bundles, "lists_of", lying)
    before = picture(bundled)

    run = bundled.sync(kind)

    assert run.state == "done"
    assert picture(bundled) == before
    assert calls(bundled)[1] > 30


def test_a_bundle_that_is_too_much_for_connectwise_is_given_up_for_the_run(
    bundled: Psa, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, large = bundles.lists_of, []

    def slow(transport: Any, kind: str, parents: Any, **named: Any) -> dict[int, bundles.Part]:
        if len(parents) > 2:
            large.append(parents)
            raise Unreachable("No answer within 30 s.")
        return real(transport, kind, parents, **named)

    monkeypatch.setattr(bundles, "lists_of", slow)
    before = picture(bundled)

    run = bundled.sync()

    assert run.state == "done"
    assert picture(bundled) == before
    assert len(large) <= 2 * bundled.client.transport.parallel


def test_a_first_page_that_may_be_all_that_a_bundle_gives_is_read_singly(
    bundled: Psa, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bundled.open_session() as session:
        number = len([row for row in session.query(PsaAddition) if row.agreement_id == 502 and row.gone_at is None])
    monkeypatch.setattr(sync_bundles, "_DEFAULT_PAGE", number)

    assert bundled.sync().state == "done"

    assert [each for each in bundled.asked if "/finance/agreements/502/additions" in each]
    assert rows(bundled, PsaAddition, PsaAddition.agreement_id == 502, PsaAddition.gone_at.is_(None))
