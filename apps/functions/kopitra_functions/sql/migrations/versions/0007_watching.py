"""The first tables: watching."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("kind", types.identifier(64), nullable=True),
        sa.Column("detail", types.words(512), nullable=True),
        sa.Column("copy_id", types.identifier(128), nullable=True),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=True),
        sa.Column("opened_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("closed_at", types.UtcTime(), nullable=True),
        sa.Column("close_cause", types.words(512), nullable=True),
        sa.Column("closed_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("incident", name="pk_incidents"),
    )
    op.create_index(
        "ix_incidents_tenant_account_opened_at_incident",
        "incidents",
        ["tenant", "account", "opened_at", "incident"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_tenant_kind_opened_at_incident",
        "incidents",
        ["tenant", "kind", "opened_at", "incident"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_tenant_opened_at_incident",
        "incidents",
        ["tenant", "opened_at", "incident"],
        unique=False,
    )
    op.create_index(
        "ix_incidents_tenant_status_opened_at_incident",
        "incidents",
        ["tenant", "status", "opened_at", "incident"],
        unique=False,
    )
    op.create_table(
        "sessions_log",
        sa.Column("session_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("device", types.identifier(128), nullable=True),
        sa.Column("platform", types.identifier(64), nullable=True),
        sa.Column("client_version", types.identifier(64), nullable=True),
        sa.Column("capabilities", types.Json(), nullable=True),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=True),
        sa.Column("opened_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("approved_at", types.UtcTime(), nullable=True),
        sa.Column("approved_by", types.identifier(255), nullable=True),
        sa.Column("approved_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.Column("end_reason", types.identifier(64), nullable=True),
        sa.Column("ended_by", types.identifier(255), nullable=True),
        sa.Column("ended_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions_log"),
    )
    op.create_index(
        "ix_sessions_log_tenant_account_opened_at_session_id",
        "sessions_log",
        ["tenant", "account", "opened_at", "session_id"],
        unique=False,
    )
    op.create_index(
        "ix_sessions_log_tenant_opened_at_session_id",
        "sessions_log",
        ["tenant", "opened_at", "session_id"],
        unique=False,
    )
    op.create_index(
        "ix_sessions_log_tenant_status_opened_at_session_id",
        "sessions_log",
        ["tenant", "status", "opened_at", "session_id"],
        unique=False,
    )
    op.create_table(
        "account_states",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("login", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("server", types.words(512), nullable=True),
        sa.Column("owner_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("margin_mode", types.identifier(64), nullable=True),
        sa.Column("mode_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("silent", sa.Boolean(), nullable=True),
        sa.Column("silent_at", types.UtcTime(), nullable=True),
        sa.Column("silence_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device", types.identifier(128), nullable=True),
        sa.Column("enrolled_at", types.UtcTime(), nullable=True),
        sa.Column("enrolled_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("symbols_digest", types.words(512), nullable=True),
        sa.Column("symbols_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_account_states"),
    )
    op.create_index("ix_account_states_tenant_account", "account_states", ["tenant", "account"], unique=False)
    op.create_index(
        "ix_account_states_tenant_silent_account",
        "account_states",
        ["tenant", "silent", "account"],
        unique=False,
    )
    op.create_table(
        "symbol_specs",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("symbol", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("digits", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contract_size", types.ExactDecimal(), nullable=False),
        sa.Column("volume_min", types.ExactDecimal(), nullable=False),
        sa.Column("volume_max", types.ExactDecimal(), nullable=False),
        sa.Column("volume_step", types.ExactDecimal(), nullable=False),
        sa.Column("base_currency", types.identifier(64), nullable=False),
        sa.Column("profit_currency", types.identifier(64), nullable=False),
        sa.Column("stops_level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("freeze_level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("filling_modes", types.Json(), nullable=False),
        sa.Column("trade_mode", types.identifier(64), nullable=False),
        sa.Column("tick_value", types.ExactDecimal(), nullable=True),
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "symbol", name="pk_symbol_specs"),
    )
    op.create_index(
        "ix_symbol_specs_tenant_account_symbol", "symbol_specs", ["tenant", "account", "symbol"], unique=False
    )
    op.create_index(
        "ix_symbol_specs_tenant_symbol_account", "symbol_specs", ["tenant", "symbol", "account"], unique=False
    )
    op.create_table(
        "account_samples",
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("sampled_at", types.UtcTime(), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("currency", types.identifier(64), nullable=False),
        sa.Column("balance", types.ExactDecimal(), nullable=False),
        sa.Column("equity", types.ExactDecimal(), nullable=True),
        sa.Column("margin", types.ExactDecimal(), nullable=True),
        sa.Column("free_margin", types.ExactDecimal(), nullable=True),
        sa.Column("journal_id", types.identifier(64), nullable=True),
        sa.Column("shard", types.identifier(64), nullable=True),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("account", "sampled_at", name="pk_account_samples"),
    )
    op.create_index("ix_account_samples_sampled_at", "account_samples", ["sampled_at"], unique=False)
    op.create_index(
        "ix_account_samples_tenant_account_sampled_at",
        "account_samples",
        ["tenant", "account", "sampled_at"],
        unique=False,
    )
    op.create_table(
        "latency_samples",
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("stage", types.identifier(64), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("command_id", types.identifier(128), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "shard", "sequence", "ordinal", name="pk_latency_samples"),
    )
    op.create_index("ix_latency_samples_occurred_at", "latency_samples", ["occurred_at"], unique=False)
    op.create_index(
        "ix_latency_samples_tenant_account_stage_occurred_at",
        "latency_samples",
        ["tenant", "account", "stage", "occurred_at"],
        unique=False,
    )
    op.create_index(
        "ix_latency_samples_tenant_stage_occurred_at",
        "latency_samples",
        ["tenant", "stage", "occurred_at"],
        unique=False,
    )
