"""Imports that a worker reads, the days a count covers, exclusions with a name and an end, services of every term."""

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
    _imports()
    _account_lines()
    _service_lines()


def _imports() -> None:
    """Let a worker read, and stage all that a commit needs."""
    columns = (
        sa.Column("phase", sa.String(), server_default="", nullable=False),
        sa.Column("progress_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("progress_total", sa.BigInteger(), nullable=True),
        sa.Column("reader", sa.String(length=80), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("covers_first", sa.Date(), nullable=True),
        sa.Column("covers_last", sa.Date(), nullable=True),
    )
    for column in columns:
        op.add_column("usage_import", column)
    op.add_column("usage_count", sa.Column("covers_first", sa.Date(), nullable=True))
    op.add_column("usage_count", sa.Column("covers_last", sa.Date(), nullable=True))
    op.create_table(
        "usage_account",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["vendor_account.id"], name=op.f("fk_usage_account_account_id_vendor_account")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["usage_import.id"],
            name=op.f("fk_usage_account_import_id_usage_import"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "account_id", name=op.f("pk_usage_account")),
    )
    op.create_index(op.f("ix_usage_account_account_id"), "usage_account", ["account_id"])
    op.create_table(
        "usage_service",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["usage_import.id"],
            name=op.f("fk_usage_service_import_id_usage_import"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["vendor_service.id"], name=op.f("fk_usage_service_service_id_vendor_service")
        ),
        sa.PrimaryKeyConstraint("import_id", "service_id", name=op.f("pk_usage_service")),
    )
    op.create_index(op.f("ix_usage_service_service_id"), "usage_service", ["service_id"])
    # what was checked or held kept its names aside; a worker reads it again, and it counts only when somebody says so
    op.execute(sa.text("UPDATE usage_import SET state = 'reading' WHERE state IN ('ready', 'held')"))
    op.drop_column("usage_import", "pending")


def _account_lines() -> None:
    """Keep what the accounts page lists, what suggestions were refused, and what was mapped at once."""
    units = ("loose_units", "sort_units")
    op.create_table(
        "account_line",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("previous", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in units),
        sa.Column("money", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("suggested_id", sa.Integer(), nullable=True),
        sa.Column("suggested_name", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("searched", sa.String(), nullable=False),
        sa.Column("searched_too", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["vendor_account.id"],
            name=op.f("fk_account_line_account_id_vendor_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_account_line_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_line")),
    )
    for name, columns in _LINE_INDEXES.items():
        op.create_index(name, "account_line", columns)
    op.create_table(
        "account_line_due",
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("vendor_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("what", "vendor_id", name=op.f("pk_account_line_due")),
    )
    op.create_table(
        "mapping_refusal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("account_external_id", sa.String(), nullable=False),
        sa.Column("account_name", sa.String(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("because", sa.String(length=16), nullable=False),
        sa.Column("refused_by", sa.String(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_mapping_refusal_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_refusal")),
        sa.UniqueConstraint(
            "vendor_id",
            "account_external_id",
            "company_id",
            name=op.f("uq_mapping_refusal_vendor_id_account_external_id_company_id"),
        ),
    )
    op.create_table(
        "mapping_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_batch")),
    )


_LINE_INDEXES = {
    "ix_account_line_name_key": ["name_key"],
    "ix_account_line_company_id": ["company_id"],
    "ix_account_line_state_units": ["state", "hidden", "sort_units", "title"],
    "ix_account_line_state_title": ["state", "hidden", "title"],
    "ix_account_line_state_score": ["state", "hidden", "score"],
    "ix_account_line_vendor": ["vendor_id", "state", "hidden"],
    "ix_account_line_visibility": ["visibility"],
}


def _service_lines() -> None:
    """Keep what the services page lists, and which catalogue item a mapping meant."""
    op.add_column("service_product", sa.Column("catalog_id", sa.Integer(), nullable=True))
    op.create_table(
        "service_line",
        sa.Column("service_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("searched", sa.String(), nullable=False),
        sa.Column("sku_key", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("sort_units", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("suggested", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["vendor_service.id"],
            name=op.f("fk_service_line_service_id_vendor_service"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_service_line_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_service_line")),
    )
    op.create_index("ix_service_line_place", "service_line", ["vendor_id", "external_id", "term"])
    for column in ("sort_units", "title", "sku_key", "name_key"):
        op.create_index(f"ix_service_line_{column}", "service_line", [column])
    op.create_table(
        "service_line_made",
        sa.Column("vendor_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_of", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", name=op.f("pk_service_line_made")),
    )


def downgrade() -> None:
    """Take them back."""
    op.drop_column("service_product", "catalog_id")
    op.drop_table("service_line_made")
    op.drop_table("service_line")
    for table in ("mapping_batch", "mapping_refusal", "account_line_due", "account_line"):
        op.drop_table(table)
    op.drop_column("service_mapping", "every_term")
    for table in ("service_mapping", "account_mapping"):
        op.drop_column(table, "excluded_until")
        op.drop_column(table, "excluded_as")
    _no_imports()


def _no_imports() -> None:
    """Take the imports' changes back; what is not committed has to be chosen again."""
    op.add_column("usage_import", sa.Column("pending", sa.JSON(), nullable=True))
    op.execute(
        sa.text("UPDATE usage_import SET state = 'dropped' WHERE state IN ('reading', 'ready', 'held', 'failed')")
    )
    op.drop_table("usage_service")
    op.drop_table("usage_account")
    for name in ("covers_last", "covers_first"):
        op.drop_column("usage_count", name)
    for name in (
        "covers_last",
        "covers_first",
        "tries",
        "heartbeat_at",
        "reader",
        "progress_total",
        "progress_done",
        "phase",
    ):
        op.drop_column("usage_import", name)
