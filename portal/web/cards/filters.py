"""What the board is asked to show: the parameters of `/cards`, read from an address or from a form's hidden copy."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa

from portal.db.records import Card
from portal.db.records.cards import CARD_KINDS, CARD_STATES
from portal.domain.periods import Period
from portal.domain.quantities import plain
from portal.services import tags
from portal.services.cards import DECIDABLE, TO_DECIDE_KINDS
from portal.web.cards.words import KINDS, STATES
from portal.web.forms import whole

SHOWS = {
    "decide": "To decide",
    "equal": "Proved equal",
    "uncompared": "Not compared",
    "decided": "Decided",
    "stale": "Stale",
    "all": "All",
}
GROUPS = {
    "company": "By company",
    "product": "By product",
    "vendor": "By vendor",
    "agreement": "By agreement",
    "none": "No groups",
}
SORTS = {"money": "Most money first", "difference": "Largest difference", "name": "Name", "age": "Oldest count"}
DENSITIES = ("compact", "comfortable")  # rows of one line, rows of two
MINIMA = (Decimal(50), Decimal(200))
LONGEST = 200  # characters of a search
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_NAMES = (
    "show", "q", "kind", "company", "agreement", "vendor", "product", "tag", "min", "state", "group", "sort", "period",
    "page", "open", "rows",
)  # fmt: skip


class Given(Protocol):
    """Parameters as a request gives them."""

    def get(self, key: str, default: str, /) -> str | None:
        """Give the first value of a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFilter:
    """The parameters of the board, with unknown values left out.

    Args:
        minimum: Absolute money a month, none for any amount.
        page: 1 or more.
        open: The card whose detail stands open.
        tag: A word that the company or the product carries.
        ignored: A phrase for each value that was not understood.
        opens_otherwise: The bare address opens a view of the person's own, so that all cards have to be asked for.
    """

    period: Period
    current: Period
    show: str = "decide"
    q: str = ""
    kind: str = ""
    company: int | None = None
    agreement: int | None = None
    vendor: str = ""
    product: str = ""
    tag: str = ""
    minimum: Decimal | None = None
    state: str = ""
    group: str = "company"
    sort: str = "money"
    page: int = 1
    open: int | None = None
    rows: str = ""
    ignored: tuple[str, ...] = field(default=(), compare=False)
    opens_otherwise: bool = field(default=False, compare=False)

    def args(self, **changes: str | int | None) -> dict[str, Any]:
        """Give the parameters of an address, defaults left out.

        Args:
            changes: Parameters to set; none or an empty text leaves one out.
        """
        values: dict[str, str | int | None] = {
            "show": "" if self.show == "decide" else self.show,
            "q": self.q,
            "kind": self.kind,
            "company": self.company,
            "agreement": self.agreement,
            "vendor": self.vendor,
            "product": self.product,
            "tag": self.tag,
            "min": None if self.minimum is None else plain(self.minimum),
            "state": self.state,
            "group": "" if self.group == "company" else self.group,
            "sort": "" if self.sort == "money" else self.sort,
            "period": "" if self.period == self.current else str(self.period),
            "page": "" if self.page == 1 else self.page,
            "open": self.open,
            "rows": self.rows,
        }
        values.update(changes)
        found = {name: str(value) for name, value in values.items() if value not in {None, ""}}
        return found or ({"show": "decide"} if self.opens_otherwise else {})

    def back(self) -> str:
        """Give the list's address as one text, without the card that stands open; a row carries it."""
        return urlencode(self.args(open=None)) or "show=decide"

    def cleared(self) -> "BoardFilter":
        """Give the same list without what narrows it."""
        return replace(
            self,
            q="",
            kind="",
            company=None,
            agreement=None,
            vendor="",
            product="",
            tag="",
            minimum=None,
            state="",
            page=1,
            open=None,
        )

    @property
    def narrowed(self) -> bool:
        """Tell whether anything narrows the list."""
        narrow = (self.q, self.kind, self.vendor, self.product, self.tag, self.state)
        return any(narrow) or any(one is not None for one in (self.company, self.agreement, self.minimum))

    @property
    def names_companies(self) -> bool:
        """Tell whether each row names its company, since no group row above does."""
        return self.group not in {"company", "agreement"}

    def key_of(self, card: Card) -> Any:  # noqa: ANN401 - an id or a text
        """Give the key of the group in which a card stands; 0 for cards that are on no agreement."""
        keys = {"company": card.company_id, "product": card.product, "vendor": card.vendors}
        return card.agreement_id or 0 if self.group == "agreement" else keys.get(self.group, "")

    def where(self) -> list[sa.ColumnElement[bool]]:
        """Give the conditions on cards."""
        return [Card.period == str(self.period), shown(self.show), *self.narrowing()]

    def where_any_tab(self) -> list[sa.ColumnElement[bool]]:
        """Give the conditions on cards whatever the tab; kind and state belong to a tab."""
        return [Card.period == str(self.period), *replace(self, kind="", state="").narrowing()]

    def narrowing(self) -> list[sa.ColumnElement[bool]]:
        """Give the conditions of what narrows the list."""
        found: list[sa.ColumnElement[bool]] = []
        if self.q:
            found.append(_matches(self.q))
        if self.kind:
            found.append(Card.kind == self.kind)
        if self.company is not None:
            found.append(Card.company_id == self.company)
        if self.agreement is not None:
            found.append(Card.agreement_id == self.agreement)
        if self.vendor:
            found.append(Card.vendors.contains(f"|{self.vendor}|", autoescape=True))
        if self.product:
            found.append(Card.product == self.product)
        if self.tag:
            found.append(tags.condition(self.tag))
        if self.minimum is not None:
            found.append(Card.at_stake >= self.minimum)
        if self.state:
            found.append(Card.state == self.state)
        return found


def shown(show: str) -> sa.ColumnElement[bool]:
    """Give the condition of one tab, as `portal.services.cards.board_counts` counts it.

    A card that lost its basis stays only under "decided", for the decision it carries.
    """
    waits = sa.and_(Card.state.in_(sorted(DECIDABLE)), Card.gone_at.is_(None))
    return {
        "decide": sa.and_(waits, Card.kind.in_(sorted(TO_DECIDE_KINDS))),
        "equal": sa.and_(waits, Card.kind == "no_change"),
        "uncompared": sa.and_(waits, Card.kind == "psa_only"),
        "decided": Card.state.not_in((*sorted(DECIDABLE), "stale")),
        "stale": Card.state == "stale",
        "all": Card.gone_at.is_(None),
    }[show]


def read_filter(given: Given, current: Period, vendors: Collection[str]) -> BoardFilter:
    """Read the parameters; what is not understood is left out and named.

    Args:
        given: The request's parameters or a form's fields.
        current: The period that holds unless another is asked for.
        vendors: The slugs of the vendors there are.
    """
    ignored: list[str] = []

    def word(name: str, known: Collection[str], default: str = "") -> str:
        value = (given.get(name, "") or "").strip()
        if not value or value in known:
            return value or default
        ignored.append(f"{name} “{value[:40]}”")
        return default

    def number(name: str) -> int | None:
        value = (given.get(name, "") or "").strip()
        if not value:
            return None
        if (found := whole({name: value}, name)) is not None:
            return found
        ignored.append(f"{name} “{value[:40]}”")
        return None

    kind = word("kind", CARD_KINDS)
    state = word("state", CARD_STATES)
    # a kind or a state that is never to decide says by itself where to look
    elsewhere = (kind and kind not in TO_DECIDE_KINDS) or (state and state not in DECIDABLE)
    return BoardFilter(
        period=_period(given, current, ignored),
        current=current,
        show=word("show", SHOWS, "all" if elsewhere else "decide"),
        q=" ".join((given.get("q", "") or "").replace("\0", "").split())[:LONGEST],
        kind=kind,
        company=number("company"),
        agreement=number("agreement"),
        vendor=word("vendor", vendors),
        product=(given.get("product", "") or "").replace("\0", "").strip()[:LONGEST],
        tag=(given.get("tag", "") or "").replace("\0", "").strip()[:LONGEST],
        minimum=_minimum(given, ignored),
        state=state,
        group=word("group", GROUPS, "company"),
        sort=word("sort", SORTS, "money"),
        page=number("page") or 1,
        open=number("open"),
        rows=word("rows", DENSITIES),
        ignored=tuple(ignored),
    )


def read_back(text: str, current: Period, vendors: Collection[str]) -> BoardFilter:
    """Read a list's address as a row carries it."""
    return read_filter(dict(parse_qsl(text[:2000])), current, vendors)


def in_words(board: BoardFilter, names: dict[str, str]) -> str:
    """Say what a filter selects, for a preview and for the record of a batch.

    Args:
        board: The filter.
        names: Names to show instead of ids and slugs, by parameter.
    """
    parts = [SHOWS[board.show].lower()]
    if board.kind:
        parts.append(f"kind {KINDS[board.kind].word.lower()}")
    if board.state:
        parts.append(f"state {STATES[board.state].word.lower()}")
    if board.q:
        parts.append(f"“{board.q}”")
    for name in ("company", "agreement", "vendor", "product", "tag"):
        value = getattr(board, name)
        parts += [f"{name} {names.get(name, value)}"] if value else []
    if board.minimum is not None:
        parts.append(f"{plain(board.minimum)} a month and more")
    return ", ".join(parts)


def hidden_copy(board: BoardFilter) -> dict[str, str]:
    """Give the filter's fields for a form that acts on all that match."""
    return board.args(page=None, open=None, rows=None)


def _matches(text: str) -> sa.ColumnElement[bool]:
    columns = (Card.company, Card.product, Card.product_name, Card.agreement)
    found: list[sa.ColumnElement[bool]] = [column.icontains(text.lower(), autoescape=True) for column in columns]
    if (number := whole({"q": text}, "q")) is not None:
        found += [Card.id == number, Card.company_id == number, Card.agreement_id == number]
    return sa.or_(*found)


def _period(given: Given, current: Period, ignored: list[str]) -> Period:
    value = (given.get("period", "") or "").strip()
    if not value:
        return current
    try:
        return Period.parse(value)
    except ValueError:
        ignored.append(f"period “{value[:40]}”")
        return current


def _minimum(given: Given, ignored: list[str]) -> Decimal | None:
    value = (given.get("min", "") or "").strip()
    if not value:
        return None
    if _AMOUNT.fullmatch(value):
        return Decimal(value) or None
    ignored.append(f"min “{value[:40]}”")
    return None
