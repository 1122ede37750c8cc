"""Decisions of many at once, notes and tags, the anchored head of the trail, and ways to sign in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the changes, a function for each subject."""


def downgrade() -> None:
    """Take them back."""
