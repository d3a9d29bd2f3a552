"""Tasks, and their runs: start, look, cancel, fetch what came of it."""

from typing import Any

import msgspec
import structlog
from sqlalchemy.engine import RowMapping

from kopitra.application.ports.blobs import BlobNotFound
from kopitra.application.ports.queue import QueueUnavailable
from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.parsing import invalid, read_message
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.desk import Desk
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.lists import listed, newest_first, only
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.http.routes.what_if import require_uploads
from kopitra_functions.http.rows import of_tenant, require
from kopitra_functions.sql.tables import task_runs
from kopitra_functions.tasks import runs
from kopitra_functions.tasks.catalogue import TASKS, Task, account_of, problems_with
from kopitra_functions.tasks.exporting import part_name
from kopitra_functions.tasks.messages import SliceWanted, slice_message
from kopitra_functions.tasks.parameters import WhatIf
from kopitra_functions.tasks.run import ResultFile, RunStatus, TaskRun

DOWNLOAD_BYTES = 32 * 1024 * 1024
"""Of one answer, held in memory; larger results are fetched part by part."""

LISTING = newest_first("task-runs", task_runs.c.requested_at, task_runs.c.task_run)
FILTERS = {"status": task_runs.c.status, "task": task_runs.c.task}

log = structlog.get_logger("kopitra.http")


class TaskView(Shown, frozen=True):
    """`parameters`: JSON Schema of what it is told."""

    task: str
    summary: str
    role: Role
    platform: bool
    parameters: dict[str, Any]


class TaskList(Shown, frozen=True):
    items: list[TaskView]


class RunRequest(Asked, frozen=True):
    """`parameters`: as the task's own schema says."""

    parameters: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))


class RunStarted(Shown, frozen=True):
    run_id: str


class RunView(Shown, frozen=True):
    """`done` of `total` pieces of work, where a total is known. `result`: what came of it, with the files to fetch."""

    run_id: str
    tenant: str
    task: str
    status: RunStatus
    account: str | None
    parameters: Any
    done: int
    total: int | None
    result: Any
    error: str | None
    requested_by: str
    requested_at: str
    started_at: str | None
    progressed_at: str | None
    finished_at: str | None
    cancel_requested_at: str | None
    version: int


class TaskRunPage(Shown, frozen=True):
    items: list[RunView]
    cursor: str
    more: bool


def view_of(run: TaskRun) -> RunView:
    times = (
        run.started_at,
        run.progressed_at,
        run.finished_at,
        run.cancel_requested_at,
    )
    started, progressed, finished, asked = (None if at is None else rfc3339(at) for at in times)
    return RunView(
        run_id=run.run_id,
        tenant=run.tenant,
        task=run.task,
        status=run.status,
        account=run.account,
        parameters=run.parameters,
        done=run.done,
        total=run.total,
        result=run.result,
        error=run.error,
        requested_by=run.requested_by,
        requested_at=rfc3339(run.requested_at),
        started_at=started,
        progressed_at=progressed,
        finished_at=finished,
        cancel_requested_at=asked,
        version=run.version,
    )


def _view(row: RowMapping) -> RunView:
    return view_of(runs.run_of(row))


async def _tasks(call: Call) -> Reply:
    shown = [
        TaskView(
            task=task.kind,
            summary=task.summary,
            role=task.role,
            platform=task.platform,
            parameters=msgspec.json.schema(task.parameters),
        )
        for task in TASKS.values()
        if _may(call, task)
    ]
    return told(TaskList(items=shown))


def _may(call: Call, task: Task) -> bool:
    return call.operator.may(task.role) and (not task.platform or call.operator.tenant == "*")


async def _start(call: Call) -> Reply:
    task = TASKS.get(call.params["taskId"])
    if task is None:
        raise rejected(Code.NOT_FOUND, "there is no such task")
    if not _may(call, task):
        needed = f"the role {task.role}" + (", of all tenants" if task.platform else "")
        raise rejected(Code.OPERATORS_ONLY, f"this task needs {needed}")
    if task.parameters is WhatIf:
        await require_uploads(call)
    request: RunRequest = call.message
    parameters = read_message(request.parameters, msgspec.json.Decoder(task.parameters), "$.parameters")
    problems = problems_with(parameters)
    if problems:
        raise invalid(problems)
    # A tenant that only the counterparty knows of has a history as well.
    tenant = call.own_tenant

    def work(change: Change) -> Reply:
        run = TaskRun(
            run_id=change.new_id("run"),
            tenant=tenant,
            task=task.kind,
            kind=task.kind,
            parameters=msgspec.to_builtins(parameters),
            status=RunStatus.QUEUED,
            done=0,
            requested_by=change.subject,
            requested_at=change.now,
            request_id=change.request_id,
            version=1,
            account=account_of(parameters),
        )
        runs.insert_run(change.connection, run)
        change.audit(
            "task.run", "task", task.kind, tenant=tenant, account=run.account, detail={"run": run.run_id}
        )

        async def send(desk: Desk) -> None:
            wanted = SliceWanted(run.run_id, run.version)
            try:
                await desk.world.queues.tasks.send([slice_message(wanted, now=change.now)])
            except QueueUnavailable as error:
                log.warning("task_waits_for_the_queue", run=run.run_id, error=str(error))

        change.afterwards.append(send)
        return told(RunStarted(run_id=run.run_id), status=202)

    return await call.change(work)


async def _list(call: Call) -> Reply:
    statement = of_tenant(call, task_runs).where(*only(call.query, FILTERS))
    found = await call.read(lambda c: listed(c, statement, LISTING, call.query))
    return told(TaskRunPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    row = await call.read(lambda c: require(c, call, task_runs, task_run=call.params["runId"]))
    return told(_view(row), version=row["version"])


async def _cancel(call: Call) -> Reply:
    def work(change: Change) -> Reply:
        row = require(change.connection, call, task_runs, task_run=call.params["runId"])
        before = runs.run_of(row)
        run = runs.ask_to_cancel(change.connection, before, change.now)
        if run != before:
            change.audit("task.cancel", "task_run", run.run_id, tenant=run.tenant)
        return told(view_of(run), version=run.version)

    return await call.change(work)


async def _result(call: Call) -> Reply:
    """One file of a finished run: the whole of it, or one part."""
    row = await call.read(lambda c: require(c, call, task_runs, task_run=call.params["runId"]))
    run = runs.run_of(row)
    if run.report is None:
        raise refused(Trouble.NOT_POSSIBLE, f"the run is {run.status} and has no file")
    files = msgspec.convert(run.result["files"], list[ResultFile])
    number: int = call.query["file"]
    part: int | None = call.query.get("part")
    if number > len(files):
        raise rejected(Code.NOT_FOUND, f"the run has {len(files)} files")
    file = files[number - 1]
    first = 1 + sum(each.parts for each in files[: number - 1])
    wanted = range(first, first + file.parts)
    if part is not None:
        wanted = wanted[part - 1 : part]
        if not wanted:
            raise rejected(Code.NOT_FOUND, f"the file has {file.parts} parts")
    elif file.size > DOWNLOAD_BYTES:
        raise refused(
            Trouble.NOT_POSSIBLE,
            f"the file has {file.size} bytes: fetch parts 1 to {file.parts} with ?part=, and join them",
        )
    try:
        content = [await call.desk.world.blobs.get(part_name(run.report, each)) for each in wanted]
    except BlobNotFound:
        raise rejected(Code.NOT_FOUND, "the file has been deleted since") from None
    attachment = f'attachment; filename="{file.name}"'.encode()
    return Reply(
        200,
        b"".join(content),
        content_type=file.content_type.encode(),
        headers=((b"content-disposition", attachment), (b"x-content-type-options", b"nosniff")),
    )


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/tasks",
            summary="The tasks that this operator may start, with what each is told.",
            role=Role.VIEWER,
            answers={200: (TaskList,)},
            sql=False,
        ),
        _tasks,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/tasks/{taskId}/run",
            summary="Start a task.",
            role=Role.VIEWER,
            body=(RunRequest,),
            answers={202: (RunStarted,)},
            refusals=(404,),
        ),
        _start,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/task-runs",
            summary="Runs of tasks, newest first.",
            role=Role.VIEWER,
            answers={200: (TaskRunPage,)},
            query=(
                *PAGING,
                Query("status", Kind.TEXT, "Only runs in this state.", choices=tuple(RunStatus)),
                Query("task", Kind.TEXT, "Only runs of this task."),
            ),
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/task-runs/{runId}",
            summary="How far a run is, and how it ended.",
            role=Role.VIEWER,
            answers={200: (RunView,)},
        ),
        _get,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/task-runs/{runId}/cancel",
            summary="Stop a run at its next slice; what it has done stays done.",
            role=Role.OPERATOR,
            answers={200: (RunView,)},
        ),
        _cancel,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/task-runs/{runId}/result",
            summary="A file that a finished run has made.",
            role=Role.VIEWER,
            answers={200: ()},
            file=True,
            refusals=(409,),
            query=(
                Query("file", Kind.WHOLE, "Which of the run's files.", 1, 1, 9),
                Query("part", Kind.WHOLE, "Only this part of it.", None, 1, 1_000_000),
            ),
        ),
        _result,
    ),
)
