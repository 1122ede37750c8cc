"""The made-up month laid around any day: it is that day's month, with cards of every kind, and nothing of tomorrow."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from portal.db.records import Card, PsaAddition, UsageImport
from portal.db.session import reading, transaction
from portal.factory import create_app
from portal.jobs.made_up import Host
from portal.sandbox.dataset import load
from portal.sandbox.moved import lay_around
from portal.sandbox.server import MONTH
from portal.services import made_up
from portal.services.actors import COMMAND_LINE
from tests.support.database import migrated, settings_on

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 10, 28)  # of the set itself


@pytest.mark.parametrize(
    "now",
    [
        datetime(2027, 3, 2, 9, tzinfo=UTC),  # early in a month
        datetime(2028, 2, 29, 18, tzinfo=UTC),  # on a leap day, the last of its month
    ],
)
def test_the_month_is_that_of_the_day_it_is_asked_for(now: datetime, tmp_path: Path) -> None:
    file = migrated(tmp_path)
    host = Host()
    app = create_app(settings_on(f"sqlite:///{file}", tmp_path, now=now, time_zone=BERLIN))
    with app.app_context():
        with transaction() as store:
            made_up.ask(store, by=COMMAND_LINE, now=now)
        try:
            host.look()
        finally:
            host.close()
        session = reading()
        session.rollback()
        assert made_up.standing(session).error == ""
        month = f"{now:%Y-%m}"
        kinds = Counter(session.scalars(sa.select(Card.kind).where(Card.period == month, Card.gone_at.is_(None))))
        states = Counter(session.scalars(sa.select(Card.state).where(Card.period == month)))
        assert set(kinds) >= {"increase", "decrease", "new_revenue", "not_reported", "psa_only", "to_split"}
        assert states["stale"]
        assert not session.scalar(sa.select(sa.exists().where(UsageImport.counted_at > now)))
        assert set(session.scalars(sa.select(UsageImport.state))) == {"committed"}
        assert session.scalar(sa.select(sa.func.count()).select_from(PsaAddition))
        session.rollback()


@pytest.mark.parametrize("day", [date(2026, 10, 28), date(2026, 11, 1), date(2027, 2, 28), date(2028, 2, 29)])
def test_what_had_happened_lies_before_that_day_and_what_was_to_come_after_it(day: date, tmp_path: Path) -> None:
    now = datetime(day.year, day.month, day.day, 12, tzinfo=BERLIN)

    lay_around(MONTH, tmp_path / "month", now=now, zone=BERLIN)
    before, after = load(MONTH), load(tmp_path / "month")

    for name, records in before.steps[1].records.items():
        moved = after.steps[1].records[name]
        assert set(moved) == set(records)
        for key, record in records.items():
            for field, value in record.items():
                if not isinstance(value, str) or value[:2] != "20" or "T" not in value:
                    continue
                was = date.fromisoformat(value[:10])
                became = date.fromisoformat(str(moved[key][field])[:10])
                if was <= TODAY:
                    assert became < day, (name, key, field)
                else:
                    months = (became.year - was.year) * 12 + became.month - was.month
                    assert months == (day.year - 2026) * 12 + day.month - 10, (name, key, field)
    assert len(list((tmp_path / "month" / "usage").iterdir())) == len(list((MONTH / "usage").iterdir()))
