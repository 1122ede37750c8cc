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
    _notes_and_tags()
    _ways_in()
    _pushes_looked_after()


def downgrade() -> None:
    """Take them back."""
    _pushes_not_looked_after()
    _no_ways_in()
    _no_notes_and_tags()


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
        sa.UniqueConstraint(
            "push_id", "addition_id", "found_key", name=op.f("uq_drift_push_id_addition_id_found_key")
        ),
    )
    op.create_index(op.f("ix_drift_push_id"), "drift", ["push_id"])
    op.create_index(op.f("ix_drift_agreement_id"), "drift", ["agreement_id"])


def _pushes_not_looked_after() -> None:
    op.drop_table("drift")
    op.drop_column("push", "needs_look_at")
    op.drop_column("push", "troubled_since")
