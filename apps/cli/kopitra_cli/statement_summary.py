"""What a timeline holds, counted and summed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.timeline import Action, Timeline

WIDTH = 18


class StatementSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Volumes in lots, money in the account's currency; `final_balance` is opening balance and all sums together."""

    source: str
    currency: str | None
    first: datetime | None
    last: datetime | None
    events: Mapping[str, int]
    symbols: Mapping[str, int]
    deposits: Decimal
    withdrawals: Decimal
    volume: Decimal
    profit: Decimal
    commission: Decimal
    swap: Decimal
    final_balance: Decimal
    notes: tuple[str, ...]


def summary_of(timeline: Timeline) -> StatementSummary:
    events = timeline.events
    amounts = [event.amount for event in events if event.amount is not None and event.cash != "credit"]
    profit = sum((event.profit or ZERO for event in events), ZERO)
    commission = sum((event.commission or ZERO for event in events), ZERO)
    swap = sum((event.swap or ZERO for event in events), ZERO)
    return StatementSummary(
        source=timeline.source,
        currency=timeline.account.currency,
        first=events[0].at if events else None,
        last=events[-1].at if events else None,
        events=dict(Counter(event.action.value for event in events).most_common()),
        symbols=dict(Counter(event.symbol for event in events if event.symbol).most_common()),
        deposits=sum((amount for amount in amounts if amount > 0), ZERO),
        withdrawals=sum((amount for amount in amounts if amount < 0), ZERO),
        volume=sum((event.volume or ZERO for event in events if event.action is Action.OPEN), ZERO),
        profit=profit,
        commission=commission,
        swap=swap,
        final_balance=timeline.account.opening_balance + sum(amounts, ZERO) + profit + commission + swap,
        notes=timeline.notes,
    )


def summary_table(summary: StatementSummary) -> Iterator[str]:
    """One fact a line."""
    money = summary.currency or "account currency unknown"
    yield _line("source", f"{summary.source}, {money}")
    if summary.first and summary.last:
        yield _line("period", f"{summary.first:%Y-%m-%d %H:%M:%S} – {summary.last:%Y-%m-%d %H:%M:%S} UTC")
    yield _line("events", f"{sum(summary.events.values())}: {_counts(summary.events)}")
    yield _line("symbols", f"{len(summary.symbols)}: {_counts(summary.symbols)}")
    yield _line("opened", f"{summary.volume} lots at the market")
    yield _line("deposits", f"{summary.deposits}")
    yield _line("withdrawals", f"{summary.withdrawals}")
    yield _line("profit", f"{summary.profit}")
    yield _line("commission, taxes", f"{summary.commission}")
    yield _line("swap", f"{summary.swap}")
    yield _line("final balance", f"{summary.final_balance}")
    for note in summary.notes:
        yield _line("note", note)


def _line(name: str, value: str) -> str:
    return f"{name:<{WIDTH}} {value}"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.items())
