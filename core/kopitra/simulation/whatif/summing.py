"""From accounts that have lived through a history to the parts of the result."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.quantities import ONE
from kopitra.domain.sizing_modes import mode_of
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.whatif.accounts import money_places
from kopitra.simulation.whatif.curves import HUNDRED, Curve
from kopitra.simulation.whatif.follower import Follower
from kopitra.simulation.whatif.leader import Leader
from kopitra.simulation.whatif.result import (
    AccountPart,
    CurvePart,
    DrawdownPart,
    FollowerPart,
    MonthPart,
)
from kopitra.simulation.whatif.trades import Slip, Trades, slippage_of

PERCENT_PLACES = Decimal("0.0001")
DAY = timedelta(days=1)
DAY_PLACES = Decimal("0.01")
LEADER_NAME = "leader"


def leader_part(leader: Leader) -> AccountPart:
    return AccountPart(**_account(LEADER_NAME, leader.currency, leader.broker, leader.curve))


def follower_part(follower: Follower) -> FollowerPart:
    seen = follower.seen
    return FollowerPart(
        **_account(follower.name, follower.plan.currency, follower.broker, follower.curve, seen.slips),
        sizing=mode_of(follower.rules.sizing),
        copied=seen.copied,
        skipped=seen.skipped,
        slippage=_in_money(slippage_of(seen.slips), follower.plan.currency),
        skips=seen.skips(),
        refusals=seen.refusals(),
        guard_hits=tuple(seen.hits),
        limits=follower.limits.parts(),
    )


def _account(
    name: str, currency: str, broker: SimulatedBroker, curve: Curve, slips: Sequence[Slip] = ()
) -> dict[str, Any]:
    trades = Trades(broker.state.deals)
    return {
        "name": name,
        "currency": currency,
        "paid_in": curve.flows,
        "balance": curve.balance,
        "equity": curve.equity,
        "profit": curve.profit,
        "growth": _percent(curve.unit - ONE),
        "drawdown": _drawdown(curve, currency),
        "trades": trades.summary(),
        "symbols": tuple(_in_money(part, currency) for part in trades.by_symbol(slips)),
        "months": tuple(
            MonthPart(
                month=f"{month.year:04}-{month.month:02}",
                percent=_percent(month.growth),
                profit=month.profit,
            )
            for month in curve.months()
        ),
        "curve": _curve(curve),
        "open_positions": len(broker.state.positions),
        "stopped_out": trades.stopped_out,
    }


def _in_money(part: Any, currency: str) -> Any:
    """With the cost of slippage rounded to what an account can hold."""
    name = "slippage_cost" if hasattr(part, "slippage_cost") else "cost"
    rounded = getattr(part, name).quantize(money_places(currency))
    return msgspec.structs.replace(part, **{name: rounded})


def _drawdown(curve: Curve, currency: str) -> DrawdownPart:
    deepest = curve.deepest
    return DrawdownPart(
        percent=_percent(deepest.share),
        money=deepest.money,
        peak_at=deepest.peak_at,
        trough_at=deepest.trough_at,
        recovered_at=deepest.recovered_at,
        longest_days=_days(curve.longest_below),
    )


def _curve(curve: Curve) -> CurvePart:
    points = curve.points
    at: tuple[datetime, ...] = tuple(point.at for point in points)
    return CurvePart(
        at=at,
        balance=tuple(point.balance for point in points),
        equity=tuple(point.equity for point in points),
        growth=tuple(_percent(point.unit - ONE) for point in points),
        drawdown=tuple(_percent(point.drawdown) for point in points),
    )


def _percent(share: Decimal) -> Decimal:
    return (share * HUNDRED).quantize(PERCENT_PLACES)


def _days(span: timedelta) -> Decimal:
    return (
        Decimal(round(span / timedelta(seconds=1))) / Decimal(round(DAY / timedelta(seconds=1)))
    ).quantize(DAY_PLACES)
