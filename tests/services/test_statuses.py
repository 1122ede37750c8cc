import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import AuditEvent, Card, PsaCompany, PsaCompanyType, PsaListRow, Vendor, VendorAccount
from portal.services import scope, statuses
from portal.services.actors import Actor
from portal.services.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.services.conftest import ADMIN, STEPS, Psa

NOW = STEPS[1]


def row(session: Session, psa_id: int, list_name: statuses.ListName = "status") -> statuses.ListRow:
    return next(each for each in statuses.list_rows(session, list_name) if each.psa_id == psa_id)


def company(session: Session, company_id: int, status_id: int | None, *types: int, **other: object) -> PsaCompany:
    made = PsaCompany(id=company_id, identifier=f"C{company_id}", name=f"Company {company_id}", status_id=status_id)
    for name, value in other.items():
        setattr(made, name, value)
    session.add(made)
    session.flush()
    session.add_all(PsaCompanyType(company_id=company_id, type_id=each) for each in types)
    session.flush()
    return made


def status(session: Session, psa_id: int, name: str, **other: object) -> None:
    session.add(PsaListRow(list="status", id=psa_id, name=name, name_since=NOW, **other))
    session.flush()


def mean(
    session: Session,
    psa_id: int,
    meaning: str,
    list_name: statuses.ListName = "status",
    *,
    seen: str | None = None,
    name: str | None = None,
) -> None:
    statuses.set_meaning(session, list_name, psa_id, meaning, by=ADMIN, now=NOW, seen=seen, name=name)


def test_nothing_is_decided_silently(psa: Psa, session: Session) -> None:
    psa.sync()

    rows = statuses.list_rows(session, "status") + statuses.list_rows(session, "type")

    assert all("needs_decision" in each.flags and each.meaning is None for each in rows)
    assert statuses.flag_count(session) == len(rows)
    assert row(session, 1).proposal == statuses.Proposal(
        meaning="customer", reason="ConnectWise's own name for companies that are served."
    )
    assert row(session, 21).proposal is None
    assert not session.scalar(sa.select(sa.func.count()).where(PsaCompany.in_scope.is_(True)))


def test_a_renamed_row_keeps_its_meaning_until_seen(psa: Psa, session: Session) -> None:
    psa.meanings()
    psa.sync()

    renamed = row(session, 5)

    assert (renamed.name, renamed.name_before, renamed.meaning) == ("Watchlist", "Problem", "customer")
    assert (renamed.flags, renamed.renamed_at) == (("renamed",), STEPS[0])
    assert session.get_one(PsaCompany, 1036).in_scope is True
    statuses.acknowledge(session, "status", 5, by=ADMIN, now=NOW)
    assert (row(session, 5).flags, row(session, 5).name_before, row(session, 5).meaning) == ((), None, "customer")


def test_a_row_that_a_later_sync_finds_renamed_says_since_when(psa: Psa, session: Session) -> None:
    psa.meanings()
    psa.sync()
    statuses.acknowledge(session, "status", 5, by=ADMIN, now=NOW)
    session.commit()
    psa.by_hand("PATCH", "/company/companies/statuses/6", [{"op": "replace", "path": "name", "value": "Gold"}])
    psa.now = STEPS[1]

    psa.sync("quick")

    renamed = row(session, 6)
    assert (renamed.name, renamed.name_before, renamed.renamed_at) == ("Gold", "Solid/VIP", STEPS[1])


def test_a_deleted_row_is_flagged_with_the_companies_that_stay_as_they_were(psa: Psa, session: Session) -> None:
    psa.meanings()
    psa.sync()

    deleted = row(session, 23)

    assert (deleted.name, deleted.flags, deleted.meaning, deleted.companies) == (
        "Legacy plan",
        ("deleted",),
        "customer",
        1,
    )
    assert [each.id for each in session.scalars(statuses.companies_with("status", 23))] == [1037]
    assert session.get_one(PsaCompany, 1037).in_scope is True
    statuses.set_meaning(session, "status", 23, "not_customer", by=ADMIN, now=NOW)
    assert row(session, 23).flags == ()
    assert session.get_one(PsaCompany, 1037).in_scope is False


def test_a_new_row_needs_a_decision_and_makes_no_cards_before(psa: Psa, session: Session) -> None:
    psa.meanings()
    psa.sync()

    assert row(session, 31).flags == ("needs_decision",)
    undecided = session.get_one(PsaCompany, 1038)
    assert (undecided.in_scope, undecided.needs_decision) == (None, True)
    assert session.get_one(PsaCompany, 1039).in_scope is False
    assert session.get_one(PsaCompany, 1040).in_scope is True
    assert session.get_one(PsaCompany, 1030).in_scope is False
    assert "recycle bin" in session.get_one(PsaCompany, 1030).scope_reason


def test_a_company_that_moves_to_an_undecided_status_stays_as_it_was(psa: Psa, session: Session) -> None:
    psa.meanings()
    psa.sync()
    psa.by_hand("PATCH", "/company/companies/1001", [{"op": "replace", "path": "status", "value": {"id": 31}}])

    run = psa.sync("quick")

    assert run.counts["companies"]["changed"] == 1
    stays = session.get_one(PsaCompany, 1001, populate_existing=True)
    assert (stays.status_id, stays.in_scope, stays.needs_decision) == (31, True, True)
    assert "stays in scope" in stays.scope_reason


def test_the_effect_is_told_before_and_is_what_happens(session: Session) -> None:
    status(session, 1, "Active")
    status(session, 2, "Problem")
    mean(session, 1, "customer")
    for company_id in (1, 2, 3):
        company(session, company_id, 1)
    company(session, 4, 2)
    company(session, 5, 1, deleted=True)
    scope.refresh(session)
    cards = [("increase", state) for state in ("open", "waiting", "stale", "confirmed")]
    for number, (kind, state) in enumerate([*cards, ("no_change", "open")]):
        session.add(
            Card(
                period="2026-10",
                company_id=1,
                company="Company 1",
                agreement_id=number or None,
                product="SEAT",
                kind=kind,
                state=state,
                made_at=NOW,
                changed_at=NOW,
            )
        )
    session.flush()

    out = statuses.effect_of(session, "status", 1, "not_customer", today=NOW.date())
    into = statuses.effect_of(session, "status", 2, "customer", today=NOW.date())
    same = statuses.effect_of(session, "status", 1, "customer", today=NOW.date())

    assert (out.stay, out.join, out.leave) == (0, (), ("Company 1", "Company 2", "Company 3"))
    assert out.sentence == (
        "0 companies stay in scope, 0 join, 3 leave with 2 cards to decide and 1 other: "
        "2 become stale and 1 without an agreement goes."
    )
    assert into.sentence == "0 companies stay in scope, 1 joins, 0 leave."
    assert same.sentence == "3 companies stay in scope, 0 join, 0 leave."
    assert session.get_one(PsaCompany, 1).in_scope is True
    mean(session, 1, "not_customer")
    assert [session.get_one(PsaCompany, each).in_scope for each in (1, 2, 3, 5)] == [False] * 4


def test_types_decide_with_the_status(session: Session) -> None:
    mean(session, 1, "customer")
    mean(session, 1, "in", "type")
    mean(session, 2, "out", "type")
    wanted = {1: (True, ()), 2: (True, (1,)), 3: (False, (2,)), 4: (True, (1, 2)), 5: (True, (1, 9)), 6: (None, (2, 9))}
    for company_id, (_in_scope, types) in wanted.items():
        company(session, company_id, 1, *types)

    scope.refresh(session)

    assert {each: session.get_one(PsaCompany, each).in_scope for each in wanted} == {
        company_id: in_scope for company_id, (in_scope, _types) in wanted.items()
    }
    assert [each.id for each in session.scalars(statuses.companies_with("type", 9))] == [5, 6]


def test_a_meaning_that_someone_else_changed_meanwhile_is_a_conflict(session: Session) -> None:
    status(session, 1, "Active")
    mean(session, 1, "customer", seen="")

    with pytest.raises(Conflict, match="Ada Admin has given this row another meaning"):
        mean(session, 1, "ignore", seen="")
    mean(session, 1, "ignore", seen="customer")

    told = list(session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "status.meaning")))
    assert [(each.before, each.after) for each in told] == [("no decision", "Customer"), ("Customer", "Ignore")]


def test_a_meaning_may_come_before_the_row(session: Session) -> None:
    mean(session, 77, "customer", name="Later")

    assert row(session, 77).name == "Later"
    assert row(session, 77).flags == ()


@pytest.mark.parametrize(
    ("list_name", "meaning", "error"),
    [("status", "in", Invalid), ("type", "customer", Invalid), ("colour", "red", NotFound)],
)
def test_there_are_no_other_meanings(
    session: Session, list_name: statuses.ListName, meaning: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        mean(session, 1, meaning, list_name)
    with pytest.raises(error):
        statuses.effect_of(session, list_name, 1, meaning, today=NOW.date())


def test_only_an_admin_decides(session: Session) -> None:
    manager = Actor("Mia", 4, "manager")
    with pytest.raises(NotAllowed):
        statuses.set_meaning(session, "status", 1, "customer", by=manager, now=NOW)
    with pytest.raises(NotAllowed):
        statuses.acknowledge(session, "status", 1, by=manager, now=NOW)
    with pytest.raises(NotAllowed):
        statuses.set_vendor_word(session, 1, "archived", "inactive", by=manager, now=NOW)
    with pytest.raises(NotFound):
        statuses.acknowledge(session, "status", 1, by=ADMIN, now=NOW)


def test_a_vendors_word_means_what_that_vendor_means_by_it(session: Session) -> None:
    vendors = [Vendor(slug=name, title=name.title(), created_at=NOW) for name in ("alpha", "beta")]
    session.add_all(vendors)
    session.flush()
    for number, (vendor, word) in enumerate(
        [(vendors[0], "Archived"), (vendors[0], " archived "), (vendors[0], ""), (vendors[1], "ARCHIVED")]
    ):
        session.add(VendorAccount(vendor_id=vendor.id, external_id=str(number), status=word, seen_at=NOW))
    session.flush()
    assert [(each.slug, each.word, each.accounts, each.flags) for each in statuses.vendor_words(session)] == [
        ("alpha", "archived", 2, ("needs_decision",)),
        ("beta", "archived", 1, ("needs_decision",)),
    ]

    statuses.set_vendor_word(session, vendors[0].id, "Archived ", "inactive", by=ADMIN, now=NOW, seen="")
    statuses.set_vendor_word(session, vendors[0].id, "gone", "inactive", by=ADMIN, now=NOW)

    assert [(each.slug, each.word, each.meaning, each.accounts) for each in statuses.vendor_words(session)] == [
        ("beta", "archived", None, 1),
        ("alpha", "archived", "inactive", 2),
        ("alpha", "gone", "inactive", 0),
    ]
    assert statuses.flag_count(session) == 1
    with pytest.raises(Conflict):
        statuses.set_vendor_word(session, vendors[0].id, "archived", "active", by=ADMIN, now=NOW, seen="")
    with pytest.raises(Invalid, match="nothing to decide"):
        statuses.set_vendor_word(session, vendors[0].id, "  ", "active", by=ADMIN, now=NOW)
    with pytest.raises(NotFound):
        statuses.set_vendor_word(session, 99, "archived", "active", by=ADMIN, now=NOW)
