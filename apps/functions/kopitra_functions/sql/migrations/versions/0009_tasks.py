"""The first tables: tasks."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tasks",
        sa.Column("task", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("kind", types.identifier(64), nullable=False),
        sa.Column("name", types.words(512), nullable=False),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("schedule", types.identifier(64), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.identifier(255), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.tenant"], name="fk_tasks_tenant"),
        sa.PrimaryKeyConstraint("task", name="pk_tasks"),
        sa.UniqueConstraint("tenant", "task", name="uq_tasks_tenant_task"),
    )
    op.create_index("ix_tasks_tenant_kind_task", "tasks", ["tenant", "kind", "task"], unique=False)
    op.create_table(
        "task_runs",
        sa.Column("task_run", types.identifier(128), nullable=False),
        sa.Column("tenant", types.identifier(64), nullable=False),
        sa.Column("task", types.identifier(128), nullable=False),
        sa.Column("kind", types.identifier(64), nullable=False),
        sa.Column("account", types.identifier(64), nullable=True),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("status", types.identifier(64), nullable=False),
        sa.Column("done", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("position", types.Json(), nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.Column("report", types.words(512), nullable=True),
        sa.Column("error", types.long_text(), nullable=True),
        sa.Column("requested_by", types.identifier(255), nullable=False),
        sa.Column("request_id", types.identifier(128), nullable=True),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("progressed_at", types.UtcTime(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("cancel_requested_at", types.UtcTime(), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("task_run", name="pk_task_runs"),
    )
    op.create_index("ix_task_runs_finished_at", "task_runs", ["finished_at"], unique=False)
    op.create_index(
        "ix_task_runs_status_progressed_at", "task_runs", ["status", "progressed_at"], unique=False
    )
    op.create_index(
        "ix_task_runs_tenant_kind_requested_at_task_run",
        "task_runs",
        ["tenant", "kind", "requested_at", "task_run"],
        unique=False,
    )
    op.create_index(
        "ix_task_runs_tenant_requested_at_task_run",
        "task_runs",
        ["tenant", "requested_at", "task_run"],
        unique=False,
    )
    op.create_index(
        "ix_task_runs_tenant_status_requested_at_task_run",
        "task_runs",
        ["tenant", "status", "requested_at", "task_run"],
        unique=False,
    )
    op.create_index(
        "ix_task_runs_tenant_task_requested_at_task_run",
        "task_runs",
        ["tenant", "task", "requested_at", "task_run"],
        unique=False,
    )
