"""Tasks that operators start, and each run of one."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from kopitra_functions.sql.columns import (
    account,
    belongs,
    count,
    document,
    edited,
    flag,
    id_,
    moment,
    subject,
    tenant,
    text,
    whole,
    word,
)
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.types import long_text

tasks = Table(
    "tasks",
    metadata,
    id_("task", key=True),
    tenant(),
    word("kind", required=True),
    text("name", required=True),
    document("parameters", required=True),
    word("schedule"),
    flag("enabled"),
    *edited(),
    belongs(("tenant",), "tenants", ("tenant",)),
    UniqueConstraint("tenant", "task"),
    Index(None, "tenant", "kind", "task"),
)

task_runs = Table(
    "task_runs",
    metadata,
    id_("task_run", key=True),
    tenant(),
    id_("task", required=True),
    word("kind", required=True),
    account(required=False),
    document("parameters", required=True),
    word("status", required=True),
    whole("done", required=True),
    whole("total"),
    document("position"),
    document("result"),
    text("report"),
    Column("error", long_text(), nullable=True),
    subject("requested_by", required=True),
    id_("request_id"),
    moment("requested_at", required=True),
    moment("started_at"),
    moment("progressed_at"),
    moment("finished_at"),
    moment("cancel_requested_at"),
    count("version", required=True),
    Index(None, "tenant", "requested_at", "task_run"),
    Index(None, "tenant", "task", "requested_at", "task_run"),
    Index(None, "tenant", "kind", "requested_at", "task_run"),
    Index(None, "tenant", "status", "requested_at", "task_run"),
    Index(None, "status", "progressed_at"),
    Index(None, "finished_at"),
)
"""`done` of `total` pieces of work; `position`: where the next slice goes on; `report`: the name of a blob. `task` may
name a task that every tenant has, so it refers to no row."""
