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
Extra = Callable[[], Awaitable[None]]


class Development:
    """`more` are processes that are not reloaded; `begin` starts them once the services are there."""

    def __init__(
        self,
        services: Services,
        log: MergedLog,
        sleeper: Sleeper,
        *,
        more: Sequence[ChildProcess] = (),
        begin: Extra | None = None,
    ) -> None:
        self._services = services
        self._log = log
        self._sleeper = sleeper
        self._more = more
        self._begin = begin

    def say(self, sentence: str) -> None:
        self._log.say(DEV, sentence)

    async def run(self, changes: Changes) -> None:
        """Until cancelled: reload whenever code changes. Nothing that was started is left when this returns."""
        processes = [*self._services.all, *self._more]
        tails = [LogTail(process.log, self._teller(process.name)) for process in processes]
        following = [asyncio.ensure_future(tail.follow()) for tail in tails]
        following += [asyncio.ensure_future(self._mourn(process)) for process in processes]
        try:
            await self._start()
            async for changed in changes:
                self.say(f"{', '.join(changed)} changed")
                await self._services.stop()
                await self._start()
        finally:
            await asyncio.gather(*(process.stop() for process in self._more))
            await self._services.stop()
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            for tail in tails:
                tail.look()

    async def _start(self) -> None:
        """A service that does not start is told, and tried again when code changes."""
        try:
            await self._services.start()
        except StartFailed as failure:
            self.say(f"{failure}\nwaiting for a change")
            return
        self.say(f"ready: counterparty {self._services.counterparty_url}")
        self.say(f"ready: functions {self._services.functions_url}")
        begin, self._begin = self._begin, None
        if begin is not None:
            await begin()

    def _teller(self, name: str) -> Callable[[str], None]:
        return lambda line: self._log.say(name, line)

    async def _mourn(self, process: ChildProcess) -> None:
        """Tell of every end that nobody asked for."""
        told: int | None = None
        while True:
            if process.failed is not None and process.failed != told:
                self.say(f"{process.name} ended with {process.failed}; waiting for a change")
            told = process.failed
            await self._sleeper.sleep(LOOK_SECONDS)
