"""Opening, changing and closing at the market, and what the ledger says of it."""

import pytest

from kopitra.domain.orders import DealEntry, DealReason, Side
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.broker.profiles import BrokerProfile, with_suffix
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker.house import D, House, quoted_house, spec


def test_a_buy_opens_at_the_ask_and_closes_at_the_bid() -> None:
    house = quoted_house()
    opened = house.buy("0.5", magic=9, comment="K1abc", stop_loss="1.09000", take_profit="1.12000")
    assert (opened.retcode, opened.price, opened.volume) == (Retcode.DONE, D("1.10010"), D("0.5"))
    position = house.position
    assert (position.ticket, position.position_id) == (opened.position_ticket, opened.position_id)
    assert (position.magic, position.comment) == (9, "K1abc")
    assert (position.stop_loss, position.take_profit) == (D("1.09000"), D("1.12000"))
    house.quote("EURUSD", "1.10110", "1.10120")
    closed = house.close(position.ticket, magic=9)
    assert closed.price == D("1.10110")
    assert house.positions == []
    assert house.broker.state.balance == D("10050.00")


def test_a_sell_opens_at_the_bid_and_closes_at_the_ask() -> None:
    house = quoted_house()
    opened = house.sell("1")
    assert opened.price == D("1.10000")
    house.quote("EURUSD", "1.09890", "1.09900")
    assert house.close(opened.position_ticket).price == D("1.09900")
    assert house.broker.state.balance == D("10100.00")


def test_the_ledger_tells_each_deal_with_its_ordinal_side_entry_and_reason() -> None:
    house = quoted_house()
    ticket = house.buy("1", magic=3).position_ticket
    house.close(ticket, "0.4", magic=3)
    deposit, opened, closed = house.broker.deals_after(0)
    assert [deal.ordinal for deal in (deposit, opened, closed)] == [1, 2, 3]
    assert (opened.entry, opened.side, opened.reason) == (DealEntry.IN, Side.BUY, DealReason.EXPERT)
    assert (closed.entry, closed.side, closed.volume) == (DealEntry.OUT, Side.SELL, D("0.4"))
    assert closed.position_id == opened.position_id == closed.position_ticket
    assert house.broker.deals_after(2) == [closed]
    assert house.position.volume == D("0.6")


def test_a_close_without_volume_closes_all_and_one_with_volume_a_part() -> None:
    house = quoted_house()
    ticket = house.buy("1").position_ticket
    assert house.close(ticket, "0.3").volume == D("0.3")
    assert house.close(ticket).volume == D("0.7")
    assert house.positions == []


def test_changed_stops_replace_both_and_none_takes_one_away() -> None:
    house = quoted_house()
    ticket = house.buy("1", stop_loss="1.09000", take_profit="1.12000").position_ticket
    assert house.send("sltp", position=ticket, stop_loss="1.09500").done
    assert (house.position.stop_loss, house.position.take_profit) == (D("1.09500"), None)


def test_a_close_of_another_symbol_is_invalid() -> None:
    house = quoted_house()
    ticket = house.buy("1").position_ticket
    assert house.close(ticket, symbol="USDJPY").retcode == Retcode.INVALID
    assert house.send("sltp", "USDJPY", position=ticket, stop_loss="1").retcode == Retcode.INVALID


@pytest.mark.parametrize(("fill", "left"), [(500, "0.5"), (15, "0.01"), (999, "0.99")])
def test_a_partial_fill_opens_whole_steps_and_says_10010(fill: int, left: str) -> None:
    house = quoted_house()
    house.broker.apply(
        PlanFaults(at=house.at, scripted=(Fault(kind=FaultKind.PARTIAL, fill_per_mille=fill),))
    )
    result = house.buy("1")
    assert (result.retcode, result.volume) == (Retcode.DONE_PARTIAL, D(left))
    assert house.position.volume == D(left)


def test_a_partial_fill_below_one_step_is_a_rejection() -> None:
    house = quoted_house()
    house.broker.apply(PlanFaults(at=house.at, scripted=(Fault(kind=FaultKind.PARTIAL, fill_per_mille=500),)))
    assert house.buy("0.01").retcode == Retcode.REJECT
    assert house.positions == []


def test_a_close_can_be_filled_in_part() -> None:
    house = quoted_house()
    ticket = house.buy("1").position_ticket
    house.broker.apply(
        PlanFaults(
            at=house.at,
            scripted=(Fault(kind=FaultKind.PARTIAL, fill_per_mille=300, applies_to=("close",)),),
        )
    )
    result = house.close(ticket)
    assert (result.retcode, result.volume) == (Retcode.DONE_PARTIAL, D("0.3"))
    assert house.position.volume == D("0.7")


def test_two_opposite_positions_close_by_each_other_and_the_larger_stays() -> None:
    house = quoted_house(BrokerProfile(commission_per_lot=D(3)))
    buy = house.buy("1").position_ticket
    house.quote("EURUSD", "1.10500", "1.10510")
    sell = house.sell("0.4").position_ticket
    before = house.broker.state.balance
    result = house.send("close_by", position=buy, position_by=sell)
    first, second = house.broker.deals_after(3)
    assert result.volume == D("0.4")
    assert (first.price, first.profit) == (D("1.10500"), D("196.00"))
    assert (second.profit, second.commission, first.commission) == (0, 0, 0)
    assert first.order_ticket == second.order_ticket
    assert {deal.reason for deal in (first, second)} == {DealReason.CLOSE_BY}
    assert house.broker.state.balance == before + D(196)
    assert (house.position.ticket, house.position.volume) == (buy, D("0.6"))


def test_a_close_by_of_nothing_is_a_closed_position() -> None:
    house = quoted_house()
    ticket = house.buy("1").position_ticket
    assert house.send("close_by", position=ticket, position_by=5).retcode == Retcode.POSITION_CLOSED
    assert house.send("close_by", position=5, position_by=ticket).retcode == Retcode.POSITION_CLOSED


def test_the_broker_may_have_a_spread_of_its_own() -> None:
    house = House(BrokerProfile(spread_points=25))
    house.quote("EURUSD", "1.10000", "1.10001")
    assert house.buy("1").price == D("1.10025")


def test_a_suffix_broker_takes_plain_names_in_quotes_but_not_in_orders() -> None:
    house = House(BrokerProfile(suffix=".m"), symbols=with_suffix((spec("EURUSD"),), ".m"))
    house.quote("EURUSD", "1.10000", "1.10010")
    assert house.buy("1", symbol="EURUSD").retcode == Retcode.INVALID
    assert house.buy("1", symbol="EURUSD.m").done


def test_symbols_that_the_broker_does_not_list_are_passed_over_in_quotes() -> None:
    house = House()
    house.quote("XAUUSD", "2000.0", "2000.5")
    assert house.broker.state.quotes == {}


def test_market_orders_slip_against_the_account_by_what_the_profile_says() -> None:
    house = quoted_house(BrokerProfile(slippage_points=(3, 3)))
    bought, sold = house.buy("1"), house.sell("1")
    assert (bought.price, sold.price) == (D("1.10013"), D("1.09997"))
    assert house.close(bought.position_ticket).price == D("1.09997")
    assert house.close(sold.position_ticket).price == D("1.10013")


def test_a_slip_beyond_the_deviation_is_a_requote() -> None:
    house = quoted_house(BrokerProfile(slippage_points=(3, 3)))
    refused = house.buy("1", price="1.10010", deviation="0.00002")
    assert (refused.retcode, refused.price) == (Retcode.REQUOTE, D("1.10010"))
    assert house.buy("1", price="1.10010", deviation="0.00003").retcode == Retcode.DONE
