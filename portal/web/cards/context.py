"""What the board's templates need, gathered in a fixed number of queries."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import sqlalchemy as sa
from flask import g, request, url_for
from sqlalchemy.orm import Session

from portal.db.records import Card, Connection, SavedView, SyncRun
from portal.domain.periods import Period
from portal.factory import clock
from portal.services import connections, tags, views
from portal.services.errors import NotFound
from portal.services.mapping_missing import Loud
from portal.web import filters as shown
from portal.web.access import current_actor, current_person
from portal.web.cards import queries
from portal.web.cards.filters import (
    GROUPS,
    MINIMA,
    SHOWS,
    SORTS,
    BoardFilter,
    hidden_copy,
    read_back,
    read_filter,
)
from portal.web.cards.limits import limits_of
from portal.web.cards.rows import Row, make_rows
from portal.web.cards.sentences import Where
from portal.web.cards.words import KINDS, STATES, count_of
from portal.web.waiting import missing_of

FOLD_LIMIT = 50


def current_period() -> Period:
    """Give the month of today."""
    return Period.holding(clock().today())


def asked_for(session: Session) -> tuple[BoardFilter, dict[str, str]]:
    """Read the board's parameters from the address, with the vendors' titles by slug."""
    titles = queries.vendor_titles(session)
    board = read_filter(request.args, current_period(), titles)
    return replace(board, opens_otherwise=_own_view(session) is not None), titles


def _own_view(session: Session) -> SavedView | None:
    """Give the view with which the board opens for this person, read once an answer."""
    if "own_view" not in g:
        person = current_person()
        g.own_view = views.default_of(session, person.id, person.preferences)
    return cast("SavedView | None", g.own_view)


def default_view(session: Session) -> str | None:
    """Give the address with which the board opens for this person; none: as it is."""
    view = _own_view(session)
    return None if view is None or not view.query else f"{url_for('cards.index')}?{view.query}"


def views_context(session: Session, board: BoardFilter) -> dict[str, Any]:
    """Gather the views that this person sees, each with its address."""
    found = views.seen_by(session, current_person().id)
    opens, here = _own_view(session), board.args(page=None, open=None, period=None)
    links = {}
    for view in found:
        args = dict(parse_qsl(view.query)) or {"show": "decide"}
        links[view.id] = {
            "href": f"{url_for('cards.index')}?{urlencode(args)}",
            "here": args == (here or {"show": "decide"}),
            "opens": opens is not None and opens.id == view.id,
        }
    return {"views": found, "view_links": links}


def list_of_row(session: Session) -> BoardFilter | None:
    """Give the list that a row's request came from; none: the row stands on its card's own page."""
    back = request.values.get("back", "")
    if not back:
        return None
    board = read_back(back, current_period(), queries.vendor_titles(session))
    return replace(board, opens_otherwise=_own_view(session) is not None)


def plain_board(session: Session) -> BoardFilter:
    """Give the board of the current period as it opens."""
    return read_filter({}, current_period(), queries.vendor_titles(session))


def where_now(session: Session, board: BoardFilter | None, titles: dict[str, str], period: Period) -> Where:
    """Gather what all rows of a list have in common."""
    now, zone = clock().now(), clock().zone
    connection = session.get(Connection, "connectwise")
    return Where(
        now=now,
        zone=zone,
        period=period,
        by=current_actor(),
        ages={age.key: age for age in connections.source_ages(session, now, zone)},
        titles=titles,
        limits=limits_of(session, current_person()),
        writing=connection is not None and connection.writing,
        board=board,
        site=None if connection is None else psa_site(connection.url),
    )


def psa_site(url: str) -> str | None:
    """Give the address of ConnectWise's own pages from that of its API (whose host has "api-" before it)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api-')}" if parts.scheme and parts.netloc else None


def find_card(session: Session, card_id: int) -> Card:
    """Give a card.

    Raises:
        NotFound: There is none.
    """
    card = session.get(Card, card_id)
    if card is None:
        raise NotFound(f"There is no card {card_id}. It may have lost its basis; the board shows what there is.")
    return card


def board_context(session: Session, board: BoardFilter, titles: dict[str, str]) -> dict[str, Any]:
    """Gather a page of the board."""
    where = where_now(session, board, titles, board.period)
    page = queries.page_of_cards(session, board, titles)
    cards = page.cards
    rows = {row.id: row for row in make_rows(cards, queries.latest_decisions(session, cards), where)}
    return {
        **counts_context(session, board),
        "page": page,
        "rows": rows,
        "compact": (board.rows or current_person().preferences.get("density")) == "compact",
        "where": where,
        "tags": tags_of(session, cards),
        "tickable_ids": {row.id for row in rows.values() if row.tickable},
        "list_title": SHOWS[board.show] if board.show != "decide" else "Cards to decide",
        "order_words": f"{GROUPS[board.group].lower()}, {SORTS[board.sort].lower()}",
        "pager_words": _pager_words(page),
        "hidden": hidden_copy(board),
        "group_link": _group_link(board),
        "folds": [],
        "details": {},
    }


def tags_of(session: Session, cards: list[Card]) -> dict[int, list[str]]:
    """Give the tags of each card's company and product: two queries for a page."""
    companies = tags.of_companies(session, {card.company_id for card in cards})
    products = tags.of_products(session, {card.product for card in cards})
    return {
        card.id: list(dict.fromkeys([*companies.get(card.company_id, ()), *products.get(card.product, ())]))
        for card in cards
    }


def counts_context(session: Session, board: BoardFilter) -> dict[str, Any]:
    """Gather the heading and the tabs of a list."""
    counts = queries.count(session, board)
    totals = queries.total(session, board)
    return {
        "board": board,
        "counts": counts,
        "totals": totals,
        "tabs": list(SHOWS.items()),
        "heading": heading(board, counts),
        "subtitle": decided_words(session, board) if board.show == "decided" else subtitle(board, totals),
    }


def heading(board: BoardFilter, counts: queries.Counts) -> str:
    """Say the list as a fact."""
    number = counts.matching
    phrases = {
        "decide": ("card to decide", "cards to decide"),
        "equal": ("card proved equal", "cards proved equal"),
        "uncompared": ("card not compared", "cards not compared"),
        "decided": ("card decided", "cards decided"),
        "stale": ("stale card", "stale cards"),
        "all": (f"card in {shown.period(board.period)}", f"cards in {shown.period(board.period)}"),
    }
    one, many = phrases[board.show]
    if board.narrowed:
        return f"{shown.quantity(number)} of {count_of(counts.without, one, many)}"
    if board.show == "decide" and not number:
        return "Nothing to decide"
    return count_of(number, one, many)


def subtitle(board: BoardFilter, totals: queries.Totals) -> str:
    """Say what the list is worth, by currency."""
    parts = []
    if board.show == "decide":
        if totals.revenue:
            month, profit = sums_words(totals.revenue), sums_words(totals.profit)
            parts.append(f"{month} a month if all are approved, profit {profit}.")
        if unsaid := sum(totals.by_kind.get(kind, 0) for kind in ("not_reported", "to_split")):
            amounts = " and ".join(shown.money(amount, currency) for currency, amount in _by_size(totals.unproved))
            alone = f"{amounts} a month without a count, or to be shared."
            number = shown.quantity(unsaid)
            with_others = f"{number} not reported or to split {'is' if unsaid == 1 else 'are'} not in it."
            parts.append(with_others if totals.revenue else alone)
    else:
        parts.append(
            {
                "equal": "Vendor and PSA agree, nothing to do.",
                "uncompared": "Products that no vendor feeds.",
                "stale": "Their agreement or company left since the card was made.",
            }.get(board.show, "")
        )
    return " ".join(part for part in parts if part)


def decided_words(session: Session, board: BoardFilter) -> str:
    """Say what became of the decided cards of the month: "59 confirmed, 14 dismissed"."""
    states = queries.state_counts(session, board)
    parts = []
    for state, number in sorted(states.items(), key=lambda item: -item[1]):
        word = STATES[state].word[0].lower() + STATES[state].word[1:]
        many = "wait for a second person" if state == "waiting" else word
        parts.append(count_of(number, word, many))
    return ", ".join(parts)


def sums_words(sums: dict[str, Decimal]) -> str:
    """Write signed sums of money side by side, one a currency."""
    return " and ".join(shown.signed_money(amount, currency) for currency, amount in _by_size(sums)) or "0"


def _by_size(sums: dict[str, Decimal]) -> list[tuple[str, Decimal]]:
    """Order sums of money, the largest first."""
    return sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))


def index_extras(session: Session, board: BoardFilter, titles: dict[str, str], made: dict[str, Any]) -> dict[str, Any]:
    """Gather what stands around the list: choices, notices, folds, the empty state."""
    connection = session.get(Connection, "connectwise")
    return views_context(session, board) | {
        "choices": choices(session, board, titles),
        "facets": {
            "minima": [(str(amount), f"{amount} and more") for amount in MINIMA],
            "groups": list(GROUPS.items()),
            "sorts": list(SORTS.items()),
        },
        "unmapped": _unmapped(board),
        "run": _broken_run(session, connection),
        "empty": None if made["page"].total else _empty(board, made["counts"], connection),
        "folds": _folds(session, board, made["counts"]),
    }


def choices(session: Session, board: BoardFilter, titles: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Give all kinds and vendors as choices of the filter, each with how many cards the list would show.

    A kind of which the tab has no card is there but not offered: an answer may bring one, and has to find its place.
    """
    kinds, vendors = queries.choices_of_tab(session, board)
    return {
        "kind": [
            {
                "value": kind,
                "word": sign.word,
                "number": kinds.get(kind, 0),
                "offered": kind in kinds or kind == board.kind,
            }
            for kind, sign in KINDS.items()
        ],
        "vendor": [
            {"value": slug, "word": title, "number": vendors.get(slug, 0), "offered": True}
            for slug, title in titles.items()
        ],
    }


def _pager_words(page: queries.Page) -> str:
    whole = ", in whole groups" if page.pages > 1 and not any(group.cut for group in page.groups) else ""
    return f"Cards {shown.quantity(page.first)} to {shown.quantity(page.last)} of {shown.quantity(page.total)}{whole}"


def _group_link(board: BoardFilter) -> Callable[[queries.Group], str | None]:
    def link(group: queries.Group) -> str | None:
        key = str(group.key).strip("|")
        if board.group == "none" or not group.key or "|" in key:
            return None  # cards on no agreement, or of several vendors at once: no filter names them
        return url_for("cards.index", **board.args(**{board.group: key}, page=None, open=None))

    return link


def _unmapped(board: BoardFilter) -> Loud | None:
    """Say what stands on no card, since its account or service is not mapped."""
    missing = missing_of(board.period)
    return missing if missing.accounts.rows or missing.services.rows else None


def _broken_run(session: Session, connection: Connection | None) -> dict[str, str] | None:
    """Say that the last sync broke off, so that an older whole picture is shown."""
    run = session.scalars(
        sa.select(SyncRun).where(SyncRun.kind != "agreement").order_by(SyncRun.id.desc()).limit(1)
    ).first()
    if run is None or run.state != "failed" or connection is None:
        return None
    stopped = shown.hour_words(run.queued_at)
    if connection.last_read_at is None:
        return {"what": f"Sync stopped at {stopped}.", "text": "Nothing whole was read yet."}
    whole = shown.hour_words(connection.last_read_at)
    return {"what": f"Sync stopped at {stopped};", "text": f"you see the whole picture of {whole}."}


def _empty(board: BoardFilter, counts: queries.Counts, connection: Connection | None) -> dict[str, Any]:
    """Say why the list is empty, and what to do."""
    nothing: dict[str, Any] = {"steps": None, "href": None, "link": None}
    if board.narrowed:
        href = url_for("cards.index", **board.cleared().args())
        return nothing | {
            "what": "No card matches.",
            "text": f"{shown.quantity(counts.without)} without these filters.",
            "href": href,
            "link": "Clear filters",
        }
    if connection is None or connection.last_read_at is None:
        return nothing | {
            "what": "Nothing was read yet.",
            "text": "Cards come from what ConnectWise bills and what vendors count. In this order:",
            "steps": [
                ("Connect ConnectWise and read it once", url_for("connections.index")),
                ("Import a file of a vendor", url_for("imports.index")),
                ("Map its accounts and services", url_for("mapping.accounts")),
            ],
        }
    if not counts.period:
        return nothing | {
            "what": f"{shown.period(board.period)} has no cards.",
            "text": "They are made with the next sync or import.",
        }
    texts = {
        "decide": ("Everything is decided.", f"{shown.quantity(counts.tabs['equal'])} were equal from the start."),
        "decided": ("Nothing is decided yet.", "Decided cards stand here with what became of them."),
        "stale": ("No card is stale.", "Cards whose agreement or company left would stand here."),
        "equal": ("No card is proved equal.", ""),
        "uncompared": ("Every product is fed by a vendor.", ""),
    }
    what, text = texts.get(board.show, ("There are no cards.", ""))
    if board.show == "decide":
        text += " The month is finished once no write waits or needs a look."
        nothing |= {"href": url_for("pushes.index"), "link": "Look at the writes"}
    return nothing | {"what": what, "text": text}


def _folds(session: Session, board: BoardFilter, counts: queries.Counts) -> list[dict[str, str]]:
    """Give the folds under the work list, those that hold something."""
    if board.show != "decide":
        return []
    words = {
        "decided": decided_words(session, board) if counts.tabs["decided"] else "",
        "equal": "vendor and PSA agree, nothing to do",
        "uncompared": "products that no vendor feeds",
        "stale": "agreement or company left since the card was made",
    }
    titles = {"decided": "decided", "equal": "proved equal", "uncompared": "not compared", "stale": "stale"}
    return [
        {
            "show": show,
            "title": f"{shown.quantity(counts.tabs[show])} {titles[show]}",
            "words": text,
            "href": url_for("cards.index", **board.args(show=show, group="none", kind=None, page=None, open=None)),
            "page": url_for("cards.index", **board.args(show=show, kind=None, page=None, open=None)),
        }
        for show, text in words.items()
        if counts.tabs[show]
    ]


def one_row(session: Session, card: Card, board: BoardFilter | None, asked: int = 0) -> Row:
    """Make one card's row as it stands in its list or on its own page."""
    titles = queries.vendor_titles(session)
    where = where_now(session, board, titles, Period.parse(card.period))
    latest = queries.latest_decisions(session, [card])
    return make_rows([card], latest, where, asked)[0]
