"""What looks wrong in what was told lately: named rules over the recent past, a pure function each.

The past is what this process has seen (`recent.py`): two instances each see a part, and a restart forgets. A rule
speaks when its threshold is reached, and not again while it stays so.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median_low
from typing import Literal

import msgspec

from kopitra_functions.timers.findings import Finding

ORDERS_IN_WINDOW = 30
ORDER_WINDOW = timedelta(minutes=1)
"""A busy scalper opens ten times a minute; three times as much is a loop, or somebody else."""
REFUSALS_IN_WINDOW = 5
REFUSAL_WINDOW = timedelta(minutes=10)
"""One refused order is the market's; five are the account's: no money, no rights, a wrong symbol."""
SLIPPAGE_FACTOR = 5
SLIPPAGE_DEALS = 10
"""Fewer of a symbol say nothing about what is usual."""
SLIPPAGE_FLOOR = Decimal("0.0005")
"""Of the price: less is not worth a word, however calm the market was."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of one account: an order, a refusal, or a deal's slippage (price units, positive: worse)."""

    at: datetime
    account: str
    kind: Literal["order", "refusal", "slippage"]
    message_id: str
    symbol: str | None = None
    slippage: Decimal | None = None
    price: Decimal | None = None


Rule = Callable[[Sequence[Seen], Seen], str | None]
"""Given what came before (oldest first) and what came now: what is wrong, or None."""


def order_rate_burst(recent: Sequence[Seen], now: Seen) -> str | None:
    number = _within(recent, now, "order", ORDER_WINDOW)
    if number != ORDERS_IN_WINDOW:
        return None
    return f"{number} orders within {ORDER_WINDOW.seconds} seconds"


def repeated_refusals(recent: Sequence[Seen], now: Seen) -> str | None:
    number = _within(recent, now, "refusal", REFUSAL_WINDOW)
    if number != REFUSALS_IN_WINDOW:
        return None
    return f"{number} orders refused within {REFUSAL_WINDOW.seconds // 60} minutes"


def slippage_outlier(recent: Sequence[Seen], now: Seen) -> str | None:
    if now.kind != "slippage" or not now.slippage or not now.price:
        return None
    usual = [abs(s.slippage) for s in recent if s.symbol == now.symbol and s.slippage is not None]
    if len(usual) < SLIPPAGE_DEALS or now.slippage < SLIPPAGE_FLOOR * now.price:
        return None
    middle = median_low(usual)
    if now.slippage < SLIPPAGE_FACTOR * middle:
        return None
    return f"filled {now.slippage} worse than asked in {now.symbol}, where {middle} is usual"


def _within(recent: Sequence[Seen], now: Seen, kind: str, window: timedelta) -> int:
    """With the one that came now; 0 where it is of another kind."""
    if now.kind != kind:
        return 0
    since = now.at - window
    return 1 + sum(s.kind == kind and s.account == now.account and since < s.at <= now.at for s in recent)


RULES: Mapping[str, Rule] = {
    "order_rate_burst": order_rate_burst,
    "repeated_refusals": repeated_refusals,
    "slippage_outlier": slippage_outlier,
}
TITLES = {
    "order_rate_burst": "Orders come unusually fast",
    "repeated_refusals": "Orders are refused again and again",
    "slippage_outlier": "A deal was filled far off",
}


def anomalies(recent: Sequence[Seen], now: Seen) -> list[Finding]:
    """`anomaly.RULE` for each rule that what came now breaks."""
    return [
        Finding(
            notification=f"{now.message_id}:anomaly.{name}",
            kind=f"anomaly.{name}",
            severity="warning",
            title=TITLES[name],
            detail=f"{now.account}: {wrong}",
            account=now.account,  # type: ignore[arg-type]
        )
        for name, rule in RULES.items()
        if (wrong := rule(recent, now)) is not None
    ]
