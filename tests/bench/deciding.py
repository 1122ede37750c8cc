"""Decides so many cards of a portal, each in a transaction of its own, and prints how long that took as JSON."""

import json
import sys
import time

import sqlalchemy as sa

from portal.config import read_settings
from portal.db.records import Card, Decision
from portal.db.session import reading, transaction
from portal.factory import clock, create_app
from portal.services import decisions
from portal.services.actors import COMMAND_LINE
from portal.services.errors import Refused


def main(wanted: int) -> None:
    """Raise the quantity of one card of each of so many agreements that do not prorate."""
    app = create_app(read_settings())
    with app.app_context():
        session = reading()
        query = (
            sa.select(sa.func.min(Card.id))
            .where(
                Card.state == "open", Card.agreement_id.is_not(None), Card.prorates.is_(False), Card.psa_quantity > 0
            )
            .group_by(Card.agreement_id)
        )
        cards = list(session.scalars(query))
        session.rollback()
        spent, done = 0.0, 0
        for card_id in cards:
            if done == wanted:
                break
            started = time.perf_counter()
            try:
                with transaction() as store:
                    card = store.get_one(Card, card_id)
                    quantity = str((card.psa_quantity or 0) + 1)
                    decisions.adjust(
                        store, card_id, by=COMMAND_LINE, now=clock().now(), today=clock().today(), quantity=quantity,
                    )  # fmt: skip
            except Refused:
                continue
            spent, done = spent + time.perf_counter() - started, done + 1
        floor = _bare(done)
        session.rollback()
        steps = session.scalar(sa.select(sa.func.count()).select_from(Decision)) or 0
    sys.stdout.write(json.dumps({"decided": done, "seconds": spent, "floor": floor, "decisions": steps}))


def _bare(number: int) -> float:
    """Commit as many empty changes of the same store: what no recording can beat."""
    started = time.perf_counter()
    for _ in range(number):
        with transaction() as store:
            store.execute(sa.text("UPDATE connection SET set_by = set_by"))
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]))
