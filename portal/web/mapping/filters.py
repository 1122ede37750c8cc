"""What a mapping page is asked to show: its parameters, read from the address and written back to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from werkzeug.datastructures import MultiDict

from portal.services.account_pages import STATES

SORTS = ("units", "score", "name")
PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFilter:
    """The parameters of a mapping page. What is not known is left out and named in `ignored`.

    Args:
        vendor: A vendor's slug, or empty for any.
        inactive: Whether hidden accounts are shown too.
        page: From 1.
        ignored: Parameters that were not understood, as people wrote them.
    """

    state: str = "unmapped"
    vendor: str = ""
    q: str = ""
    inactive: bool = False
    sort: str = "units"
    page: int = 1
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        args: MultiDict[str, str],
        vendors: Sequence[str],
        *,
        states: Sequence[str] = STATES,
        sorts: Sequence[str] = SORTS,
        hides: bool = True,
    ) -> Self:
        """Read the parameters.

        Args:
            args: The query of the address.
            vendors: Slugs that exist.
            states: The states that the page knows.
            sorts: The orders that the page knows.
            hides: Whether the page knows `inactive` (services have no status).
        """
        ignored = [
            f"{name}={value}"
            for name, known in (("state", states), ("sort", sorts), ("vendor", vendors))
            if (value := args.get(name, "")) and value not in known
        ]
        page = args.get("page", "")
        if page and not (page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page)):  # noqa: PLR2004 - no list has a million pages
            ignored.append(f"page={page}")
            page = ""
        known = {"state", "sort", "vendor", "page", "q", "period", *(["inactive"] if hides else [])}
        ignored += [name for name in args if name not in known]

        def one_of(name: str, choices: Sequence[str], default: str) -> str:
            value = args.get(name, "")
            return value if value in choices else default

        return cls(
            state=one_of("state", states, "unmapped"),
            vendor=one_of("vendor", vendors, ""),
            q=args.get("q", "").strip()[:200],
            inactive=hides and args.get("inactive", "") not in {"", "0"},
            sort=one_of("sort", sorts, "units"),
            page=int(page or 1),
            ignored=tuple(word[:60] for word in ignored),
        )

    def query(self, **changes: object) -> dict[str, str]:
        """Give the query of this view with some parameters changed; defaults are left out, and so is the page."""
        wanted = replace(self, page=1)
        wanted = replace(wanted, **changes)  # type: ignore[arg-type]  # the callers are templates of this package
        values: Mapping[str, str] = {
            "state": wanted.state if wanted.state != "unmapped" else "",
            "vendor": wanted.vendor,
            "q": wanted.q,
            "inactive": "1" if wanted.inactive else "",
            "sort": wanted.sort if wanted.sort != "units" else "",
            "page": str(wanted.page) if wanted.page > 1 else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def narrowed(self) -> bool:
        """Whether something beside the state hides rows."""
        return bool(self.q or self.vendor)

    def matches(self, *texts: str | None) -> bool:
        """Tell whether all words that are searched for stand somewhere in the texts."""
        haystack = " ".join(text for text in texts if text).casefold()
        return all(word in haystack for word in self.q.casefold().split())
