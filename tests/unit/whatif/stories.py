"""Leaders' histories of a few lines, and plans to follow them, for tests that know what must come of both."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.machine.events import Recorded
from kopitra.simulation.timeline import Action, CashKind, LeaderAccount, Reason, Timeline, TimelineEvent
from kopitra.simulation.whatif.hand import Told
from kopitra.simulation.whatif.plan import FollowerPlan, WhatIfPlan
from kopitra.simulation.whatif.result import FollowerPart, WhatIfResult
from kopitra.simulation.whatif.run import what_if
from kopitra.simulation.whatif.ticks import TickFile

D = Decimal
MONDAY = datetime(2024, 3, 4, 8, 0, tzinfo=UTC)
LOT = 100_000


class Story:
    """Writes a leader's timeline; each line is `minutes` after Monday morning. Quotes have no spread of their own."""

    def __init__(self, deposit: str = "10000", currency: str | None = "USD") -> None:
        self.currency = currency
        self.events: list[TimelineEvent] = []
        self._open: dict[str, TimelineEvent] = {}
        self._left: dict[str, Decimal] = {}
        self._ticket = 100
        if D(deposit):
            self.cash(0, deposit)

    def cash(self, minutes: float, amount: str, kind: CashKind = "deposit") -> "Story":
        return self._add(minutes, Action.BALANCE, amount=D(amount), cash=kind)

    def quote(self, minutes: float, bid: str, ask: str | None = None, symbol: str = "EURUSD") -> "Story":
        return self._add(minutes, Action.QUOTE, symbol=symbol, quote=self._quote(symbol, bid, ask, minutes))

    def open(
        self,
        minutes: float,
        ref: str,
        price: str,
        volume: str = "1",
        side: Side = Side.BUY,
        symbol: str = "EURUSD",
        **more: Any,
    ) -> "Story":
        fields: dict[str, Any] = {
            "position_ref": ref,
            "symbol": symbol,
            "side": side,
            "volume": D(volume),
            "volume_before": ZERO,
            "volume_after": D(volume),
            "price": D(price),
            "quote": self._quote(symbol, price, None, minutes),
        }
        self._add(minutes, Action.OPEN, **(fields | more))
        self._open[ref], self._left[ref] = self.events[-1], D(volume)
        return self

    def place(self, minutes: float, ref: str, price: str, market: str, **more: Any) -> "Story":
        fields: dict[str, Any] = {
            "position_ref": ref,
            "symbol": "EURUSD",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "volume": D(1),
            "price": D(price),
            "quote": self._quote("EURUSD", market, None, minutes),
        }
        self._add(minutes, Action.PENDING_PLACED, **(fields | more))
        self._open[ref], self._left[ref] = self.events[-1], D(1)
        return self

    def close(
        self, minutes: float, ref: str, price: str, volume: str | None = None, reason: Reason = Reason.CLIENT
    ) -> "Story":
        """Profit is that of a currency pair with the account's currency behind it."""
        opened, left = self._open[ref], self._left[ref]
        closed = left if volume is None else D(volume)
        assert opened.price is not None
        moved = (D(price) - opened.price) * (1 if opened.side is Side.BUY else -1)
        self._left[ref] = left - closed
        return self._add(
            minutes,
            Action.CLOSE if closed == left else Action.PARTIAL_CLOSE,
            position_ref=ref,
            symbol=opened.symbol,
            side=opened.side,
            volume=closed,
            volume_before=left,
            volume_after=left - closed,
            price=D(price),
            profit=(moved * closed * LOT).quantize(D("0.01")),
            commission=ZERO,
            swap=ZERO,
            reason=reason,
            quote=self._quote(opened.symbol, price, None, minutes),
        )

    def modify(self, minutes: float, ref: str, market: str, **stops: Decimal) -> "Story":
        opened = self._open[ref]
        return self._add(
            minutes,
            Action.MODIFY,
            position_ref=ref,
            symbol=opened.symbol,
            side=opened.side,
            volume=self._left[ref],
            volume_after=self._left[ref],
            quote=self._quote(opened.symbol, market, None, minutes),
            **stops,
        )

    def timeline(self) -> Timeline:
        return Timeline(
            source="test",
            account=LeaderAccount(currency=self.currency, leverage=100),
            events=tuple(self.events),
        )

    def _quote(self, symbol: str, bid: str, ask: str | None, minutes: float) -> Quote:
        return Quote(symbol, D(bid), D(ask or bid), at(minutes))

    def _add(self, minutes: float, action: Action, **fields: Any) -> "Story":
        self._ticket += 1
        self.events.append(TimelineEvent(at=at(minutes), action=action, ticket=self._ticket, **fields))
        return self


def at(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def rules(**changes: Any) -> CopyRules:
    fields: dict[str, Any] = {"sizing": SameVolume()}
    return CopyRules(**(fields | changes))


def follower(copied: CopyRules | None = None, **changes: Any) -> FollowerPlan:
    fields: dict[str, Any] = {"currency": "USD", "deposit": D(10_000), "rules": layer_of(copied or rules())}
    return FollowerPlan(**(fields | changes))


def plan(one: FollowerPlan | None = None, /, **common: Any) -> WhatIfPlan:
    """One follower called `me`, at once, without latency, unless said otherwise."""
    fields: dict[str, Any] = {"followers": {"me": one or follower()}, "latency_ms": 0, "spread_points": 0}
    return WhatIfPlan(**(fields | common))


class Seen:
    """Everything that a run tells a witness."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.deals: list[tuple[str, Told]] = []

    def recorded(self, recorded: Recorded) -> None:
        self.events.append(recorded)

    def dealt(self, follower: str, told: Told) -> None:
        self.deals.append((follower, told))

    def prices(self, follower: str = "me") -> list[Decimal]:
        return [told.deal.price for name, told in self.deals if name == follower]

    def volumes(self, follower: str = "me") -> list[Decimal]:
        return [told.deal.volume for name, told in self.deals if name == follower]


def lived(story: Story, wanted: WhatIfPlan | None = None, *ticks: TickFile) -> tuple[FollowerPart, Seen]:
    """The only follower's part of the result, and what was seen on the way."""
    seen = Seen()
    files = {"all": ticks} if ticks else {}
    result = what_if(story.timeline(), wanted or plan(), files, witness=seen)
    return result.followers[0], seen


def result_of(story: Story, wanted: WhatIfPlan, **files: Sequence[TickFile]) -> WhatIfResult:
    return what_if(story.timeline(), wanted, files)


def tick_file(text: str, name: str = "eurusd.csv") -> TickFile:
    return TickFile(name=name, open=lambda: BytesIO(text.encode()))


def ticks_of(*rows: tuple[float, str, str], name: str = "eurusd.csv") -> TickFile:
    """Rows of (minutes after Monday morning, bid, ask)."""
    lines = [f"{at(minutes).isoformat()},{bid},{ask}" for minutes, bid, ask in rows]
    return tick_file("\n".join(["time,bid,ask", *lines]), name)
