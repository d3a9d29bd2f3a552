"""One run of a task: what was asked, how far it is, how it ended."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from kopitra.domain.identifiers import AccountId, TenantId


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `task_runs`. `version` grows with every slice: who saves an older one saves nothing. `report`: the
    folder of blobs that hold the result."""

    run_id: str
    tenant: TenantId
    task: str
    kind: str
    parameters: dict[str, Any]
    status: RunStatus
    done: int
    requested_by: str
    requested_at: datetime
    version: int
    account: AccountId | None = None
    total: int | None = None
    position: Any = None
    result: Any = None
    report: str | None = None
    error: str | None = None
    request_id: str | None = None
    started_at: datetime | None = None
    progressed_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None

    @property
    def folder(self) -> str:
        """Where its blobs are."""
        return f"management/task-runs/{self.run_id}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has after a piece of work. `position`: where the next one goes on, JSON. `pause`: seconds that the
    next one should wait for something to happen elsewhere."""

    position: Any
    done: int
    total: int | None = None
    finished: bool = False
    result: Any = None
    report: str | None = None
    pause: float = 0.0


class ResultFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file that a run has made: its parts, one after the other. A result names its files under `files`."""

    name: str
    content_type: str
    parts: int
    size: int
    """Bytes."""


class TaskRefused(Exception):
    """The run cannot be done, and trying again will not help; the text says why."""
