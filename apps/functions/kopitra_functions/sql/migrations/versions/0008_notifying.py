"""The first tables: notifying."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_channels",
        sa.Column("channel", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("kind", types.identifier(64), nullable=False),
        sa.Column("target", types.words(2048), nullable=True),
        sa.Column("settings", types.Json(), nullable=True),
        sa.Column("sealed", types.sealed_bytes(), nullable=True),
        sa.Column("topics", types.Json(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_notification_channels_tenant"),
        sa.PrimaryKeyConstraint("channel", name="pk_notification_channels"),
        sa.UniqueConstraint("tenant", "channel", name="uq_notification_channels_tenant_channel"),
        sa.UniqueConstraint("tenant", "name", name="uq_notification_channels_tenant_name"),
    )
    op.create_table(
        "notifications",
        sa.Column("notification_id", types.identifier(255), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("topic", types.identifier(64), nullable=False),
        sa.Column("severity", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("title", types.words(512), nullable=False),
        sa.Column("body", types.long_text(), nullable=True),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("journal_id", types.identifier(64), nullable=True),
        sa.Column("shard", types.identifier(64), nullable=True),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("channel", types.identifier(128), nullable=True),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sent_at", types.UtcTime(), nullable=True),
        sa.Column("last_error", types.words(512), nullable=True),
        sa.Column("read_at", types.UtcTime(), nullable=True),
        sa.Column("read_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_occurred_at", "notifications", ["occurred_at"], unique=False)
    op.create_index(
        "ix_notifications_tenant_account_occurred_at_notification_id",
        "notifications",
        ["tenant", "account", "occurred_at", "notification_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_tenant_occurred_at_notification_id",
        "notifications",
        ["tenant", "occurred_at", "notification_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_tenant_status_occurred_at_notification_id",
        "notifications",
        ["tenant", "status", "occurred_at", "notification_id"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_tenant_topic_occurred_at_notification_id",
        "notifications",
        ["tenant", "topic", "occurred_at", "notification_id"],
        unique=False,
    )
