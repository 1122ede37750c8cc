"""Room for what the portal asks of ConnectWise in the background, and for the limits of a connection."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the changes."""
    op.add_column("connection", sa.Column("ca_certificates", sa.String(), nullable=True))
    op.add_column("connection", sa.Column("requests_a_minute", sa.Integer(), server_default="600", nullable=False))
    op.add_column("connection", sa.Column("parallel", sa.Integer(), server_default="8", nullable=False))
    op.add_column("connection", sa.Column("bundle_size", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "psa_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_psa_question_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_question")),
    )
    op.create_index(op.f("ix_psa_question_state"), "psa_question", ["state"])


def downgrade() -> None:
    """Take them back."""
    op.drop_index(op.f("ix_psa_question_state"), "psa_question")
    op.drop_table("psa_question")
    for name in ("bundle_size", "parallel", "requests_a_minute", "ca_certificates"):
        op.drop_column("connection", name)
