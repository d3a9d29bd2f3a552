"""The first tables: journal."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous_sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("message_type", types.identifier(64), nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("request_id", types.identifier(128), nullable=True),
        sa.Column("actor", types.identifier(255), nullable=True),
        sa.Column("payload", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "shard", "sequence", name="pk_events"),
    )
    op.create_index("ix_events_occurred_at", "events", ["occurred_at"], unique=False)
    op.create_index(
        "ix_events_tenant_account_occurred_at_journal_id_shard_sequence",
        "events",
        ["tenant", "account", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_events_tenant_message_type_occurred_at_journal_id_shard_sequence",
        "events",
        ["tenant", "message_type", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_events_tenant_occurred_at_journal_id_shard_sequence",
        "events",
        ["tenant", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index("ix_events_tenant_request_id", "events", ["tenant", "request_id"], unique=False)
    op.create_index(
        "ix_events_tenant_run_id_occurred_at_journal_id_shard_sequence",
        "events",
        ["tenant", "run_id", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("leader", types.identifier(64), nullable=True),
        sa.Column("journal_id", types.identifier(64), nullable=True),
        sa.Column("shard", types.identifier(64), nullable=True),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("intended_at", types.UtcTime(), nullable=True),
        sa.Column("last_event_at", types.UtcTime(), nullable=True),
        sa.Column("cause", types.identifier(64), nullable=True),
        sa.Column("signal_id", types.identifier(128), nullable=True),
        sa.Column("action", types.identifier(64), nullable=True),
        sa.Column("position_ref", types.identifier(128), nullable=True),
        sa.Column("symbol", types.identifier(64), nullable=True),
        sa.Column("side", types.identifier(64), nullable=True),
        sa.Column("volume", types.ExactDecimal(), nullable=True),
        sa.Column("price", types.ExactDecimal(), nullable=True),
        sa.Column("age_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("sandbox", sa.Boolean(), nullable=True),
        sa.Column("healed", sa.Boolean(), nullable=True),
        sa.Column("followers", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("planned", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("skipped", sa.Integer(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index(
        "ix_runs_tenant_leader_position_ref", "runs", ["tenant", "leader", "position_ref"], unique=False
    )
    op.create_index(
        "ix_runs_tenant_leader_started_at_run_id",
        "runs",
        ["tenant", "leader", "started_at", "run_id"],
        unique=False,
    )
    op.create_index(
        "ix_runs_tenant_started_at_run_id", "runs", ["tenant", "started_at", "run_id"], unique=False
    )
    op.create_index(
        "ix_runs_tenant_symbol_started_at_run_id",
        "runs",
        ["tenant", "symbol", "started_at", "run_id"],
        unique=False,
    )
    op.create_table(
        "decisions",
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("subscription", types.identifier(128), nullable=True),
        sa.Column("leader", types.identifier(64), nullable=True),
        sa.Column("follower", types.identifier(64), nullable=False),
        sa.Column("position_ref", types.identifier(128), nullable=True),
        sa.Column("cause", types.identifier(64), nullable=False),
        sa.Column("outcome", types.identifier(64), nullable=False),
        sa.Column("reason", types.identifier(64), nullable=True),
        sa.Column("detail", types.words(512), nullable=True),
        sa.Column("copy_id", types.identifier(128), nullable=True),
        sa.Column("command_id", types.identifier(128), nullable=True),
        sa.Column("symbol", types.identifier(64), nullable=True),
        sa.Column("side", types.identifier(64), nullable=True),
        sa.Column("volume", types.ExactDecimal(), nullable=True),
        sa.Column("rules_revision", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rules_version", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("notes", types.Json(), nullable=True),
        sa.Column("arithmetic", types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "shard", "sequence", "ordinal", name="pk_decisions"),
    )
    op.create_index("ix_decisions_tenant_copy_id", "decisions", ["tenant", "copy_id"], unique=False)
    op.create_index(
        "ix_decisions_tenant_follower_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "follower", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index(
        "ix_decisions_tenant_leader_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "leader", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index(
        "ix_decisions_tenant_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index(
        "ix_decisions_tenant_outcome_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "outcome", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index(
        "ix_decisions_tenant_reason_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "reason", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index("ix_decisions_tenant_run_id", "decisions", ["tenant", "run_id"], unique=False)
    op.create_index(
        "ix_decisions_tenant_subscription_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "subscription", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("consumer", types.identifier(64), nullable=False),
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "journal_id", "shard", name="pk_checkpoints"),
    )
