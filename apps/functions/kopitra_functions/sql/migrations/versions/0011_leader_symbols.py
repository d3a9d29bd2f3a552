"""The leader's symbol in every decision."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("leader_symbol", types.identifier(64), nullable=True))
    decisions = sa.table("decisions", *map(sa.column, ("tenant", "run_id", "leader_symbol")))
    runs = sa.table("runs", *map(sa.column, ("tenant", "run_id", "symbol")))
    its_run = (runs.c.run_id == decisions.c.run_id) & (runs.c.tenant == decisions.c.tenant)
    named = sa.select(runs.c.symbol).where(its_run).scalar_subquery()
    op.execute(decisions.update().values(leader_symbol=named))
    op.create_index(
        "ix_decisions_tenant_leader_symbol_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "leader_symbol", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
    op.create_index(
        "ix_decisions_tenant_symbol_occurred_at_journal_id_shard_sequence_ordinal",
        "decisions",
        ["tenant", "symbol", "occurred_at", "journal_id", "shard", "sequence", "ordinal"],
        unique=False,
    )
