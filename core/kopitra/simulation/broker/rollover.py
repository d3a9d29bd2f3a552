"""The nightly swap: accrued to every open position, booked when it closes."""

from datetime import datetime, time, timedelta

import msgspec

from kopitra.domain.orders import Side
from kopitra.simulation.broker import money
from kopitra.simulation.broker.account import Account

DAY = timedelta(days=1)
TRIPLE_NIGHTS = 3
"""Once a week a night counts for the weekend's two as well."""
WEEKEND = (5, 6)


def accrue(account: Account, until: datetime) -> None:
    """Charge the nights between the account's clock (excluded) and `until` (included)."""
    profile = account.state.profile
    charged = profile.swap_long_per_lot or profile.swap_short_per_lot
    if not account.state.positions or not charged or not profile.triggers:
        return
    nights = nights_between(account.state.clock, until, profile.rollover_hour, profile.triple_swap_weekday)
    if not nights:
        return
    account.accrue_swaps(
        [
            msgspec.structs.replace(
                position,
                swap=position.swap
                + money.rounded(
                    account,
                    (profile.swap_long_per_lot if position.side is Side.BUY else profile.swap_short_per_lot)
                    * position.volume
                    * nights,
                ),
            )
            for position in account.state.positions.values()
        ]
    )


def nights_between(after: datetime, until: datetime, hour: int, triple_weekday: int) -> int:
    """Swap nights whose rollover falls in (after, until]; weekends have none of their own."""
    moment = datetime.combine(after.date(), time(hour), tzinfo=after.tzinfo)
    nights = 0
    while moment <= until:
        if moment > after and moment.weekday() not in WEEKEND:
            nights += TRIPLE_NIGHTS if moment.weekday() == triple_weekday else 1
        moment += DAY
    return nights
