"""The page of a run and the history: progress by part, what was skipped and why, what to do, and how long it takes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlalchemy.orm import Session

from portal.db.records import Connection, PsaListRow, SyncRun
from portal.web.activity import parts
from tests.support.database import NOW
from tests.support.visitor import Visitor

SignedInAs = Callable[[str], Visitor]
PARTS: list[dict[str, Any]] = [
    {"name": "companies", "title": "Companies", "done": 200, "total": 200, "state": "done", "seconds": 4},
    {"name": "additions", "title": "Additions", "done": 120, "total": 400, "state": "working", "seconds": 60},
    {"name": "apply", "title": "Bringing the picture up to date", "done": 0, "total": None, "state": "waiting"},
]


def a_run(session: Session, **values: Any) -> SyncRun:
    real = datetime.now(UTC)
    given: dict[str, Any] = {
        "kind": "full", "state": "running", "requested_by": "Dana", "queued_at": NOW, "heartbeat_at": real,
        "started_at": real - timedelta(seconds=70), "phase": "Reading additions", "parts": PARTS, "skipped": [],
        "counts": {},
    }  # fmt: skip
    run = SyncRun(**(given | values))
    session.add(run)
    session.commit()
    return run


def a_done_run(session: Session, seconds: int = 30, **values: Any) -> SyncRun:
    end = datetime.now(UTC)
    given = {"state": "done", "started_at": end - timedelta(seconds=seconds), "finished_at": end, "parts": []}
    return a_run(session, **(given | values))


def page_of(visitor: Visitor, run: SyncRun) -> BeautifulSoup:
    return visitor.page(visitor.get(f"/activity/{run.id}"))


def words(page: BeautifulSoup, selector: str = "main") -> str:
    found = page.select_one(selector)
    assert found is not None
    return " ".join(found.get_text(" ").split())


def test_each_part_says_how_far_it_is_how_fast_and_what_is_left(session: Session, signed_in_as: SignedInAs) -> None:
    run = a_run(session)
    a_done_run(session, 120)
    a_done_run(session, 130)
    a_done_run(session, 500)

    page = page_of(signed_in_as("viewer"), run)

    companies, lines, last = [" ".join(each.get_text(" ").split()) for each in page.select(".parts > li")]
    assert "Companies Read" in companies
    assert "50 a second" in companies
    assert "120 of 400 agreements · 1 min · 2 a second · about 3 min left" in lines
    assert page.select(".parts svg.progress[aria-label='Additions: 120 of 400']")
    assert last == "Bringing the picture up to date Waits"
    assert "the last ones took 2 min 10 s" in words(page)
    assert "You can leave this page" in words(page)


@pytest.mark.parametrize(
    ("seconds", "done", "left"),
    [(None, 5, None), (2, 100, None), (60, 3, None), (60, 60, 340), (10, 400, None), (3, 399, 1)],
)
def test_what_is_left_is_known_only_where_a_rate_is(seconds: int | None, done: int, left: int | None) -> None:
    part = parts.Part(title="Additions", state="working", done=done, total=400, seconds=seconds)

    assert part.left == left


@pytest.mark.parametrize(
    ("seconds", "about", "took"),
    [
        (None, "", "—"),
        (0, "about 10 s", "under 1 s"),
        (1, "about 10 s", "1 s"),
        (41, "about 50 s", "41 s"),
        (61, "about 2 min", "1 min 1 s"),
        (120, "about 2 min", "2 min"),
        (3600, "about 1 h", "1 h 0 min"),
        (4000, "about 1 h 7 min", "1 h 6 min"),
    ],
)
def test_times_are_told_as_people_tell_them(seconds: int | None, about: str, took: str) -> None:
    assert (parts.about_words(seconds), parts.took_words(seconds)) == (about, took)


def test_a_part_that_holds_nonsense_is_shown_as_far_as_it_goes() -> None:
    found = parts.parts_of([{"title": "A", "done": "x", "total": -3, "seconds": "1.9"}, {"name": "no title"}])

    assert [(each.done, each.total, each.seconds, each.state) for each in found] == [(0, 0, 1, "waiting")]


def test_what_was_skipped_is_grouped_by_reason_and_comes_as_a_file(session: Session, signed_in_as: SignedInAs) -> None:
    many = [{"what": "addition", "id": 100 + n, "reason": f"Addition {100 + n} has no product."} for n in range(14)]
    one = {"what": "company", "id": 7, "reason": "=HYPERLINK(1) is no name."}
    run = a_done_run(session, skipped=[*many, one], counts={"additions": {"skipped": 15}})
    visitor = signed_in_as("viewer")

    page = page_of(visitor, run)

    groups = [" ".join(each.get_text(" ").split()) for each in page.select("[aria-labelledby=h-skipped] li")]
    assert groups[0].startswith("14 additions Addition 100 has no product. 100 101 102")
    assert groups[0].endswith("109 and 4 more")
    assert groups[1] == "Company 7 =HYPERLINK(1) is no name."
    assert "15 records were skipped" in words(page)
    file = visitor.get(f"/activity/{run.id}/skipped.csv")
    lines = file.get_data(as_text=True).splitlines()
    assert len(lines) == 16
    assert lines[-1] == "company,7,'=HYPERLINK(1) is no name."
    assert visitor.get("/activity/999/skipped.csv").status_code == 404


def test_a_failed_run_offers_what_helps(session: Session, signed_in_as: SignedInAs) -> None:
    refused = a_run(session, state="failed", finished_at=datetime.now(UTC), error="ConnectWise refused the key (401).")
    away = a_run(session, state="failed", finished_at=datetime.now(UTC), error="ConnectWise did not answer.")
    admin, biller, viewer = signed_in_as("admin"), signed_in_as("biller"), signed_in_as("viewer")

    assert page_of(admin, refused).select_one("#to-keys")
    assert not page_of(admin, away).select_one("#to-keys")
    assert not page_of(biller, refused).select_one("#to-keys")
    assert "An admin can look at the keys" in words(page_of(biller, refused))
    form = page_of(biller, away).select_one(".notice.bad form")
    assert form is not None
    assert form.select_one("input[name=kind][value=full]")
    assert not page_of(viewer, away).select("#progress form")
    assert "Stopped" in words(page_of(viewer, away), ".parts")


def test_while_connectwise_does_not_answer_the_run_says_when_it_asks_again(
    session: Session, signed_in_as: SignedInAs
) -> None:
    run = a_run(session, state="queued", try_at=datetime.now(UTC) + timedelta(seconds=50), tries=2, resumed=2)

    text = words(page_of(signed_in_as("viewer"), run))

    assert "ConnectWise does not answer." in text
    assert "it is asked again in" in text
    assert "Its worker stopped 2 times; the run went on each time where it had stopped." in text
    assert "left" not in text


def test_a_run_whose_worker_died_once_says_so_and_promises_no_time_while_nobody_works(
    session: Session, signed_in_as: SignedInAs
) -> None:
    run = a_run(session, heartbeat_at=datetime.now(UTC) - timedelta(seconds=90), resumed=1)

    text = words(page_of(signed_in_as("viewer"), run))

    assert "Nothing was heard of its worker for 1 min." in text
    assert "Its worker stopped once; the run went on where it had stopped." in text
    assert "120 of 400 agreements" in text
    assert "left" not in text


def test_a_run_that_found_statuses_without_a_decision_leads_to_them_and_renews_the_rail(
    session: Session, signed_in_as: SignedInAs
) -> None:
    run = a_done_run(session)
    session.add(PsaListRow(list="status", id=1, name="Solid / VIP"))
    session.commit()
    viewer = signed_in_as("viewer")

    part = viewer.get(f"/activity/{run.id}?times=3", swapping="progress").get_data(as_text=True)

    assert "Statuses and types: 1 row waits" in part
    assert 'id="nav-counts"' in part


def test_the_tape_follows_the_end_of_a_run_at_once(session: Session, signed_in_as: SignedInAs) -> None:
    run = a_done_run(session)
    viewer = signed_in_as("viewer")

    watched = viewer.get(f"/activity/{run.id}?times=3", swapping="progress").get_data(as_text=True)
    opened = viewer.get(f"/activity/{run.id}").get_data(as_text=True)

    assert 'hx-trigger="every 60s" hx-swap="outerHTML" hx-swap-oob="true"' in watched
    assert 'id="own-notices"' in watched  # the tape's next poll would take them for told
    assert "hx-swap-oob" not in opened


@pytest.mark.parametrize("page", ["/", "/connections"])
def test_the_tape_follows_where_the_list_of_sources_is_watched(
    session: Session, signed_in_as: SignedInAs, page: str
) -> None:
    session.add(
        Connection(
            name="connectwise", url="http://127.0.0.1:1/v4_6_release/apis/3.0", company="sandbox", public_key="portal",
            sealed_private_key="x", key_tail="", client_id="i", set_by="x", set_at=NOW,
        )
    )  # fmt: skip
    viewer = signed_in_as("viewer")
    run = a_run(session)
    working = viewer.get(page, swapping="sources").get_data(as_text=True)
    run.state, run.finished_at = "done", datetime.now(UTC)
    session.commit()

    over = viewer.get(page, swapping="sources").get_data(as_text=True)

    assert 'id="tape"' not in working
    assert 'id="tape"' in over


def test_a_run_that_stood_still_tells_how_long_it_worked(session: Session, signed_in_as: SignedInAs) -> None:
    worked = [{"name": "companies", "title": "Companies", "done": 9, "total": 9, "state": "done", "seconds": 1.4}]
    run = a_done_run(session, 241, kind="quick", resumed=1, parts=worked)
    a_done_run(session, 250, kind="quick", parts=worked)
    viewer = signed_in_as("viewer")

    history = words(viewer.page(viewer.get("/activity?kind=quick")))

    assert "Done in 1 s." in words(page_of(viewer, run))
    assert "4 min" not in history
    assert history.count("1 s") >= 3  # both runs, and what is usual


def test_without_scripts_a_run_at_work_is_reloaded_by_a_link(session: Session, signed_in_as: SignedInAs) -> None:
    run = a_run(session)

    html = signed_in_as("viewer").get(f"/activity/{run.id}").get_data(as_text=True)

    assert f'<noscript> <a href="/activity/{run.id}">Reload it</a>' in html


def test_the_history_is_filtered_by_its_address_and_paged(session: Session, signed_in_as: SignedInAs) -> None:
    for number in range(52):
        a_done_run(session, 10 + number, kind="quick", requested_by="Countersign")
    a_done_run(session, 90, counts={"additions": {"new": 4, "changed": 3, "gone": 2, "same": 9, "skipped": 1}})
    a_run(session, state="failed", kind="wanted", finished_at=datetime.now(UTC), error="It failed.")
    viewer = signed_in_as("viewer")

    def rows(query: str = "") -> list[str]:
        page = viewer.page(viewer.get(f"/activity{query}"))
        return [" ".join(each.get_text(" ").split()) for each in page.select("#runs tbody tr")]

    assert len(rows()) == 50
    assert len(rows("?page=2")) == 4
    assert len(rows("?page=99")) == 4
    (full,) = rows("?kind=full")
    assert "Dana 1 min 30 s 4 3 2 1 Done" in full
    (failed,) = rows("?outcome=failed")
    assert "Agreements read again" in failed
    assert "It failed." in failed
    assert rows("?kind=agreement") == []
    assert "Quick sync: 56 s as a rule." in viewer.get("/activity?kind=quick").get_data(as_text=True)


@pytest.mark.parametrize("query", ["kind=x", "outcome=<b>", "page=-1", "page=abc", "foo=bar", "page=" + "9" * 40])
def test_what_the_filter_does_not_know_is_named_and_left_out(
    session: Session, signed_in_as: SignedInAs, query: str
) -> None:
    a_done_run(session)

    answer = signed_in_as("viewer").get(f"/activity?{query}")

    assert answer.status_code == 200
    assert "Left out of the filter" in answer.get_data(as_text=True)
    assert "<b>" not in answer.get_data(as_text=True)


def test_the_filter_swaps_only_the_runs(session: Session, signed_in_as: SignedInAs) -> None:
    a_done_run(session)
    viewer = signed_in_as("viewer")

    part, whole = viewer.get("/activity?kind=full", swapping="runs"), viewer.get("/activity?kind=full")

    assert not viewer.page(part).select("html")
    assert viewer.page(part).select_one("#runs") == viewer.page(whole).select_one("#runs")


def test_more_runs_need_no_more_queries(session: Session, signed_in_as: SignedInAs, queries: Callable[[], int]) -> None:
    viewer = signed_in_as("viewer")

    def cost() -> int:
        before = queries()
        viewer.get("/activity")
        return queries() - before

    a_done_run(session)
    cost()
    few = cost()
    for _ in range(30):
        a_done_run(session)

    assert cost() == few


def test_strangers_are_asked_to_sign_in(visitor: Visitor) -> None:
    for path in ("/activity", "/activity/1", "/activity/1/skipped.csv"):
        assert visitor.get(path).status_code == 303
