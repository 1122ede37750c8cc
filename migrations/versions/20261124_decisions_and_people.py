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
    _trail_at_length()
    _notes_and_tags()
    _ways_in()
    _pushes_looked_after()
    _bulks()
    _views()
    _currencies()


def _currencies() -> None:
    """Keep how the PSA writes a currency."""
    op.create_table(
        "psa_currency",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("symbol", sa.String(length=8), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_psa_currency")),
    )


def _views() -> None:
    """Keep views of the board under a name."""
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_saved_view_owner_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_saved_view_owner_id_key")),
    )
    op.create_index(op.f("ix_saved_view_shared"), "saved_view", ["shared"])


def _bulks() -> None:
    """Keep what is decided on many cards at once, and how far a worker has come with it."""
    op.create_table(
        "bulk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress_done", sa.Integer(), nullable=False),
        sa.Column("progress_total", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'working', 'done', 'stopped')", name=op.f("ck_bulk_state_known")),
        sa.CheckConstraint("progress_done BETWEEN 0 AND progress_total", name=op.f("ck_bulk_progress_within")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_bulk_batch_id_batch")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_bulk_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_bulk_batch_id")),
    )
    op.create_index(op.f("ix_bulk_state"), "bulk", ["state"])
    op.create_table(
        "bulk_card",
        sa.Column("bulk_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("seen", sa.String(), nullable=True),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulk.id"], name=op.f("fk_bulk_card_bulk_id_bulk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bulk_id", "ordinal", name=op.f("pk_bulk_card")),
    )
    op.add_column("decision", sa.Column("confirm_batch_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_decision_confirm_batch_id"), "decision", ["confirm_batch_id"])


def downgrade() -> None:
    """Take them back."""
    op.drop_table("psa_currency")
    op.drop_table("saved_view")
    op.drop_index(op.f("ix_decision_confirm_batch_id"), "decision")
    op.drop_column("decision", "confirm_batch_id")
    op.drop_table("bulk_card")
    op.drop_table("bulk")
    _pushes_not_looked_after()
    _no_ways_in()
    _no_notes_and_tags()
    _trail_as_before()


def _notes_and_tags() -> None:
    """Keep notes and tags, and the numbers that an ignore rule was set for."""
    op.add_column("rule", sa.Column("numbers", sa.JSON(), nullable=True))
    op.create_table(
        "note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("addition_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_by", sa.String(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(deleted_by IS NULL) = (deleted_at IS NULL)", name=op.f("ck_note_deletion_whole")),
        sa.CheckConstraint("(edited_by IS NULL) = (edited_at IS NULL)", name=op.f("ck_note_edit_whole")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_pair", "note", ["company_id", "product", "agreement_id"])
    op.create_table(
        "note_text",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"], name=op.f("fk_note_text_note_id_note"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("note_id", "version", name=op.f("pk_note_text")),
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("key", name=op.f("uq_tag_key")),
    )
    op.create_table(
        "tagged",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.CheckConstraint("(company_id IS NULL) <> (product IS NULL)", name=op.f("ck_tagged_one_target")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_tagged_tag_id_tag"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tagged")),
        sa.UniqueConstraint("tag_id", "company_id", name=op.f("uq_tagged_tag_id_company_id")),
        sa.UniqueConstraint("tag_id", "product", name=op.f("uq_tagged_tag_id_product")),
    )
    op.create_index(op.f("ix_tagged_company_id"), "tagged", ["company_id"])
    op.create_index(op.f("ix_tagged_product"), "tagged", ["product"])


def _no_notes_and_tags() -> None:
    for table in ("tagged", "tag", "note_text", "note"):
        op.drop_table(table)
    op.drop_column("rule", "numbers")


def _ways_in() -> None:
    op.add_column("sign_in", sa.Column("how", sa.String(length=16), nullable=True))
    op.add_column("sign_in_attempt", sa.Column("browser_id", sa.Integer(), nullable=True))
    op.add_column("sign_in_attempt", sa.Column("kind", sa.String(length=16), nullable=True))
    op.add_column("one_time_link", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("one_time_link", sa.Column("made_by", sa.String(), nullable=True))
    op.add_column("one_time_link", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("one_time_link", sa.Column("mailed", sa.Boolean(), nullable=True))
    op.create_table(
        "half_sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_half_sign_in_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_half_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_half_sign_in_token_hash")),
    )
    op.create_index(op.f("ix_half_sign_in_person_id"), "half_sign_in", ["person_id"])
    op.create_table(
        "two_step",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_two_step_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_two_step")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_person_id"), "recovery_code", ["person_id"])
    op.create_table(
        "known_browser",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_known_browser_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browser")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_known_browser_token_hash")),
    )
    op.create_index(op.f("ix_known_browser_person_id"), "known_browser", ["person_id"])
    _company_sign_in()


def _company_sign_in() -> None:
    op.create_table(
        "company_provider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("client_secret", sa.String(), nullable=True),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("link_by_email", sa.Boolean(), nullable=False),
        sa.Column("role_claim", sa.String(), nullable=False),
        sa.Column("role_map", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("facts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("keys_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_company_provider_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_provider")),
    )
    op.create_table(
        "company_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_company_identity_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_identity")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_company_identity_issuer_subject")),
        sa.UniqueConstraint("issuer", "person_id", name=op.f("uq_company_identity_issuer_person_id")),
    )
    op.create_index(op.f("ix_company_identity_person_id"), "company_identity", ["person_id"])
    op.create_table(
        "company_return",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_company_return")),
    )
    op.create_index(op.f("ix_company_return_at"), "company_return", ["at"])


def _no_ways_in() -> None:
    for table in (
        "company_return", "company_identity", "company_provider", "known_browser", "recovery_code", "two_step",
        "half_sign_in",
    ):  # fmt: skip
        op.drop_table(table)
    for column in ("mailed", "revoked_at", "made_by", "made_at"):
        op.drop_column("one_time_link", column)
    op.drop_column("sign_in_attempt", "kind")
    op.drop_column("sign_in_attempt", "browser_id")
    op.drop_column("sign_in", "how")


def _pushes_looked_after() -> None:
    """Keep since when a push cannot go on, and what the daily look back finds."""
    op.add_column("push", sa.Column("troubled_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("push", sa.Column("needs_look_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "drift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("push_id", sa.Integer(), nullable=False),
        sa.Column("agreement_id", sa.Integer(), nullable=False),
        sa.Column("addition_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.Column("found_key", sa.String(length=80), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('changed', 'gone')", name=op.f("ck_drift_kind_known")),
        sa.CheckConstraint(
            "(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", name=op.f("ck_drift_acknowledgement_whole")
        ),
        sa.ForeignKeyConstraint(["push_id"], ["push.id"], name=op.f("fk_drift_push_id_push")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
        sa.UniqueConstraint("push_id", "addition_id", "found_key", name=op.f("uq_drift_push_id_addition_id_found_key")),
    )
    op.create_index(op.f("ix_drift_push_id"), "drift", ["push_id"])
    op.create_index(op.f("ix_drift_agreement_id"), "drift", ["agreement_id"])


def _pushes_not_looked_after() -> None:
    op.drop_table("drift")
    op.drop_column("push", "needs_look_at")
    op.drop_column("push", "troubled_since")


# the trail's own table is never made anew: its triggers would be lost
_TRAIL_BEFORE = ("agreement_id", "at", "card_id", "company_id", "person_id", "what")
_TRAIL_BY = ("what", "person", "company_id", "company", "agreement_id", "product", "card_id", "push_id")


def _trail_at_length() -> None:
    """Let a filter of the trail be read from its end, however long the trail is, and the trail only grow at its end."""
    op.create_index("ix_audit_event_at_n", "audit_event", ["at", "n"])
    for column in _TRAIL_BY:
        op.create_index(f"ix_audit_event_{column}_at", "audit_event", [column, "at", "n"])
    for column in _TRAIL_BEFORE:
        op.drop_index(f"ix_audit_event_{column}", table_name="audit_event")
    op.create_index("ix_decision_at", "decision", ["at"])
    _trail_grows_at_its_end()
    op.create_table(
        "audit_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_moment", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("broken_at", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'working', 'done')", name=op.f("ck_audit_check_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_check")),
    )
    op.create_table(
        "audit_refusal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_refusal")),
        sa.UniqueConstraint("about", name=op.f("uq_audit_refusal_about")),
    )


def _trail_grows_at_its_end() -> None:
    """Refuse an event anywhere but at the end; "insert or replace" would get past the triggers for changes."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER audit_event_only_at_the_end BEFORE INSERT ON audit_event "
            "WHEN NEW.n IS NOT (SELECT coalesce(max(n), 0) + 1 FROM audit_event) "
            "OR EXISTS (SELECT 1 FROM audit_event WHERE hash = NEW.hash) "
            "BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION audit_event_at_the_end() RETURNS trigger AS $$ "
        "BEGIN IF NEW.n IS DISTINCT FROM (SELECT coalesce(max(n), 0) + 1 FROM audit_event) "
        "THEN RAISE EXCEPTION 'The audit trail is append-only.'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    op.execute(
        "CREATE TRIGGER audit_event_only_at_the_end BEFORE INSERT ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION audit_event_at_the_end()"
    )


def _trail_as_before() -> None:
    op.drop_table("audit_refusal")
    op.drop_table("audit_check")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER IF EXISTS audit_event_only_at_the_end")
    else:
        op.execute("DROP TRIGGER IF EXISTS audit_event_only_at_the_end ON audit_event")
        op.execute("DROP FUNCTION IF EXISTS audit_event_at_the_end()")
    op.drop_index("ix_decision_at", table_name="decision")
    for column in _TRAIL_BEFORE:
        op.create_index(f"ix_audit_event_{column}", "audit_event", [column])
    for column in _TRAIL_BY:
        op.drop_index(f"ix_audit_event_{column}_at", table_name="audit_event")
    op.drop_index("ix_audit_event_at_n", table_name="audit_event")
