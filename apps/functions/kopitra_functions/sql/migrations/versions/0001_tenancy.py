"""The first tables: tenancy."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_tenants"),
    )
    op.create_table(
        "users",
        sa.Column("user_id", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("subject", types.identifier(255), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("email", types.words(512), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
        sa.UniqueConstraint("tenant", "subject", name="uq_users_tenant_subject"),
        sa.UniqueConstraint("tenant", "user_id", name="uq_users_tenant_user_id"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", types.identifier(128), nullable=False),
        sa.Column("role", types.identifier(64), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("granted_at", types.UtcTime(), nullable=False),
        sa.Column("granted_by", types.identifier(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "user_id"], ["users.tenant", "users.user_id"], name="fk_user_roles_tenant_user_id"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name="pk_user_roles"),
    )
