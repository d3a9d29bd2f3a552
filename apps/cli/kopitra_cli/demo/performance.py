"""Plays the leader's timeline at its broker, by hand, as fast as the followers can keep up.

A position's next event waits until the one before has been carried out everywhere, and a symbol's market does not move
while anything in it is on its way: so what each follower must do is exactly known. Symbols do not wait for each other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.simulation.broker.records import DealKind, TradeResult
from kopitra.simulation.leader_hand import Tickets, exactly, reason_of
from kopitra.simulation.timeline import Action, Timeline, TimelineEvent
from kopitra_cli.demo.cast import Cast
from kopitra_cli.demo.leader_story import NO_CHANGES, key_of, order_ref, position_ref
from kopitra_cli.demo.market import Market
from kopitra_cli.demo.patience import Patience
from kopitra_cli.demo.progress import Progress

AHEAD = 16
"""How many events may be begun before an earlier one, of a symbol that is still busy, has had its turn."""
CASH_KINDS = {"deposit": DealKind.DEPOSIT, "withdrawal": DealKind.WITHDRAWAL, "credit": DealKind.CREDIT}


class Lane(msgspec.Struct):
    """One position of the leader on its way through the platform; `told`: its events that the platform will hear of."""

    ref: PositionRef
    told: int = 0


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """`before_each` may hold the next event back (a part of the platform is down); once `is_over`, no more are begun.
    `note` hears of waits that were given up after `wait_seconds`, and of what the leader's broker refused."""

    wait_seconds: float
    before_each: Callable[[], Awaitable[None]]
    is_over: Callable[[], bool]
    note: Callable[[str], None]


class Performance:
    """One playing of a timeline."""

    def __init__(
        self,
        timeline: Timeline,
        cast: Cast,
        market: Market,
        progress: Progress,
        patience: Patience,
        conduct: Conduct,
    ) -> None:
        self._timeline = timeline
        self._cast = cast
        self._market = market
        self._progress = progress
        self._patience = patience
        self._conduct = conduct
        self._tickets = Tickets()
        self._lanes: dict[str, Lane] = {}
        self._busy: defaultdict[str, set[str]] = defaultdict(set)
        self._room = asyncio.Semaphore(AHEAD)
        self.done = 0
        """Events of the timeline that were played."""
        self.label: datetime | None = None
        """The statement's own time of the latest of them."""
        self.begun: set[int] = set()
        """Indexes of the events that were to be played before it was over."""

    async def play(self, begin: int, end: int) -> None:
        """The timeline's events from `begin` up to `end`: in order within each symbol, and nearly so across them."""
        async with asyncio.TaskGroup() as group:
            queues: dict[str, asyncio.Queue[int | None]] = {}
            for index in range(begin, end):
                if self._conduct.is_over():
                    break
                self.begun.add(index)
                event = self._timeline.events[index]
                if event.action is Action.BALANCE:
                    await self._move_money(index, event)
                    continue
                queue = queues.get(event.symbol)
                if queue is None:
                    queue = queues[event.symbol] = asyncio.Queue()
                    group.create_task(self._play_symbol(queue))
                await self._room.acquire()
                queue.put_nowait(index)
            for queue in queues.values():
                queue.put_nowait(None)

    async def _play_symbol(self, queue: "asyncio.Queue[int | None]") -> None:
        while (index := await queue.get()) is not None:
            await self._conduct.before_each()
            await self._perform(index, self._timeline.events[index])
            self._room.release()
            self._count(self._timeline.events[index])

    async def settled(self) -> None:
        """Until everything that was played is carried out everywhere."""
        for symbol in list(self._busy):
            await self._symbol_is_quiet(symbol)

    async def _perform(self, index: int, event: TimelineEvent) -> None:
        if event.position_ref in self._busy[event.symbol]:
            await self._quiet(lambda: self._is_through(event.position_ref), f"position {event.position_ref}")
        if self._market.moves(event.quote):
            await self._symbol_is_quiet(event.symbol)
            assert event.quote is not None
            await self._market.show(event.quote)
        if event.action is not Action.QUOTE:
            await self._trade(index, event)

    async def _trade(self, index: int, event: TimelineEvent) -> None:
        request, key = self._tickets.request_for(event), key_of(index)
        result = await self._patience.with_terminal(
            self._cast.leader.account,
            lambda broker: broker.by_hand(request, reason=reason_of(event), exact=exactly(event), key=key),
        )
        if result.done:
            self._tickets.note(event, result)
            self._note(event, result)
        elif result.retcode != NO_CHANGES:
            what = f"{event.action.value} of {event.position_ref}"
            self._conduct.note(f"the leader's broker refused the {what}: {result.retcode} {result.message}")

    def _note(self, event: TimelineEvent, result: TradeResult) -> None:
        lane = self._lanes.get(event.position_ref)
        if lane is None:
            lane = self._lanes[event.position_ref] = Lane(self._name_of(result))
        lane.told += 1
        self._busy[event.symbol].add(event.position_ref)

    def _name_of(self, result: TradeResult) -> PositionRef:
        leader = self._cast.leader
        if result.position_id is not None:
            return position_ref(leader, result.position_id)
        assert result.order_ticket is not None
        return order_ref(leader, result.order_ticket)

    def _is_through(self, name: str) -> bool:
        lane, record = self._lanes[name], self._progress.record
        return record.events_of(lane.ref) >= lane.told and not record.outstanding(lane.ref)

    async def _symbol_is_quiet(self, symbol: str) -> None:
        busy = self._busy[symbol]

        def quiet() -> bool:
            busy.difference_update([name for name in busy if self._is_through(name)])
            return not busy and not self._market.untold(symbol)

        await self._quiet(quiet, symbol)
        busy.clear()

    async def _quiet(self, answer: Callable[[], bool], what: str) -> None:
        if not await self._progress.until(answer, self._conduct.wait_seconds):
            self._conduct.note(f"waited {self._conduct.wait_seconds:.0f} s in vain for {what}")

    async def _move_money(self, index: int, event: TimelineEvent) -> None:
        assert event.amount is not None, "a balance operation has an amount"
        assert event.cash is not None, "and a kind"
        kind, amount, key = CASH_KINDS[event.cash], event.amount, key_of(index)
        await self._conduct.before_each()
        await self._patience.with_terminal(
            self._cast.leader.account, lambda broker: broker.move_money(kind, amount, key=key)
        )
        self._count(event)

    def _count(self, event: TimelineEvent) -> None:
        self.done += 1
        self.label = max(self.label or event.at, event.at)
