"""A person who works in ConnectWise during a storm: changes quantities, and adds lines that look like ours."""

import threading
from collections.abc import Sequence
from random import Random

import requests

from tests.storm.made_month import BILLED, COUNTED, TODAY, Choice
from tests.support.desk import GUID

FIRST_ODD = 900  # quantities that nobody else sets begin here
_EQUAL = 0.3  # share of the edits that add a line just like the one that was decided


class PersonEdits:
    """Edits what was decided already, at random moments.

    Args:
        url: Where the sandbox is.
        random: What decides when and what.
        decided: Grows while the storm lasts.
    """

    def __init__(self, url: str, random: Random, decided: Sequence[Choice]) -> None:
        self._base = f"{url}/v4_6_release/apis/3.0/finance/agreements"
        self._random = random
        self._decided = decided
        self._touched: set[int] = set()

    def work(self, edits: int, seconds: float, over: threading.Event) -> None:
        """Make so many edits, spread over so many seconds."""
        for number in range(edits):
            if over.wait(self._random.uniform(0, 2 * seconds / max(1, edits))):
                return
            open_ones = [one for one in list(self._decided)[-120:] if one.card_id not in self._touched]
            if open_ones:
                self._edit(self._random.choice(open_ones), FIRST_ODD + number)

    def _edit(self, choice: Choice, odd: int) -> None:
        self._touched.add(choice.card_id)
        path = f"{self._base}/{choice.agreement_id}/additions"
        if choice.product in BILLED:
            line = 10 * choice.agreement_id + list(BILLED).index(choice.product)
            self._send("PATCH", f"{path}/{line}", [{"op": "replace", "path": "quantity", "value": odd}])
            return
        equal = self._random.random() < _EQUAL
        body = {
            "product": {"identifier": choice.product},
            "quantity": COUNTED[choice.product] if equal else odd,
            "effectiveDate": f"{TODAY.isoformat()}T00:00:00Z",
            "billCustomer": "Billable",
        }
        self._send("POST", path, body)

    def _send(self, method: str, path: str, body: object) -> None:
        """Send it once: what got lost in the storm the person leaves at that."""
        try:
            requests.request(
                method,
                path,
                json=body,
                auth=("sandbox+human", "human-secret"),
                headers={"clientId": GUID},
                timeout=10,
            )
        except requests.ConnectionError:
            return
