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
    op.add_column("connection", sa.Column("bundle_size", sa.Integer(), server_default="25", nullable=False))
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

    op.add_column("sync_run", sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(sa.text("UPDATE sync_run SET told = true"))  # nobody wants to hear of what ended long ago
    _syncs()
    _notices()
    _callbacks()


def _syncs() -> None:
    """Let a sync go on where it stopped, and agreements be wanted on their own."""
    columns = (
        sa.Column("parts", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("resumed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=True),
    )
    for column in columns:
        op.add_column("sync_run", column)
    _sync_kinds("'full', 'quick', 'agreement', 'wanted'")
    op.execute(sa.text("DELETE FROM setting WHERE name = 'sync_worker'"))
    op.create_table(
        "sync_staged",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=24), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("latest", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["sync_run.id"], name=op.f("fk_sync_staged_run_id_sync_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "part", "key", name=op.f("pk_sync_staged")),
    )
    op.create_table(
        "agreement_wanted",
        sa.Column("agreement_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_agreement_wanted")),
    )


def _sync_kinds(kinds: str) -> None:
    """Let a run be of these kinds. SQLite makes its table anew for that, and takes along only what it is told of."""
    kind_known = f"kind IN ({kinds})"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_sync_run_kind_known"), "sync_run", type_="check")
        op.create_check_constraint(op.f("ck_sync_run_kind_known"), "sync_run", kind_known)
        return
    op.drop_index("one_running_sync", "sync_run")
    with op.batch_alter_table("sync_run", recreate="always") as batch:
        batch.drop_constraint(op.f("ck_sync_run_kind_known"), type_="check")
        batch.create_check_constraint(op.f("ck_sync_run_kind_known"), kind_known)
    only = sa.text("running_mark = 1")
    op.create_index("one_running_sync", "sync_run", ["running_mark"], unique=True, sqlite_where=only)


def _notices() -> None:
    """Make room for what people are told."""
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("tone", sa.String(length=8), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tone IN ('ok', 'warn', 'bad')", name=op.f("ck_notice_tone_known")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notice_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("person_id", "cause", name=op.f("uq_notice_person_id_cause")),
    )
    op.create_index(op.f("ix_notice_person_id"), "notice", ["person_id"])
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed')", name=op.f("ck_mail_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("recipient", "cause", name=op.f("uq_mail_recipient_cause")),
    )
    op.create_index(op.f("ix_mail_state"), "mail", ["state"])


def _callbacks() -> None:
    """Make room for what ConnectWise posts."""
    op.create_table(
        "callback_hook",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_token", sa.String(), nullable=True),
        sa.Column("registered", sa.JSON(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('off', 'wanted', 'registered', 'failed')", name=op.f("ck_callback_hook_state_known")
        ),
        sa.CheckConstraint("(token_hash IS NULL) = (sealed_token IS NULL)", name=op.f("ck_callback_hook_token_whole")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_callback_hook")),
    )
    op.create_table(
        "callback_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("key_url", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'accepted', 'refused')", name=op.f("ck_callback_post_state_known")),
        sa.CheckConstraint(
            "(body IS NOT NULL) = (state = 'waiting')", name=op.f("ck_callback_post_body_until_verified")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_post")),
        sa.UniqueConstraint("digest", name=op.f("uq_callback_post_digest")),
    )
    op.create_index(op.f("ix_callback_post_received_at"), "callback_post", ["received_at"])
    op.create_index(op.f("ix_callback_post_state"), "callback_post", ["state"])
    op.create_table(
        "callback_key",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sealed_key", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_callback_key")),
    )
    op.create_table(
        "callback_refusal",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "reason", name=op.f("pk_callback_refusal")),
    )
    op.create_table(
        "request_pace",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_request_pace")),
    )


def downgrade() -> None:
    """Take them back."""
    op.drop_table("request_pace")
    for table in ("callback_refusal", "callback_key", "callback_post", "callback_hook", "mail", "notice"):
        op.drop_table(table)
    op.drop_table("agreement_wanted")
    op.drop_table("sync_staged")
    op.execute(sa.text("DELETE FROM sync_run WHERE kind = 'wanted'"))
    _sync_kinds("'full', 'quick', 'agreement'")
    for name in ("try_at", "tries", "worker", "resumed", "parts", "told"):
        op.drop_column("sync_run", name)
    op.drop_index(op.f("ix_psa_question_state"), "psa_question")
    op.drop_table("psa_question")
    for name in ("bundle_size", "parallel", "requests_a_minute", "ca_certificates"):
        op.drop_column("connection", name)
