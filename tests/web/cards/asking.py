"""What the tests of the board ask for, and how they read what is answered."""

from bs4 import BeautifulSoup
from werkzeug.test import TestResponse

from portal.db.records import Card

BACK = "show=decide"


def on(card: Card, action: str = "", back: str = BACK) -> str:
    tail = f"/{action}" if action else ""
    return f"/cards/{card.id}{tail}" + (f"?back={back}" if back else "")


def opened(answer: TestResponse) -> BeautifulSoup:
    """The answer with what is sent along out of band, which a parser hides in templates."""
    text = answer.get_data(as_text=True)
    return BeautifulSoup(
        text.replace("<template>", "<div data-beside>").replace("</template>", "</div>"), "html.parser"
    )


def companies(page: BeautifulSoup) -> list[str]:
    return [one.get_text(strip=True) for one in page.select(".company h2")]


def shown(page: BeautifulSoup) -> list[int]:
    return [int(str(one["id"]).removeprefix("card-")) for one in page.select("tbody[id^=card-]")]
