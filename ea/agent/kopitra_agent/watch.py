"""Waits for the terminal to change and has everybody look; now and then they look though nothing was announced."""

from collections.abc import Awaitable, Callable, Sequence

from kopitra_agent.ports.terminal import Terminal, TerminalUnavailable
from kopitra_agent.ports.timing import Clock, Sleeper

LOOK_SECONDS = 5.0
"""Heals a missed announcement."""
AWAY_SECONDS = 0.5
LEAST_TURN_SECONDS = 0.005
"""A terminal that announces without pause is looked at two hundred times a second, not more."""


class TerminalWatch:
    """`looks` are awaited in order after every change; one that finds no terminal is tried again."""

    def __init__(
        self,
        terminal: Terminal,
        clock: Clock,
        sleeper: Sleeper,
        looks: Sequence[Callable[[], Awaitable[object]]],
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._sleeper = sleeper
        self._looks = looks

    async def run(self) -> None:
        while True:
            began = self._clock.monotonic()
            try:
                for look in self._looks:
                    await look()
                await self._terminal.changed(LOOK_SECONDS)
            except TerminalUnavailable:
                await self._sleeper.sleep(AWAY_SECONDS)
            if self._clock.monotonic() - began < LEAST_TURN_SECONDS:
                await self._sleeper.sleep(LEAST_TURN_SECONDS)
