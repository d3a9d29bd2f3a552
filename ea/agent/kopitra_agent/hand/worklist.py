"""Which command comes next: closes and cancels before modifications before opens, first in first out per copy.

A pure data structure. Each copy has a lane; one command of a lane runs at a time, lanes run side by side, and every
rank has its own places, so that no open can hold up another copy's close.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import IntEnum
from heapq import heappop, heappush

import msgspec

from kopitra.domain.identifiers import CommandId, EventId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra_agent.hand.records import Intent


class Rank(IntEnum):
    """Lower goes first."""

    REDUCE = 0
    MODIFY = 1
    OPEN = 2


RANK_OF = {
    OrderAction.OPEN: Rank.OPEN,
    OrderAction.MODIFY: Rank.MODIFY,
    OrderAction.PARTIAL_CLOSE: Rank.REDUCE,
    OrderAction.CLOSE: Rank.REDUCE,
    OrderAction.CANCEL: Rank.REDUCE,
    OrderAction.OFFSET: Rank.REDUCE,
}
ENDS_COPY = frozenset({OrderAction.CLOSE, OrderAction.CANCEL})
TRADES_NET = frozenset({OrderAction.OPEN, OrderAction.OFFSET})
"""What changes the one position that a netting account has in a symbol."""


class Work(msgspec.Struct, kw_only=True, eq=False):
    """A command in hand. `arrived` and `deadline` are seconds on the monotonic clock; `intent` is what an earlier life
    left unresolved; `told`: `received` was acknowledged; `unheard`: commands that had come to nothing when it arrived,
    and of which the core had not heard."""

    order: Order
    event_id: EventId
    sequence: int
    arrived: float
    deadline: float | None = None
    intent: Intent | None = None
    told: bool = False
    unheard: frozenset[CommandId] = frozenset()

    @property
    def lane(self) -> str:
        order = self.order
        if order.copy_id is not None:
            return order.copy_id
        return f"#{order.ticket}" if order.ticket is not None else order.command_id

    @property
    def rank(self) -> Rank:
        return RANK_OF[self.order.action]

    @property
    def ends_copy(self) -> bool:
        order = self.order
        return order.action in ENDS_COPY or (order.action is OrderAction.OFFSET and not order.target_volume)

    @property
    def net_change(self) -> Decimal:
        """Lots, long positive, by which it changes a net position when it is carried out."""
        order = self.order
        if order.action not in TRADES_NET or order.order_type is not OrderType.MARKET:
            return Decimal(0)
        return order.volume if order.side is Side.BUY else -order.volume


class Dropped(msgspec.Struct, frozen=True):
    """A command that need not run any more, and why."""

    work: Work
    status: AckStatus
    reason: str


class Worklist:
    """`places`: how many commands of each rank may run at once. `netting`: of what trades one symbol's net position
    one command runs at a time, offsets first, so that each knows the net it meets."""

    def __init__(self, places: Mapping[Rank, int], *, netting: bool = False) -> None:
        self._places = places
        self._netting = netting
        self._trading: set[str] = set()
        """Symbols whose net position a running command trades."""
        self._parked: dict[str, list[tuple[int, int, Work]]] = {}
        """Ready but for another trade in their symbol."""
        self._lanes: dict[str, deque[Work]] = {}
        self._running: dict[str, Work] = {}
        self._busy = dict.fromkeys(Rank, 0)
        self._ready: dict[Rank, list[tuple[int, int, Work]]] = {rank: [] for rank in Rank}
        self._pushed = 0
        self._commands: dict[CommandId, Work] = {}
        self.opens_held = False
        """While pages are still being fetched no open starts: a close of the same copy may be among them."""

    def __len__(self) -> int:
        return len(self._commands)

    def find(self, command: CommandId) -> Work | None:
        """The command, waiting or running."""
        return self._commands.get(command)

    def all(self) -> Iterator[Work]:
        return iter(self._commands.values())

    def running(self) -> Iterator[Work]:
        return iter(self._running.values())

    def add(self, work: Work) -> list[Dropped]:
        """Queue a command; what it makes needless is taken out and given back."""
        lane = self._lanes.setdefault(work.lane, deque())
        dropped: list[Dropped] = []
        if work.ends_copy:
            dropped += self._drop(lane, Rank.OPEN, "closed_before_open")
            dropped += self._drop(lane, Rank.MODIFY, "closed")
        elif work.order.action is OrderAction.MODIFY:
            dropped += self._drop(lane, Rank.MODIFY, "coalesced")
        lane.append(work)
        self._commands[work.order.command_id] = work
        self._offer(work.lane)
        return dropped

    def withdraw_opens(self) -> list[Work]:
        """Take out every open that has not started (what an earlier life sent is beyond withdrawal)."""
        waiting = [
            (name, work)
            for name, lane in self._lanes.items()
            for work in lane
            if work.rank is Rank.OPEN and work.intent is None
        ]
        for name, work in waiting:
            self._lanes[name].remove(work)
            del self._commands[work.order.command_id]
            self._offer(name)
        return [work for _, work in waiting]

    def undone_before(self, work: Work) -> Decimal:
        """Lots, long positive, by which what is in hand and came before this one will change the net of its symbol."""
        others = (
            other.net_change
            for other in self._commands.values()
            if other is not work
            and other.order.symbol == work.order.symbol
            and other.sequence < work.sequence
        )
        return sum(others, Decimal(0)) if self._netting else Decimal(0)

    def take(self) -> Work | None:
        """The next command to start, if one may; it must be given to `finish` in the end."""
        for rank in Rank:
            while self._busy[rank] < self._places[rank] and (work := self._pop(rank)) is not None:
                self._lanes[work.lane].popleft()
                self._running[work.lane] = work
                self._busy[rank] += 1
                if self._is_net_trade(work):
                    self._trading.add(work.order.symbol)
                return work
        return None

    def finish(self, work: Work) -> None:
        del self._running[work.lane]
        del self._commands[work.order.command_id]
        self._busy[work.rank] -= 1
        if self._is_net_trade(work):
            self._trading.discard(work.order.symbol)
            for entry in self._parked.pop(work.order.symbol, ()):
                heappush(self._ready[entry[2].rank], entry)
        if self._lanes[work.lane]:
            self._offer(work.lane)
        else:
            del self._lanes[work.lane]

    def _drop(self, lane: deque[Work], rank: Rank, reason: str) -> list[Dropped]:
        needless = [work for work in lane if work.rank is rank and work.intent is None]
        for work in needless:
            lane.remove(work)
            del self._commands[work.order.command_id]
        return [Dropped(work, AckStatus.SUPERSEDED, reason) for work in needless]

    def _offer(self, name: str) -> None:
        """Enter a lane's first command among those ready; entries that no longer hold are passed over by `_pop`."""
        lane = self._lanes.get(name)
        if lane is None or name in self._running:
            return
        if not lane:
            del self._lanes[name]
            return
        work = lane[0]
        self._pushed += 1
        heappush(self._ready[work.rank], (self._urgency(lane, work), self._pushed, work))

    def _urgency(self, lane: deque[Work], work: Work) -> int:
        """By sequence; a modification that keeps a close waiting goes as if it were the first."""
        blocked = any(waiting.rank is Rank.REDUCE for waiting in lane)
        return 0 if blocked and work.rank is Rank.MODIFY else work.sequence

    def _pop(self, rank: Rank) -> Work | None:
        if rank is Rank.OPEN and self.opens_held:
            return None
        ready = self._ready[rank]
        while ready:
            entry = heappop(ready)
            work = entry[2]
            lane = self._lanes.get(work.lane)
            if not lane or lane[0] is not work or work.lane in self._running:
                continue
            if not self._must_wait(work):
                return work
            self._parked.setdefault(work.order.symbol, []).append(entry)
        return None

    def _is_net_trade(self, work: Work) -> bool:
        return self._netting and work.order.action in TRADES_NET

    def _must_wait(self, work: Work) -> bool:
        """For another trade of the same net position; an offset also for what an earlier life left unresolved."""
        if not self._is_net_trade(work):
            return False
        if work.order.symbol in self._trading:
            return True
        return work.intent is None and any(
            other.intent is not None and self._is_net_trade(other) and other.order.symbol == work.order.symbol
            for other in self._commands.values()
        )
