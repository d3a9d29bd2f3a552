"""What the management side has to show once the trading is over: the kill switch while SQL is locked, and a history
that is exactly the journal's."""

from collections.abc import Sequence

import msgspec

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_cli.adapters.database_lock import database_locked
from kopitra_cli.adapters.history_rows import HistoryPlant, history_rows, spoil
from kopitra_cli.adapters.journal_tail import whole_journal
from kopitra_cli.demo.history_check import HistoryReport, check_history
from kopitra_cli.demo.history_facts import history_of
from kopitra_cli.demo.progress import Progress
from kopitra_cli.demo.stage import SHARD, Stage

IN_FORCE_SECONDS = 2.0
"""The longest that a change may take."""
HALTED_SECONDS = 1.0
"""The longest that a halt may take, whatever SQL does."""
HALT_WAIT_SECONDS = 30.0
HISTORY_WAIT_SECONDS = 150.0
"""What a management side that was killed had locked comes back to the queue after a minute."""
LOOK_SECONDS = 0.1


class ManagementReport(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from asking for each change, and for a halt with SQL locked, to its record in the journal. `timed`:
    whether they must be within their limits, which they need not be while parts are killed."""

    in_force: Sequence[float]
    halted: float
    history: HistoryReport
    timed: bool = True

    @property
    def complaints(self) -> tuple[str, ...]:
        told: list[str] = []
        slowest = max(self.in_force, default=0.0)
        if self.timed and slowest > IN_FORCE_SECONDS:
            told.append(f"a change was in force after {slowest:.1f} s, not {IN_FORCE_SECONDS:.0f}")
        if self.timed and self.halted > HALTED_SECONDS:
            told.append(f"the kill switch halted after {self.halted:.1f} s, not {HALTED_SECONDS:.0f}")
        return (*told, *self.history.complaints)


class Closing:
    def __init__(self, stage: Stage, progress: Progress, clock: Clock, sleeper: Sleeper) -> None:
        self._stage = stage
        self._progress = progress
        self._clock = clock
        self._sleeper = sleeper

    async def halt_and_resume(self) -> float:
        """Seconds from the operator's request to the halt in the journal, while nobody else can write into SQL;
        infinite for a halt that did not come. Raises OperatorRefused."""
        with database_locked(self._stage.database):
            halted = await self._switch("halt", "a drill")
        await self._switch("resume", "the drill is over")
        return halted

    async def history(self, plants: Sequence[HistoryPlant] = ()) -> HistoryReport:
        """Once SQL says that it has everything, or after a long wait, how it compares with the journal."""
        began = self._clock.monotonic()
        while not self._is_complete() and self._clock.monotonic() - began < HISTORY_WAIT_SECONDS:
            await self._sleeper.sleep(LOOK_SECONDS)
        behind = self._clock.monotonic() - began
        for plant in plants:
            spoil(self._stage.database, plant)
        with history_rows(self._stage.database, self._stage.blobs) as rows:
            journal, recorded = whole_journal(self._stage.journal, SHARD)
            report = check_history(history_of(journal, SHARD, recorded), rows)
        return msgspec.structs.replace(report, behind_seconds=behind)

    def _is_complete(self) -> bool:
        with history_rows(self._stage.database, self._stage.blobs) as rows:
            return rows.checkpoint() >= self._progress.record.published

    async def _switch(self, action: str, reason: str) -> float:
        began = self._clock.monotonic()
        body = {"action": action, "scope": "platform", "target": "", "reason": reason}
        await self._stage.operator.post("/kill-switch", body)
        halting = action == "halt"
        done = await self._progress.until(lambda: self._progress.record.halted is halting, HALT_WAIT_SECONDS)
        return self._clock.monotonic() - began if done else float("inf")
