"""One look at the leader's terminal: read until it is of one moment, compare, write down, and only then say so."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from kopitra_agent.account import Owner
from kopitra_agent.balances import balance_operation_of
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.terminal import Deal, PendingOrder, Position, Terminal, TerminalAccount
from kopitra_agent.ports.timing import Clock
from kopitra_agent.sensor.book import book_of
from kopitra_agent.sensor.buffer import given_up
from kopitra_agent.sensor.diff import Look, difference
from kopitra_agent.sensor.memory import SensorMemory, observed
from kopitra_agent.sensor.records import Adopted
from kopitra_agent.sensor.signals import Noticed, figures_of, held_signals

READS = 5
"""A leader that trades faster than five reads in a row is followed by its deals alone until it pauses."""

AWAY_SECONDS = 5.0
"""Looks follow each other within a second; after a longer pause this agent, or its machine, stood still."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class LeaderView(msgspec.Struct, frozen=True, kw_only=True):
    """The leader's book of one moment; `ordinal`: the last signal that it contains."""

    account: TerminalAccount
    positions: Sequence[Position]
    orders: Sequence[PendingOrder]
    stream_id: str
    ordinal: int


class Sensor:
    """`on_signals` is called when there is something new to send."""

    def __init__(
        self,
        terminal: Terminal,
        memory: SensorMemory,
        clock: Clock,
        ids: IdSource,
        owner: Owner,
        buffer_limit: int,
        *,
        tells_balances: bool,
        on_signals: Callable[[], None],
    ) -> None:
        self._terminal = terminal
        self._memory = memory
        self._clock = clock
        self._ids = ids
        self._owner = owner
        self._limit = buffer_limit
        self._tells_balances = tells_balances
        self._on_signals = on_signals
        self._turn = asyncio.Lock()
        self._looked_at: float | None = None
        """When the look before began, in seconds of the monotonic clock."""

    async def sweep(self) -> LeaderView | None:
        """Notice what changed; None while the terminal is not synchronised. Raises TerminalUnavailable."""
        async with self._turn:
            began = self._clock.monotonic()
            account, look = await self._look()
            self._owner.require(account)
            if not (account.connected and account.synchronised):
                return None
            if not self._memory.adopted:
                self._adopt(account, look)
            else:
                self._observe(account, look, await self._broker_time(look))
            self._looked_at = began
            if not look.consistent:
                return None
            state = self._memory.state
            return LeaderView(
                account=account,
                positions=look.positions,
                orders=look.orders,
                stream_id=state.stream_id,
                ordinal=state.ordinal,
            )

    async def _look(self) -> tuple[TerminalAccount, Look]:
        terminal = self._terminal
        since = self._memory.state.cursor
        if not self._memory.adopted:
            since = (await terminal.account()).ledger  # what came before is history
        deals: list[Deal] = []
        reads = 0
        while True:
            reads += 1
            deals += await terminal.deals(deals[-1].ordinal if deals else since)
            positions = await terminal.positions()
            orders = await terminal.orders()
            account = await terminal.account()
            consistent = account.ledger <= (deals[-1].ordinal if deals else since)
            if consistent or reads == READS:
                return account, Look(deals=deals, positions=positions, orders=orders, consistent=consistent)

    def _adopt(self, account: TerminalAccount, look: Look) -> None:
        if not look.consistent:
            return
        self._memory.record(
            Adopted(
                stream_id=self._ids.new(),
                cursor=account.ledger,
                book=book_of(look.positions, look.orders),
            )
        )
        log.info("sensor.adopted", positions=len(look.positions), orders=len(look.orders))

    async def _broker_time(self, look: Look) -> datetime | None:
        """What time it is at least by the broker's clock: asked for what may have happened long before this look."""
        if not look.deals or not self._was_away():
            return None
        quotes = await self._terminal.quotes(sorted({deal.symbol for deal in look.deals if deal.symbol}))
        told = [quote.at for quote in quotes if quote.at is not None]
        return max((*told, *(deal.executed_at for deal in look.deals)))

    def _was_away(self) -> bool:
        return self._looked_at is None or self._clock.monotonic() - self._looked_at > AWAY_SECONDS

    def _noticed(self, broker_at: datetime | None) -> Noticed:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        not_before = None
        if self._looked_at is not None:
            not_before = now - timedelta(seconds=monotonic - self._looked_at)
        return Noticed(at=now, monotonic=monotonic, not_before=not_before, broker_at=broker_at)

    def _observe(self, account: TerminalAccount, look: Look, broker_at: datetime | None) -> None:
        state = self._memory.state
        after, changes = difference(state.book, look)
        cursor = look.deals[-1].ordinal if look.deals else state.cursor
        balances = [d for d in look.deals if d.kind != "trade"] if self._tells_balances else []
        if not changes and cursor == state.cursor and after == state.book:
            return
        signals = held_signals(
            changes,
            figures_of(account),
            self._owner,
            state.stream_id,
            state.ordinal,
            self._noticed(broker_at),
        )
        dropped = given_up([*state.held.values(), *signals], self._limit)
        record = msgspec.structs.replace(
            observed(state.book, after, cursor),
            signals=signals,
            balances=[balance_operation_of(deal, self._owner) for deal in balances],
            dropped=dropped,
        )
        self._memory.record(record)
        if dropped:
            self._memory.on_trouble("signals_dropped", f"{len(dropped)} signals, ordinals from {dropped[0]}")
        if signals or balances:
            self._on_signals()
