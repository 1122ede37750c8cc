"""Today: figures, what is left, money at stake, what needs somebody, how old the numbers are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    Batch,
    Card,
    Connection,
    Decision,
    Drift,
    Person,
    PsaCompany,
    Push,
    RowMeaning,
    ServiceMapping,
    SyncRun,
    UsageImport,
    Vendor,
)
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
NOW = datetime(2026, 10, 28, 13, tzinfo=UTC)


def connected(session: Session, *, read: bool = True, hours: int = 0, writing: bool = True) -> None:
    at = NOW - timedelta(hours=hours) if read else None
    session.add(
        Connection(
            name="connectwise", url="http://127.0.0.1:1/x", company="c", public_key="p", sealed_private_key="s",
            key_tail="", client_id="i", allow_private=True, writing=writing, set_by="x", set_at=NOW, last_read_at=at,
            last_full_at=at,
        )
    )  # fmt: skip
    session.commit()


def a_card(session: Session, number: int, kind: str = "increase", state: str = "open", **values: object) -> Card:
    money = {"increase": "10", "new_revenue": "20", "decrease": "-5", "not_reported": None, "to_split": None}.get(kind)
    card = Card(
        **{
            "period": "2026-10", "company_id": number, "company": f"Company {number}", "agreement_id": number,
            "agreement": "Managed", "product": "EDR", "product_name": "Endpoint", "kind": kind, "state": state,
            "revenue_change": None if money is None else Decimal(money), "currency": "USD",
            "at_stake": Decimal("7.5") if money is None else abs(Decimal(money)),
            "psa_quantity": Decimal(1), "proposed_quantity": Decimal(2), "made_at": NOW, "changed_at": NOW, "facts": {},
            **values,
        }
    )  # fmt: skip
    session.add(card)
    session.commit()
    return card


def words(visitor: Visitor, selector: str) -> str:
    found = visitor.page(visitor.get("/")).select_one(selector)
    assert found is not None, selector
    return " ".join(found.get_text(" ").split())


def test_a_new_portal_says_what_is_missing_in_order(session: Session, signed_in_as: SignedInAs) -> None:
    admin, viewer = signed_in_as("admin"), signed_in_as("viewer")

    assert words(admin, "h1") == "Connect ConnectWise to begin"
    assert "Priya can take this step." in words(viewer, "ol.list")
    connected(session, read=False)
    assert words(admin, "h1") == "Read ConnectWise for the first time"
    assert admin.page(admin.get("/")).select("form[action='/connections/connectwise/sync']")


def test_the_figures_say_what_is_left_and_what_it_is_worth(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    session.add_all(
        PsaCompany(id=n, identifier=str(n), name=str(n), deleted=False, in_scope=True, needs_decision=False)
        for n in range(1, 11)
    )
    for number, (kind, state) in enumerate(
        [
            ("increase", "open"), ("new_revenue", "open"), ("decrease", "open"), ("not_reported", "open"),
            ("to_split", "open"), ("no_change", "open"), ("psa_only", "open"), ("increase", "confirmed"),
            ("increase", "dismissed"), ("stale", "stale"),
        ],
        start=1,
    ):  # fmt: skip
        a_card(session, number, kind, state)
    a_card(session, 11, "increase", period="2026-09")
    visitor = signed_in_as("biller")

    assert words(visitor, "h1") == "5 cards to decide"
    figures = words(visitor, "dl.figures")
    assert "To decide 5 cards to decide in 5 of 10 companies" in figures
    assert "If all are approved +$25.00 a month, +$300.00 a year" in figures
    assert "Decided so far 2 cards decided 1 confirmed by ConnectWise 1 dismissed" in figures
    assert words(visitor, ".legend") == "2 decided 1 proved equal 5 to decide 1 not compared 1 stale"
    assert "What is left of 10 cards" in words(visitor, "section[aria-labelledby=h-left]")
    assert "Increase +$10.00, new revenue +$20.00" in words(visitor, "section[aria-labelledby=h-money] title").replace(
        "increase", "Increase"
    )
    unsummed = words(visitor, "section[aria-labelledby=h-money] p.hint:last-of-type")
    assert "1 card “not reported” ( $7.50 a month billed without a count)" in unsummed.replace("($", "( $")
    assert "1 card “to split”" in unsummed


def test_currencies_are_never_added_up_across(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    a_card(session, 1)
    a_card(session, 2, currency="CAD")
    a_card(session, 3)

    figures = words(signed_in_as("viewer"), "dl.figures")

    assert "+$20.00 a month" in figures
    assert "+CA$10.00 a month" in figures


def test_most_money_comes_first_and_links_to_the_companys_cards(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    for number in range(1, 9):
        a_card(session, number, revenue_change=Decimal(number), at_stake=Decimal(number))
    visitor = signed_in_as("viewer")

    links = visitor.page(visitor.get("/")).select("section[aria-labelledby=h-top] tbody a")

    assert [each["href"] for each in links] == [f"/cards?company={n}" for n in (8, 7, 6, 5, 4, 3)]


def test_what_needs_somebody_says_why(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    card = a_card(session, 1, state="failed")
    decision = Decision(card_id=card.id, action="approve", by="Dana", at=NOW, seen={}, plan={})
    session.add(decision)
    session.flush()
    session.add(
        Push(
            decision_id=decision.id, card_id=card.id, agreement_id=1, state="failed", queued_at=NOW, tries=1, found={},
            cause="ConnectWise refused: “Agreement is locked.”",
        )
    )  # fmt: skip
    card.decision_id = decision.id
    a_card(session, 2, state="changed_in_psa")
    session.commit()
    viewer, biller = signed_in_as("viewer"), signed_in_as("biller")

    needs = words(biller, "section[aria-labelledby=h-next]")

    assert "Failed Company 1" in needs
    assert "ConnectWise refused: “Agreement is locked.”" in needs
    assert "Decide again" in needs
    assert "Decide again" not in words(viewer, "section[aria-labelledby=h-next]")


def test_confirmed_lines_that_somebody_changed_since_are_told(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    card = a_card(session, 1, state="confirmed")
    decision = Decision(card_id=card.id, action="approve", by="Dana", at=NOW, seen={}, plan={})
    session.add(decision)
    session.flush()
    push = Push(
        decision_id=decision.id, card_id=card.id, agreement_id=1, state="confirmed", queued_at=NOW, tries=1, found={}
    )
    session.add(push)
    session.flush()
    session.add(
        Drift(
            push_id=push.id, agreement_id=1, addition_id=8, kind="gone", expected={"quantity": "2"}, found=None,
            found_key="gone", seen_at=NOW,
        )
    )  # fmt: skip
    session.commit()

    told = words(signed_in_as("viewer"), "section[aria-labelledby=h-next]")

    assert "Changed since 1 confirmed line" in told


def test_nothing_waits_is_said(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)

    assert "Nothing waits for you." in words(signed_in_as("viewer"), "section[aria-labelledby=h-next]")


def test_a_person_with_enough_decisions_hears_how_long_the_rest_takes(
    session: Session, signed_in_as: SignedInAs
) -> None:
    connected(session)
    for number in range(1, 7):
        a_card(session, number)
    biller = signed_in_as("biller")
    session.rollback()
    person = session.scalars(sa.select(Person.id)).one()
    done = a_card(session, 99, state="confirmed")
    session.add_all(
        Decision(
            card_id=done.id, action="approve", by="Dana", by_id=person, at=NOW - timedelta(seconds=20 * n), seen={},
            plan={},
        )
        for n in range(1, 32)
    )  # fmt: skip
    session.commit()

    assert words(biller, "h1") == "October can be finished in about 2 minutes"


def test_the_cards_of_a_batch_and_undos_are_no_pace(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    for number in range(1, 7):
        a_card(session, number)
    biller = signed_in_as("biller")
    session.rollback()
    person = session.scalars(sa.select(Person.id)).one()
    done = a_card(session, 99, state="confirmed")
    batch = Batch(action="approve", by="Dana", at=NOW - timedelta(hours=1))
    session.add(batch)
    session.flush()

    def decided(seconds: int, action: str = "approve", batch_id: int | None = None) -> Decision:
        return Decision(
            card_id=done.id, batch_id=batch_id, action=action, by="Dana", by_id=person,
            at=NOW - timedelta(seconds=seconds), seen={}, plan={},
        )  # fmt: skip

    session.add_all(decided(3600, batch_id=batch.id) for _ in range(70))
    session.add_all(decided(1200 + n, "undo") for n in range(40))
    session.add_all(decided(30 * n) for n in range(1, 31))  # of 30 the first one's time is not known
    session.commit()

    assert words(biller, "h1") == "6 cards to decide"
    session.add(decided(30 * 31))
    session.commit()
    assert words(biller, "h1") == "October can be finished in about 3 minutes"


def test_old_and_held_sources_are_shown_with_what_they_block(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session, hours=25)
    vendor = Vendor(slug="vaultline", title="Vaultline", age_limit_hours=168, last_commit_at=NOW, created_at=NOW)
    session.add(vendor)
    session.flush()
    session.add(
        UsageImport(
            vendor_id=vendor.id, filename="v.csv", sha256="0" * 64, size=1, state="held", imported_by="Dana",
            imported_at=NOW, fallen={"a": ["3", "0"]}, period="2026-10",
        )
    )  # fmt: skip
    session.commit()
    a_card(session, 1, vendors="|vaultline|")
    visitor = signed_in_as("viewer")

    page = words(visitor, "main")
    table = words(visitor, "#sources")

    assert "Vaultline is held. 1 account fell at once in v.csv." in page
    assert "Too old 1 approval waits" in table
    assert "held: v.csv Held" in table  # the counts from before stand, so that nothing waits for it
    assert "1 held" in words(visitor, "#tape")
    assert words(visitor, "#nav-counts a[href='/connections'] .count") == "2 need attention"


def test_the_sources_ask_again_only_while_a_run_is_at_work(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    visitor = signed_in_as("biller")
    still = visitor.get("/", swapping="sources")
    session.add(
        SyncRun(kind="full", state="running", running_mark=1, requested_by="Dana", queued_at=NOW, phase="Reading",
                started_at=datetime.now(UTC), heartbeat_at=datetime.now(UTC), counts={}, skipped=[])
    )  # fmt: skip
    session.commit()

    polling = visitor.get("/", swapping="sources")

    assert visitor.page(still).select_one("html") is None
    assert "load delay" not in still.get_data(as_text=True)
    assert visitor.page(polling).select_one("#sources[hx-trigger]") is not None
    assert not visitor.page(polling).select("form")


def test_a_viewers_today_has_no_form_but_sign_out(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    a_card(session, 1)
    viewer = signed_in_as("viewer")

    forms = viewer.page(viewer.get("/")).select("form")

    assert {each.get("action", "") or each["method"] for each in forms} == {"/sign-out", "dialog"}


def test_more_cards_need_no_more_queries(
    session: Session, signed_in_as: SignedInAs, queries: Callable[[], int]
) -> None:
    connected(session)
    a_card(session, 1)
    a_card(session, 2, state="failed")
    visitor = signed_in_as("biller")
    visitor.get("/")
    before = queries()
    visitor.get("/")
    few = queries() - before
    for number in range(3, 40):
        a_card(session, number, state="open" if number % 2 else "failed")

    before = queries()
    visitor.get("/")

    assert queries() - before == few
    assert few < 40


def test_every_figure_leads_to_exactly_what_it_counts(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    for number, state in enumerate(
        ["open", "open", "changed_in_psa", "waiting", "confirmed", "confirmed", "dismissed"], start=1
    ):
        a_card(session, number, "increase", state)
    visitor = signed_in_as("biller")

    page = visitor.page(visitor.get("/"))
    counted = {}
    for link in page.select(".figures dd a[href^='/cards'], .legend a, .hint a[href^='/cards']"):
        figure = next((each for each in link.get_text(" ").replace("+", " ").split() if not each.startswith("$")), "")
        if figure.isdigit():
            board = visitor.page(visitor.get(str(link["href"])))
            counted[str(link["href"])] = (int(figure), len(board.select("tbody[id^=card-]")))

    assert {"/cards?show=decide", "/cards?show=decided", "/cards?show=decide&state=changed_in_psa"} <= counted.keys()
    assert "/cards?show=decided&state=waiting" in counted
    assert "1 waits for a second person" in words(visitor, ".figures")
    assert all(said == listed for said, listed in counted.values()), counted


def test_setting_up_stays_on_today_until_its_last_step_is_done(session: Session, signed_in_as: SignedInAs) -> None:
    connected(session)
    admin = signed_in_as("admin")

    assert words(admin, ".setting-up h2") == "Setting up: 3 of 7 steps are done"
    assert "4. Statuses and types" in words(admin, ".setting-up")
    vendor = Vendor(slug="skylark", title="Skylark", created_at=NOW)
    session.add(vendor)
    session.flush()
    session.add_all(
        [
            RowMeaning(
                list="status", psa_id=1, meaning="customer", name_last_seen="Active", decided_by="x", decided_at=NOW
            ),
            AccountMapping(
                vendor_id=vendor.id,
                account_external_id="a",
                state="mapped",
                company_id=1,
                decided_by="x",
                decided_at=NOW,
            ),
        ]
    )
    session.commit()
    assert words(admin, ".setting-up h2") == "Setting up: 4 of 7 steps are done"
    session.add(
        UsageImport(
            vendor_id=vendor.id, filename="a.csv", sha256="0" * 64, size=1, state="committed", period="2026-10",
            counted_at=NOW, complete=True, imported_by="x", imported_at=NOW, committed_at=NOW,
        )
    )  # fmt: skip
    session.add(
        ServiceMapping(
            vendor_id=vendor.id, service_external_id="s", term="", service_name="S", state="excluded",
            reason="internal", decided_by="x", decided_at=NOW,
        )
    )  # fmt: skip
    session.commit()

    assert admin.page(admin.get("/")).select(".setting-up") == []
