"""The first tables: copying."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copy_groups",
        sa.Column("copy_group", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("copies_of_copies", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_copy_groups_tenant"),
        sa.PrimaryKeyConstraint("copy_group", name="pk_copy_groups"),
        sa.UniqueConstraint("tenant", "copy_group", name="uq_copy_groups_tenant_copy_group"),
        sa.UniqueConstraint("tenant", "name", name="uq_copy_groups_tenant_name"),
    )
    op.create_table(
        "group_leaders",
        sa.Column("copy_group", types.identifier(128), nullable=False),
        sa.Column("leader", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "copy_group"],
            ["copy_groups.tenant", "copy_groups.copy_group"],
            name="fk_group_leaders_tenant_copy_group",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "leader"],
            ["accounts.tenant", "accounts.account"],
            name="fk_group_leaders_tenant_leader",
        ),
        sa.PrimaryKeyConstraint("copy_group", "leader", name="pk_group_leaders"),
    )
    op.create_index(
        "ix_group_leaders_tenant_copy_group_position",
        "group_leaders",
        ["tenant", "copy_group", "position"],
        unique=False,
    )
    op.create_index(
        "ix_group_leaders_tenant_leader_copy_group",
        "group_leaders",
        ["tenant", "leader", "copy_group"],
        unique=False,
    )
    op.create_table(
        "strategies",
        sa.Column("strategy", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("description", types.words(512), nullable=True),
        sa.Column("leader", types.identifier(64), nullable=True),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "leader"], ["accounts.tenant", "accounts.account"], name="fk_strategies_tenant_leader"
        ),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_strategies_tenant"),
        sa.PrimaryKeyConstraint("strategy", name="pk_strategies"),
        sa.UniqueConstraint("tenant", "name", name="uq_strategies_tenant_name"),
        sa.UniqueConstraint("tenant", "strategy", name="uq_strategies_tenant_strategy"),
    )
    op.create_index("ix_strategies_tenant_leader", "strategies", ["tenant", "leader"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("subscription", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("copy_group", types.identifier(128), nullable=False),
        sa.Column("follower", types.identifier(64), nullable=False),
        sa.Column("strategy", types.identifier(128), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rules", types.Json(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "copy_group"],
            ["copy_groups.tenant", "copy_groups.copy_group"],
            name="fk_subscriptions_tenant_copy_group",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "follower"],
            ["accounts.tenant", "accounts.account"],
            name="fk_subscriptions_tenant_follower",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "strategy"],
            ["strategies.tenant", "strategies.strategy"],
            name="fk_subscriptions_tenant_strategy",
        ),
        sa.PrimaryKeyConstraint("subscription", name="pk_subscriptions"),
        sa.UniqueConstraint("tenant", "subscription", name="uq_subscriptions_tenant_subscription"),
    )
    op.create_index(
        "ix_subscriptions_tenant_copy_group_subscription",
        "subscriptions",
        ["tenant", "copy_group", "subscription"],
        unique=False,
    )
    op.create_index(
        "ix_subscriptions_tenant_follower_subscription",
        "subscriptions",
        ["tenant", "follower", "subscription"],
        unique=False,
    )
    op.create_index(
        "ix_subscriptions_tenant_strategy_subscription",
        "subscriptions",
        ["tenant", "strategy", "subscription"],
        unique=False,
    )
    op.create_table(
        "subscription_versions",
        sa.Column("subscription", types.identifier(128), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("copy_group", types.identifier(128), nullable=False),
        sa.Column("follower", types.identifier(64), nullable=False),
        sa.Column("strategy", types.identifier(128), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rules", types.Json(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_at", types.UtcTime(), nullable=False),
        sa.Column("changed_by", types.identifier(255), nullable=False),
        sa.Column("request_id", types.identifier(128), nullable=True),
        sa.PrimaryKeyConstraint("subscription", "version", name="pk_subscription_versions"),
    )
    op.create_index(
        "ix_subscription_versions_tenant_subscription_version",
        "subscription_versions",
        ["tenant", "subscription", "version"],
        unique=False,
    )
    op.create_table(
        "settings_layers",
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("scope", types.identifier(64), nullable=False),
        sa.Column("target", types.identifier(128), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("guards", types.Json(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_settings_layers_tenant"),
        sa.PrimaryKeyConstraint("tenant", "scope", "target", name="pk_settings_layers"),
    )
