"""MT4 statements as the terminal writes them, put together from rows, for tests that know what must be read."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

HEAD = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">
<html>
  <head>
    <title>Statement: 7654321 - A Trader</title>
    <meta name="generator" content="MetaQuotes Software Corp.">
  </head>
<body topmargin=1 marginheight=1>
<div align=center>
<div style="font: 20pt Times New Roman"><b>Some Broker</b></div><br>
<table cellspacing=1 cellpadding=3 border=0>
<tr align=left>
    <td colspan=2><b>Account: 7654321</b></td>
    <td colspan=5><b>Name: A Trader</b></td>
    <td colspan=2><b>Currency: {currency}</b></td>
    <td colspan=2><b>Leverage: {leverage}</b></td>
    <td colspan=3 align=right><b>2024 April 5, 17:58</b></td></tr>
"""
CLOSED_HEAD = """<tr align=left><td colspan=13><b>Closed Transactions:</b></td></tr>
<tr align=center bgcolor="#C0C0C0">
   <td>Ticket</td><td nowrap>Open Time</td><td>Type</td><td>Size</td><td>Item</td>
   <td>Price</td><td>S / L</td><td>T / P</td><td nowrap>Close Time</td>
   <td>Price</td><td>Commission</td><td>Taxes</td><td>Swap</td><td>Profit</td></tr>
"""
OPEN_HEAD = """<tr align=left><td colspan=14><b>Open Trades:</b></td></tr>
<tr align=center bgcolor="#C0C0C0">
    <td>Ticket</td><td nowrap>Open Time</td><td>Type</td><td>Size</td><td>Item</td>
    <td>Price</td><td>S / L</td><td>T / P</td><td>&nbsp;</td>
    <td>Price</td><td>Commission</td><td>Taxes</td><td>Swap</td><td>Profit</td></tr>
"""
WORKING_HEAD = """<tr align=left><td colspan=14><b>Working Orders:</b></td></tr>
<tr align=center bgcolor="#C0C0C0">
    <td>Ticket</td><td nowrap>Open Time</td><td>Type</td><td>Size</td><td>Item</td>
    <td>Price</td><td>S / L</td><td>T / P</td><td colspan=2 nowrap>Market Price</td><td colspan=4>&nbsp;</td></tr>
"""
CLOSED_SUMS = """

<tr align=right>
    <td colspan=10>&nbsp;</td>
    <td class=mspt>0.00</td>
    <td class=mspt>0.00</td>
    <td class=mspt>0.00</td>
    <td class=mspt>{profit}</td>
</tr>

<tr align=right>
    <td colspan=12 align=right><b>Closed P/L:</b></td>
    <td colspan=2 align=right title="Commission + Swap + Profit + Taxes" class=mspt><b>{profit}</b></td>
</tr>

"""
OPEN_SUMS = """
<tr align=right>
    <td colspan=10>&nbsp;</td>
    <td class=mspt>0.00</td><td class=mspt>0.00</td><td class=mspt>0.00</td><td class=mspt>0.00</td>
</tr>
<tr><td colspan=10>&nbsp;</td><td colspan=2 align=right><b>Floating P/L:</b></td>
    <td colspan=2 align=right title="Commission + Swap + Profit" class=mspt><b>0.00</b></td></tr>

"""
SUMMARY = """
<tr><td colspan=14 style="font: 1pt arial">&nbsp;</td></tr>

<tr align=left><td colspan=14><b>Summary:</b></td></tr>
<tr align=right>
    <td colspan=2><b>Deposit/Withdrawal:</b></td>
    <td colspan=2 class=mspt><b>{cash}</b></td>
    <td colspan=4><b>Credit Facility:</b></td>
    <td class=mspt><b>0.00</b></td>
    <td colspan=5>&nbsp;</td></tr>

<tr align=right>
    <td colspan=2><b>Closed Trade P/L:</b></td>
    <td colspan=2 class=mspt><b>{profit}</b></td>
    <td colspan=4><b>Floating P/L:</b></td>
    <td class=mspt><b>0.00</b></td>
    <td colspan=3><b>Margin:</b></td>
    <td colspan=2 class=mspt><b>0.00</b></td></tr>

<tr align=right>
    <td colspan=2><b>Balance:</b></td>
    <td colspan=2 class=mspt><b>{total}</b></td>
    <td colspan=4><b>Equity:</b></td>
    <td class=mspt><b>{total}</b></td>
    <td colspan=3><b>Free Margin:</b></td>
    <td colspan=2 class=mspt><b>{total}</b></td></tr>
"""
NOTHING = "<tr align=right><td colspan=13 align=center>No transactions</td></tr>\n"
END = """</table>
</div></body></html>
"""


class Trade(msgspec.Struct, kw_only=True):
    """A buy or sell as a statement prints it; without `closed_at` it belongs to the open trades."""

    ticket: int
    opened_at: str = "2024.03.04 10:00:00"
    kind: str = "buy"
    size: str = "0.10"
    item: str = "eurusd"
    price: str = "1.08000"
    stop_loss: str = "0.00000"
    take_profit: str = "0.00000"
    closed_at: str = "2024.03.04 12:00:00"
    close_price: str = "1.08100"
    commission: str = "0.00"
    taxes: str = "0.00"
    swap: str = "0.00"
    profit: str = "10.00"
    title: str = ""

    def html(self) -> str:
        title = f' title="{self.title}"' if self.title else ""
        money = "".join(
            f"<td class=mspt>{cell}</td>" for cell in (self.commission, self.taxes, self.swap, self.profit)
        )
        prices = "".join(
            f'<td style="mso-number-format:0\\.00000;">{cell}</td>'
            for cell in (self.price, self.stop_loss, self.take_profit)
        )
        return (
            f"<tr align=right><td{title}>{self.ticket}</td><td class=msdate nowrap>{self.opened_at}</td>"
            f"<td>{self.kind}</td><td class=mspt>{self.size}</td><td>{self.item}</td>{prices}"
            f"<td class=msdate nowrap>{self.closed_at or '&nbsp;'}</td><td>{self.close_price}</td>{money}</tr>\n"
        )

    def money(self) -> Decimal:
        return sum(
            (plain(cell) for cell in (self.commission, self.taxes, self.swap, self.profit)), Decimal(0)
        )


class Order(msgspec.Struct, kw_only=True):
    """A pending order; without `ended_at` it is still working."""

    ticket: int
    placed_at: str = "2024.03.04 09:00:00"
    kind: str = "buy limit"
    size: str = "0.10"
    item: str = "eurusd"
    price: str = "1.07000"
    stop_loss: str = "0.00000"
    take_profit: str = "0.00000"
    ended_at: str = "2024.03.05 09:00:00"
    market_price: str = "1.08200"
    title: str = "cancelled"

    def html(self) -> str:
        title = f' title="{self.title}"' if self.title else ""
        return (
            f"<tr align=right><td{title}>{self.ticket}</td><td class=msdate nowrap>{self.placed_at}</td>"
            f"<td>{self.kind}</td><td class=mspt>{self.size}</td><td>{self.item}</td><td>{self.price}</td>"
            f"<td>{self.stop_loss}</td><td>{self.take_profit}</td><td class=msdate nowrap>"
            f"{self.ended_at or '&nbsp;'}</td><td>{self.market_price}</td><td colspan=4>{self.title}</td></tr>\n"
        )

    def money(self) -> Decimal:
        return Decimal(0)


class Cash(msgspec.Struct, kw_only=True):
    ticket: int
    at: str = "2024.03.01 08:00:00"
    kind: str = "balance"
    amount: str = "10 000.00"
    title: str = "Deposit"

    def html(self) -> str:
        return (
            f'<tr align=right><td title="{self.title}">{self.ticket}</td><td class=msdate nowrap>{self.at}</td>'
            f"<td>{self.kind}</td><td colspan=10 align=left>{self.title}</td><td class=mspt>{self.amount}</td></tr>\n"
        )

    def money(self) -> Decimal:
        return Decimal(0)


Listed = Trade | Order | Cash


def page(
    closed: Sequence[Listed] = (),
    open_trades: Sequence[Trade] = (),
    working: Sequence[Order] = (),
    *,
    currency: str = "USD",
    leverage: str = "1:100",
    balance: Decimal | None = None,
    details: str = "",
) -> str:
    """A whole statement with sums that agree with its rows; `balance` states another than they explain."""
    profit = sum((row.money() for row in closed), Decimal(0))
    cash = sum(
        (plain(row.amount) for row in closed if isinstance(row, Cash) and row.kind == "balance"), Decimal(0)
    )
    total = profit + cash if balance is None else balance
    parts = [HEAD.format(currency=currency, leverage=leverage), CLOSED_HEAD]
    parts += [row.html() for row in closed] or [NOTHING]
    parts += [CLOSED_SUMS.format(profit=spaced(profit)), OPEN_HEAD]
    parts += [row.html() for row in open_trades] or [NOTHING]
    parts += [OPEN_SUMS, WORKING_HEAD]
    parts += [row.html() for row in working] or [NOTHING]
    parts += [SUMMARY.format(profit=spaced(profit), cash=spaced(cash), total=spaced(total)), details, END]
    return "".join(parts)


def plain(cell: str) -> Decimal:
    return Decimal(cell.replace(" ", ""))


def spaced(value: Decimal) -> str:
    """Thousands apart by a space, as MetaTrader prints money."""
    return f"{value:,.2f}".replace(",", " ")
