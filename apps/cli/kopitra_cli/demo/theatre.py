"""What is played for `kopitra demo`: one run and its verdict; with chaos, a second one in which copies may expire."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console

from kopitra.simulation.timeline import Timeline
from kopitra_cli.adapters.history_rows import HistoryPlant
from kopitra_cli.demo.invariants import check_invariants
from kopitra_cli.demo.planting import Plant
from kopitra_cli.demo.report import show_invariants, show_verdict
from kopitra_cli.demo.run import Chaotic, DemoRun, Outcome, RunPlan
from kopitra_cli.demo.verdict import judge
from kopitra_cli.demo.view import View, view_on

WAIT_SECONDS = 15.0
"""Nothing takes so long without chaos; what does is noted, and shows in the verdict."""
CHAOS_WAIT_SECONDS = 60.0
"""A command whose agent died may wait for its terminal, its counterparty and a redriven close."""
EXPIRING_TTL_SECONDS = 2
EXPIRING_WAIT_SECONDS = 6.0
"""Longer than an open can live: when the leader goes on, it was executed or is expired for good."""
EXPIRING_EVENTS = 400
"""The second run is about kills, not about length."""

EXIT_PASSED, EXIT_FAILED = 0, 1


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """`seed` None: drawn. `play_seconds`: the leader stops after so long, in each run."""

    chaos: bool = False
    seed: int | None = None
    play_seconds: float | None = None
    plants: tuple[Plant, ...] = ()
    history_plants: tuple[HistoryPlant, ...] = ()
    keep: bool = False


class Folders(Protocol):
    def new(self) -> Path:
        """An empty folder."""
        ...

    def done(self, folder: Path, *, keep: bool) -> None: ...


Stage = Callable[[Timeline, RunPlan, Path, View], DemoRun]


class Theatre:
    """`direct` makes a run; `seed` is what chaos without a seed of its own gets."""

    def __init__(self, console: Console, folders: Folders, direct: Stage, seed: int) -> None:
        self._console = console
        self._folders = folders
        self._direct = direct
        self._seed = seed

    async def give(self, timeline: Timeline, programme: Programme) -> int:
        """The exit code. Raises what made a run impossible; the folder is then kept and named."""
        self._announce(timeline)
        seed = programme.seed if programme.seed is not None else self._seed
        if not programme.chaos:
            plan = RunPlan(
                wait_seconds=WAIT_SECONDS,
                plants=programme.plants,
                history_plants=programme.history_plants,
                play_seconds=programme.play_seconds,
            )
            return self._exit_code(await self._judged(timeline, plan, programme))
        self._say(f"Chaos seed {seed}")
        calm = RunPlan(
            wait_seconds=CHAOS_WAIT_SECONDS,
            chaos=Chaotic(seed=seed, pausing=True),
            plants=programme.plants,
            history_plants=programme.history_plants,
            play_seconds=programme.play_seconds,
        )
        passed = await self._judged(timeline, calm, programme)
        self._say(f"Second run: the leader never waits, copies expire after {EXPIRING_TTL_SECONDS} s")
        wild = RunPlan(
            wait_seconds=EXPIRING_WAIT_SECONDS,
            chaos=Chaotic(seed=seed + 1, pausing=False),
            open_ttl_seconds=EXPIRING_TTL_SECONDS,
            play_seconds=programme.play_seconds,
        )
        short = msgspec.structs.replace(timeline, events=timeline.events[:EXPIRING_EVENTS])
        holds = await self._played(
            short,
            wild,
            programme,
            lambda outcome: show_invariants(self._console, outcome, check_invariants(outcome.evidence)),
        )
        return self._exit_code(passed and holds)

    async def _judged(self, timeline: Timeline, plan: RunPlan, programme: Programme) -> bool:
        def look(outcome: Outcome) -> bool:
            verdict = judge(outcome.evidence)
            also = (*verdict.complaints, *outcome.management.complaints)
            verdict = msgspec.structs.replace(verdict, complaints=also)
            show_verdict(self._console, outcome, verdict)
            return verdict.passed

        return await self._played(timeline, plan, programme, look)

    async def _played(
        self, timeline: Timeline, plan: RunPlan, programme: Programme, look: Callable[[Outcome], bool]
    ) -> bool:
        folder = self._folders.new()
        passed = False
        try:
            run = self._direct(timeline, plan, folder, view_on(self._console))
            passed = look(await run.run())
        finally:
            keep = programme.keep or not passed
            if keep:
                self._say(f"Everything that was written is in {folder}")
            self._folders.done(folder, keep=keep)
        return passed

    def _announce(self, timeline: Timeline) -> None:
        events = timeline.events
        period = f"{events[0].at:%Y-%m-%d} to {events[-1].at:%Y-%m-%d}" if events else "nothing"
        self._say(f"{timeline.source}: {len(events)} events of the leader, {period}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    @staticmethod
    def _exit_code(passed: bool) -> int:
        return EXIT_PASSED if passed else EXIT_FAILED
