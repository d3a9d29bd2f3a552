"""Kills parts of the platform at random, again and again, and starts them anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec

from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra.simulation.draws import SeededDraws
from kopitra_cli.demo.progress import Progress

EVENTS_A_KILL = 90
"""On average; a run that is too short for it still gets every kind of kill once."""
MOST_KILLS = 24
"""A restart takes a second or two: more would make a long history a long wait."""
FIRST_EVENT = 10
AFTER_MS = (0, 60)
"""How long after an event a part dies: in the middle of what the event set off."""
DOWN_MS = (0, 400)
BACK_SECONDS = 45.0
"""A part that is not back by then will not come back."""


class PartKind(StrEnum):
    COUNTERPARTY = "counterparty"
    AGENT = "agent"
    TERMINAL = "terminal"
    FUNCTIONS = "management side"


SERVICES = frozenset({PartKind.COUNTERPARTY, PartKind.FUNCTIONS})
"""Of which there is one for all accounts."""


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """`at_event`: once the leader has played so many events, and `after_ms` later."""

    kind: PartKind
    account: AccountId | None
    at_event: int
    after_ms: int
    down_ms: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.account}" if self.account is not None else str(self.kind)


def kill_plan(seed: int, events: int, accounts: Sequence[AccountId]) -> list[Kill]:
    """Every kind of part comes up equally often, the accounts and the moments at random; the same for a seed."""
    draws = SeededDraws(seed, "chaos")
    count = min(MOST_KILLS, max(len(PartKind), events // EVENTS_A_KILL))
    kinds = [list(PartKind)[number % len(PartKind)] for number in range(count)]
    first = min(FIRST_EVENT, events // 2)
    moments = sorted(draws.between(first, max(first, events - 1)) for _ in range(count))
    return [
        Kill(
            kind=(kind := kinds.pop(draws.below(len(kinds)))),
            account=None if kind in SERVICES else accounts[draws.below(len(accounts))],
            at_event=moment,
            after_ms=draws.between(*AFTER_MS),
            down_ms=draws.between(*DOWN_MS),
        )
        for moment in moments
    ]


class Gate:
    """Holds the leader back while it is shut. Several may hold it shut at once."""

    def __init__(self) -> None:
        self._held = 0
        self._open = asyncio.Event()
        self._open.set()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    async def passed(self) -> None:
        await self._open.wait()

    def hold(self) -> None:
        self._held += 1
        self._open.clear()

    def let_go(self) -> None:
        self._held -= 1
        if not self._held:
            self._open.set()


class Chaos:
    """`strike` kills the part, waits `down_ms`, starts it, and returns when it can be used again."""

    def __init__(
        self,
        plan: Sequence[Kill],
        progress: Progress,
        played: Callable[[], int],
        gate: Gate | None,
        strike: Callable[[Kill], Awaitable[None]],
        sleeper: Sleeper,
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._played = played
        self._gate = gate
        self._strike = strike
        self._sleeper = sleeper
        self.kills: list[Kill] = []
        self._striking = asyncio.Lock()
        self._is_over = False

    async def rage(self) -> None:
        """Until every planned kill is done, or it is over."""
        for kill in self._plan:
            await self._until(kill.at_event)
            await self._sleeper.sleep(kill.after_ms / 1000)
            async with self._striking:
                if self._is_over:
                    return
                await self._blow(kill)

    async def end(self) -> None:
        """Nothing is killed any more, and what was killed is back."""
        self._is_over = True
        async with self._striking:
            return

    async def _blow(self, kill: Kill) -> None:
        self.kills.append(kill)
        if self._gate is not None:
            self._gate.hold()
        try:
            await self._strike(kill)
        finally:
            if self._gate is not None:
                self._gate.let_go()

    async def _until(self, event: int) -> None:
        while self._played() < event:
            await self._progress.until(lambda: self._played() >= event, BACK_SECONDS)
