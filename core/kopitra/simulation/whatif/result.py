"""What a what-if run found, as values that become JSON as they are.

The schema is `kopitra.what-if` in version 1: fields may be added to it, a change of what one means makes version 2.
Decimals are written as text, so that nothing is rounded on the way; times are RFC 3339 in UTC. Money is in the
account's own currency, volumes in lots, percentages in percent (12.5 means 12.5 %), slippage in points, positive where
it cost.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO

SCHEMA = "kopitra.what-if"
VERSION = 1


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class CurvePart(_Part, frozen=True, kw_only=True):
    """Columns of equal length. `growth`: of the account without deposits and withdrawals, in percent; `drawdown`: below
    the highest growth so far, in percent, the deepest since the point before."""

    at: tuple[datetime, ...]
    balance: tuple[Decimal, ...]
    equity: tuple[Decimal, ...]
    growth: tuple[Decimal, ...]
    drawdown: tuple[Decimal, ...]


class DrawdownPart(_Part, frozen=True, kw_only=True):
    """`longest_days`: the longest time below a peak; `recovered_at` null: not before the end."""

    percent: Decimal
    money: Decimal
    peak_at: datetime | None
    trough_at: datetime | None
    recovered_at: datetime | None
    longest_days: Decimal


class MonthPart(_Part, frozen=True, kw_only=True):
    month: str
    """ "2019-04" """
    percent: Decimal
    profit: Decimal


class TradesPart(_Part, frozen=True, kw_only=True):
    """Positions that were closed whole, by what they made with all costs; on a netting account whenever a symbol's one
    position was flat or turned."""

    closed: int
    won: int
    lost: int
    gross_profit: Decimal
    gross_loss: Decimal
    profit_factor: Decimal | None
    best: Decimal
    worst: Decimal
    volume: Decimal
    commission: Decimal
    swap: Decimal


class SymbolPart(_Part, frozen=True, kw_only=True):
    """`symbol` is the account's own name of it; `volume` what was opened."""

    symbol: str
    opened: int
    closed: int
    won: int
    volume: Decimal
    profit: Decimal
    commission: Decimal
    swap: Decimal
    net: Decimal
    slippage_points: Decimal | None
    slippage_cost: Decimal


class SlippageBin(_Part, frozen=True, kw_only=True):
    """Fills whose slippage was within (above, upto] points; null: no bound on that side."""

    above: Decimal | None
    upto: Decimal | None
    fills: int


class SlippagePart(_Part, frozen=True, kw_only=True):
    """Of market fills that a leader's event asked for, against the leader's own price: spread, latency and the broker's
    slipping together."""

    fills: int = 0
    mean: Decimal = ZERO
    median: Decimal = ZERO
    p95: Decimal = ZERO
    worst: Decimal = ZERO
    cost: Decimal = ZERO
    bins: tuple[SlippageBin, ...] = ()


class ReasonPart(_Part, frozen=True, kw_only=True):
    """`trades`: new trades of the leader that were not copied; `events`: later events of trades that were not."""

    reason: str
    trades: int
    events: int
    example: str


class RefusalPart(_Part, frozen=True, kw_only=True):
    """Commands that the follower's side answered with anything but success."""

    status: str
    reason: str
    action: str
    count: int


class HitPart(_Part, frozen=True, kw_only=True):
    """A guard was hit: `measured` (a fall, or what was left above a floor) against `limit`, both in `currency`.
    `scope`: whose guard it was; `lifted_at` null: it stood to the end."""

    at: datetime
    guard: str
    scope: str
    action: str
    measured: Decimal
    limit: Decimal
    currency: str
    lifted_at: datetime | None = None


class LimitPart(_Part, frozen=True, kw_only=True):
    """How much of a limit was used over time: 100 is the limit itself. `closest` is the most that was used."""

    name: str
    limit: Decimal
    unit: str
    closest: Decimal
    closest_at: datetime | None
    at: tuple[datetime, ...]
    used: tuple[Decimal, ...]


class AccountPart(_Part, frozen=True, kw_only=True):
    name: str
    currency: str
    paid_in: Decimal
    """Deposits less withdrawals."""
    balance: Decimal
    equity: Decimal
    profit: Decimal
    growth: Decimal
    drawdown: DrawdownPart
    trades: TradesPart
    symbols: tuple[SymbolPart, ...]
    months: tuple[MonthPart, ...]
    curve: CurvePart
    open_positions: int
    stopped_out: int


class FollowerPart(AccountPart, frozen=True, kw_only=True):
    sizing: str
    copied: int
    """New trades of the leader that became an order."""
    skipped: int
    slippage: SlippagePart
    skips: tuple[ReasonPart, ...]
    refusals: tuple[RefusalPart, ...]
    guard_hits: tuple[HitPart, ...]
    limits: tuple[LimitPart, ...]


class QuotesPart(_Part, frozen=True, kw_only=True):
    """A file of real quotes, how many of them were used, and how many passed over for a bid above the ask."""

    file: str
    used: int
    crossed: int


class HistoryPart(_Part, frozen=True, kw_only=True):
    source: str
    begin: datetime
    end: datetime
    events: int
    trades: int
    """New trades of the leader, orders included."""


class WhatIfResult(_Part, frozen=True, kw_only=True):
    schema: str = SCHEMA
    version: int = VERSION
    history: HistoryPart
    latency_ms: int
    spread_points: int
    quotes: tuple[QuotesPart, ...]
    notes: tuple[str, ...]
    leader: AccountPart
    followers: tuple[FollowerPart, ...]


def encode_result(result: WhatIfResult) -> bytes:
    """The same result always gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"
