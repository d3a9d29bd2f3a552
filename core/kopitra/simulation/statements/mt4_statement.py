"""MT4's "Statement" and "Detailed Statement" (HTML): its sections read strictly, and its own sums checked."""

import re
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.mt4_rows import (
    CASH_TYPES,
    PLACE_CELLS,
    Entry,
    cash_row,
    order_row,
    trade_row,
)
from kopitra.simulation.statements.mt4_sums import check_cash, check_closed, opening_balance, summary_of
from kopitra.simulation.statements.mt4_table import (
    CLOSED,
    HEADER,
    OPEN,
    SUMMARY,
    WORKING,
    Row,
    Section,
    sections_of,
)
from kopitra.simulation.statements.rows import StatementRows
from kopitra.simulation.statements.times import StatementClock
from kopitra.simulation.timeline import LeaderAccount

SOURCE = "mt4_statement"
COLUMNS = ("Ticket", "Open Time", "Type", "Size", "Item", "Price", "S / L", "T / P")
"""The first columns of every section."""
MONEY = (("Commission", "Taxes", "Swap", "Profit"), ("Commission", "Swap", "Profit"))
"""The last columns of the sections of trades; old builds have no taxes."""
NOTHING = "No transactions"
CONTINUATION_CELLS = 3
"""Some builds print a row below a trade of an expert: blank, its magic number, its comment."""

_CURRENCY = re.compile(r"\w{2,12}")
_LEVERAGE = re.compile(r"1:(\d{1,6})")


def mt4_statement_rows(page: str, clock: StatementClock) -> StatementRows:
    """Every row of the page; raises StatementError with the line of the first thing that is wrong."""
    sections = sections_of(page)
    summary = summary_of(sections[SUMMARY])
    read = StatementRows(source=SOURCE, account=_account(sections))
    money = _money_columns(sections[CLOSED])
    closed, sums = _entries(sections[CLOSED])
    for entry in closed:
        if entry.kind in CASH_TYPES:
            read.cash.append(cash_row(entry, clock))
        elif entry.kind.partition(" ")[2]:
            read.orders.append(order_row(entry, clock, ended=True))
        else:
            read.trades.append(trade_row(entry, clock, money_columns=money, closed=True))
    check_closed(sums, read.trades, summary, sections[CLOSED].line)
    check_cash(read.cash, summary)
    _note_opening_balance(read, opening_balance(read.cash, read.trades, summary))
    read.trades += [
        trade_row(entry, clock, money_columns=money, closed=False) for entry in _entries(sections[OPEN])[0]
    ]
    read.orders += [order_row(entry, clock, ended=False) for entry in _entries(sections[WORKING])[0]]
    return read


def _account(sections: dict[str, Section]) -> LeaderAccount:
    facts: dict[str, str] = {}
    for row in sections[HEADER].rows:
        facts |= {
            name: value.strip() for name, mark, value in (text.partition(":") for text in row.texts) if mark
        }
    if "Account" not in facts or not _CURRENCY.fullmatch(facts.get("Currency", "")):
        raise StatementError(
            sections[CLOSED].line, "no account with a currency is named above the transactions"
        )
    leverage = _LEVERAGE.fullmatch(facts.get("Leverage", ""))
    return LeaderAccount(currency=facts["Currency"], leverage=int(leverage[1]) if leverage else None)


def _money_columns(section: Section) -> int:
    columns = section.rows[0].texts if section.rows else ()
    for money in MONEY:
        if columns[-len(money) :] == money:
            return len(money)
    raise StatementError(
        section.line, "the columns of the closed transactions are not those of an MT4 statement"
    )


def _entries(section: Section) -> tuple[list[Entry], list[Row]]:
    """The rows that begin with a ticket, with their comments, and the rows of sums below them."""
    header, *rows = section.rows or [Row(section.line, ())]
    if header.texts[: len(COLUMNS)] != COLUMNS:
        raise StatementError(
            header.line, "the columns are not those of an MT4 statement, or it is cut off here"
        )
    entries: list[Entry] = []
    sums: list[Row] = []
    for row in rows:
        if row.cells[0].text[:1].isdigit():
            if sums:
                raise StatementError(row.line, "a transaction below the sum of its section")
            entries.append(Entry(row, row.cells[0].title))
        elif _is_sum(row):
            sums.append(row)
        elif _is_continuation(row) and entries:
            entries[-1] = _continued(entries[-1], row)
        elif row.texts != (NOTHING,):
            raise StatementError(row.line, f"a row of no known kind: {' | '.join(row.texts)[:80]!r}")
    return entries, sums


def _is_sum(row: Row) -> bool:
    first = row.cells[0]
    return any(text.endswith("P/L:") for text in row.texts) or (not first.text and first.span == PLACE_CELLS)


def _is_continuation(row: Row) -> bool:
    return not row.texts[0] and len(row.cells) == CONTINUATION_CELLS


def _continued(entry: Entry, row: Row) -> Entry:
    """The ticket's own title says the same and wins; builds without titles say it here only."""
    _, magic, comment = row.texts
    return entry if entry.comment else Entry(entry.row, f"#{magic} {comment}" if magic else comment)


def _note_opening_balance(read: StatementRows, opening: Decimal) -> None:
    if opening != ZERO:
        read.account = msgspec.structs.replace(read.account, opening_balance=opening)
        read.notes.append(f"{opening} was on the account before the first row: the statement covers a period")
