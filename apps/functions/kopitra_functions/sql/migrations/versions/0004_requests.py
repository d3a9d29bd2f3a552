"""The first tables: requests."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pending_commands",
        sa.Column(
            "ordinal",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("message_id", types.identifier(128), nullable=False),
        sa.Column("command_type", types.identifier(64), nullable=False),
        sa.Column("scope", types.identifier(64), nullable=False),
        sa.Column("target", types.identifier(128), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", types.long_text(), nullable=False),
        sa.Column("request_id", types.identifier(128), nullable=True),
        sa.Column("actor", types.identifier(255), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("sent_at", types.UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_error", types.words(512), nullable=True),
        sa.PrimaryKeyConstraint("ordinal", name="pk_pending_commands"),
        sa.UniqueConstraint("message_id", name="uq_pending_commands_message_id"),
    )
    op.create_index(
        "ix_pending_commands_sent_at_ordinal", "pending_commands", ["sent_at", "ordinal"], unique=False
    )
    op.create_index(
        "ix_pending_commands_tenant_scope_target_ordinal",
        "pending_commands",
        ["tenant", "scope", "target", "ordinal"],
        unique=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("subject", types.identifier(255), nullable=False),
        sa.Column("idempotency_key", types.identifier(255), nullable=False),
        sa.Column("method", types.identifier(64), nullable=False),
        sa.Column("path", types.words(512), nullable=False),
        sa.Column("fingerprint", types.identifier(64), nullable=False),
        sa.Column("status", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("headers", types.Json(), nullable=True),
        sa.Column("answer", types.long_text(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "subject", "idempotency_key", name="pk_idempotency_keys", mssql_clustered=False
        ),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "audit",
        sa.Column("entry_id", types.identifier(255), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("source", types.identifier(64), nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("actor", types.identifier(255), nullable=False),
        sa.Column("action", types.identifier(64), nullable=False),
        sa.Column("target_kind", types.identifier(64), nullable=True),
        sa.Column("target", types.identifier(128), nullable=True),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("request_id", types.identifier(128), nullable=True),
        sa.Column("journal_id", types.identifier(64), nullable=True),
        sa.Column("shard", types.identifier(64), nullable=True),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("outcome", types.identifier(64), nullable=True),
        sa.Column("detail", types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name="pk_audit"),
    )
    op.create_index(
        "ix_audit_tenant_account_occurred_at_entry_id",
        "audit",
        ["tenant", "account", "occurred_at", "entry_id"],
        unique=False,
    )
    op.create_index(
        "ix_audit_tenant_action_occurred_at_entry_id",
        "audit",
        ["tenant", "action", "occurred_at", "entry_id"],
        unique=False,
    )
    op.create_index(
        "ix_audit_tenant_actor_occurred_at_entry_id",
        "audit",
        ["tenant", "actor", "occurred_at", "entry_id"],
        unique=False,
    )
    op.create_index(
        "ix_audit_tenant_occurred_at_entry_id", "audit", ["tenant", "occurred_at", "entry_id"], unique=False
    )
    op.create_index("ix_audit_tenant_request_id", "audit", ["tenant", "request_id"], unique=False)
    op.create_index(
        "ix_audit_tenant_target_kind_target_occurred_at_entry_id",
        "audit",
        ["tenant", "target_kind", "target", "occurred_at", "entry_id"],
        unique=False,
    )
