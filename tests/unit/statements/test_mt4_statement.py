"""What an MT4 statement says becomes the leader's events."""

from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.timeline import Action, Reason, Timeline, TimelineEvent
from tests.unit.statements.mt4_page import NOTHING, Cash, Order, Trade, page


def told(*closed: Trade | Order | Cash, **sections: Any) -> Timeline:
    return read_statement(page(closed, **sections).encode())


def only(timeline: Timeline, action: Action) -> TimelineEvent:
    (event,) = [event for event in timeline.events if event.action is action]
    return event


def actions(timeline: Timeline) -> list[Action]:
    return [event.action for event in timeline.events]


def test_a_trade_opens_and_closes() -> None:
    opened, closed = told(
        Trade(ticket=7, kind="sell", size="0.30", title="[tp]", take_profit="1.07900")
    ).events
    assert (opened.action, opened.side, opened.volume, opened.price) == (
        Action.OPEN,
        Side.SELL,
        Decimal("0.30"),
        Decimal("1.08000"),
    )
    assert (opened.ticket, opened.position_ref, opened.symbol) == (7, "7", "eurusd")
    assert f"{opened.at:%Y-%m-%dT%H:%M:%S%z}" == "2024-03-04T10:00:00+0000"
    assert (closed.action, closed.reason, closed.price) == (
        Action.CLOSE,
        Reason.TAKE_PROFIT,
        Decimal("1.08100"),
    )
    assert (closed.volume_before, closed.volume_after) == (Decimal("0.30"), Decimal("0.00"))


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("", Reason.CLIENT),
        ("a comment of the trader's", Reason.CLIENT),
        ("[sl]", Reason.STOP_LOSS),
        ("[sl/gap]", Reason.STOP_LOSS),
        ("[tp]", Reason.TAKE_PROFIT),
        ("[tp/gap]", Reason.TAKE_PROFIT),
        ("#21000 grid[tp]", Reason.TAKE_PROFIT),
        ("#21000 grid", Reason.EXPERT),
        ("#21000 ", Reason.EXPERT),
        ("so: 49.8%/120.33/241.62", Reason.STOP_OUT),
        ("[so 30.0%]", Reason.STOP_OUT),
    ],
)
def test_the_title_tells_why_a_trade_closed(title: str, reason: Reason) -> None:
    assert only(told(Trade(ticket=7, title=title)), Action.CLOSE).reason is reason


def test_an_expert_s_trade_carries_its_magic_number_and_comment() -> None:
    opened = only(told(Trade(ticket=7, title="#21000 grid[tp]")), Action.OPEN)
    assert (opened.magic, opened.comment) == (21000, "grid[tp]")


def test_parts_are_one_position_whose_volume_is_their_sum() -> None:
    timeline = told(
        Trade(ticket=100, size="0.04", closed_at="2024.03.04 11:00:00", title="to #105"),
        Trade(ticket=105, size="0.03", closed_at="2024.03.04 12:00:00", title="to #109"),
        Trade(ticket=109, size="0.01", closed_at="2024.03.04 13:00:00", title="from #105[sl]"),
    )
    assert actions(timeline) == [Action.OPEN, Action.PARTIAL_CLOSE, Action.PARTIAL_CLOSE, Action.CLOSE]
    assert {event.position_ref for event in timeline.events} == {"100"}
    assert [event.volume for event in timeline.events] == [
        Decimal(v) for v in ("0.08", "0.04", "0.03", "0.01")
    ]
    assert [event.volume_after for event in timeline.events] == [
        Decimal(v) for v in ("0.08", "0.04", "0.01", "0.00")
    ]
    assert [event.ticket for event in timeline.events] == [100, 100, 105, 109]
    assert [event.remainder_ticket for event in timeline.events] == [None, 105, 109, None]
    assert timeline.events[-1].reason is Reason.STOP_LOSS


def test_a_link_told_by_one_of_both_tickets_is_enough() -> None:
    by_child = told(Trade(ticket=1, title="to #2"), Trade(ticket=2, closed_at="2024.03.04 13:00:00"))
    by_parent = told(Trade(ticket=1), Trade(ticket=2, closed_at="2024.03.04 13:00:00", title="from #1"))
    assert actions(by_child) == actions(by_parent) == [Action.OPEN, Action.PARTIAL_CLOSE, Action.CLOSE]


def test_a_part_that_is_still_open_counts_towards_what_was_opened() -> None:
    rest = Trade(ticket=2, size="0.07", closed_at="", title="from #1")
    timeline = told(Trade(ticket=1, size="0.03", title="to #2"), open_trades=[rest])
    assert actions(timeline) == [Action.OPEN, Action.PARTIAL_CLOSE]
    assert [event.volume_after for event in timeline.events] == [Decimal("0.10"), Decimal("0.07")]


def test_a_partial_close_without_a_link_takes_the_one_ticket_of_the_same_opening() -> None:
    timeline = told(
        Trade(ticket=1, size="0.03", title="partial close"),
        Trade(ticket=2, size="0.07", closed_at="2024.03.04 13:00:00"),
        Trade(ticket=3, price="1.07999", closed_at="2024.03.04 13:00:00"),
    )
    assert [e.volume for e in timeline.events if e.position_ref == "1"] == [
        Decimal(v) for v in ("0.10", "0.03", "0.07")
    ]


def test_positions_closed_by_each_other_both_close_with_the_volume_of_the_one_that_has_it() -> None:
    timeline = told(
        Trade(ticket=1, kind="buy", size="0.40", close_price="1.08300", profit="120.00"),
        Trade(
            ticket=2, kind="sell", size="0.00", price="1.08300", close_price="1.08300", profit="0.00",
            title="close hedge by #1",
        ),
    )  # fmt: skip
    closes = [event for event in timeline.events if event.action is Action.CLOSE]
    assert [(e.ticket, e.volume, e.reason) for e in closes] == [
        (1, Decimal("0.40"), Reason.CLOSE_BY),
        (2, Decimal("0.40"), Reason.CLOSE_BY),
    ]


def test_the_larger_of_two_positions_closed_by_each_other_goes_on_under_a_new_ticket() -> None:
    timeline = told(
        Trade(ticket=1, kind="buy", size="0.40", title="partial close"),
        Trade(ticket=2, kind="sell", size="0.00", price="1.08050", profit="0.00", title="close hedge by #1"),
        Trade(ticket=3, kind="buy", size="0.60", closed_at="2024.03.04 15:00:00", title="from #1"),
    )
    first = [(e.action, e.volume) for e in timeline.events if e.position_ref == "1"]
    assert first == [
        (Action.OPEN, Decimal("1.00")),
        (Action.PARTIAL_CLOSE, Decimal("0.40")),
        (Action.CLOSE, Decimal("0.60")),
    ]
    assert [e.volume for e in timeline.events if e.position_ref == "2"] == [Decimal("0.40")] * 2


def test_the_ticket_without_volume_may_be_the_larger_one() -> None:
    timeline = told(
        Trade(ticket=1, kind="sell", size="0.00", profit="0.00", title="close hedge by #2"),
        Trade(ticket=2, kind="buy", size="0.40", price="1.08050", title="partial close"),
        Trade(ticket=3, kind="sell", size="0.10", closed_at="2024.03.04 15:00:00", title="from #1"),
    )
    assert [e.volume for e in timeline.events if e.position_ref == "1"] == [
        Decimal(v) for v in ("0.50", "0.40", "0.10")
    ]


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("cancelled", Reason.CLIENT),
        ("#77 cancelled", Reason.EXPERT),
        ("expiration [2024.03.05 09:00]", Reason.EXPIRED),
        ("expired", Reason.EXPIRED),
        ("#5431 deleted [no money]", Reason.BROKER),
    ],
)
def test_a_pending_order_that_never_filled_was_placed_and_cancelled(title: str, reason: Reason) -> None:
    placed, cancelled = told(Order(ticket=5, kind="sell stop", price="1.07000", title=title)).events
    assert (placed.action, placed.side, placed.order_type) == (
        Action.PENDING_PLACED,
        Side.SELL,
        OrderType.STOP,
    )
    assert (placed.volume, placed.price) == (Decimal("0.10"), Decimal("1.07000"))
    assert (cancelled.action, cancelled.reason) == (Action.PENDING_CANCELLED, reason)


def test_open_trades_and_working_orders_have_no_end() -> None:
    timeline = told(
        open_trades=[Trade(ticket=1, closed_at="")],
        working=[Order(ticket=2, kind="buy stop", price="1.09000", ended_at="", title="Tokyo")],
    )
    assert sorted(actions(timeline)) == [Action.OPEN, Action.PENDING_PLACED]


def test_deposits_withdrawals_and_credit_are_balance_operations() -> None:
    timeline = told(
        Cash(ticket=1, amount="200 000.00"),
        Cash(ticket=2, amount="-1 500.50", title=""),
        Cash(ticket=3, kind="credit", amount="300.00", title="Bonus"),
    )
    assert [(e.cash, e.amount) for e in timeline.events] == [
        ("deposit", Decimal("200000.00")),
        ("withdrawal", Decimal("-1500.50")),
        ("credit", Decimal("300.00")),
    ]


def test_what_no_row_explains_was_on_the_account_before() -> None:
    timeline = told(Cash(ticket=1, amount="-2 500.00"), Trade(ticket=2), balance=Decimal("8200.19"))
    assert timeline.account.opening_balance == Decimal("10690.19")
    assert any("before the first row" in note for note in timeline.notes)


def test_the_header_gives_currency_and_leverage() -> None:
    account = told(Trade(ticket=1), currency="JPY", leverage="1:500").account
    assert (account.currency, account.leverage, account.opening_balance) == ("JPY", 500, Decimal(0))


@pytest.mark.parametrize("currency", ["USD", "JPY", "USC", "mBTC", "BTC", "usd", "USDT"])
def test_any_currency_is_taken_as_it_is_written(currency: str) -> None:
    assert told(Trade(ticket=1), currency=currency).account.currency == currency


def test_a_leverage_that_the_terminal_left_out_is_unknown() -> None:
    assert told(Trade(ticket=1), leverage="<!--LEVERAGE-->").account.leverage is None


def test_an_account_that_never_traded_imports_as_nothing() -> None:
    assert told().events == ()


@pytest.mark.parametrize(
    ("item", "size", "price", "close_price"),
    [
        ("eurusd.", "0.10", "1.08000", "1.08100"),
        ("EURUSD.pro#", "0.10", "1.08000", "1.08100"),
        ("jp225", "0.01", "21719", "21723"),
        ("spx500", "12.50", "2879.3", "2881.2"),
        ("SHIBUSD", "1500.00", "0.00001234", "0.00001300"),
        ("btcusd", "0.001", "67123.45678901", "67124.00000000"),
        ("eurusd", "2 500.00", "1.08000", "1.08100"),
    ],
)
def test_any_symbol_lot_size_and_number_of_digits_is_read_exactly(
    item: str, size: str, price: str, close_price: str
) -> None:
    trade = Trade(ticket=1, item=item, size=size, price=price, close_price=close_price)
    opened, closed = told(trade).events
    assert (opened.symbol, str(opened.price), str(closed.price)) == (item, price, close_price)
    assert opened.volume == Decimal(size.replace(" ", ""))


@pytest.mark.parametrize("amount", ["1 234 567.89", "1&nbsp;234&nbsp;567.89", "1,234,567.89", "1234567.89"])
def test_thousands_may_be_apart_by_space_no_break_space_or_comma(amount: str) -> None:
    listed = page([Cash(ticket=1, amount="1 234 567.89")]).replace(">1 234 567.89<", f">{amount}<", 1)
    assert read_statement(listed.encode()).events[0].amount == Decimal("1234567.89")


def test_the_row_that_some_builds_print_below_an_expert_s_trade_is_no_trade() -> None:
    below = "<tr align=right><td colspan=9>&nbsp;</td><td>21000</td><td colspan=3>&nbsp;</td></tr>\n"
    trade = Trade(ticket=1, title="#21000 ")
    listed = page([trade]).replace(trade.html(), trade.html() + below)
    assert actions(read_statement(listed.encode())) == [Action.OPEN, Action.CLOSE]


def test_where_a_build_has_no_titles_the_row_below_holds_the_comment() -> None:
    below = "<tr align=right><td colspan=9>&nbsp;</td><td>77</td><td colspan=3>to #2</td></tr>\n"
    first, rest = Trade(ticket=1), Trade(ticket=2, closed_at="2024.03.04 13:00:00")
    listed = page([first, rest]).replace(first.html(), first.html() + below)
    timeline = read_statement(listed.encode())
    assert actions(timeline) == [Action.OPEN, Action.PARTIAL_CLOSE, Action.CLOSE]
    assert timeline.events[0].magic == 77


def test_builds_without_taxes_have_thirteen_columns() -> None:
    listed = page([Trade(ticket=1, commission="-7.00")])
    listed = listed.replace("<td>Taxes</td>", "").replace(
        "-7.00</td><td class=mspt>0.00</td>", "-7.00</td>", 1
    )
    closed = only(read_statement(listed.encode()), Action.CLOSE)
    assert (closed.commission, closed.profit) == (Decimal("-7.00"), Decimal("10.00"))


def test_taxes_count_as_commission() -> None:
    closed = only(told(Trade(ticket=1, commission="-7.00", taxes="-1.50", swap="-0.25")), Action.CLOSE)
    assert (closed.commission, closed.swap, closed.profit) == (
        Decimal("-8.50"),
        Decimal("-0.25"),
        Decimal("10.00"),
    )


def test_the_details_of_a_detailed_statement_change_nothing() -> None:
    details = (
        "<tr align=left><td colspan=14><b>Details:</b></td></tr>\n"
        "<tr align=right><td colspan=2><b>Gross Profit:</b></td><td colspan=2><b>10.00</b></td></tr>\n"
    )
    assert told(Trade(ticket=1), details=details) == told(Trade(ticket=1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "latin-1"])
def test_any_encoding_of_a_terminal_is_read(encoding: str) -> None:
    name = "Владимир" if encoding in ("utf-8", "utf-16", "cp1251", "utf-8-sig") else "Jörg"
    data = page([Trade(ticket=1)]).replace("A Trader", name).encode(encoding)
    assert actions(read_statement(data)) == [Action.OPEN, Action.CLOSE]


def test_an_empty_section_may_say_so_or_say_nothing() -> None:
    assert told(Trade(ticket=1)) == read_statement(page([Trade(ticket=1)]).replace(NOTHING, "").encode())


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [Trade(ticket=number, opened_at=f"2024.03.04 0{number}:00:00") for number in range(1, 6)]
    assert told(*rows).events == told(*rows[::-1]).events


def test_a_second_ticket_of_the_same_number_is_refused() -> None:
    with pytest.raises(StatementError, match="#7 a second time"):
        told(Trade(ticket=7), Trade(ticket=7))
