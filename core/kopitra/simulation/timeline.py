"""A leader's history as an ordered list of events that a simulated terminal can replay, whatever file it came
from.

Order of events (decision 0020): by time; at one time quotes first, then balance operations, then closes, then
modifications, then opens, and within each of these by ticket. What happens to one position stays in causal
order all the same: a position opened and closed within one second opens before it closes.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from heapq import heapify, heappop, heappush
from itertools import groupby
from typing import Literal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote

CashKind = Literal["deposit", "withdrawal", "credit"]


class Action(StrEnum):
    QUOTE = "quote"
    """The market moved; nothing else happened."""
    BALANCE = "balance"
    CLOSE = "close"
    PARTIAL_CLOSE = "partial_close"
    PENDING_CANCELLED = "pending_cancelled"
    MODIFY = "modify"
    PENDING_MODIFIED = "pending_modified"
    OPEN = "open"
    PENDING_PLACED = "pending_placed"
    PENDING_FILLED = "pending_filled"


class Reason(StrEnum):
    """Who or what ended a position or an order."""

    CLIENT = "client"
    EXPERT = "expert"
    STOP_LOSS = "sl"
    TAKE_PROFIT = "tp"
    STOP_OUT = "stopout"
    CLOSE_BY = "close_by"
    EXPIRED = "expired"
    BROKER = "broker"


RANK = {
    Action.QUOTE: 0,
    Action.BALANCE: 1,
    Action.CLOSE: 2,
    Action.PARTIAL_CLOSE: 2,
    Action.PENDING_CANCELLED: 2,
    Action.MODIFY: 3,
    Action.PENDING_MODIFIED: 3,
    Action.OPEN: 4,
    Action.PENDING_PLACED: 4,
    Action.PENDING_FILLED: 4,
}
"""What goes first among events of one time."""


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened on the leader's account, with the market it happened in. Volumes in lots, `at`
    aware UTC.

    `volume` is the event's own: opened, closed, or ordered. `stop_loss` and `take_profit` are what is in
    force after the event. Money is in the account's currency; commission includes taxes.
    """

    at: datetime
    action: Action
    ticket: int = 0
    """The broker's ticket that the event met; MT4 gives what a partial close leaves a new one."""
    position_ref: str = ""
    """The same for the whole life of a position or order: its first ticket. Empty on quotes and balance
    operations."""
    symbol: str = ""
    side: Side | None = None
    """The position's or order's side, also on closes."""
    order_type: OrderType = OrderType.MARKET
    volume: Decimal | None = None
    volume_before: Decimal | None = None
    volume_after: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    reason: Reason | None = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    swap: Decimal | None = None
    amount: Decimal | None = None
    """Of a balance operation; negative when money leaves."""
    cash: CashKind | None = None
    remainder_ticket: int | None = None
    """The ticket of what a partial close left, where it is a new one."""
    magic: int = 0
    comment: str = ""
    quote: Quote | None = None
    """Bid and ask of the symbol when it happened: to be set before the event is replayed."""


class LeaderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the source says about the account; None where it says nothing."""

    currency: str | None
    leverage: int | None = None
    opening_balance: Decimal = ZERO
    """Money on the account before the first event: what a statement of a period does not list as a deposit."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    """What it was made from, e.g. "mt4_statement"."""
    account: LeaderAccount
    events: tuple[TimelineEvent, ...]
    notes: tuple[str, ...] = ()
    """What a reader should know about how the source was read."""

    def symbols(self) -> tuple[str, ...]:
        """Every symbol that has an event, in alphabetical order."""
        return tuple(sorted({event.symbol for event in self.events if event.symbol}))


def in_order(events: Iterable[TimelineEvent]) -> tuple[TimelineEvent, ...]:
    """The events in the timeline's order. Those of one position must be given in causal order where their
    times are equal."""
    by_time = sorted(events, key=lambda event: event.at)
    return tuple(
        event for _, moment in groupby(by_time, key=lambda event: event.at) for event in _moment(list(moment))
    )


def _moment(events: list[TimelineEvent]) -> Iterator[TimelineEvent]:
    """Events of one time: whichever first event of a position ranks lowest goes next."""
    waiting: defaultdict[str, deque[TimelineEvent]] = defaultdict(deque)
    for event in events:
        waiting[event.position_ref or f"{event.action} {event.symbol}"].append(event)
    heads = [(RANK[queue[0].action], queue[0].ticket, lane) for lane, queue in waiting.items()]
    heapify(heads)
    while heads:
        lane = heappop(heads)[2]
        yield waiting[lane].popleft()
        if queue := waiting[lane]:
            heappush(heads, (RANK[queue[0].action], queue[0].ticket, lane))
