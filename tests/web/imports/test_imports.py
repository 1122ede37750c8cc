"""Imports: check how a file was read, commit it, take it back."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import (
    AccountMapping,
    AuditEvent,
    ServiceMapping,
    ServiceProduct,
    UsageCount,
    UsageImport,
    VendorProfile,
)
from portal.domain.periods import Period
from portal.services.usage_store import standing_usage
from tests.support.visitor import Visitor
from tests.web.counting import counted_queries
from tests.web.imports.desk import PLAIN, fields_of, imports_of, taken_in
from tests.web.looking import attribute, one, words
from tests.web.test_today import NOW, a_card

SignIn = Callable[[str], Visitor]


def test_a_file_is_read_and_shown_before_anything_counts(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    page = Visitor.page(biller.get(where))
    text = words(one(page, "#check"))
    assert "Import a file from Cumulus" in words(one(page, "h1"))
    assert (
        fields_of(page).items()
        >= {
            "encoding": "utf-8",
            "delimiter": "comma",
            "header_row": "1",
            "col-0": "account_id",
            "col-1": "account_name",
            "col-3": "count",
            "period": "2026-10",
            "complete": "0",
        }.items()
    )
    assert "1 line has a problem" in text
    assert "“5B” is not a number" in text
    assert "Lines that count 2" in text
    assert "2 counts for October 2026" in text
    assert "Commit 2 counts" in text
    assert one(page, "tr.bad-row th").text == "3"
    assert standing_usage(session, Period(2026, 10)) == {}


def test_committing_keeps_the_profile_and_leads_to_the_mapping_of_a_new_vendor(
    session: Session, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    answer = biller.post(f"{where}/commit", {"save_profile": "1", "profile_name": "monthly"})

    assert answer.status_code == 303
    page = Visitor.page(biller.get(answer.headers["Location"]))
    assert "2 counts are in use" in words(one(page, "h1"))
    assert attribute(one(page, "a.primary"), "href").startswith("/mapping/accounts?vendor=cumulus")
    assert [found.state for found in imports_of(session)] == ["committed"]
    profile = session.scalars(sa.select(VendorProfile)).one()
    assert (profile.name, profile.version, profile.spec["columns"]["count"]) == ("monthly", 1, "Quantity")


def test_the_next_file_is_read_by_the_saved_profile_and_a_difference_is_marked(
    session: Session, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN)}/commit", {"save_profile": "1", "profile_name": "monthly"})
    session.commit()
    where = taken_in(biller, PLAIN.replace("5B", "5"), vendor="cumulus", new_vendor="", name="usage-2026-10b.csv")

    page = Visitor.page(biller.get(where))
    assert "profile “monthly”, version 1" in words(page)
    assert not page.select("#questions")
    changed = biller.post(where, {**fields_of(page), "marks": "comma-point"})
    again = Visitor.page(biller.get(changed.headers["Location"]))

    assert "except where marked" in words(again)
    assert "differs from the profile" in words(again)


def test_a_change_reads_the_file_anew_and_swaps_only_the_check(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {"complete": "1", "period": "2026-09"}

    part = biller.post(where, fields, swapping="check")
    page = Visitor.page(part)

    assert part.status_code == 200
    assert not page.select("html")
    assert "for September 2026" in words(one(page, "#check"))
    (found,) = imports_of(session)
    assert (found.period, found.complete) == ("2026-09", True)
    assert where.endswith(f"/{found.id}")


def test_another_header_line_brings_other_columns(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, f"Report,of,the,month\n\n{PLAIN}")
    page = Visitor.page(biller.get(where))
    assert fields_of(page)["header_row"] == "3"

    wrong = biller.post(where, fields_of(page) | {"header_row": "2"})
    broken = Visitor.page(biller.get(wrong.headers["Location"]))
    mended = biller.post(wrong.headers["Location"].partition("#")[0], fields_of(broken) | {"header_row": "3"})

    assert "cannot be counted like this" in words(broken)
    assert "Commit 2 counts" in words(Visitor.page(biller.get(mended.headers["Location"])))


def test_columns_that_nobody_recognises_are_given_their_meaning_by_a_person(
    session: Session, signed_in_as: SignIn
) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, "Wer,Was,Wieviel\nHalyard,EDR,34\nLantern,EDR,3\n")
    page = Visitor.page(biller.get(where))
    assert "Which column says which account a row is about?" in words(one(page, "#questions"))
    assert "Commit 2 counts" not in words(page)
    fields = fields_of(page) | {"col-0": "account_name", "col-1": "service_name", "col-2": "count"}
    fields.pop("count_rows", None)

    answer = biller.post(where, fields)

    assert "Commit 2 counts" in words(Visitor.page(biller.get(answer.headers["Location"])))
    assert len(imports_of(session)) == 1


def test_two_columns_of_one_meaning_are_refused_and_nothing_is_lost(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {"col-1": "term", "col-2": "term"}

    answer = biller.post(where, fields, swapping="check")

    assert answer.status_code == 422
    assert "Two columns mean “Term”" in words(Visitor.page(answer))
    assert [found.state for found in imports_of(session)] == ["ready"]


def test_a_column_that_is_given_the_meaning_of_another_takes_it_over(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, "Customer,Item,Quantity,Reserved\nHalyard,EDR,34,40\nLantern,EDR,3,5\n")
    fields = fields_of(Visitor.page(biller.get(where))) | {"col-3": "count"}

    part = Visitor.page(biller.post(where, fields, swapping="check"))

    assert "Quantity is “Reserved” (was “Quantity”)." in words(one(part, "#check .notice.ok"))
    assert "counts 40" in words(one(part, "#file-rows"))
    assert [found.spec["columns"]["count"] for found in imports_of(session)] == ["Reserved"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("header_row", "0"), ("header_row", "x"), ("counted_at", "soon"), ("counted_at", "2027-01-01T00:00"),
     ("period", "2026-13"), ("encoding", "rot13"), ("marks", "stars"), ("filter-0-column", "SKU"), ("how", "distinct")],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_refused_with_a_sentence(
    session: Session, signed_in_as: SignIn, field: str, value: str
) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    fields = fields_of(Visitor.page(biller.get(where))) | {field: value}

    answer = biller.post(where, fields)

    assert answer.status_code == 422
    assert Visitor.page(answer).select("main .notice.bad")
    assert [found.state for found in imports_of(session)] == ["ready"]


def test_the_same_file_again_changes_nothing_and_says_so(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN)}/commit", {})
    where = taken_in(biller, PLAIN, new_vendor="", vendor="cumulus")

    page = Visitor.page(biller.get(where))

    assert "Read before: nothing changed" in words(one(page, "h1"))
    assert "Read before, on 28 Oct" in words(one(page, "main .notice"))
    assert [found.state for found in imports_of(session)] == ["committed", "same"]


def test_committing_twice_counts_once(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    assert biller.post(f"{where}/commit", {}).status_code == 303
    assert biller.post(f"{where}/commit", {}).status_code == 409
    assert len(session.scalars(sa.select(UsageCount)).all()) == 2


def test_an_import_is_taken_back_as_a_whole_after_a_look(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)
    biller.post(f"{where}/commit", {})

    ask = Visitor.page(biller.get(f"{where}/undo"))
    assert "Take 2 counts of Cumulus back?" in words(one(ask, "h1"))
    assert "The count of no card changes." in words(one(ask, "main"))  # nothing is mapped yet
    answer = biller.post(f"{where}/undo", {"reason": "wrong month"})

    assert answer.status_code == 303
    assert [found.state for found in imports_of(session)] == ["undone"]
    assert biller.get(f"{where}/undo").status_code == 409
    assert biller.post(f"{where}/undo", {}).status_code == 409
    events = session.scalars(sa.select(AuditEvent).where(AuditEvent.what == "usage")).all()
    assert "wrong month" in [event.reason for event in events]


def test_a_file_is_thrown_away_before_it_counts(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN)

    biller.post(f"{where}/drop", {})

    assert [found.state for found in imports_of(session)] == ["dropped"]
    assert biller.post(where, {"header_row": "1"}).status_code == 409
    assert "usage-2026-10.csv" not in words(one(Visitor.page(biller.get("/imports")), "section.panel"))


def test_problems_come_as_csv_that_is_safe_in_a_spreadsheet(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, PLAIN.replace("Lantern", "=cmd()"))

    answer = biller.get(f"{where}/problems.csv")

    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0] == "\ufeffCustomer ID,Customer,SKU,Quantity,Problem: line,Problem: column,Problem: reason"
    assert lines[1].startswith("C-2,'=cmd(),EDR,5B,3,Quantity,")


def test_a_viewer_sees_the_history_and_no_form(session: Session, signed_in_as: SignIn) -> None:
    biller, viewer = signed_in_as("biller"), signed_in_as("viewer")
    where = taken_in(biller, PLAIN)

    for path in ("/imports", where):
        assert not Visitor.page(viewer.get(path)).select("main form[method=post]")
    assert "usage-2026-10.csv" in words(Visitor.page(viewer.get("/imports")))
    for path in ("/imports", where, f"{where}/commit", f"{where}/drop", f"{where}/undo"):
        assert viewer.post(path, {}).status_code == 403
    assert viewer.get(f"{where}/undo").status_code == 403
    assert [found.state for found in imports_of(session)] == ["ready"]


def test_a_stranger_is_asked_to_sign_in(visitor: Visitor) -> None:
    for answer in (visitor.get("/imports"), visitor.get("/imports/1"), visitor.post("/imports", {})):
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]


def test_a_missing_import_is_not_found(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")

    assert biller.get("/imports/99").status_code == 404
    assert biller.get("/imports/99/undo").status_code == 404
    assert biller.get("/imports/99/problems.csv").status_code == 404
    for verb in ("commit", "drop", "undo"):
        assert biller.post(f"/imports/99/{verb}", {}).status_code == 404


def test_more_imports_need_no_more_queries_and_come_in_pages(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    taken_in(biller, PLAIN)
    (first,) = imports_of(session)
    biller.get("/imports")
    counted = []
    for batch in range(2):
        for number in range(30):
            session.add(
                UsageImport(
                    vendor_id=first.vendor_id, filename=f"f-{batch}-{number}.csv", sha256=f"{batch:032}{number:032}",
                    size=1, state="undone", period="2026-09", imported_by="Dana", imported_at=first.imported_at,
                )
            )  # fmt: skip
        session.commit()
        with counted_queries() as queries:
            assert biller.get("/imports").status_code == 200
        counted.append(len(queries))

    assert counted[0] == counted[1]
    assert "Page 2 of 2" in words(Visitor.page(biller.get("/imports?page=2")))
    filtered = Visitor.page(biller.get("/imports?period=2026-10&vendor=cumulus"))
    assert "1 of 1 import." in words(filtered)
    assert "vendor=nobody" in words(Visitor.page(biller.get("/imports?vendor=nobody")))


def test_a_file_in_which_many_accounts_fall_says_so_before_and_is_held(session: Session, signed_in_as: SignIn) -> None:
    def counts(units: int) -> str:
        return "Customer,SKU,Quantity\n" + "".join(f"Company {one},EDR,{units}\n" for one in range(12))

    manager = signed_in_as("manager")
    manager.post(f"{taken_in(manager, counts(10), name='usage-2026-10-20.csv')}/commit", {})
    where = taken_in(manager, counts(0), name="usage-2026-10-27.csv")

    assert "This file will be held: 12 of 12 accounts" in words(Visitor.page(manager.get(where)))
    answer = manager.post(f"{where}/commit", {})

    assert answer.headers["Location"] == "/connections/cumulus/held"
    assert [found.state for found in imports_of(session)] == ["committed", "held"]
    assert "Held: nothing counts yet" in words(Visitor.page(signed_in_as("viewer").get(where)))


def test_what_a_part_does_not_name_has_not_moved(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    whole = "Customer,SKU,Quantity\nHalyard,EDR,34\nLantern,EDR,6\nQuarry,EDR,3\n"
    biller.post(f"{taken_in(biller, whole, name='usage-2026-10-20.csv')}/commit", {})
    where = taken_in(biller, "Customer,SKU,Quantity\nHalyard,EDR,36\n", name="usage-2026-10-27.csv")
    (_, found) = imports_of(session)

    def said_of(*, complete: bool) -> tuple[str, str]:
        fields = fields_of(Visitor.page(biller.get(where))) | {"complete": "1" if complete else "0"}
        checked = Visitor.page(biller.post(where, fields, swapping="check"))
        return words(one(checked, "section[aria-labelledby=h-against]")), words(
            one(Visitor.page(biller.get(f"/imports/{found.id}/movements")), "main")
        )

    against, moved = said_of(complete=False)
    assert "1 count differs from the last file" in moved
    assert "0 new, 1 changed, 0 unchanged. The file lists only a part: what it does not name still holds." in moved
    assert "Lantern" not in moved + against
    assert "no longer reported" not in moved + against
    against, moved = said_of(complete=True)
    assert "3 counts differ from the last file" in moved
    assert "0 new, 1 changed, 2 no longer reported, 0 unchanged." in moved
    assert "Lantern" in moved
    assert "2 no longer reported" in against


def test_only_lines_with_one_of_the_words_count(signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    where = taken_in(biller, "Customer,Device Class,State\nA,Server,Online\nA,Server,Retired\nB,Server,Online\n")
    page = Visitor.page(biller.get(where))
    fields = fields_of(page) | {
        "filter-0-column": "State", "filter-0-words": "online, offline", "q-count_rows": "true"
    }  # fmt: skip

    answer = biller.post(where, fields)

    text = words(Visitor.page(biller.get(answer.headers["Location"])))
    assert "Commit 2 counts" in text
    assert "1 of them zero" in text


def test_taking_back_names_the_cards_whose_count_changes_alone(session: Session, signed_in_as: SignIn) -> None:
    biller = signed_in_as("biller")
    biller.post(f"{taken_in(biller, PLAIN, name='usage-2026-10-20.csv')}/commit", {})
    where = taken_in(biller, PLAIN.replace(",34", ",36"), name="usage-2026-10-27.csv")
    biller.post(f"{where}/commit", {})
    vendor_id = imports_of(session)[0].vendor_id
    service = ServiceMapping(
        vendor_id=vendor_id, service_external_id="EDR", term="", every_term=True, state="mapped", decided_by="Dana",
        decided_at=NOW,
    )  # fmt: skip
    session.add(service)
    session.flush()
    session.add(ServiceProduct(mapping_id=service.id, product="EDR", factor=Decimal(1)))
    for number in (1, 3):
        session.add(
            AccountMapping(
                vendor_id=vendor_id, account_external_id=f"C-{number}", state="mapped", company_id=number,
                decided_by="Dana", decided_at=NOW,
            )
        )  # fmt: skip
        a_card(session, number, vendors="|cumulus|")

    told = [words(line) for line in Visitor.page(biller.get(f"{where}/undo")).select("main li")]

    assert told[0] == (
        "1 card that is not decided goes back to the count from before; where there is none, to “not reported” or off "
        "the board."
    )
    with counted_queries() as few:
        biller.get(f"{where}/undo")
    for number in range(10, 40):
        a_card(session, number, vendors="|cumulus|")
    with counted_queries() as many:
        biller.get(f"{where}/undo")
    assert len(many) == len(few)
