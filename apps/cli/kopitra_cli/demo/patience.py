"""Calls to a broker whose terminal may be down for a moment: asked again until it answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_terminal.control import BrokerControl

T = TypeVar("T")
PAUSE_SECONDS = 0.05
DOWN_SECONDS = 60.0
"""A terminal that is killed comes back within a few seconds."""


class Patience:
    def __init__(self, brokers: Mapping[AccountId, BrokerControl], clock: Clock, sleeper: Sleeper) -> None:
        self._brokers = brokers
        self._clock = clock
        self._sleeper = sleeper

    async def with_terminal(self, account: AccountId, call: Callable[[BrokerControl], Awaitable[T]]) -> T:
        """The call must be harmless when done twice. Raises TerminalUnavailable where the terminal stays away."""
        ends = self._clock.monotonic() + DOWN_SECONDS
        while True:
            try:
                return await call(self._brokers[account])
            except TerminalUnavailable:
                if self._clock.monotonic() > ends:
                    raise
                await self._sleeper.sleep(PAUSE_SECONDS)
