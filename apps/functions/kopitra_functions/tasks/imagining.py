"""What if: a statement that was uploaded, through the core to followers that never were; a report comes of it."""

import asyncio
from datetime import datetime

import msgspec

from kopitra.adapters.reports.html import report_html
from kopitra.application.ports.blobs import BlobNotFound, Blobs
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.whatif.conversions import RatesMissing
from kopitra.simulation.whatif.plan import problems_of
from kopitra.simulation.whatif.result import encode_result
from kopitra.simulation.whatif.run import CurrencyUnknown, HistoryEmpty, what_if
from kopitra_functions.sql.threads import Threads
from kopitra_functions.tasks.exporting import part_name
from kopitra_functions.tasks.parameters import WhatIf
from kopitra_functions.tasks.run import ResultFile, Step, TaskRefused, TaskRun
from kopitra_functions.tasks.statements import Statement, load_statement
from kopitra_functions.tasks.work import Tell

LOOK_SECONDS = 1.0
"""How soon progress shows and a cancelled run stops."""
LONGEST_SECONDS = 240.0
"""Ten years of a busy leader take one; a message's lock can be kept for five minutes."""
JSON, HTML = "application/json", "text/html; charset=utf-8"


class _Stopped(Exception):
    """Raised inside the run's thread, to end it."""


class _Progress:
    """Written by the run's thread, read by the event loop; and the other way round, whether to stop."""

    def __init__(self) -> None:
        self.done = 0
        self.total: int | None = None
        self.stop = False

    def note(self, done: int, total: int, at: datetime) -> None:
        self.done, self.total = done, total
        if self.stop:
            raise _Stopped


class Imagining:
    """Not cut into slices: the same inputs give the same bytes, so a run that was killed is simply done again."""

    def __init__(self, *, blobs: Blobs, threads: Threads, clock: Clock, sleeper: Sleeper) -> None:
        self._blobs = blobs
        self._threads = threads
        self._clock = clock
        self._sleeper = sleeper

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        wanted = msgspec.convert(run.parameters, WhatIf, strict=False)
        try:
            statement = await load_statement(self._blobs, run.tenant, wanted.statement)
        except BlobNotFound:
            raise TaskRefused("the statement is not there any more: upload it again") from None
        progress = _Progress()
        running = asyncio.ensure_future(self._threads.run(lambda: _imagine(statement, wanted, progress)))
        until = self._clock.monotonic() + LONGEST_SECONDS
        try:
            while not running.done():
                await asyncio.wait(
                    [running, asyncio.ensure_future(self._sleeper.sleep(LOOK_SECONDS))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._clock.monotonic() > until:
                    raise TaskRefused(f"the history is too long: it took more than {LONGEST_SECONDS:.0f} s")
                if not running.done() and not await tell(progress.done, progress.total):
                    break
        finally:
            progress.stop = True
        try:
            result, report = await running
        except _Stopped:
            return Step(position=None, done=progress.done, total=progress.total)
        return await self._keep(run, progress, result, report)

    async def _keep(self, run: TaskRun, progress: _Progress, result: bytes, report: bytes) -> Step:
        files = [("what-if.json", JSON, result), ("what-if.html", HTML, report)]
        for number, (_, kind, content) in enumerate(files, 1):
            await self._blobs.put(part_name(run.folder, number), content, content_type=kind)
        told = [msgspec.to_builtins(ResultFile(name, kind, 1, len(content))) for name, kind, content in files]
        return Step(
            position=None,
            done=progress.total or progress.done,
            total=progress.total,
            finished=True,
            result={"files": told},
            report=run.folder,
        )


def _imagine(statement: Statement, wanted: WhatIf, progress: _Progress) -> tuple[bytes, bytes]:
    """Raises TaskRefused, _Stopped."""
    plan = wanted.settings
    problems = problems_of(plan)
    if problems:
        raise TaskRefused(f"{problems[0].path}: {problems[0].message}")
    try:
        timeline = read_statement(statement.content, wanted.timezone, spread_points=plan.spread_points)
        result = what_if(timeline, plan, progress=progress.note)
    except (StatementError, HistoryEmpty, CurrencyUnknown, RatesMissing, ValueError) as refusal:
        raise TaskRefused(str(refusal)) from None
    return encode_result(result), report_html(result, statement.name).encode()
