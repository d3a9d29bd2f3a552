"""From becoming the shard's writer to ceasing to be: recover, serve, rebuild after trouble, step down.

The fence keeper says what this instance may do; the tenure makes engine, delivery and snapshots follow.
"""

import asyncio

import structlog

from kopitra.application.delivery import Delivery
from kopitra.application.engine import Engine
from kopitra.application.fence_keeper import FenceKeeper, Standing
from kopitra.application.group_commit import Appending, GroupCommitter, Spawn
from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.ports.journal import AppendUnclear, Fence, FenceLost, JournalError
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.application.recovery import JournalBehind, Recovery
from kopitra.application.snapshotting import Snapshotting
from kopitra.application.submission import Phase, Unavailable
from kopitra.application.ticking import Ticking
from kopitra.machine.commands import Tick
from kopitra.machine.leases import readings_after_recovery
from kopitra.machine.readings import Readings
from kopitra.machine.replay import ReplayFailed
from kopitra.machine.state import State

PULSE_SECONDS = 0.25
"""How late a parked poll may end."""
PULSES_PER_TICK = 2
"""Expiry, re-driven closes and lapsed leases are noticed twice a second; they are configured in seconds."""
PAUSE_AFTER_TROUBLE_SECONDS = 1.0
"""Between a failed commit and the next attempt to serve: a full disk stays full for longer than that."""

log = structlog.get_logger("kopitra.tenure")

Fatal = JournalBehind | ReplayFailed


class Tenure:
    """`run` until `stop`. `fatal` ends with what forbids starting: only an operator can go on from there."""

    def __init__(
        self,
        *,
        journal: Appending,
        engine: Engine,
        delivery: Delivery,
        recovery: Recovery,
        snapshotting: Snapshotting,
        clock: Clock,
        sleeper: Sleeper,
        spawn: Spawn,
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._delivery = delivery
        self._recovery = recovery
        self._snapshotting = snapshotting
        self._clock = clock
        self._sleeper = sleeper
        self._spawn = spawn
        self._keeper: FenceKeeper | None = None
        self._ticking = Ticking()
        self._epoch = 0
        self._stopping = False
        self.committer: GroupCommitter | None = None
        self.fatal: asyncio.Future[Fatal] = asyncio.get_running_loop().create_future()

    @property
    def epoch(self) -> int:
        """Of the last term that began; 0 before the first."""
        return self._epoch

    async def run(self, keeper: FenceKeeper) -> None:
        """Returns after `stop`."""
        self._keeper = keeper
        self._spawn(self._beat())
        await keeper.run()

    async def stop(self) -> None:
        """Answer what is in flight, keep a snapshot, and let a standby take over."""
        self._stopping = True
        self._delivery.close()
        serving = self._engine.phase is Phase.SERVING
        self._engine.end(Phase.STOPPING)
        if self.committer is not None:
            await self.committer.settle()
        if serving:
            await self._snapshotting.take()
        if self._keeper is not None:
            await self._keeper.stop()

    def standing_changed(self, standing: Standing, fence: Fence | None) -> None:
        """The fence keeper's word."""
        log.info("standing", standing=str(standing), epoch=fence.epoch if fence is not None else None)
        if self._stopping:
            return
        if standing is Standing.STANDBY:
            self._engine.end(Phase.STANDBY)
        if standing is not Standing.HOLDING:
            self._delivery.release()
        elif fence is not None and fence.epoch != self._epoch:
            self._epoch = fence.epoch
            self._engine.end(Phase.RECOVERING)
            self._spawn(self._term(fence))

    async def _term(self, fence: Fence) -> None:
        """Recover and serve for as long as this fence is ours."""
        committer = GroupCommitter(
            self._journal, fence, spawn=self._spawn, on_failure=self._engine.commit_failed
        )
        fresh = True
        while self._is_current(fence):
            state = await self._recovered()
            if state is None:
                return
            if not self._is_current(fence):
                return
            self._serve(state, committer, fresh)
            fresh = False
            await self._until_trouble(committer)

    def _serve(self, state: State, committer: GroupCommitter, fresh: bool) -> None:
        readings: Readings | None = None
        known = self._engine.readings
        known.take_back()
        if fresh:
            readings = readings_after_recovery(state, self._clock.now())
            readings.figures, readings.quotes, readings.rates = known.figures, known.quotes, known.rates
            readings.looks = known.looks
            self._delivery.restart()
        self.committer = committer
        self._engine.begin(state, committer, readings)
        self._snapshotting.start_from(state.sequence)
        log.info("serving", sequence=state.sequence, epoch=self._epoch)

    async def _recovered(self) -> State | None:
        """None once nothing can be recovered any more: stopping, or fatally wrong."""
        while not self._stopping:
            try:
                return await self._recovery.run()
            except (JournalBehind, ReplayFailed) as error:
                log.critical("start_refused", error=str(error))
                if not self.fatal.done():
                    self.fatal.set_result(error)
                return None
            except (JournalError, BlobsUnavailable) as error:
                log.warning("recovery_failed", error=str(error))
                await self._sleeper.sleep(PAUSE_AFTER_TROUBLE_SECONDS)
        return None

    async def _until_trouble(self, committer: GroupCommitter) -> None:
        """Return when the state has to be rebuilt and nothing is in flight any more."""
        assert self._engine.trouble is not None
        cause = await self._engine.trouble
        self._delivery.release()
        await committer.settle()
        if isinstance(cause, FenceLost | AppendUnclear):
            assert self._keeper is not None
            self._keeper.give_up(cause)
        elif cause is not None:
            await self._sleeper.sleep(PAUSE_AFTER_TROUBLE_SECONDS)

    def _is_current(self, fence: Fence) -> bool:
        standing = self._keeper.standing if self._keeper is not None else Standing.STANDBY
        return not self._stopping and self._epoch == fence.epoch and standing is not Standing.STANDBY

    async def _beat(self) -> None:
        """One task for everything that time alone brings about."""
        pulses = 0
        while not self._stopping:
            await self._sleeper.sleep(PULSE_SECONDS)
            pulses += 1
            try:
                await self._pulse(pulses)
            except Exception:
                # A defect of one pulse must not end them all: leases and expiries hang on them.
                log.exception("pulse_defect")

    async def _pulse(self, number: int) -> None:
        self._delivery.sweep()
        if number % PULSES_PER_TICK == 0:
            await self._tick()
        if self._engine.phase is Phase.SERVING and self._snapshotting.due:
            await self._snapshotting.take()

    async def _tick(self) -> None:
        try:
            self._engine.require_serving()
            engine = self._engine
            if self._ticking.due(engine.state, engine.readings, self._clock.now()):
                await engine.submit((Tick(),))
        except Unavailable:
            return  # whoever serves next ticks again
