"""A what-if result on a terminal."""

from collections.abc import Iterator
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kopitra.adapters.reports import words
from kopitra.simulation.whatif.result import AccountPart, FollowerPart, WhatIfResult

SYMBOLS_SHOWN = 10
HITS_SHOWN = 10


def tables_of(result: WhatIfResult) -> RenderableType:
    """One table that compares everybody, then what is special about each follower."""
    return Group(_comparison(result), *(part for follower in result.followers for part in _about(follower)))


def _comparison(result: WhatIfResult) -> Table:
    history = result.history
    table = Table(
        title=f"{history.trades:,} trades, {words.day(history.begin)} to {words.day(history.end)}",
        title_justify="left",
    )
    for column in ("account", "profit", "growth", "deepest drawdown", "longest", "closed", "won"):
        table.add_column(column, justify="left" if column == "account" else "right")
    for column in ("copied", "skipped", "slippage", "costs", "guard hits"):
        table.add_column(column, justify="right")
    for account in (result.leader, *result.followers):
        table.add_row(*_row(account))
    return table


def _row(account: AccountPart) -> Iterator[RenderableType]:
    trades = account.trades
    yield Text(account.name)
    yield _tinted(f"{words.money(account.profit, account.currency)} {account.currency}", account.profit)
    yield _tinted(words.percent(account.growth), account.growth)
    yield words.percent(-account.drawdown.percent)
    yield f"{words.number(account.drawdown.longest_days, 0)} d"
    yield f"{trades.closed:,}"
    yield words.percent(Decimal(trades.won) / trades.closed * 100, 0) if trades.closed else words.NOTHING
    if isinstance(account, FollowerPart):
        yield f"{account.copied:,}"
        yield f"{account.skipped:,}"
        yield f"{words.number(account.slippage.mean)} pt"
    else:
        yield from (words.NOTHING,) * 3
    yield words.money(trades.commission + trades.swap, account.currency)
    yield f"{len(account.guard_hits):,}" if isinstance(account, FollowerPart) else words.NOTHING


def _about(follower: FollowerPart) -> Iterator[RenderableType]:
    if follower.skips or follower.refusals:
        yield _reasons(follower)
    if follower.guard_hits:
        yield _hits(follower)
    yield _symbols(follower)


def _reasons(follower: FollowerPart) -> Table:
    table = Table(title=f"{escape(follower.name)}: not copied", title_justify="left")
    table.add_column("reason")
    table.add_column("new trades", justify="right")
    table.add_column("later events", justify="right")
    for skip in follower.skips:
        table.add_row(Text(words.reason(skip.reason)), f"{skip.trades:,}", f"{skip.events:,}")
    for refusal in follower.refusals:
        what = f"{refusal.action} {refusal.status}: {words.reason(refusal.reason)}"
        opened = refusal.action == "open"
        table.add_row(
            Text(what),
            f"{refusal.count:,}" if opened else "0",
            "0" if opened else f"{refusal.count:,}",
        )
    return table


def _hits(follower: FollowerPart) -> Table:
    table = Table(title=f"{escape(follower.name)}: guard hits", title_justify="left")
    for column in ("time", "guard", "action", "measured", "limit", "lifted"):
        table.add_column(column, justify="right" if column in ("measured", "limit") else "left")
    for hit in follower.guard_hits[:HITS_SHOWN]:
        table.add_row(
            words.moment(hit.at),
            Text(hit.guard),
            words.reason(hit.action),
            f"{words.money(hit.measured, hit.currency)} {hit.currency}",
            f"{words.money(hit.limit, hit.currency)} {hit.currency}",
            words.moment(hit.lifted_at) if hit.lifted_at is not None else words.NOTHING,
        )
    if len(follower.guard_hits) > HITS_SHOWN:
        table.add_row(f"and {len(follower.guard_hits) - HITS_SHOWN:,} more", *("",) * 5)
    return table


def _symbols(follower: FollowerPart) -> Table:
    table = Table(title=f"{escape(follower.name)}: copies by symbol", title_justify="left")
    table.add_column("symbol")
    for column in ("opened", "won", "lots", "net", "slippage"):
        table.add_column(column, justify="right")
    for part in follower.symbols[:SYMBOLS_SHOWN]:
        table.add_row(
            Text(part.symbol),
            f"{part.opened:,}",
            words.percent(Decimal(part.won) / part.closed * 100, 0) if part.closed else words.NOTHING,
            words.volume(part.volume),
            _tinted(words.money(part.net, follower.currency), part.net),
            f"{words.number(part.slippage_points)} pt" if part.slippage_points is not None else words.NOTHING,
        )
    if len(follower.symbols) > SYMBOLS_SHOWN:
        table.add_row(f"and {len(follower.symbols) - SYMBOLS_SHOWN} more", *("",) * 5)
    return table


def _tinted(text: str, value: Decimal) -> Text:
    return Text(text, style="green" if value > 0 else "red" if value < 0 else "")
