"""`kopitra dev` from its start to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from kopitra.application.ports.timing import Sleeper
from kopitra_cli.adapters.log_tail import LogTail
from kopitra_cli.adapters.processes import ChildProcess, StartFailed
from kopitra_cli.dev.merged_log import MergedLog
from kopitra_cli.dev.services import Services

DEV = "dev"
"""What this command itself says is told as by a service of that name."""
LOOK_SECONDS = 0.5

Changes = AsyncIterator[Sequence[str]]
Company = Callable[[], Awaitable[None]]


class Development:
    """`company`, where there is one, runs from the first time that the services are ready."""

    def __init__(self, services: Services, log: MergedLog, sleeper: Sleeper) -> None:
        self.company: Company | None = None
        self._services = services
        self._log = log
        self._sleeper = sleeper
        self._others: list[ChildProcess] = []
        self._tails: list[LogTail] = []
        self._watching: list[asyncio.Task[None]] = []

    def say(self, sentence: str) -> None:
        self._log.say(DEV, sentence)

    def follow(self, process: ChildProcess) -> None:
        """Tell what it logs, and end it with everything else."""
        self._others.append(process)
        self._watch(process)

    async def run(self, changes: Changes) -> None:
        """Until cancelled: reload the services whenever code changes. Nothing that was started is left afterwards."""
        for process in self._services.all:
            self._watch(process)
        noticed: asyncio.Queue[str] = asyncio.Queue()
        self._watching.append(asyncio.ensure_future(_notice(changes, noticed)))
        try:
            await self._start()
            while True:
                changed = {await noticed.get()}
                while not noticed.empty():
                    changed.add(noticed.get_nowait())
                self.say(f"{', '.join(sorted(changed))} changed")
                await self._services.stop()
                await self._start()
        finally:
            await self._end()

    async def _start(self) -> None:
        """A service that does not start is told, and tried again when code changes."""
        try:
            await self._services.start()
        except StartFailed as failure:
            self.say(f"{failure}\nwaiting for a change")
            return
        self.say(f"ready: counterparty {self._services.counterparty_url}")
        self.say(f"ready: functions {self._services.functions_url}")
        company, self.company = self.company, None
        if company is not None:
            self._watching.append(asyncio.ensure_future(self._told(company)))

    async def _told(self, company: Company) -> None:
        try:
            await company()
        except Exception as error:  # noqa: BLE001  # whatever it is, the services go on
            self.say(f"the terminals ended: {error}")

    async def _end(self) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for process in reversed(self._others):
            await process.stop()
        await self._services.stop()
        for tail in self._tails:
            tail.look()

    def _watch(self, process: ChildProcess) -> None:
        tail = LogTail(process.log, lambda line: self._log.say(process.name, line))
        self._tails.append(tail)
        self._watching.append(asyncio.ensure_future(tail.follow()))
        self._watching.append(asyncio.ensure_future(self._mourn(process)))

    async def _mourn(self, process: ChildProcess) -> None:
        """Tell of every end that nobody asked for."""
        told: int | None = None
        while True:
            if process.failed is not None and process.failed != told:
                self.say(f"{process.name} ended with {process.failed}")
            told = process.failed
            await self._sleeper.sleep(LOOK_SECONDS)


async def _notice(changes: Changes, noticed: asyncio.Queue[str]) -> None:
    """From the beginning: what changes while services start must not be missed."""
    async for names in changes:
        for name in names:
            noticed.put_nowait(name)
