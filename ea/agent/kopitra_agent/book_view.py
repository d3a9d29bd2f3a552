"""The book of one moment, for the position snapshot: the sensor's where the agent leads, else the terminal's."""

from kopitra_agent.account import Owner
from kopitra_agent.hand.desk import Desk
from kopitra_agent.inbound import Inbound
from kopitra_agent.ports.terminal import Terminal
from kopitra_agent.ports.timing import Clock
from kopitra_agent.sensor.memory import SensorMemory
from kopitra_agent.sensor.sweep import Sensor
from kopitra_agent.telemetry.positions import BookView

READS = 3
"""Positions and orders are of one moment when no deal came between; a busy account is told a second later."""
SIGNALS_FIRST_SECONDS = 5.0
"""A leader's snapshot follows the signals that it contains; it does not wait for ever for refused ones."""


class FollowerBook:
    """A follower's book, with what of its outbox it contains."""

    def __init__(self, terminal: Terminal, owner: Owner, inbound: Inbound, desk: Desk) -> None:
        self._terminal = terminal
        self._owner = owner
        self._inbound = inbound
        self._desk = desk

    async def view(self) -> BookView | None:
        for _ in range(READS):
            applied = self._inbound.applied_through()  # read first: what is applied by now is in what follows
            executing = self._desk.executing()
            before = await self._terminal.account()
            self._owner.require(before)
            positions = await self._terminal.positions()
            orders = await self._terminal.orders()
            after = await self._terminal.account()
            if before.ledger == after.ledger and before.synchronised == after.synchronised:
                return BookView(
                    account=after,
                    positions=positions,
                    orders=orders,
                    applied_through=applied,
                    executing=sorted({*executing, *self._desk.executing()}),
                )
        return None


class LeaderBook:
    """A leader's book as the sensor saw it; where the agent also follows, with the hand's figures too."""

    def __init__(
        self, sensor: Sensor, memory: SensorMemory, clock: Clock, inbound: Inbound, desk: Desk | None
    ) -> None:
        self._sensor = sensor
        self._memory = memory
        self._clock = clock
        self._inbound = inbound
        self._desk = desk
        self._waiting_since: float | None = None

    async def view(self) -> BookView | None:
        applied = self._inbound.applied_through()
        executing = self._desk.executing() if self._desk is not None else []
        seen = await self._sensor.sweep()
        if seen is None or self._must_wait():
            return None
        still = self._desk.executing() if self._desk is not None else []
        return BookView(
            account=seen.account,
            positions=seen.positions,
            orders=seen.orders,
            stream_id=seen.stream_id,
            ordinal=seen.ordinal,
            applied_through=applied,
            executing=sorted({*executing, *still}),
        )

    def _must_wait(self) -> bool:
        now = self._clock.monotonic()
        if not self._memory.state.held:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < SIGNALS_FIRST_SECONDS
