"""A netting account: one position per symbol, added to, reduced and reversed."""

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker.house import D, House, quoted_house


def netting_house(deposit: str = "10000") -> House:
    return quoted_house(mode=MarginMode.NETTING, deposit=deposit)


def test_more_of_the_same_side_averages_the_price_and_keeps_the_position() -> None:
    house = netting_house()
    first = house.buy("1", stop_loss="1.05000", take_profit="1.20000")
    house.quote("EURUSD", "1.12000", "1.12010")
    second = house.buy("0.5", stop_loss="1.06000")
    position = house.position
    assert (position.ticket, position.position_id) == (first.position_ticket, first.position_id)
    assert second.position_id == first.position_id
    assert (position.volume, position.open_price) == (D("1.5"), D("1.1067666667"))
    assert (position.stop_loss, position.take_profit) == (D("1.06000"), D("1.20000"))


def test_the_opposite_order_reduces_and_books_the_part() -> None:
    house = netting_house()
    house.buy("1")
    house.quote("EURUSD", "1.10110", "1.10120")
    result = house.sell("0.4", stop_loss="1.2")
    deal = house.broker.state.deals[-1]
    assert (deal.entry, deal.profit, result.order_ticket) == (DealEntry.OUT, D("40.00"), deal.order_ticket)
    assert (house.position.volume, house.position.side, house.position.stop_loss) == (
        D("0.6"),
        Side.BUY,
        None,
    )


def test_an_order_of_the_same_size_closes_the_position() -> None:
    house = netting_house()
    house.buy("1")
    house.sell("1")
    assert house.positions == []


def test_a_reversal_is_one_inout_deal_that_changes_the_ticket_and_keeps_the_identifier() -> None:
    house = netting_house()
    first = house.buy("1", magic=1, stop_loss="1.05000")
    house.quote("EURUSD", "1.10110", "1.10120")
    result = house.sell("1.5", magic=2, take_profit="1.00000")
    deal = house.broker.state.deals[-1]
    assert (deal.entry, deal.volume, deal.profit) == (DealEntry.INOUT, D("1.5"), D("100.00"))
    assert (deal.position_ticket, deal.remainder_ticket) == (first.position_ticket, result.order_ticket)
    position = house.position
    assert (position.ticket, position.position_id) == (result.order_ticket, first.position_id)
    assert (position.side, position.volume, position.open_price) == (Side.SELL, D("0.5"), D("1.10110"))
    assert (position.stop_loss, position.take_profit, position.magic) == (None, D("1.00000"), 2)


def test_a_close_by_ticket_works_as_on_a_hedging_account() -> None:
    house = netting_house()
    ticket = house.buy("1").position_ticket
    assert house.close(ticket, "0.3").done
    assert house.position.volume == D("0.7")


def test_pending_orders_join_the_one_position() -> None:
    house = netting_house()
    ticket = house.buy("1").position_ticket
    order = house.place(Side.BUY, OrderType.LIMIT, "1.09000", magic=6)
    house.quote("EURUSD", "1.08990", "1.09000")
    assert (house.position.ticket, house.position.volume) == (ticket, D(2))
    assert house.broker.state.deals[-1].order_ticket == order.order_ticket
    assert house.broker.order_history(6)[0].position_id == ticket


def test_reducing_needs_no_margin_and_reversing_only_for_what_grows() -> None:
    house = netting_house(deposit="1500")
    house.buy("1")
    assert house.buy("0.5").retcode == Retcode.NO_MONEY
    assert house.sell("2").done
    assert house.sell("1").retcode == Retcode.NO_MONEY
    assert house.buy("0.4").done


def test_positions_do_not_close_by_each_other() -> None:
    house = netting_house()
    ticket = house.buy("1").position_ticket
    other = house.buy("1", symbol="USDJPY").position_ticket
    result = house.send("close_by", position=ticket, position_by=other)
    assert result.retcode == Retcode.INVALID


def test_every_deal_carries_its_own_orders_number_and_the_position_the_first_ones() -> None:
    house = netting_house()
    house.buy("1", magic=1)
    house.buy("0.5", magic=2)
    house.sell("0.4", magic=3)
    assert [deal.magic for deal in house.broker.state.deals[1:]] == [1, 2, 3]
    assert house.position.magic == 1


def test_a_stop_closes_the_whole_net_position_whoever_traded_it() -> None:
    house = netting_house()
    house.buy("1", magic=1, stop_loss="1.09000")
    house.buy("0.5", magic=2)
    house.quote("EURUSD", "1.09000", "1.09010")
    deal = house.broker.state.deals[-1]
    assert (deal.volume, deal.reason, deal.magic) == (D("1.5"), DealReason.STOP_LOSS, 1)
    assert house.positions == []


def test_stops_are_changed_for_the_net_position_by_its_ticket_now() -> None:
    house = netting_house()
    first = house.buy("1").position_ticket
    turned = house.sell("1.5").order_ticket
    assert house.send("sltp", position=first, stop_loss="1.2").retcode == Retcode.POSITION_CLOSED
    assert house.send("sltp", position=turned, stop_loss="1.2").done
    assert house.position.stop_loss == D("1.2")


def test_profit_is_reckoned_from_the_average_price_and_adds_up() -> None:
    house = netting_house()
    house.buy("1")
    house.quote("EURUSD", "1.10200", "1.10210")
    house.buy("1")
    house.quote("EURUSD", "1.10310", "1.10320")
    house.sell("0.5")
    house.sell("1.5")
    profits = [deal.profit for deal in house.broker.state.deals if deal.entry is DealEntry.OUT]
    assert profits == [D("100.00"), D("300.00")]


def test_the_position_after_a_flat_one_has_another_name() -> None:
    house = netting_house()
    first = house.buy("1").position_id
    house.sell("1")
    assert house.buy("1").position_id != first


def test_an_order_against_the_position_may_be_filled_in_part() -> None:
    house = netting_house()
    house.buy("1")
    house.broker.apply(PlanFaults(at=house.at, scripted=(Fault(kind=FaultKind.PARTIAL, fill_per_mille=300),)))
    result = house.sell("1")
    assert (result.retcode, result.volume, house.position.volume) == (
        Retcode.DONE_PARTIAL,
        D("0.3"),
        D("0.7"),
    )
