"""Room for exclusions with a name and an end, and for services whose terms are one."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the changes."""
    for table in ("account_mapping", "service_mapping"):
        op.add_column(table, sa.Column("excluded_as", sa.String(length=24), nullable=True))
        op.add_column(table, sa.Column("excluded_until", sa.Date(), nullable=True))
    op.add_column("service_mapping", sa.Column("every_term", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Take them back."""
    op.drop_column("service_mapping", "every_term")
    for table in ("service_mapping", "account_mapping"):
        op.drop_column(table, "excluded_until")
        op.drop_column(table, "excluded_as")
