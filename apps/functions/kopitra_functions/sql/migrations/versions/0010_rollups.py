"""Rollups: what is left of samples after an hour."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollups",
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("series", types.identifier(64), nullable=False),
        sa.Column("subject", types.identifier(128), nullable=False),
        sa.Column("begins_at", types.UtcTime(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counts", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "series", "subject", "begins_at", name="pk_rollups"),
    )
    op.create_index("ix_rollups_begins_at", "rollups", ["begins_at"], unique=False)
    op.create_index(
        "ix_rollups_tenant_series_begins_at", "rollups", ["tenant", "series", "begins_at"], unique=False
    )
