"""Starts what was killed, and what ended by itself, and says when it can be used again."""

from collections.abc import Callable

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra_cli.adapters.processes import ChildProcess
from kopitra_cli.demo.chaos import BACK_SECONDS, Kill, PartKind
from kopitra_cli.demo.progress import Progress
from kopitra_cli.demo.stage import Stage

LOOK_SECONDS = 0.1
MILLISECONDS = 1000


class Repairs:
    """`note` hears of every repair that took no chaos."""

    def __init__(
        self, stage: Stage, progress: Progress, clock: Clock, sleeper: Sleeper, note: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._progress = progress
        self._clock = clock
        self._sleeper = sleeper
        self._note = note

    async def strike(self, kill: Kill) -> None:
        """Kill a part and start it again. Raises StartFailed."""
        process = self._process(kill)
        sessions = self._progress.record.sessions
        known = sessions[kill.account] if kill.account is not None else 0
        await process.kill()
        await self._sleeper.sleep(kill.down_ms / MILLISECONDS)
        await process.start()
        match kill.kind:
            case PartKind.COUNTERPARTY:
                back = await self.everybody_told(BACK_SECONDS)
            case PartKind.AGENT:
                account = kill.account
                assert account is not None
                back = await self._progress.until(lambda: sessions[account] > known, BACK_SECONDS)
            case PartKind.TERMINAL | PartKind.FUNCTIONS:
                back = True
        if not back:
            self._note(f"{kill} was not back after {BACK_SECONDS:.0f} s")

    def _process(self, kill: Kill) -> ChildProcess:
        if kill.account is not None:
            group = self._stage.agents if kill.kind is PartKind.AGENT else self._stage.terminals
            return group[kill.account]
        return self._stage.functions if kill.kind is PartKind.FUNCTIONS else self._stage.counterparty

    async def mind(self) -> None:
        """Restart whatever ends though nobody killed it, as a service manager does. Never returns."""
        while True:
            await self._sleeper.sleep(LOOK_SECONDS)
            for process in self._stage.processes:
                code = process.failed
                if code is not None:
                    self._note(f"{process.name} ended with {code} and was started again")
                    await process.start()

    async def everybody_told(self, seconds: float) -> bool:
        """Until every agent has told its balance and its quotes to the counterparty that serves now."""
        ends = self._clock.monotonic() + seconds
        wanted = {account.account for account in self._stage.cast.accounts}
        while wanted - await self._told():
            if self._clock.monotonic() > ends:
                return False
            await self._sleeper.sleep(LOOK_SECONDS)
        return True

    async def _told(self) -> set[AccountId]:
        return {
            AccountId(session.account)
            for session in await self._stage.operator.sessions()
            if session.balance_at is not None and session.quotes_at is not None
        }
