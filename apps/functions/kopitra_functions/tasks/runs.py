"""Runs in SQL: each function is work over a connection, inside somebody's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, and_, func, or_, select, update

from kopitra_functions.sql.tables import task_runs, tenants
from kopitra_functions.tasks.run import ENDED, RunStatus, Step, TaskRun

RUNS_AT_ONCE = 2
"""Of one tenant: a long export must not keep a resync waiting, and no tenant may take everybody's database."""
STALLED_AFTER = timedelta(minutes=5)
"""No slice takes a tenth of it: a run that stands still this long has lost its message."""
ERROR_LENGTH = 2_000
LIVE = (RunStatus.QUEUED, RunStatus.RUNNING)


def insert_run(connection: Connection, run: TaskRun) -> None:
    connection.execute(
        task_runs.insert().values(
            task_run=run.run_id,
            tenant=run.tenant,
            task=run.task,
            kind=run.kind,
            account=run.account,
            parameters=run.parameters,
            status=run.status,
            done=0,
            requested_by=run.requested_by,
            request_id=run.request_id,
            requested_at=run.requested_at,
            progressed_at=run.requested_at,
            version=run.version,
        )
    )


def find_run(connection: Connection, run_id: str) -> TaskRun | None:
    row = connection.execute(select(task_runs).where(task_runs.c.task_run == run_id)).mappings().one_or_none()
    return None if row is None else run_of(row)


def run_of(row: RowMapping) -> TaskRun:
    values = {name: row[name] for name in TaskRun.__struct_fields__ if name != "run_id"}
    return msgspec.convert({"run_id": row["task_run"], **values}, TaskRun, builtin_types=(datetime,))


def admit(connection: Connection, run: TaskRun, now: datetime) -> TaskRun | None:
    """The queued run as a running one; None while its tenant has as many as it may."""
    # Takes turns with the tenant's other runs: SQLite lets one writer in anyway, SQL Server locks the tenant's row.
    connection.execute(
        select(tenants.c.tenant)
        .where(tenants.c.tenant == run.tenant)
        .with_hint(tenants, "WITH (UPDLOCK)", "mssql")
    ).all()
    running = connection.execute(
        select(func.count())
        .select_from(task_runs)
        .where(task_runs.c.tenant == run.tenant, task_runs.c.status == RunStatus.RUNNING)
    ).scalar_one()
    if running >= RUNS_AT_ONCE:
        return None
    return _change(connection, run, status=RunStatus.RUNNING, started_at=now, progressed_at=now)


def save(connection: Connection, run: TaskRun, step: Step, now: datetime) -> TaskRun | None:
    """The run after a slice; None if another has saved since it was read: then this slice never was."""
    changes: dict[str, Any] = {
        "position": step.position,
        "done": step.done,
        "total": step.total,
        "progressed_at": now,
    }
    if step.finished:
        changes |= {
            "status": RunStatus.SUCCEEDED,
            "finished_at": now,
            "result": step.result,
            "report": step.report,
        }
    return _change(connection, run, **changes)


def fail(connection: Connection, run: TaskRun, error: str, now: datetime) -> TaskRun | None:
    return _change(
        connection,
        run,
        status=RunStatus.FAILED,
        finished_at=now,
        progressed_at=now,
        error=error[:ERROR_LENGTH],
    )


def cancelled(connection: Connection, run: TaskRun, now: datetime) -> TaskRun | None:
    return _change(connection, run, status=RunStatus.CANCELLED, finished_at=now, progressed_at=now)


def ask_to_cancel(connection: Connection, run: TaskRun, now: datetime) -> TaskRun:
    """Nothing changes for a run that has ended; one that waits ends at once, others at their next slice."""
    while run.status not in ENDED:
        asked = run.cancel_requested_at or now
        changes: dict[str, Any] = {"cancel_requested_at": asked}
        if run.status is RunStatus.QUEUED:
            changes |= {"status": RunStatus.CANCELLED, "finished_at": now}
        connection.execute(
            update(task_runs)
            .where(task_runs.c.task_run == run.run_id, task_runs.c.status == run.status)
            .values(**changes)
        )
        changed = find_run(connection, run.run_id)
        assert changed is not None
        if changed.status is not RunStatus.QUEUED:
            return changed
        run = changed
    return run


def tell_progress(connection: Connection, run: TaskRun, done: int, total: int | None, now: datetime) -> bool:
    """Note progress within a slice; whether the run is still wanted."""
    connection.execute(
        update(task_runs)
        .where(task_runs.c.task_run == run.run_id, task_runs.c.version == run.version)
        .values(done=done, total=total, progressed_at=now)
    )
    seen = find_run(connection, run.run_id)
    return seen is not None and seen.version == run.version and seen.cancel_requested_at is None


def stalled(connection: Connection, now: datetime, limit: int) -> Sequence[TaskRun]:
    """Runs that wait for a message which is lost, or was never sent; each is marked as seen to now."""
    rows = connection.execute(
        select(task_runs)
        .where(
            task_runs.c.status.in_([str(status) for status in LIVE]),
            task_runs.c.progressed_at < now - STALLED_AFTER,
        )
        .order_by(task_runs.c.status, task_runs.c.progressed_at)
        .limit(limit)
    ).mappings()
    found = [run_of(row) for row in rows]
    for run in found:
        connection.execute(
            update(task_runs).where(task_runs.c.task_run == run.run_id).values(progressed_at=now)
        )
    return found


def of_tenant(tenant: str, status: str | None, kind: str | None) -> Any:
    """The condition of a list."""
    wanted = [task_runs.c.tenant == tenant]
    if status is not None:
        wanted.append(task_runs.c.status == status)
    if kind is not None:
        wanted.append(task_runs.c.kind == kind)
    return and_(*wanted)


def after(requested_at: datetime, run_id: str) -> Any:
    """Behind a row of a list, newest first."""
    return or_(
        task_runs.c.requested_at < requested_at,
        and_(task_runs.c.requested_at == requested_at, task_runs.c.task_run < run_id),
    )


def _change(connection: Connection, run: TaskRun, **values: Any) -> TaskRun | None:
    changed = connection.execute(
        update(task_runs)
        .where(task_runs.c.task_run == run.run_id, task_runs.c.version == run.version)
        .values(**values, version=run.version + 1)
    ).rowcount
    return find_run(connection, run.run_id) if changed else None
