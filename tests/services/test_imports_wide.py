from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.db.records import UsageCount, UsageRow
from portal.domain.quantities import plain
from tests.services.usage_desk import Desk


@pytest.fixture
def desk(session: Session, tmp_path: Path) -> Desk:
    return Desk(session, tmp_path / "uploads")


WIDE = [{"column": "Mail", "service": "M"}, {"column": "Archive", "service": "AR"}]


def test_each_service_of_a_wide_row_is_tied_to_its_own_count(desk: Desk) -> None:
    found = desk.take("Site,Mail,Archive\nA,12,3\nB,n/a,1\n", columns={"account_id": "Site"}, wide=WIDE)

    ties = desk.session.execute(
        sa.select(UsageRow.line, UsageRow.column, UsageCount.quantity)
        .join(UsageCount, UsageCount.id == UsageRow.count_id)
        .order_by(UsageRow.line, UsageRow.column)
    ).all()
    assert [(line, column, plain(units)) for line, column, units in ties] == [
        (2, "Archive", "3"),
        (2, "Mail", "12"),
        (3, "Archive", "1"),
    ]
    assert (found.rows_read, found.rows_counted, found.rows_with_problem) == (2, 1, 1)


def test_only_the_deciding_row_stays_behind_a_count(desk: Desk) -> None:
    text = "Account,Account name,State,SKU,SKU name,Term,Units\nA,,,S,,,4\nA,,,S,,,9\n"

    found = desk.take(text, measure={"how": "max"})

    rows = desk.session.execute(sa.select(UsageRow.line, UsageRow.outcome).order_by(UsageRow.line)).all()
    assert [tuple(row) for row in rows] == [(2, "left_out"), (3, "counted")]
    assert found.notes["arithmetic"] == [["A", "S", "", "the largest of 2 rows: 9 on line 3"]]
