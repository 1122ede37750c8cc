"""Create the store: every table, and the triggers that keep the audit trail append-only."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def refuse_changes_of_the_audit_trail() -> None:
    """Let the database itself refuse to change or delete an event."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_event_no_{verb.lower()} BEFORE {verb} ON audit_event "
                "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_event_refuse() RETURNS trigger AS $$ "
        "BEGIN RAISE EXCEPTION 'The audit trail is append-only.'; END $$ LANGUAGE plpgsql"
    )
    op.execute(
        "CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()"
    )


def upgrade() -> None:
    op.create_table(
        "agreement_lease",
        sa.Column("agreement_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("push_id", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_agreement_lease")),
    )
    op.create_table(
        "audit_event",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("agreement_id", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("card_id", sa.Integer(), nullable=True),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("push_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("effective", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_event_hash")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_event_agreement_id"), ["agreement_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_event_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_event_card_id"), ["card_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_event_company_id"), ["company_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_event_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_event_what"), ["what"], unique=False)

    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("selection", sa.String(), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["undoes_id"], ["batch.id"], name=op.f("fk_batch_undoes_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_table(
        "card",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=True),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("psa_quantity", sa.BigInteger(), nullable=True),
        sa.Column("vendor_quantity", sa.BigInteger(), nullable=True),
        sa.Column("proposed_quantity", sa.BigInteger(), nullable=True),
        sa.Column("difference", sa.BigInteger(), nullable=True),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("unit_cost", sa.BigInteger(), nullable=True),
        sa.Column("revenue_change", sa.BigInteger(), nullable=True),
        sa.Column("profit_change", sa.BigInteger(), nullable=True),
        sa.Column("at_stake", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("prorates", sa.Boolean(), nullable=True),
        sa.Column("vendors", sa.String(), nullable=False),
        sa.Column("oldest_count_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("stale_reason", sa.String(), nullable=True),
        sa.Column("stale_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('increase', 'decrease', 'no_change', 'new_revenue', 'not_reported', 'psa_only', 'to_split', 'stale')",
            name=op.f("ck_card_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'planned', 'queued', 'sending', 'in_doubt', 'confirmed', 'failed', 'given_up', 'changed_in_psa', 'dismissed', 'withdrawn', 'undone', 'stale')",
            name=op.f("ck_card_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card")),
        sa.UniqueConstraint(
            "period",
            "company_id",
            "agreement_id",
            "product",
            name=op.f("uq_card_period_company_id_agreement_id_product"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_card_agreement_id"), ["agreement_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_card_company_id"), ["company_id"], unique=False)
        batch_op.create_index("ix_card_period_state", ["period", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_card_product"), ["product"], unique=False)
        batch_op.create_index(
            "one_new_revenue",
            ["period", "company_id", "product"],
            unique=True,
            sqlite_where=sa.text("agreement_id IS NULL"),
            postgresql_where=sa.text("agreement_id IS NULL"),
        )

    op.create_table(
        "connection",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("sealed_private_key", sa.String(), nullable=False),
        sa.Column("key_tail", sa.String(length=8), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("writing", sa.Boolean(), nullable=False),
        sa.Column("age_limit_hours", sa.Integer(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connection")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'biller', 'manager', 'admin')", name=op.f("ck_person_role_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "psa_addition",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("less_included", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=True),
        sa.Column("unit_cost", sa.BigInteger(), nullable=True),
        sa.Column("bill_customer", sa.String(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=True),
        sa.Column("cancelled_date", sa.Date(), nullable=True),
        sa.Column("uom", sa.String(), nullable=True),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_by", sa.String(), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_addition")),
    )
    with op.batch_alter_table("psa_addition", schema=None) as batch_op:
        batch_op.create_index("ix_psa_addition_agreement_product", ["agreement_id", "product"], unique=False)
        batch_op.create_index(batch_op.f("ix_psa_addition_product"), ["product"], unique=False)

    op.create_table(
        "psa_agreement",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=True),
        sa.Column("type_name", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("no_ending", sa.Boolean(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("billing_cycle_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("prorates", sa.Boolean(), nullable=False),
        sa.Column("period_type", sa.String(), nullable=True),
        sa.Column("next_invoice_date", sa.Date(), nullable=True),
        sa.Column("bill_start_date", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_by", sa.String(), nullable=True),
        sa.Column("additions_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("additions_known_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_agreement")),
    )
    with op.batch_alter_table("psa_agreement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_psa_agreement_company_id"), ["company_id"], unique=False)

    op.create_table(
        "psa_agreement_type",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prorates", sa.Boolean(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_agreement_type")),
    )
    op.create_table(
        "psa_billing_cycle",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("options", sa.String(), nullable=True),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_billing_cycle")),
    )
    op.create_table(
        "psa_company",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status_id", sa.Integer(), nullable=True),
        sa.Column("website", sa.String(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("in_scope", sa.Boolean(), nullable=True),
        sa.Column("scope_reason", sa.String(), nullable=False),
        sa.Column("needs_decision", sa.Boolean(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_company")),
    )
    with op.batch_alter_table("psa_company", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_psa_company_in_scope"), ["in_scope"], unique=False)
        batch_op.create_index(batch_op.f("ix_psa_company_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_psa_company_status_id"), ["status_id"], unique=False)

    op.create_table(
        "psa_list_row",
        sa.Column("list", sa.String(length=8), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("inactive", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("name_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("list IN ('status', 'type')", name=op.f("ck_psa_list_row_list_known")),
        sa.PrimaryKeyConstraint("list", "id", name=op.f("pk_psa_list_row")),
    )
    op.create_table(
        "psa_product",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("product_class", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("inactive", sa.Boolean(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psa_product")),
    )
    with op.batch_alter_table("psa_product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_psa_product_identifier"), ["identifier"], unique=False)

    op.create_table(
        "row_meaning",
        sa.Column("list", sa.String(length=8), nullable=False),
        sa.Column("psa_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("meaning", sa.String(length=16), nullable=False),
        sa.Column("name_last_seen", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(list = 'status' AND meaning IN ('customer', 'not_customer', 'ignore')) OR (list = 'type' AND meaning IN ('in', 'out'))",
            name=op.f("ck_row_meaning_meaning_known"),
        ),
        sa.PrimaryKeyConstraint("list", "psa_id", name=op.f("pk_row_meaning")),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("mode", sa.String(length=8), nullable=True),
        sa.Column("to", sa.BigInteger(), nullable=True),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("percent", sa.BigInteger(), nullable=True),
        sa.Column("money", sa.BigInteger(), nullable=True),
        sa.Column("vendor_quantity", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('rounding', 'minimum', 'floor', 'tolerance', 'ignore')", name=op.f("ck_rule_kind_known")
        ),
        sa.CheckConstraint("company_id IS NOT NULL OR product IS NOT NULL", name=op.f("ck_rule_aimed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule")),
    )
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rule_company_id"), ["company_id"], unique=False)

    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_email"), ["email"], unique=False)

    op.create_table(
        "split_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("all_to", sa.Integer(), nullable=True),
        sa.Column("rest_to", sa.Integer(), nullable=True),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(all_to IS NULL) <> (rest_to IS NULL)", name=op.f("ck_split_rule_one_form")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_split_rule")),
    )
    with op.batch_alter_table("split_rule", schema=None) as batch_op:
        batch_op.create_index(
            "one_split_rule",
            ["company_id", "product"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("running_mark", sa.Integer(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("skipped", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('full', 'quick', 'agreement')", name=op.f("ck_sync_run_kind_known")),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_sync_run_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.create_index(
            "one_running_sync",
            ["running_mark"],
            unique=True,
            sqlite_where=sa.text("running_mark = 1"),
            postgresql_where=sa.text("running_mark = 1"),
        )

    op.create_table(
        "vendor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("age_limit_hours", sa.Integer(), nullable=False),
        sa.Column("last_commit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor")),
        sa.UniqueConstraint("slug", name=op.f("uq_vendor_slug")),
        sa.UniqueConstraint("title", name=op.f("uq_vendor_title")),
    )
    op.create_table(
        "account_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("account_external_id", sa.String(), nullable=False),
        sa.Column("account_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'mapped') = (company_id IS NOT NULL)", name=op.f("ck_account_mapping_mapped_whole")
        ),
        sa.CheckConstraint("state IN ('mapped', 'excluded')", name=op.f("ck_account_mapping_state_known")),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_account_mapping_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mapping")),
        sa.UniqueConstraint(
            "vendor_id", "account_external_id", name=op.f("uq_account_mapping_vendor_id_account_external_id")
        ),
    )
    with op.batch_alter_table("account_mapping", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_mapping_company_id"), ["company_id"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("effective", sa.Date(), nullable=True),
        sa.Column("agreement_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("second_id", sa.Integer(), nullable=True),
        sa.Column("second", sa.String(), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('approve', 'adjust', 'dismiss', 'add', 'split', 'undo')", name=op.f("ck_decision_action_known")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_decision_batch_id_batch")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_decision_by_id_person")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_decision_card_id_card")),
        sa.ForeignKeyConstraint(["second_id"], ["person.id"], name=op.f("fk_decision_second_id_person")),
        sa.ForeignKeyConstraint(["undoes_id"], ["decision.id"], name=op.f("fk_decision_undoes_id_decision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_decision_card_id"), ["card_id"], unique=False)

    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_draft_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draft_person_id"), ["person_id"], unique=False)

    op.create_table(
        "one_time_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_link_token_hash")),
    )
    op.create_table(
        "psa_company_type",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("type_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["psa_company.id"],
            name=op.f("fk_psa_company_type_company_id_psa_company"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "type_id", name=op.f("pk_psa_company_type")),
    )
    op.create_table(
        "service_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("service_external_id", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("service_name", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('mapped', 'excluded')", name=op.f("ck_service_mapping_state_known")),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_service_mapping_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_mapping")),
        sa.UniqueConstraint(
            "vendor_id",
            "service_external_id",
            "term",
            name=op.f("uq_service_mapping_vendor_id_service_external_id_term"),
        ),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_token_hash")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_person_id"), ["person_id"], unique=False)

    op.create_table(
        "split_part",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["split_rule.id"], name=op.f("fk_split_part_rule_id_split_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rule_id", "agreement_id", name=op.f("pk_split_part")),
    )
    op.create_table(
        "vendor_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_vendor_account_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_account")),
        sa.UniqueConstraint("vendor_id", "external_id", name=op.f("uq_vendor_account_vendor_id_external_id")),
    )
    op.create_table(
        "vendor_profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_vendor_profile_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_profile")),
        sa.UniqueConstraint("vendor_id", "name", "version", name=op.f("uq_vendor_profile_vendor_id_name_version")),
    )
    op.create_table(
        "vendor_service",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_vendor_service_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_service")),
        sa.UniqueConstraint(
            "vendor_id", "external_id", "term", name=op.f("uq_vendor_service_vendor_id_external_id_term")
        ),
    )
    op.create_table(
        "vendor_word_meaning",
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("meaning IN ('active', 'inactive')", name=op.f("ck_vendor_word_meaning_meaning_known")),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_vendor_word_meaning_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("vendor_id", "word", name=op.f("pk_vendor_word_meaning")),
    )
    op.create_table(
        "push",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'planned', 'queued', 'sending', 'in_doubt', 'confirmed', 'failed', 'given_up', 'changed_in_psa', 'withdrawn', 'undone', 'stale')",
            name=op.f("ck_push_state_known"),
        ),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_push_card_id_card")),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name=op.f("fk_push_decision_id_decision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_push_decision_id")),
    )
    with op.batch_alter_table("push", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_push_agreement_id"), ["agreement_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_push_card_id"), ["card_id"], unique=False)
        batch_op.create_index("ix_push_state_next_try", ["state", "next_try_at"], unique=False)

    op.create_table(
        "service_product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mapping_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("factor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("factor > 0", name=op.f("ck_service_product_factor_positive")),
        sa.ForeignKeyConstraint(
            ["mapping_id"],
            ["service_mapping.id"],
            name=op.f("fk_service_product_mapping_id_service_mapping"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_product")),
        sa.UniqueConstraint("mapping_id", "product", name=op.f("uq_service_product_mapping_id_product")),
    )
    with op.batch_alter_table("service_product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_product_mapping_id"), ["mapping_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_product_product"), ["product"], unique=False)

    op.create_table(
        "usage_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor_id", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=True),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_counted", sa.Integer(), nullable=False),
        sa.Column("rows_left_out", sa.Integer(), nullable=False),
        sa.Column("rows_with_problem", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Integer(), nullable=False),
        sa.Column("fallen", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("pending", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('reading', 'ready', 'failed', 'committed', 'held', 'same', 'rejected', 'undone', 'dropped')",
            name=op.f("ck_usage_import_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["vendor_profile.id"], name=op.f("fk_usage_import_profile_id_vendor_profile")
        ),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_usage_import_vendor_id_vendor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_import")),
    )
    with op.batch_alter_table("usage_import", schema=None) as batch_op:
        batch_op.create_index("ix_usage_import_vendor_period", ["vendor_id", "period"], unique=False)
        batch_op.create_index(
            "one_committed_file",
            ["vendor_id", "sha256", "period"],
            unique=True,
            sqlite_where=sa.text("state IN ('committed', 'held')"),
            postgresql_where=sa.text("state IN ('committed', 'held')"),
        )

    op.create_table(
        "push_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("push_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("known_ids", sa.JSON(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("addition_id", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("action IN ('set', 'create', 'end', 'reopen')", name=op.f("ck_push_step_action_known")),
        sa.CheckConstraint(
            "state IN ('waiting', 'intent', 'sent', 'done', 'found', 'refused', 'changed')",
            name=op.f("ck_push_step_state_known"),
        ),
        sa.ForeignKeyConstraint(["push_id"], ["push.id"], name=op.f("fk_push_step_push_id_push"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_step")),
        sa.UniqueConstraint("push_id", "ordinal", name=op.f("uq_push_step_push_id_ordinal")),
    )
    op.create_table(
        "usage_count",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["vendor_account.id"], name=op.f("fk_usage_count_account_id_vendor_account")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["usage_import.id"], name=op.f("fk_usage_count_import_id_usage_import"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["vendor_service.id"], name=op.f("fk_usage_count_service_id_vendor_service")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_count")),
        sa.UniqueConstraint(
            "import_id", "account_id", "service_id", name=op.f("uq_usage_count_import_id_account_id_service_id")
        ),
    )
    with op.batch_alter_table("usage_count", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_count_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_usage_count_service_id"), ["service_id"], unique=False)

    op.create_table(
        "usage_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("count_id", sa.Integer(), nullable=True),
        sa.Column("units", sa.BigInteger(), nullable=True),
        sa.Column("column_name", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('counted', 'zero', 'left_out', 'problem')", name=op.f("ck_usage_row_outcome_known")
        ),
        sa.ForeignKeyConstraint(
            ["count_id"], ["usage_count.id"], name=op.f("fk_usage_row_count_id_usage_count"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["usage_import.id"], name=op.f("fk_usage_row_import_id_usage_import"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_row")),
    )
    with op.batch_alter_table("usage_row", schema=None) as batch_op:
        batch_op.create_index("ix_usage_row_count", ["count_id"], unique=False)
        batch_op.create_index("ix_usage_row_import_line", ["import_id", "line"], unique=False)
    refuse_changes_of_the_audit_trail()


def downgrade() -> None:
    with op.batch_alter_table("usage_row", schema=None) as batch_op:
        batch_op.drop_index("ix_usage_row_import_line")
        batch_op.drop_index("ix_usage_row_count")

    op.drop_table("usage_row")
    with op.batch_alter_table("usage_count", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usage_count_service_id"))
        batch_op.drop_index(batch_op.f("ix_usage_count_account_id"))

    op.drop_table("usage_count")
    op.drop_table("push_step")
    with op.batch_alter_table("usage_import", schema=None) as batch_op:
        batch_op.drop_index(
            "one_committed_file",
            sqlite_where=sa.text("state IN ('committed', 'held')"),
            postgresql_where=sa.text("state IN ('committed', 'held')"),
        )
        batch_op.drop_index("ix_usage_import_vendor_period")

    op.drop_table("usage_import")
    with op.batch_alter_table("service_product", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_product_product"))
        batch_op.drop_index(batch_op.f("ix_service_product_mapping_id"))

    op.drop_table("service_product")
    with op.batch_alter_table("push", schema=None) as batch_op:
        batch_op.drop_index("ix_push_state_next_try")
        batch_op.drop_index(batch_op.f("ix_push_card_id"))
        batch_op.drop_index(batch_op.f("ix_push_agreement_id"))

    op.drop_table("push")
    op.drop_table("vendor_word_meaning")
    op.drop_table("vendor_service")
    op.drop_table("vendor_profile")
    op.drop_table("vendor_account")
    op.drop_table("split_part")
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_person_id"))

    op.drop_table("sign_in")
    op.drop_table("service_mapping")
    op.drop_table("psa_company_type")
    op.drop_table("one_time_link")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_draft_person_id"))

    op.drop_table("draft")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_card_id"))
        batch_op.drop_index(batch_op.f("ix_decision_batch_id"))

    op.drop_table("decision")
    with op.batch_alter_table("account_mapping", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_mapping_company_id"))

    op.drop_table("account_mapping")
    op.drop_table("vendor")
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_index(
            "one_running_sync", sqlite_where=sa.text("running_mark = 1"), postgresql_where=sa.text("running_mark = 1")
        )

    op.drop_table("sync_run")
    with op.batch_alter_table("split_rule", schema=None) as batch_op:
        batch_op.drop_index(
            "one_split_rule", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("split_rule")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_email"))
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_address"))

    op.drop_table("sign_in_attempt")
    op.drop_table("setting")
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rule_company_id"))

    op.drop_table("rule")
    op.drop_table("row_meaning")
    with op.batch_alter_table("psa_product", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_psa_product_identifier"))

    op.drop_table("psa_product")
    op.drop_table("psa_list_row")
    with op.batch_alter_table("psa_company", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_psa_company_status_id"))
        batch_op.drop_index(batch_op.f("ix_psa_company_name"))
        batch_op.drop_index(batch_op.f("ix_psa_company_in_scope"))

    op.drop_table("psa_company")
    op.drop_table("psa_billing_cycle")
    op.drop_table("psa_agreement_type")
    with op.batch_alter_table("psa_agreement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_psa_agreement_company_id"))

    op.drop_table("psa_agreement")
    with op.batch_alter_table("psa_addition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_psa_addition_product"))
        batch_op.drop_index("ix_psa_addition_agreement_product")

    op.drop_table("psa_addition")
    op.drop_table("person")
    op.drop_table("connection")
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_index(
            "one_new_revenue",
            sqlite_where=sa.text("agreement_id IS NULL"),
            postgresql_where=sa.text("agreement_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_card_product"))
        batch_op.drop_index("ix_card_period_state")
        batch_op.drop_index(batch_op.f("ix_card_company_id"))
        batch_op.drop_index(batch_op.f("ix_card_agreement_id"))

    op.drop_table("card")
    op.drop_table("batch")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_event_what"))
        batch_op.drop_index(batch_op.f("ix_audit_event_person_id"))
        batch_op.drop_index(batch_op.f("ix_audit_event_company_id"))
        batch_op.drop_index(batch_op.f("ix_audit_event_card_id"))
        batch_op.drop_index(batch_op.f("ix_audit_event_at"))
        batch_op.drop_index(batch_op.f("ix_audit_event_agreement_id"))

    op.drop_table("audit_event")
    op.drop_table("agreement_lease")
