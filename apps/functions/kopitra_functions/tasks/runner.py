"""Runs of tasks, slice by slice: a message names a run, a slice of its work is done and saved, the next message sent.

Any message may come twice, late, or be lost with the process that held it. A run's version says which slice is due; a
slice that was done already is not saved again, and whoever finds it done sends the next message once more.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import structlog

from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import MAX_DELIVERY_COUNT, Queue, QueueUnavailable, ReceivedMessage
from kopitra.application.ports.timing import Clock
from kopitra_functions.ports import CounterpartyUnreachable
from kopitra_functions.sql.database import Database, DatabaseResuming, DatabaseUnavailable
from kopitra_functions.tasks import runs
from kopitra_functions.tasks.messages import SliceWanted, slice_message
from kopitra_functions.tasks.run import ENDED, RunStatus, Step, TaskRefused, TaskRun
from kopitra_functions.tasks.work import PATIENCE, TaskWork

SLICE_SECONDS = 5.0
"""A message's lock is a minute, and a host that is told to stop waits half of it."""
ROOM_SECONDS = 5.0
"""How long a run waits before it asks again whether its tenant has room for it."""
DATABASE_SECONDS = 30.0
"""A serverless database is back within a minute."""
WOKEN_AT_ONCE = 50
AWAY = (CounterpartyUnreachable, QueueUnavailable, BlobsUnavailable)
"""Others that a slice needs. A message that is given back comes again at once: three times are over within a second."""
AWAY_SECONDS = 10.0
AWAY_AT_MOST = timedelta(minutes=4)
"""A restart takes seconds. Below the time after which a run counts as stalled, so that nobody wakes what waits here."""

log = structlog.get_logger("kopitra.tasks")


class Runner:
    def __init__(
        self,
        *,
        database: Database,
        queue: Queue,
        works: Mapping[str, TaskWork],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._queue = queue
        self._works = works
        self._clock = clock
        self._ids = ids

    async def take(self, received: ReceivedMessage) -> None:
        """Do what one message asks; returning completes it. What is raised has it delivered again."""
        wanted = msgspec.json.decode(received.message.body, type=SliceWanted)
        try:
            await self._slice(wanted, last_try=received.delivery_count >= MAX_DELIVERY_COUNT)
        except (DatabaseResuming, DatabaseUnavailable) as error:
            log.warning("task_waits_for_sql", run=wanted.run_id, error=str(error))
            await self._later(wanted, DATABASE_SECONDS)

    async def wake_stalled(self) -> int:
        """Send runs that stand still on their way again; for when SQL is awake anyway."""
        now = self._clock.now()
        found = await self._database.write(lambda c: runs.stalled(c, now, WOKEN_AT_ONCE), patience=PATIENCE)
        for run in found:
            log.warning("task_woken", run=run.run_id, kind=run.kind)
            await self._later(SliceWanted(run.run_id, run.version), 0.0)
        return len(found)

    async def _slice(self, wanted: SliceWanted, *, last_try: bool) -> None:
        run = await self._database.read(lambda c: runs.find_run(c, wanted.run_id), patience=PATIENCE)
        if run is None or run.status in ENDED:
            return
        if wanted.version < run.version:
            await self._send(run)
            return
        if run.cancel_requested_at is not None:
            await self._end_cancelled(run)
            return
        if run.status is RunStatus.QUEUED:
            queued, now = run, self._clock.now()
            admitted = await self._database.write(lambda c: runs.admit(c, queued, now), patience=PATIENCE)
            if admitted is None:
                await self._later(wanted, ROOM_SECONDS)
                return
            run = admitted
        await self._work(run, last_try=last_try)

    async def _work(self, run: TaskRun, *, last_try: bool) -> None:
        try:
            step = await self._steps(run)
        except TaskRefused as refusal:
            await self._fail(run, str(refusal))
            return
        except (DatabaseResuming, DatabaseUnavailable):
            raise
        except AWAY as error:
            await self._wait_for_others(run, error)
            return
        except Exception as error:
            log.exception("task_failed", run=run.run_id, kind=run.kind, last_try=last_try)
            if not last_try:
                raise
            await self._fail(run, f"{type(error).__name__}: {error}")
            return
        now = self._clock.now()
        saved = await self._database.write(lambda c: runs.save(c, run, step, now), patience=PATIENCE)
        if saved is None:
            return
        if step.finished:
            log.info("task_finished", run=run.run_id, kind=run.kind, done=step.done)
        else:
            await self._send(saved, step.pause)

    async def _steps(self, run: TaskRun) -> Step:
        """Steps until the slice's time is up, the work is done, or it has to wait."""
        work = self._works.get(run.kind)
        if work is None:
            raise TaskRefused(f"nothing here does {run.kind}")
        until = self._clock.monotonic() + SLICE_SECONDS

        async def tell(done: int, total: int | None) -> bool:
            now = self._clock.now()
            return await self._database.write(
                lambda c: runs.tell_progress(c, run, done, total, now), patience=PATIENCE
            )

        at = run
        while True:
            step = await work.step(at, tell)
            if step.finished or step.pause or self._clock.monotonic() >= until:
                return step
            at = msgspec.structs.replace(at, position=step.position, done=step.done, total=step.total)

    async def _wait_for_others(self, run: TaskRun, error: Exception) -> None:
        """The same slice a little later, as long as somebody who is away may well come back."""
        if self._clock.now() - (run.progressed_at or run.requested_at) > AWAY_AT_MOST:
            await self._fail(run, f"{type(error).__name__}: {error}")
            return
        log.warning("task_waits", run=run.run_id, kind=run.kind, error=str(error))
        await self._later(SliceWanted(run.run_id, run.version), AWAY_SECONDS)

    async def _fail(self, run: TaskRun, error: str) -> None:
        log.warning("task_refused", run=run.run_id, kind=run.kind, error=error)
        now = self._clock.now()
        await self._database.write(lambda c: runs.fail(c, run, error, now), patience=PATIENCE)

    async def _end_cancelled(self, run: TaskRun) -> None:
        now = self._clock.now()
        await self._database.write(lambda c: runs.cancelled(c, run, now), patience=PATIENCE)
        log.info("task_cancelled", run=run.run_id, kind=run.kind)

    async def _send(self, run: TaskRun, pause: float = 0.0) -> None:
        wanted = SliceWanted(run.run_id, run.version)
        await self._queue.send([slice_message(wanted, now=self._clock.now(), pause=pause)])

    async def _later(self, wanted: SliceWanted, seconds: float) -> None:
        message = slice_message(wanted, now=self._clock.now(), pause=seconds, again=self._ids.new())
        await self._queue.send([message])
