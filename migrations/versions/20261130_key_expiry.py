"""The day on which the private key of ConnectWise expires."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("connection", sa.Column("key_expires", sa.Date(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("connection", "key_expires")
