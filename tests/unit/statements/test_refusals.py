"""Whatever is not a whole, consistent statement is refused, with the line and the reason, and never guessed."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.simulation.statements import StatementError, read_statement
from tests.unit.statements.mt4_page import Cash, Order, Trade, page

GOOD = page(
    [
        Cash(ticket=1),
        Trade(ticket=2, title="[tp]", take_profit="1.08100"),
        Trade(ticket=3, size="0.02", title="to #4"),
        Trade(ticket=4, closed_at="2024.03.04 13:00:00", title="from #3[sl]"),
        Order(ticket=5),
    ],
    [Trade(ticket=6, closed_at="")],
    [Order(ticket=7, ended_at="")],
)


def line_of(text: str, mark: str) -> int:
    return text[: text.index(mark)].count("\n") + 1


def refusal(text: str | bytes) -> StatementError:
    """Every refusal of a file names a line of it, and says it first."""
    with pytest.raises(StatementError) as refused:
        read_statement(text if isinstance(text, bytes) else text.encode())
    assert refused.value.line is not None
    assert str(refused.value) == f"line {refused.value.line}: {refused.value.reason}"
    return refused.value


def test_the_statement_that_these_tests_damage_is_sound() -> None:
    assert len(read_statement(GOOD.encode()).events) == 10


@pytest.mark.parametrize(
    ("sound", "damaged", "reason"),
    [
        (">2</td>", ">2a</td>", "ticket '2a' is not a ticket number"),
        ("2024.03.04 10:00:00", "2024.03.34 10:00:00", "not a time that exists"),
        ("2024.03.04 10:00:00", "04/03/2024 10:00", "not a time like"),
        ("2024.03.04 10:00:00", "&nbsp;", "not a time like"),
        ("<td>buy</td>", "<td>bought</td>", "type 'bought'"),
        ("<td>buy</td>", "<td></td>", "type ''"),
        (">0.10<", ">-0.10<", "volume '-0.10' is negative"),
        (">0.10<", ">0.00<", "a trade of no volume"),
        (">0.10<", ">0,10<", "comma where a decimal point"),
        (">0.10<", ">a lot<", "volume 'a lot' is not a number"),
        (">0.10<", "><", "volume '' is not a number"),
        ("<td>eurusd</td>", "<td>&nbsp;</td>", "symbol '' is not the name of a symbol"),
        (">1.08000<", ">0.00000<", "price '0.00000' is not above zero"),
        (">1.08000<", ">-1.08000<", "price '-1.08000' is not above zero"),
        (">1.08000<", ">1.08.000<", "price '1.08.000' is not a number"),
        (">1.08000<", ">NaN<", "price 'NaN' is not a number"),
        (">1.08000<", ">1e5<", "price '1e5' is not a number"),
        (">1.08000<", f">{'9' * 30}<", "longer than"),
        (">0.00000<", ">-0.5<", "S / L '-0.5' is negative"),
        (">10.00<", ">ten<", "amount 'ten' is not a number"),
        ("2024.03.04 12:00:00", "2024.03.04 09:59:59", "before it begins"),
        ("<td>eurusd</td>", "", "13 cells where this row has 14"),
        ("<td>eurusd</td>", "<td>eurusd</td><td>x</td>", "15 cells where this row has 14"),
    ],
)
def test_a_damaged_trade_is_refused_by_its_line(sound: str, damaged: str, reason: str) -> None:
    trade = Trade(ticket=2, title="[tp]", take_profit="1.08100").html()
    assert sound in trade
    error = refusal(GOOD.replace(trade, trade.replace(sound, damaged, 1)))
    assert (error.line, reason in error.reason) == (line_of(GOOD, trade), True), error


@pytest.mark.parametrize(
    ("sound", "damaged", "reason"),
    [
        ("buy limit", "buy limitless", "type"),
        ("buy limit", "buy", "11 cells where this row has 14"),
        (">0.10<", ">0.00<", "a pending order of no volume"),
        ("2024.03.05 09:00:00", "2024.03.03 09:00:00", "before it begins"),
        (">1.08200<", ">-1.08200<", "market price '-1.08200' is negative"),
    ],
)
def test_a_damaged_order_is_refused_by_its_line(sound: str, damaged: str, reason: str) -> None:
    order = Order(ticket=5).html()
    error = refusal(GOOD.replace(order, order.replace(sound, damaged, 1)))
    assert (error.line, reason in error.reason) == (line_of(GOOD, order), True), error


def test_a_remainder_whose_parent_is_absent_is_refused() -> None:
    error = refusal(page([Trade(ticket=2), Trade(ticket=4, title="from #3")]))
    assert "#3 that it comes from is not in the statement" in error.reason
    assert error.line == line_of(page([Trade(ticket=2), Trade(ticket=4, title="from #3")]), "from #3")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([Trade(ticket=3, title="to #9")], "#9 that it goes on as is not in the statement"),
        (
            [Trade(ticket=3, title="to #4"), Trade(ticket=4, item="gbpusd", title="from #3")],
            "is a buy of gbpusd, not a buy of eurusd",
        ),
        (
            [Trade(ticket=3, title="to #4"), Trade(ticket=4, kind="sell", title="from #3")],
            "is a sell of eurusd",
        ),
        (
            [
                Trade(ticket=3, title="to #4"),
                Trade(ticket=4, closed_at="2024.03.04 11:00:00", title="from #3"),
            ],
            "ends before that ticket was closed in part",
        ),
        (
            [Trade(ticket=3), Trade(ticket=4, title="from #3"), Trade(ticket=5, title="from #3")],
            "goes on as #4 already",
        ),
        ([Trade(ticket=3, title="to #4"), Trade(ticket=4, title="to #3")], "comes from itself"),
        (
            [Trade(ticket=3, title="to #5"), Trade(ticket=4, title="to #5"), Trade(ticket=5)],
            "comes from two tickets",
        ),
        (
            [Trade(ticket=3, title="partial close"), Trade(ticket=4), Trade(ticket=5)],
            "could be any of several tickets",
        ),
        ([Trade(ticket=3, size="0.00", title="close hedge by #9")], "#9 that closed it is not in the file"),
        ([Trade(ticket=3, size="0.00", title="[sl]")], "a trade of no volume"),
        (
            [Trade(ticket=3, size="0.00", title="close hedge by #4"), Trade(ticket=4)],
            "#4 that closed it is not in the file",
        ),
    ],
)
def test_links_that_contradict_the_rows_are_refused(rows: list[Trade], reason: str) -> None:
    error = refusal(page(rows))
    assert reason in error.reason, error
    assert error.line is not None


def test_a_closed_profit_that_the_rows_do_not_add_up_to_is_refused_with_both_figures() -> None:
    error = refusal(GOOD.replace("<td class=mspt>10.00</td>", "<td class=mspt>11.00</td>", 1))
    assert error.line == line_of(GOOD, "<b>Closed P/L:") - 1
    assert "“Closed P/L:” states 30.00, but the rows add up to 31.00" in error.reason


def test_a_summary_that_disagrees_is_refused() -> None:
    mark = "<b>Closed Trade P/L:</b></td>\n    <td colspan=2 class=mspt><b>"
    wrong = GOOD.replace(f"{mark}30.00", f"{mark}31.00")
    assert "“Closed Trade P/L:” states 31.00, but the rows add up to 30.00" in refusal(wrong).reason


def test_deposits_that_do_not_add_up_are_refused_with_both_figures() -> None:
    error = refusal(GOOD.replace(">10 000.00<", ">20 000.00<", 1))
    assert "“Deposit/Withdrawal:” states 10000.00, but the rows add up to 20000.00" in error.reason


def test_a_lost_row_shows_in_the_sums() -> None:
    assert (
        "add up to"
        in refusal(GOOD.replace(Trade(ticket=2, title="[tp]", take_profit="1.08100").html(), "")).reason
    )


def test_a_page_cut_off_after_any_line_is_refused() -> None:
    lines = GOOD.splitlines(keepends=True)
    for count in range(len(lines)):
        refusal("".join(lines[:count]))


@given(cut=st.integers(min_value=0, max_value=len(GOOD.rstrip()) - 1))
def test_a_page_cut_off_anywhere_is_refused(cut: int) -> None:
    refusal(GOOD[:cut])


def test_a_statement_cut_off_before_its_first_section_is_said_to_be_cut_off() -> None:
    cut = GOOD[: GOOD.index("<b>Closed")]
    assert (refusal(cut).line, "cut off" in refusal(cut).reason) == (cut.count("\n") + 1, True)


def test_lines_are_counted_beyond_what_the_parser_counts() -> None:
    padded = GOOD.replace("<b>Some Broker</b>", "<b>Some\n\n\n Broker</b>" + "\n" * 70_000)
    damaged = padded.replace(">0.02<", ">two<", 1)
    assert refusal(damaged).line == line_of(damaged, ">two<")


@pytest.mark.parametrize("title", ["Open Trades:", "Working Orders:", "Summary:"])
def test_a_page_without_one_of_its_sections_is_refused(title: str) -> None:
    assert title in refusal(GOOD.replace(f"<b>{title}</b>", "<b></b>")).reason


MT5_REPORT = (
    "<html><body><table><tr><th><b>Trade History Report</b></th></tr>"
    "<tr><td>Positions</td></tr></table></body></html>"
)
TESTER_REPORT = (
    "<html><head><title>Strategy Tester: x</title></head><body><b>Strategy Tester Report</b></body></html>"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary"),
        (bytes(range(256)), "binary"),
        (b"PK\x03\x04" + bytes(40), "binary"),
        (b"hello", "neither an MT4 statement"),
        (b"{}", "neither an MT4 statement"),
        (b"Ticket,Open Time,Type\n1,2,3\n", "neither an MT4 statement"),
        (b"<", "not"),
        (b"<html></html>", "some other page, not an MT4 statement"),
        (b"<html><body><table><tr><td>Closed</td></tr></table></body></html>", "some other page"),
        (MT5_REPORT.encode(), "MetaTrader 5 history report"),
        (MT5_REPORT.encode("utf-16"), "MetaTrader 5 history report"),
        (TESTER_REPORT.encode(), "strategy tester's report"),
        (b"\xff\xfe\x00", "utf-16"),
        (b"\xef\xbb\xbf\xff", "utf-8"),
    ],
)
def test_a_foreign_file_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(content).reason


def test_two_statements_in_one_file_are_refused() -> None:
    assert "more than one statement" in refusal(GOOD + GOOD).reason


def test_a_statement_of_other_columns_is_refused() -> None:
    assert "columns" in refusal(GOOD.replace("<td>Size</td>", "<td>Lots</td>", 1)).reason
    assert "columns" in refusal(GOOD.replace("<td>Commission</td>", "<td>Fee</td>", 1)).reason


def test_an_account_without_a_currency_is_refused() -> None:
    assert "no account with a currency" in refusal(GOOD.replace("Currency: USD", "Currency:")).reason


def test_a_ticket_that_is_blank_is_refused() -> None:
    trade = Trade(ticket=2, title="[tp]", take_profit="1.08100").html()
    error = refusal(GOOD.replace(trade, trade.replace(">2</td>", "></td>")))
    assert (error.line, "no known kind" in error.reason) == (line_of(GOOD, trade), True)


def test_an_open_trade_that_closed_is_refused() -> None:
    assert "an open trade that closed" in refusal(page([], [Trade(ticket=1)])).reason


def test_a_pending_order_among_open_trades_is_refused() -> None:
    assert (
        "where a buy or sell belongs"
        in refusal(page([], [Trade(ticket=1, kind="buy limit", closed_at="")])).reason
    )


def test_a_trade_among_working_orders_is_refused() -> None:
    assert (
        "where a pending order belongs"
        in refusal(page([], [], [Order(ticket=1, kind="buy", ended_at="")])).reason
    )


def backwards(text: str) -> str:
    return text[::-1]


@pytest.mark.parametrize("spoil", [str.upper, str.swapcase, backwards])
def test_a_garbled_page_never_raises_anything_else(spoil: Callable[[str], str]) -> None:
    refusal(spoil(GOOD))


@given(
    at=st.integers(min_value=0, max_value=len(GOOD) - 1),
    junk=st.binary(min_size=1, max_size=6),
)
def test_a_byte_changed_anywhere_imports_or_is_refused_but_never_fails_otherwise(
    at: int, junk: bytes
) -> None:
    data = GOOD.encode()
    with suppress(StatementError):
        read_statement(data[:at] + junk + data[at + len(junk) :])
