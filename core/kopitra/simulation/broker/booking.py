"""The money of one closing deal: the broker's own arithmetic, or a replayed history's figures."""

from dataclasses import dataclass
from decimal import Decimal

from kopitra.simulation.broker import money
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.records import Position


@dataclass(frozen=True)
class Booked:
    """`swap_share` is what leaves the position's accrued swap, `swap` what the deal books for it."""

    profit: Decimal
    commission: Decimal
    swap: Decimal
    swap_share: Decimal


def booked(
    account: Account, position: Position, volume: Decimal, price: Decimal, exact: Exact | None
) -> Booked:
    exact = exact or Exact()
    share = money.rounded(account, position.swap * volume / position.volume)
    profit = exact.profit
    if profit is None:
        profit = money.realised(account, position.symbol, position.side, volume, position.open_price, price)
    charged = exact.commission
    if charged is None:
        charged = money.commission(account, volume)
    return Booked(profit, charged, share if exact.swap is None else exact.swap, share)
