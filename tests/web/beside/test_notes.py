"""Notes on screen: written, changed and deleted in place or on their page; read by everybody."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import Note
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from tests.web.cards.conftest import Month

SignIn = Callable[[str], Visitor]


def last_note(session: Session) -> int:
    session.commit()
    found = session.scalars(sa.select(Note.id).order_by(Note.id.desc()).limit(1)).one()
    session.commit()
    return found


def test_a_note_is_written_and_read_in_place(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    answer = biller.post(f"/cards/{card.id}/notes", {"text": "Three are trials."}, swapping=f"notes-{card.id}")

    part = biller.page(answer)
    assert part.select_one(f"#notes-{card.id} .said").get_text() == "Three are trials."  # type: ignore[union-attr]
    assert '<p id="announce" hx-swap-oob="innerHTML">Noted.</p>' in answer.get_data(as_text=True)
    assert not part.select("html")


def test_a_note_is_written_without_a_script(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    answer = biller.post(f"/cards/{card.id}/notes", {"text": "Three are trials."})

    assert (answer.status_code, answer.location) == (303, f"/cards/{card.id}/notes")
    assert "Three are trials." in biller.get(f"/cards/{card.id}/notes").get_data(as_text=True)


def test_the_notes_stand_on_the_card_from_the_first(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/notes", {"text": "Three are trials."})

    page = biller.page(biller.get(f"/cards/{card.id}"))

    assert page.select_one(f"#notes-{card.id} .said").get_text() == "Three are trials."  # type: ignore[union-attr]
    assert page.select("[hx-trigger=load]") == []  # what came later would push away what is being read


def test_what_a_note_says_is_text_and_nothing_else(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    text = "<b>bold</b> https://example.com/x <script>alert(1)</script>\n" + "long" * 900

    biller.post(f"/cards/{card.id}/notes", {"text": text})

    said = biller.page(biller.get(f"/cards/{card.id}/notes")).select_one(".said")
    assert said is not None
    assert said.get_text() == text
    assert said.find_all(True) == []


def test_a_viewer_reads_notes_and_finds_no_form(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    signed_in_as("biller").post(f"/cards/{card.id}/notes", {"text": "Three are trials."})
    viewer = signed_in_as("viewer")

    page = viewer.page(viewer.get(f"/cards/{card.id}/notes"))

    assert "Three are trials." in page.get_text()
    assert page.select("main form") == []
    assert viewer.post(f"/cards/{card.id}/notes", {"text": "x"}).status_code == 403


def test_an_empty_note_is_refused_with_what_was_typed(month: "Month", signed_in_as: SignIn) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    empty = biller.post(f"/cards/{card.id}/notes", {"text": "  "}, swapping=f"notes-{card.id}")
    long = biller.post(f"/cards/{card.id}/notes", {"text": "y" * 4001})

    assert (empty.status_code, long.status_code) == (422, 422)
    assert "y" * 4001 in long.get_data(as_text=True)
    assert "Shorten it." in long.get_data(as_text=True)


def test_a_note_is_changed_and_deleted_with_its_history(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    card = month.card()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{card.id}/notes", {"text": "One"})
    note = last_note(session)
    here = f"/cards/{card.id}/notes/{note}"

    form = biller.page(biller.get(f"/cards/{card.id}/notes?edit={note}", swapping=f"notes-{card.id}"))
    assert form.select_one(f"#note-text-{note}").get_text() == "One"  # type: ignore[union-attr]
    biller.post(here, {"text": "Two", "seen": "1"}, swapping=f"notes-{card.id}")
    stale = biller.post(here, {"text": "Three", "seen": "1"}, swapping=f"notes-{card.id}")
    assert stale.status_code == 409
    history = biller.get(f"/cards/{card.id}/notes?all=1").get_data(as_text=True)
    assert "One" in history
    biller.post(f"{here}/delete", {"seen": "2"})

    page = biller.get(f"/cards/{card.id}/notes").get_data(as_text=True)
    assert "No notes" in page
    assert "Two" not in page
    assert "Two" in biller.get(f"/cards/{card.id}/notes?all=1").get_data(as_text=True)


def test_another_s_note_is_not_offered_for_change(month: "Month", signed_in_as: SignIn, session: Session) -> None:
    card = month.card()
    signed_in_as("biller").post(f"/cards/{card.id}/notes", {"text": "One"})
    note = last_note(session)
    admin = signed_in_as("admin")

    page = admin.page(admin.get(f"/cards/{card.id}/notes?edit={note}"))

    assert page.select(f"#edit-note-{note}, #note-text-{note}") == []
    assert page.select(f"form[action='/cards/{card.id}/notes/{note}/delete']")
    assert admin.post(f"/cards/{card.id}/notes/{note}", {"text": "x"}).status_code == 403


def test_a_note_of_another_card_is_not_found_through_this_one(
    month: "Month", signed_in_as: SignIn, session: Session
) -> None:
    first, second = month.card(), month.card()
    biller = signed_in_as("biller")
    biller.post(f"/cards/{first.id}/notes", {"text": "One"})
    note = last_note(session)

    assert biller.post(f"/cards/{second.id}/notes/{note}", {"text": "x"}).status_code == 404
    assert biller.get("/cards/999999/notes").status_code == 404


def test_more_notes_need_no_more_queries(month: "Month", signed_in_as: SignIn, queries: Callable[[], int]) -> None:
    card = month.card()
    biller = signed_in_as("biller")

    def cost() -> int:
        before = queries()
        biller.get(f"/cards/{card.id}/notes")
        return queries() - before

    biller.post(f"/cards/{card.id}/notes", {"text": "One"})
    cost()
    few = cost()
    for _ in range(6):
        biller.post(f"/cards/{card.id}/notes", {"text": "Another"})
    cost()

    assert cost() == few
