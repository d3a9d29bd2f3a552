"""The first tables: trading."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("command_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("journal_id", types.identifier(64), nullable=True),
        sa.Column("shard", types.identifier(64), nullable=True),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=True),
        sa.Column("cause", types.identifier(64), nullable=True),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("copy_id", types.identifier(128), nullable=True),
        sa.Column("subscription", types.identifier(128), nullable=True),
        sa.Column("opens_command_id", types.identifier(128), nullable=True),
        sa.Column("replaces_command_id", types.identifier(128), nullable=True),
        sa.Column("subject", types.identifier(255), nullable=True),
        sa.Column("action", types.identifier(64), nullable=True),
        sa.Column("symbol", types.identifier(64), nullable=True),
        sa.Column("side", types.identifier(64), nullable=True),
        sa.Column("order_type", types.identifier(64), nullable=True),
        sa.Column("volume", types.ExactDecimal(), nullable=True),
        sa.Column("target_volume", types.ExactDecimal(), nullable=True),
        sa.Column("fraction", types.ExactDecimal(), nullable=True),
        sa.Column("price", types.ExactDecimal(), nullable=True),
        sa.Column("stop_loss", types.ExactDecimal(), nullable=True),
        sa.Column("take_profit", types.ExactDecimal(), nullable=True),
        sa.Column("reference_price", types.ExactDecimal(), nullable=True),
        sa.Column("max_drift", types.ExactDecimal(), nullable=True),
        sa.Column("max_deviation", types.ExactDecimal(), nullable=True),
        sa.Column("time_in_force", types.identifier(64), nullable=True),
        sa.Column("order_expires_at", types.UtcTime(), nullable=True),
        sa.Column("ttl_ms", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("magic", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("comment", types.words(512), nullable=True),
        sa.Column("ticket", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("position_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("sandbox", sa.Boolean(), nullable=True),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("status_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status_at", types.UtcTime(), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=True),
        sa.Column("retcode", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("reason", types.words(512), nullable=True),
        sa.Column("acked_at", types.UtcTime(), nullable=True),
        sa.Column("acked_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_orders"),
    )
    op.create_index(
        "ix_orders_tenant_account_created_at_command_id",
        "orders",
        ["tenant", "account", "created_at", "command_id"],
        unique=False,
    )
    op.create_index("ix_orders_tenant_copy_id", "orders", ["tenant", "copy_id"], unique=False)
    op.create_index(
        "ix_orders_tenant_created_at_command_id",
        "orders",
        ["tenant", "created_at", "command_id"],
        unique=False,
    )
    op.create_index("ix_orders_tenant_run_id", "orders", ["tenant", "run_id"], unique=False)
    op.create_index(
        "ix_orders_tenant_status_created_at_command_id",
        "orders",
        ["tenant", "status", "created_at", "command_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_tenant_subscription_created_at_command_id",
        "orders",
        ["tenant", "subscription", "created_at", "command_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_tenant_symbol_created_at_command_id",
        "orders",
        ["tenant", "symbol", "created_at", "command_id"],
        unique=False,
    )
    op.create_table(
        "executions",
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("executed_at", types.UtcTime(), nullable=False),
        sa.Column("execution_key", types.identifier(255), nullable=False),
        sa.Column("command_id", types.identifier(128), nullable=True),
        sa.Column("copy_id", types.identifier(128), nullable=True),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("symbol", types.identifier(64), nullable=False),
        sa.Column("side", types.identifier(64), nullable=False),
        sa.Column("entry", types.identifier(64), nullable=False),
        sa.Column("reason", types.identifier(64), nullable=False),
        sa.Column("position_ref", types.identifier(128), nullable=True),
        sa.Column("order_ticket", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("deal_id", types.identifier(128), nullable=True),
        sa.Column("position_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("position_ticket", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("remainder_ticket", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("fill_volume", types.ExactDecimal(), nullable=True),
        sa.Column("fill_price", types.ExactDecimal(), nullable=True),
        sa.Column("requested_price", types.ExactDecimal(), nullable=True),
        sa.Column("slippage", types.ExactDecimal(), nullable=True),
        sa.Column("profit", types.ExactDecimal(), nullable=True),
        sa.Column("commission", types.ExactDecimal(), nullable=True),
        sa.Column("swap", types.ExactDecimal(), nullable=True),
        sa.Column("fee", types.ExactDecimal(), nullable=True),
        sa.Column("retcode", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("message", types.words(512), nullable=True),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "shard", "sequence", name="pk_executions"),
    )
    op.create_index(
        "ix_executions_tenant_account_occurred_at_journal_id_shard_sequence",
        "executions",
        ["tenant", "account", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index("ix_executions_tenant_command_id", "executions", ["tenant", "command_id"], unique=False)
    op.create_index(
        "ix_executions_tenant_copy_id_occurred_at_journal_id_shard_sequence",
        "executions",
        ["tenant", "copy_id", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_executions_tenant_occurred_at_journal_id_shard_sequence",
        "executions",
        ["tenant", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index("ix_executions_tenant_run_id", "executions", ["tenant", "run_id"], unique=False)
    op.create_index(
        "ix_executions_tenant_status_occurred_at_journal_id_shard_sequence",
        "executions",
        ["tenant", "status", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_executions_tenant_symbol_occurred_at_journal_id_shard_sequence",
        "executions",
        ["tenant", "symbol", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_table(
        "trades",
        sa.Column("copy_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("subscription", types.identifier(128), nullable=True),
        sa.Column("copy_group", types.identifier(128), nullable=True),
        sa.Column("leader", types.identifier(64), nullable=True),
        sa.Column("follower", types.identifier(64), nullable=True),
        sa.Column("position_ref", types.identifier(128), nullable=True),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("run_id", types.identifier(128), nullable=True),
        sa.Column("planned_at", types.UtcTime(), nullable=True),
        sa.Column("symbol", types.identifier(64), nullable=True),
        sa.Column("side", types.identifier(64), nullable=True),
        sa.Column("planned_volume", types.ExactDecimal(), nullable=True),
        sa.Column("magic", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("sandbox", sa.Boolean(), nullable=True),
        sa.Column("planned_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=True),
        sa.Column("opened_volume", types.ExactDecimal(), nullable=True),
        sa.Column("open_price", types.ExactDecimal(), nullable=True),
        sa.Column("closed_at", types.UtcTime(), nullable=True),
        sa.Column("closed_volume", types.ExactDecimal(), nullable=True),
        sa.Column("close_price", types.ExactDecimal(), nullable=True),
        sa.Column("profit", types.ExactDecimal(), nullable=True),
        sa.Column("commission", types.ExactDecimal(), nullable=True),
        sa.Column("swap", types.ExactDecimal(), nullable=True),
        sa.Column("fee", types.ExactDecimal(), nullable=True),
        sa.Column("currency", types.identifier(64), nullable=True),
        sa.Column("close_reason", types.identifier(64), nullable=True),
        sa.Column("deals", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("deals_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("ended_by", types.identifier(64), nullable=True),
        sa.Column("status_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settled_as", types.identifier(64), nullable=True),
        sa.Column("settled_by", types.identifier(64), nullable=True),
        sa.Column("settled_volume", types.ExactDecimal(), nullable=True),
        sa.Column("settled_at", types.UtcTime(), nullable=True),
        sa.Column("settled_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("copy_id", name="pk_trades"),
    )
    op.create_index(
        "ix_trades_tenant_closed_at_copy_id", "trades", ["tenant", "closed_at", "copy_id"], unique=False
    )
    op.create_index(
        "ix_trades_tenant_follower_planned_at_copy_id",
        "trades",
        ["tenant", "follower", "planned_at", "copy_id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_tenant_leader_planned_at_copy_id",
        "trades",
        ["tenant", "leader", "planned_at", "copy_id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_tenant_leader_position_ref", "trades", ["tenant", "leader", "position_ref"], unique=False
    )
    op.create_index(
        "ix_trades_tenant_planned_at_copy_id", "trades", ["tenant", "planned_at", "copy_id"], unique=False
    )
    op.create_index("ix_trades_tenant_run_id", "trades", ["tenant", "run_id"], unique=False)
    op.create_index(
        "ix_trades_tenant_status_planned_at_copy_id",
        "trades",
        ["tenant", "status", "planned_at", "copy_id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_tenant_subscription_planned_at_copy_id",
        "trades",
        ["tenant", "subscription", "planned_at", "copy_id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_tenant_symbol_planned_at_copy_id",
        "trades",
        ["tenant", "symbol", "planned_at", "copy_id"],
        unique=False,
    )
    op.create_table(
        "balance_operations",
        sa.Column("journal_id", types.identifier(64), nullable=False),
        sa.Column("shard", types.identifier(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("executed_at", types.UtcTime(), nullable=False),
        sa.Column("deal_id", types.identifier(128), nullable=False),
        sa.Column("kind", types.identifier(64), nullable=False),
        sa.Column("amount", types.ExactDecimal(), nullable=False),
        sa.Column("currency", types.identifier(64), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "shard", "sequence", name="pk_balance_operations"),
    )
    op.create_index(
        "ix_balance_operations_tenant_account_occurred_at_journal_id_shard_sequence",
        "balance_operations",
        ["tenant", "account", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_balance_operations_tenant_occurred_at_journal_id_shard_sequence",
        "balance_operations",
        ["tenant", "occurred_at", "journal_id", "shard", "sequence"],
        unique=False,
    )
