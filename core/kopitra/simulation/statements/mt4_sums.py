"""An MT4 statement's own sums, checked against the rows that were read: a row lost or altered does not pass
unseen."""

from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements import numbers
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.mt4_table import Row, Section
from kopitra.simulation.statements.rows import CashRow, TradeRow

CLOSED_TOTAL = "Closed P/L:"


class Summary(msgspec.Struct, frozen=True):
    line: int
    cash: Decimal
    closed_profit: Decimal
    balance: Decimal


def summary_of(section: Section) -> Summary:
    """Deposits, closed profit and balance as the statement states them."""
    stated: dict[str, Decimal] = {}
    for row in section.rows:
        for name, value in zip(row.texts[::2], row.texts[1::2], strict=False):
            if name.endswith(":"):
                stated[name] = numbers.amount(value, row.line, name)
    try:
        return Summary(
            section.line, *(stated[name] for name in ("Deposit/Withdrawal:", "Closed Trade P/L:", "Balance:"))
        )
    except KeyError as missing:
        raise StatementError(
            section.line, f"the summary does not state {missing.args[0]!r}: is it cut off?"
        ) from missing


def check_closed(sums: list[Row], trades: list[TradeRow], summary: Summary, section_line: int) -> None:
    """Every closed trade's money against the sum below the section and that in the summary."""
    read = sum((trade.commission + trade.swap + trade.profit for trade in trades), ZERO)
    stated = [row for row in sums if CLOSED_TOTAL in row.texts]
    if not stated:
        raise StatementError(
            section_line, f"the closed transactions are cut off: no “{CLOSED_TOTAL}” below them"
        )
    line = stated[0].line
    _compare(line, CLOSED_TOTAL, numbers.amount(stated[0].texts[-1], line, CLOSED_TOTAL), read)
    _compare(summary.line, "Closed Trade P/L:", summary.closed_profit, read)


def check_cash(cash: list[CashRow], summary: Summary) -> None:
    """Deposits and withdrawals against the summary; credit is no part of the balance."""
    _compare(summary.line, "Deposit/Withdrawal:", summary.cash, _moved(cash))


def opening_balance(cash: list[CashRow], trades: list[TradeRow], summary: Summary) -> Decimal:
    """What the account held before the statement's first row."""
    return summary.balance - _moved(cash) - sum((t.commission + t.swap + t.profit for t in trades), ZERO)


def _moved(cash: list[CashRow]) -> Decimal:
    return sum((row.amount for row in cash if row.cash != "credit"), ZERO)


def _compare(line: int, name: str, stated: Decimal, read: Decimal) -> None:
    if stated != read:
        raise StatementError(line, f"“{name}” states {stated}, but the rows add up to {read}")
