"""One run of the demonstration: set the stage, play the leader's history, gather the evidence, leave nothing behind."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra.domain.quotes import Quote
from kopitra.simulation.timeline import Timeline
from kopitra_cli.adapters.history_rows import HistoryPlant
from kopitra_cli.adapters.journal_tail import JournalTail
from kopitra_cli.adapters.middleman import Middleman
from kopitra_cli.demo.cast import cast_for
from kopitra_cli.demo.chaos import Chaos, Gate, kill_plan
from kopitra_cli.demo.closing import Closing, ManagementReport
from kopitra_cli.demo.configuring import Configuring
from kopitra_cli.demo.glance import glance_at
from kopitra_cli.demo.market import Market
from kopitra_cli.demo.patience import Patience
from kopitra_cli.demo.performance import Conduct, Performance
from kopitra_cli.demo.planting import Plant, Tampering
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.progress import Progress
from kopitra_cli.demo.repairs import Repairs
from kopitra_cli.demo.stage import SHARD, Stage
from kopitra_cli.demo.verdict import Evidence
from kopitra_cli.demo.view import View

READY_SECONDS = 90.0
"""For fourteen processes to start and to get to know each other on two loaded cores."""
DRAW_SECONDS = 0.25
SETTLE_SECONDS = 30.0
"""For what is on its way at the end; what takes longer shows as a difference."""
NEVER = datetime.max.replace(tzinfo=UTC)


class DemoFailed(Exception):
    """The demonstration could not be played to its end; nothing is judged."""


class Chaotic(msgspec.Struct, frozen=True, kw_only=True):
    """`pausing`: the leader waits while a part is down, so that nothing expires."""

    seed: int
    pausing: bool


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`wait_seconds`: how long the leader's next action on a position waits for the one before. `open_ttl_seconds`: the
    subscriptions' own, None for the default. `play_seconds`: the leader stops after so long. `plants`: one
    for each of the first followers; `history_plants`: for SQL, before it is compared."""

    wait_seconds: float
    chaos: Chaotic | None = None
    plants: tuple[Plant, ...] = ()
    history_plants: tuple[HistoryPlant, ...] = ()
    open_ttl_seconds: int | None = None
    play_seconds: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`notes`: what went on that is no part of the evidence (waits in vain, restarts, plants)."""

    evidence: Evidence
    management: ManagementReport
    kills: tuple[str, ...]
    notes: tuple[str, ...]
    set_up_seconds: float
    play_seconds: float


class DemoRun:
    """`folder` must be empty; whoever made it removes it."""

    def __init__(
        self,
        timeline: Timeline,
        plan: RunPlan,
        folder: Path,
        view: View,
        clock: Clock,
        sleeper: Sleeper,
        ids: IdSource,
    ) -> None:
        self._timeline = timeline
        self._plan = plan
        self._view = view
        self._clock = clock
        self._sleeper = sleeper
        self._cast = cast_for(timeline)
        self._record = PlatformRecord()
        self._progress = Progress(self._record, clock)
        self._stage = Stage(folder, self._cast, clock, sleeper, ids)
        self._configuring = Configuring(self._stage.operator, self._progress, clock)
        self._closing = Closing(self._stage, self._progress, clock, sleeper)
        patience = Patience(self._stage.brokers, clock, sleeper)
        self._market = Market(self._cast, self._record, patience)
        self._gate = Gate()
        self._notes: list[str] = []
        self._performance = Performance(
            timeline,
            self._cast,
            self._market,
            self._progress,
            patience,
            Conduct(
                wait_seconds=plan.wait_seconds,
                before_each=self._gate.passed,
                is_over=self._is_over,
                note=self._note,
            ),
        )
        self._repairs = Repairs(self._stage, self._progress, clock, sleeper, self._note)
        self._chaos = self._planned_chaos()
        self._joined = {f.account: NEVER for f in self._cast.followers if f.joins_late}
        self._phase = "setting up"
        self._play_ends = float("inf")

    async def run(self) -> Outcome:
        """Raises DemoFailed, StartFailed and what else went wrong. Whatever happens, no process is left."""
        try:
            async with asyncio.TaskGroup() as group:
                return await self._run(group)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        except BaseException:
            await self._stage.kill()
            raise
        finally:
            self._view.end()
            await self._stage.stop()

    async def _run(self, group: asyncio.TaskGroup) -> Outcome:
        began = self._clock.monotonic()
        async with self._beside(group, self._draw()), self._liars():
            await self._stage.start()
            tail = JournalTail(self._stage.journal, SHARD)
            async with self._beside(group, self._progress.follow(tail)):
                await self._get_ready()
                ready = self._clock.monotonic()
                self._view.say(f"Ready after {ready - began:.1f} s, {self._changes()}")
                await self._play(group)
                played = self._clock.monotonic() - ready
                evidence = self._evidence()  # before a halt takes pending orders back
                management = await self._close()
            return Outcome(
                evidence=evidence,
                management=management,
                kills=tuple(str(kill) for kill in self._kills()),
                notes=tuple(self._notes),
                set_up_seconds=ready - began,
                play_seconds=played,
            )

    async def _get_ready(self) -> None:
        self._stage.codes = await self._configuring.enter_everybody(self._cast, self._plan.open_ttl_seconds)
        await self._market.show(*self._first_quotes())
        await self._stage.start_agents()
        accounts = {account.account for account in self._cast.accounts}
        await self._expect(lambda: accounts <= self._record.catalogues, "every agent's catalogue")
        if not await self._repairs.everybody_told(READY_SECONDS):
            raise DemoFailed("not every agent told its balance and quotes")

    async def _play(self, group: asyncio.TaskGroup) -> None:
        self._phase = "playing"
        if self._plan.play_seconds is not None:
            self._play_ends = self._clock.monotonic() + self._plan.play_seconds
        rage = [self._chaos.rage()] if self._chaos is not None else []
        async with self._beside(group, self._repairs.mind(), *rage):
            middle = self._middle()
            await self._performance.play(0, middle)
            await self._performance.settled()
            await self._join(middle)
            await self._performance.play(middle, len(self._timeline.events))
            self._phase = "settling"
            await self._performance.settled()
            if self._chaos is not None:
                await self._chaos.end()
            await self._progress.until(lambda: not self._record.on_its_way(), SETTLE_SECONDS)

    async def _close(self) -> ManagementReport:
        self._phase = "stopping by the kill switch"
        halted = await self._closing.halt_and_resume()
        self._view.say(f"Kill switch: halted after {halted:.2f} s while SQL was locked, then resumed")
        self._phase = "waiting for SQL"
        await self._stage.stop_agents()
        history = await self._closing.history(self._plan.history_plants)
        self._view.say(f"SQL had all of the history {history.behind_seconds:.1f} s after the end")
        return ManagementReport(
            in_force=tuple(self._configuring.took),
            halted=halted,
            history=history,
            timed=self._chaos is None,
        )

    def _changes(self) -> str:
        took = self._configuring.took
        return f"{len(took)} changes by the management side, each in force within {max(took):.2f} s"

    async def _join(self, index: int) -> None:
        late = [follower for follower in self._cast.followers if follower.joins_late]
        if self._is_over():
            return
        await self._gate.passed()
        await self._configuring.subscribe(late, self._plan.open_ttl_seconds)
        at = self._timeline.events[index].at
        self._joined = {follower.account: at for follower in late}
        joined = f"{', '.join(self._joined)} joins at {at:%Y-%m-%d %H:%M:%S} of the history"
        self._view.say(f"{joined}, in force after {self._configuring.took[-1]:.2f} s")

    def _middle(self) -> int:
        """Half the timeline, where its time moves: a follower joins between two moments, never within one."""
        events = self._timeline.events
        middle = len(events) // 2
        while 0 < middle < len(events) - 1 and events[middle].at == events[middle - 1].at:
            middle += 1
        return middle

    def _first_quotes(self) -> list[Quote]:
        first: dict[str, Quote] = {}
        for event in self._timeline.events:
            if event.quote is not None:
                first.setdefault(event.symbol, event.quote)
        conversion = self._cast.conversion
        return [*first.values(), *([conversion.quote] if conversion and conversion.quote else [])]

    def _evidence(self) -> Evidence:
        return Evidence(
            timeline=self._timeline,
            cast=self._cast,
            stories={account.account: self._stage.story(account.account) for account in self._cast.accounts},
            record=self._record,
            joined_at=self._joined,
            begun=frozenset(self._performance.begun),
        )

    def _planned_chaos(self) -> Chaos | None:
        chaotic = self._plan.chaos
        if chaotic is None:
            return None
        accounts: list[AccountId] = [account.account for account in self._cast.accounts]
        return Chaos(
            kill_plan(chaotic.seed, len(self._timeline.events), accounts),
            self._progress,
            lambda: self._performance.done,
            self._gate if chaotic.pausing else None,
            self._repairs.strike,
            self._sleeper,
        )

    def _kills(self) -> list[Any]:
        return self._chaos.kills if self._chaos is not None else []

    def _note(self, what: str) -> None:
        self._notes.append(what)
        self._view.say(f"note: {what}")

    def _is_over(self) -> bool:
        return self._clock.monotonic() > self._play_ends

    async def _expect(self, answer: Callable[[], bool], what: str) -> None:
        if not await self._progress.until(answer, READY_SECONDS):
            raise DemoFailed(f"{what} did not come within {READY_SECONDS:.0f} s")

    async def _draw(self) -> None:
        while True:
            self._view.update(
                glance_at(
                    self._cast,
                    self._record,
                    phase=self._phase,
                    played=self._performance.done,
                    events=len(self._timeline.events),
                    label=self._performance.label,
                    incidents=self._notes,
                    kills=[str(kill) for kill in self._kills()],
                )
            )
            await self._sleeper.sleep(DRAW_SECONDS)

    @asynccontextmanager
    async def _liars(self) -> AsyncGenerator[None]:
        """Someone between a follower's agent and its terminal for each fault that is planted."""
        async with AsyncExitStack() as stack:
            for follower, plant in zip(self._cast.followers, self._plan.plants, strict=False):
                await self._place_liar(stack, follower.account, plant)
            yield

    async def _place_liar(self, stack: AsyncExitStack, account: AccountId, plant: Plant) -> None:
        tampering = Tampering(plant, lambda what: self._note(f"planted at {account}: {what}"))
        middleman = Middleman(lambda: self._stage.terminals[account].said, tampering)
        self._stage.through[account] = await middleman.start()
        stack.push_async_callback(middleman.stop)

    @asynccontextmanager
    async def _beside(
        self, group: asyncio.TaskGroup, *works: Coroutine[Any, Any, None]
    ) -> AsyncGenerator[None]:
        """Something that goes on meanwhile; if it fails, everything does."""
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
