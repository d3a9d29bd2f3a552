"""How one broker behaves: comments, tickets, spread, costs, hours, latency. Frozen configuration."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from kopitra.domain.orders import DealReason, MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.domain.symbols import SymbolSpec

COMMENT_CHARACTERS = 31
"""What MetaTrader keeps of an order's comment."""
MINUTES_PER_DAY = 1440
PENDING_LIMIT = 1000
"""Pending orders an account may hold; brokers set 100 to 1,000."""
STOP_MARKS = {
    DealReason.STOP_LOSS: "[sl]",
    DealReason.TAKE_PROFIT: "[tp]",
    DealReason.STOP_OUT: "[so]",
}


class CommentPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an order's comment: kept up to `limit` characters, dropped, or rewritten on some events."""

    keep: bool = True
    limit: int = COMMENT_CHARACTERS
    on_stop: Literal["keep", "append", "replace"] = "replace"
    """A deal that a stop made carries the position's comment, that comment with the mark added, or the mark alone."""
    remainder_from: bool = False
    """MT4: what a partial close leaves is commented `from #TICKET`, and its closed part `to #TICKET`."""

    def stored(self, comment: str) -> str:
        return comment[: self.limit] if self.keep else ""

    def of_stop(self, comment: str, reason: DealReason) -> str:
        mark = STOP_MARKS.get(reason)
        if mark is None or self.on_stop == "keep":
            return comment
        if self.on_stop == "replace":
            return mark
        return comment[: self.limit - len(mark)] + mark


class Session(msgspec.Struct, frozen=True):
    """One weekly window in which the market trades; minutes from midnight UTC, Monday is weekday 0."""

    weekday: int
    opens: int = 0
    closes: int = MINUTES_PER_DAY

    def holds(self, at: datetime) -> bool:
        return at.weekday() == self.weekday and self.opens <= at.hour * 60 + at.minute < self.closes


FOREX_WEEK = (
    Session(6, 22 * 60),
    *(Session(weekday) for weekday in range(4)),
    Session(4, 0, 22 * 60),
)
"""Sunday 22:00 to Friday 22:00 UTC."""


class BrokerProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One broker's ways. Costs in the account's currency per lot: a commission on every deal, a swap per night."""

    name: str = "plain"
    suffix: str = ""
    """A quote for EURUSD reaches the symbol `EURUSD` + suffix where the plain name is not listed."""
    spread_points: int | None = None
    """None: as quoted; otherwise ask = bid + so many points, whatever the feed says."""
    comments: CommentPolicy = CommentPolicy()
    new_ticket_at_partial_close: bool = False
    """MT4: the closed part keeps the ticket, the remainder gets a new one."""
    closes_keep_magic: bool = False
    """MT4: the magic number belongs to the position; MT5: to the request, so a close by hand carries 0."""
    commission_per_lot: Decimal = ZERO
    swap_long_per_lot: Decimal = ZERO
    swap_short_per_lot: Decimal = ZERO
    rollover_hour: int = 22
    triple_swap_weekday: int = 2
    stop_out_percent: Decimal | None = Decimal(50)
    """Margin level below which the broker closes positions, worst first; None: never."""
    sessions: tuple[Session, ...] = ()
    """Market hours; none: always open."""
    latency_ms: tuple[int, int] = (0, 0)
    """Drawn for each request, half on the way in and half on the way out; waited by the shell."""
    slippage_points: tuple[int, int] = (0, 0)
    """How much worse than the quote a market order is dealt, drawn for each deal."""
    sync_delay_ms: int = 0
    """How long a terminal is connected, with an empty book, before its history has loaded."""
    pending_limit: int = PENDING_LIMIT
    volume_limit: Decimal | None = None
    """Lots that positions and pending orders of one symbol and side may sum to."""
    fallback_rates: dict[str, Decimal] = {}
    """Currency → units of the account's currency, used where no quote converts it."""
    triggers: bool = True
    """False: nothing fires by itself (no stop, pending order, expiry or stop-out): a replayed history says it all."""


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the broker opened it."""

    login: int
    server: str = "Simulated-Server"
    currency: str = "USD"
    leverage: int = 100
    mode: MarginMode = MarginMode.HEDGING
    money_digits: int = 2
    first_ticket: int = 1_000_001
    first_deal: int = 500_001


MT5 = BrokerProfile(name="mt5", comments=CommentPolicy(on_stop="replace"))
MT4 = BrokerProfile(
    name="mt4",
    comments=CommentPolicy(on_stop="append", remainder_from=True),
    new_ticket_at_partial_close=True,
    closes_keep_magic=True,
)
COMMENTS_DROPPED = BrokerProfile(name="comments-dropped", comments=CommentPolicy(keep=False))
COMMENTS_CUT = BrokerProfile(name="comments-cut", comments=CommentPolicy(limit=8))

PROFILES = {profile.name: profile for profile in (BrokerProfile(), MT5, MT4, COMMENTS_DROPPED, COMMENTS_CUT)}
"""By name, for settings files."""


def with_suffix(specs: tuple[SymbolSpec, ...], suffix: str) -> tuple[SymbolSpec, ...]:
    """The same symbols as a broker lists them that appends a suffix."""
    return tuple(msgspec.structs.replace(spec, symbol=spec.symbol + suffix) for spec in specs)
