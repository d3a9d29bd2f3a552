"""The histories that MQL5 signals export become the leader's events."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import OrderType
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.timeline import Action, Reason, Timeline

MT4 = "Time;Type;Volume;Symbol;Price;S/L;T/P;Time;Price;Commission;Swap;Profit;Comment"
MT5 = "Time;Type;Volume;Symbol;Price;Volume;Time;Price;Commission;Swap;Profit"

MT4_ROWS = (
    "2024.03.07 12:00:00;Balance;;;;;;;;;;-1 000.00;Withdrawal",
    "2024.03.06 09:00:00;Buy Stop;0.10;EURUSD;1.09000;;;2024.03.06 12:00:00;1.08500;;;;cancelled",
    "2024.03.05 09:00:00;Sell;0.10;XAUUSD;4 566.52;4 570.00;;2024.03.05 11:00:00;4 566.17;-0.18;;0.35;[sl]",
    "2024.03.04 09:00:00;Buy;0.10;EURUSD;1.08000;1.07000;1.08150;2024.03.04 15:00:00;1.08150;-0.50;-0.10;15.00;[tp]",
    "2024.03.01 08:00:00;Balance;;;;;;;;;;10 000.00;Deposit",
)


def told(header: str, *rows: str) -> Timeline:
    return read_statement("\n".join([header, *rows, ""]).encode())


def steps(timeline: Timeline) -> list[tuple[Action, Decimal | None]]:
    return [(event.action, event.volume) for event in timeline.events]


def test_mt4_s_export_has_trades_stops_orders_and_balance() -> None:
    timeline = told(MT4, *MT4_ROWS)
    assert [event.action for event in timeline.events] == [
        Action.BALANCE,
        Action.OPEN,
        Action.CLOSE,
        Action.OPEN,
        Action.CLOSE,
        Action.PENDING_PLACED,
        Action.PENDING_CANCELLED,
        Action.BALANCE,
    ]
    deposit, opened, closed, _, stopped, placed, _, withdrawal = timeline.events
    assert (deposit.amount, withdrawal.amount) == (Decimal("10000.00"), Decimal("-1000.00"))
    assert (opened.stop_loss, opened.take_profit) == (Decimal("1.07000"), Decimal("1.08150"))
    assert (closed.reason, closed.commission, closed.swap, closed.profit) == (
        Reason.TAKE_PROFIT,
        Decimal("-0.50"),
        Decimal("-0.10"),
        Decimal("15.00"),
    )
    assert (stopped.reason, stopped.price) == (Reason.STOP_LOSS, Decimal("4566.17"))
    assert placed.order_type is OrderType.STOP


def test_rows_are_numbered_from_the_oldest() -> None:
    timeline = told(MT4, *MT4_ROWS)
    assert [event.ticket for event in timeline.events] == [1, 2, 2, 3, 3, 4, 4, 5]
    assert timeline == told(MT4, *MT4_ROWS[::-1])


def test_neither_currency_nor_leverage_is_known() -> None:
    account = told(MT4, *MT4_ROWS).account
    assert (account.currency, account.leverage) == (None, None)


def test_mt5_s_export_has_a_volume_for_each_end() -> None:
    timeline = told(
        MT5,
        "2024.03.05 17:05:15;Sell;0.01;XAUUSD;4566.52;0.01;2024.03.05 17:08:10;4566.17;-0.18;;0.35",
        "2024.03.01 08:00:00;Balance;;;;;;;;;1000",
    )
    assert steps(timeline)[1:] == [(Action.OPEN, Decimal("0.01")), (Action.CLOSE, Decimal("0.01"))]


def test_rows_of_one_opening_that_close_parts_of_it_are_one_position() -> None:
    timeline = told(
        MT5,
        "2024.03.05 09:00:00;Buy;0.30;EURUSD;1.08;0.10;2024.03.05 10:00:00;1.081;;;10",
        "2024.03.05 09:00:00;Buy;0.30;EURUSD;1.08;0.20;2024.03.05 11:00:00;1.082;;;40",
        "2024.03.05 09:00:00;Buy;0.20;EURUSD;1.08;0.20;2024.03.05 11:00:00;1.082;;;40",
    )
    assert [e.volume for e in timeline.events if e.position_ref == "1"] == [
        Decimal(v) for v in ("0.30", "0.10", "0.20")
    ]
    assert [e.action for e in timeline.events if e.position_ref == "3"] == [Action.OPEN, Action.CLOSE]


def test_a_position_of_which_part_is_still_open_stays_open() -> None:
    timeline = told(MT5, "2024.03.05 09:00:00;Buy;0.30;EURUSD;1.08;0.10;2024.03.05 10:00:00;1.081;;;10")
    assert steps(timeline) == [(Action.OPEN, Decimal("0.30")), (Action.PARTIAL_CLOSE, Decimal("0.10"))]
    assert timeline.events[-1].volume_after == Decimal("0.20")


def test_a_close_volume_left_blank_is_the_whole() -> None:
    timeline = told(MT5, "2024.03.05 09:00:00;Buy;0.30;EURUSD;1.08;;2024.03.05 10:00:00;1.081;;;10")
    assert steps(timeline) == [(Action.OPEN, Decimal("0.30")), (Action.CLOSE, Decimal("0.30"))]


def test_closing_more_than_was_opened_is_refused() -> None:
    with pytest.raises(StatementError, match=r"line 2: it closes 0\.40 of a position of 0\.30"):
        told(MT5, "2024.03.05 09:00:00;Buy;0.30;EURUSD;1.08;0.40;2024.03.05 10:00:00;1.081;;;10")


OPENING = "2024.03.05 09:00:00;Buy;{};EURUSD;1.08000;;;2024.03.05 {}:00:00;1.08100;;;10.00;{}"


def test_parts_linked_by_comments_are_one_position() -> None:
    timeline = told(
        MT4,
        OPENING.format("0.04", 10, "to #105"),
        OPENING.format("0.03", 11, "to #109"),
        OPENING.format("0.01", 12, "from #105[sl]"),
        OPENING.format("0.50", 13, ""),
    )
    chain = [(e.volume, e.reason) for e in timeline.events if e.position_ref == "1"]
    assert chain == [
        (Decimal("0.08"), None),
        (Decimal("0.04"), Reason.CLIENT),
        (Decimal("0.03"), Reason.CLIENT),
        (Decimal("0.01"), Reason.STOP_LOSS),
    ]
    assert [e.volume for e in timeline.events if e.position_ref == "4"] == [Decimal("0.50")] * 2


def test_positions_of_one_opening_that_closed_in_parts_one_after_the_other_are_told_apart() -> None:
    timeline = told(
        MT4,
        OPENING.format("0.04", 10, "to #105"),
        OPENING.format("0.01", 11, "from #100"),
        OPENING.format("0.03", 12, "to #106"),
        OPENING.format("0.02", 13, "from #101"),
    )
    assert [e.volume for e in timeline.events if e.action is Action.OPEN] == [
        Decimal("0.05"),
        Decimal("0.05"),
    ]


def test_parts_of_two_positions_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(StatementError, match="which part is whose"):
        told(
            MT4,
            OPENING.format("0.04", 10, "to #105"),
            OPENING.format("0.03", 11, "to #106"),
            OPENING.format("0.01", 12, "from #100"),
            OPENING.format("0.02", 13, "from #101"),
        )


def test_a_rest_whose_parent_is_not_in_the_file_is_refused() -> None:
    with pytest.raises(StatementError, match="line 2: the ticket #100 that it comes from is not in the file"):
        told(MT4, OPENING.format("0.04", 10, "from #100"))


def test_positions_closed_by_each_other_are_matched_by_time_and_symbol() -> None:
    timeline = told(
        MT4,
        "2024.03.05 09:00:00;Buy;0.40;EURUSD;1.08000;;;2024.03.05 10:00:00;1.08100;;;40.00;",
        "2024.03.05 09:30:00;Sell;0.00;EURUSD;1.08100;;;2024.03.05 10:00:00;1.08100;;;0.00;close hedge by #77",
    )
    assert [(e.volume, e.reason) for e in timeline.events if e.action is Action.CLOSE] == [
        (Decimal("0.40"), Reason.CLOSE_BY)
    ] * 2


def test_a_row_without_any_end_is_still_open() -> None:
    timeline = told(MT4, "2024.03.05 09:00:00;Buy;0.40;EURUSD;1.08000;1.07;;;;;;;")
    assert steps(timeline) == [(Action.OPEN, Decimal("0.40"))]


def test_older_trades_folded_into_one_row_are_a_balance_operation() -> None:
    timeline = told(
        MT4,
        "2023.04.17 15:30:11;Buy;0.01;USDCAD;1.33728;1.33866;;2023.04.18 00:27:53;1.33857;;-0.01;0.96;",
        "2022.03.28 12:45:01;Buy;0.10;profit;;;;2023.04.14 16:07:19;;;-130.60;3 613.41;",
    )
    first = timeline.events[0]
    assert (first.action, first.amount) == (Action.BALANCE, Decimal("3482.81"))
    assert any("folds older trades" in note for note in timeline.notes)


def test_a_symbol_called_profit_that_has_prices_is_a_symbol() -> None:
    timeline = told(MT4, "2024.03.05 09:00:00;Buy;0.40;PROFIT;1.1;;;2024.03.05 10:00:00;1.2;;;40.00;")
    assert timeline.symbols() == ("PROFIT",)


@pytest.mark.parametrize(
    "kind", ["Credit", "Correction", "Charge", "Bonus", "Commission - daily", "Dividend"]
)
def test_other_operations_move_money_too(kind: str) -> None:
    (event,) = told(MT5, f"2024.03.01 08:00:00;{kind};;;;;;;;;-12.50").events
    assert (event.amount, event.cash) == (Decimal("-12.50"), "credit" if kind == "Credit" else "withdrawal")


def test_rows_that_say_nothing_are_left_out_and_counted() -> None:
    timeline = told(
        MT5, "2024.07.06 00:22:05;;;;;;;;;;", ";;;;;;;;;;", "", "2024.03.01 08:00:00;Balance;;;;;;;;;1"
    )
    assert len(timeline.events) == 1
    assert any(note.startswith("1 rows say nothing but a time") for note in timeline.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", ";"])
def test_encoding_line_ends_and_a_last_semicolon_do_not_matter(encoding: str, end: str, tail: str) -> None:
    text = end.join(line + tail for line in (MT4, *MT4_ROWS))
    assert read_statement(text.encode(encoding)) == told(MT4, *MT4_ROWS)


def test_a_header_without_rows_is_an_empty_history() -> None:
    assert told(MT4).events == told(MT5).events == ()


def test_a_comment_may_hold_quotes_and_semicolons() -> None:
    row = '2024.03.05 09:00:00;Buy;0.40;EURUSD;1.08;;;2024.03.05 10:00:00;1.081;;;40.00;say "hi"; and go'
    assert told(MT4, row).events[0].comment == 'say "hi"; and go'


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (MT4, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;;2024.03.05 1", "8 fields where a row has 13"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;", "10 fields where a row has 11"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5;x", "is not a number"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;", "profit '' is not a number"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;2024.03.06 09:00:00;;;;5", "price '' is not a number"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;;1.09;;;5", "no time of it"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;EURUSD;1.08;;2024.03.04 09:00:00;1.09;;;5", "before it begins"),
        (MT5, "2024.03.05 09:00:00;Buy;-0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "is negative"),
        (MT5, "2024.03.05 09:00:00;Buy;;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "volume '' is not a number"),
        (MT5, "2024.03.05 09:00:00;Buy;0.00;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "a trade of no volume"),
        (MT5, "2024.03.05 09:00:00;Hold;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "type 'Hold'"),
        (MT5, "2024.03.05 09:00:00;;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "type ''"),
        (MT5, "2024.03.05 09:00:00;;;;;;;;;;42.00", "type ''"),
        (MT5, "2024.03.05 09:00:00;Buy;0.10;;1.08;;2024.03.06 09:00:00;1.09;;;5", "symbol ''"),
        (MT5, "2024.03.05 09:00:00;Buy;0,10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "comma where a decimal"),
        (MT5, "05.03.2024;Buy;0.10;EURUSD;1.08;;2024.03.06 09:00:00;1.09;;;5", "is not a time like"),
        (MT4, "2024.03.01 08:00:00;Balance;;;;;;;;;;;Deposit", "profit '' is not a number"),
        (MT4, "2024.03.05 09:00:00;Buy Limit;0.00;EURUSD;1.08;;;2024.03.06 09:00:00;1.09;;;;", "of no volume"),
        (MT4, MT4, "is not a time like"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_is_refused_by_its_line(header: str, row: str, reason: str) -> None:
    good = (
        "2024.03.01 08:00:00;Balance;;;;;;;;;;5;"
        if header == MT4
        else "2024.03.01 08:00:00;Balance;;;;;;;;;5"
    )
    with pytest.raises(StatementError) as refused:
        told(header, good, "", row)
    assert (refused.value.line, reason in refused.value.reason) == (4, True), refused.value
