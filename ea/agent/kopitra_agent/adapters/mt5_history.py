"""What a MetaTrader 5 terminal knows of the past: the ledger, read again and again, and finished orders; and when its
present can be believed.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from kopitra_agent.adapters import mt5_records as records
from kopitra_agent.ports.terminal import Deal, PendingOrder
from kopitra_agent.ports.timing import Clock

OVERLAP = timedelta(days=1)
"""How far back a refresh reads again: deals that a server wrote late, and a clock that was put back."""
AHEAD = timedelta(days=2)
"""A server's wall clock may be ahead of ours by its zone, and a day for good measure."""
FIRST_DEAL = datetime(2000, 1, 1, tzinfo=UTC)
"""Before MetaTrader 5 existed."""


class Mt5History:
    """Deals by ascending ticket. `told` turns the package's None into TerminalUnavailable."""

    def __init__(self, api: Any, told: Callable[[Any], Any], zone: tzinfo, clock: Clock) -> None:
        self._api = api
        self._told = told
        self._zone = zone
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Read everything anew next time: the terminal may be another one."""
        self._deals: list[Deal] = []
        self._known: set[int] = set()
        self._read_to = FIRST_DEAL

    def deals(self) -> Sequence[Deal]:
        """The whole ledger, up to date."""
        horizon = self._horizon()
        rows = self._told(self._api.history_deals_get(self._read_to - OVERLAP, horizon))
        fresh = [records.deal_of(row, self._zone) for row in rows if row.ticket not in self._known]
        if fresh:
            self._known.update(deal.ordinal for deal in fresh)
            self._deals = sorted([*self._deals, *fresh], key=lambda deal: deal.ordinal)
        self._read_to = horizon - AHEAD
        return self._deals

    def deals_after(self, ordinal: int) -> Sequence[Deal]:
        deals = self.deals()
        return deals[bisect_right(deals, ordinal, key=lambda deal: deal.ordinal) :]

    def finished_orders(self, magic: int) -> Sequence[PendingOrder]:
        rows = self._told(self._api.history_orders_get(FIRST_DEAL, self._horizon()))
        return [
            records.order_of(row, self._zone, records.ORDER_ENDS[row.state])
            for row in rows
            if row.magic == magic and row.type in records.ORDER_TYPES and row.state in records.ORDER_ENDS
        ]

    def _horizon(self) -> datetime:
        return self._clock.now() + AHEAD


class Settling:
    """Has the book stood still for long enough since the terminal connected?"""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        self._settled = False
        self._counts: object = None
        self._since = 0.0

    def observe(self, connected: bool, counts: object, now: float) -> bool:
        if not connected:
            self.restart()
        elif not self._settled:
            if counts != self._counts:
                self._counts, self._since = counts, now
            self._settled = now - self._since >= self._seconds
        return self._settled
