import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AccountMapping, AuditEvent, ServiceMapping, Vendor
from portal.services import mapping
from portal.services.errors import Invalid, NotAllowed
from tests.services.usage_desk import BILLER, NOW, VIEWER

TESTS = Path(__file__).parents[1]
SETS = (TESTS / "samples" / "small", TESTS / "samples" / "traps", TESTS.parent / "portal" / "sandbox" / "month")


def account(**changes: Any) -> dict[str, Any]:
    entry = {"vendor": "Haven", "account_id": "A-1", "account_name": "Alder", "state": "mapped", "company_id": 7}
    return {name: value for name, value in (entry | changes).items() if value is not None}


def service(**changes: Any) -> dict[str, Any]:
    products = [{"product": "SEAT", "factor": "1"}]
    entry = {"vendor": "Haven", "service_id": "S-1", "service_name": "Seat", "term": "", "state": "mapped"}
    return {name: value for name, value in (entry | {"products": products} | changes).items() if value is not None}


def apply(session: Session, *, accounts: Any = (), services: Any = ()) -> mapping.MappingDiff:
    data = {"accounts": list(accounts), "services": list(services)}
    return mapping.apply_mapping_file(session, data, by=BILLER, now=NOW)


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_a_mapping_survives_import_and_export_to_the_byte(session: Session, folder: Path) -> None:
    text = (folder / "mapping.json").read_text()
    data = mapping.read_mapping_text(text)

    apply(session, **data)

    assert mapping.mapping_text(mapping.export_mapping(session)) == text
    again = mapping.diff_mapping(session, data)
    assert (again.changes, again.refused, again.new_vendors) == ([], [], [])
    assert again.equal == len(data["accounts"]) + len(data["services"])


def test_an_empty_mapping_is_a_file_too(session: Session) -> None:
    text = mapping.mapping_text(mapping.export_mapping(session))

    assert json.loads(text) == {"accounts": [], "services": []}
    assert mapping.read_mapping_text(text) == {"accounts": [], "services": []}


def test_a_difference_changes_nothing(session: Session) -> None:
    diff = mapping.diff_mapping(session, {"accounts": [account()], "services": [service()]})

    assert [change.entry.title() for change in diff.maps] == ["Haven account A-1 “Alder”", "Haven service S-1 “Seat”"]
    assert diff.new_vendors == ["Haven"]
    assert session.scalars(sa.select(Vendor)).all() == []


def test_maps_moves_excludes_and_equals_are_told_apart(session: Session) -> None:
    apply(session, accounts=[account(), account(account_id="A-2"), account(account_id="A-3")], services=[service()])

    diff = apply(
        session,
        accounts=[
            account(account_name="Renamed"),
            account(account_id="A-2", company_id=8),
            account(account_id="A-3", state="excluded", company_id=None, reason="ours"),
            account(account_id="A-4"),
        ],
        services=[service(products=[{"product": "GUARD", "factor": Decimal("0.5")}])],
    )

    assert [change.entry.key[1] for change in diff.maps] == ["A-4"]
    assert [(change.before, change.entry.value()) for change in diff.moves] == [
        ("company 7", "company 8"),
        ("SEAT", "GUARD x 0.5"),
    ]
    assert [change.entry.value() for change in diff.excludes] == ["excluded: ours"]
    assert diff.equal == 1
    event = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.n.desc()).limit(1)).one()
    assert event.sentence == "Applied a mapping file: 1 mapped, 2 moved, 1 excluded, 1 equal."


def test_what_the_file_does_not_have_stays(session: Session) -> None:
    apply(session, accounts=[account(), account(account_id="A-2")], services=[service()])

    apply(session, accounts=[account(company_id=9)])

    assert session.scalar(sa.select(sa.func.count()).select_from(AccountMapping)) == 2
    assert session.scalar(sa.select(sa.func.count()).select_from(ServiceMapping)) == 1


REFUSED: list[tuple[Any, str]] = [
    (3, "no object"),
    (account(vendor=""), "“vendor”"),
    (account(account_id=12), "“account_id”"),
    (account(company_id="7"), "“company_id”"),
    (account(company_id=True), "“company_id”"),
    (account(company_id=0), "“company_id”"),
    (account(company_id=2**40), "“company_id”"),
    (account(company_id=None), "“company_id”"),
    (account(state="unmapped"), "not mapped or excluded"),
    (account(state="excluded", reason="x"), "cannot have company_id"),
    (account(state="excluded", company_id=None), "“reason”"),
    (account(reason="x"), "cannot have reason"),
    (account(price=3), "“price”"),
    (account(account_id="x" * 301), "more than 300"),
]


@pytest.mark.parametrize(("entry", "words"), REFUSED)
def test_a_refused_entry_keeps_the_whole_file_out(session: Session, entry: Any, words: str) -> None:
    data = {"accounts": [account(account_id="A-0"), entry], "services": []}
    diff = mapping.diff_mapping(session, data)

    assert [one.where for one in diff.refused] == ["line 3"]
    assert words in diff.refused[0].reason
    with pytest.raises(Invalid, match="Nothing was changed"):
        mapping.apply_mapping_file(session, data, by=BILLER, now=NOW)
    assert session.scalars(sa.select(AccountMapping)).all() == []


@pytest.mark.parametrize(
    ("products", "words"),
    [
        ([], "names no products"),
        ("SEAT", "names no products"),
        ([{"product": "SEAT", "factor": "0"}], "above zero"),
        ([{"product": "SEAT", "factor": "-1"}], "above zero"),
        ([{"product": "SEAT", "factor": "abc"}], "above zero"),
        ([{"product": "SEAT", "factor": "NaN"}], "above zero"),
        ([{"product": "SEAT", "factor": "1E999999"}], "above zero"),
        ([{"product": "SEAT", "factor": "0.0000000001"}], "9 decimals"),
        ([{"product": "SEAT", "factor": True}], "above zero"),
        ([{"product": "SEAT"}, {"product": "SEAT"}], "twice"),
        ([{"product": "SEAT", "rate": 1}], "nothing else"),
        ([{"factor": 1}], "“product”"),
    ],
)
def test_products_that_cannot_be_are_refused(session: Session, products: Any, words: str) -> None:
    diff = mapping.diff_mapping(session, {"accounts": [], "services": [service(products=products)]})

    assert words in diff.refused[0].reason


def test_an_entry_that_stands_twice_is_refused(session: Session) -> None:
    diff = mapping.diff_mapping(session, {"accounts": [account(), account(company_id=8)], "services": []})

    assert [(one.where, one.reason) for one in diff.refused] == [("line 3", "It stands in the file twice.")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"accounts": 3}', '{"accounts": [], "services": NaN}', "[" * 9999]
)
def test_what_is_no_mapping_file_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Invalid, match="Nothing was changed"):
        mapping.read_mapping_text(text)


def test_a_viewer_may_not_apply_one(session: Session) -> None:
    with pytest.raises(NotAllowed):
        mapping.apply_mapping_file(session, {"accounts": [account()]}, by=VIEWER, now=NOW)
