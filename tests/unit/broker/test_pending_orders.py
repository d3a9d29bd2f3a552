"""Pending orders: when they fill and at what price, how they change and end, and what the history says of them."""

from datetime import timedelta

import pytest

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.simulation.broker.operations import Tick
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import OrderState
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker.house import D, quoted_house

BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = OrderType.LIMIT, OrderType.STOP


@pytest.mark.parametrize(
    ("side", "order_type", "price", "short_of", "reaching", "filled_at"),
    [
        (BUY, LIMIT, "1.09000", ("1.08991", "1.09001"), ("1.08990", "1.09000"), "1.09000"),
        (BUY, STOP, "1.11000", ("1.10989", "1.10999"), ("1.10990", "1.11000"), "1.11000"),
        (SELL, LIMIT, "1.11000", ("1.10999", "1.11009"), ("1.11000", "1.11010"), "1.11000"),
        (SELL, STOP, "1.09000", ("1.09001", "1.09011"), ("1.09000", "1.09010"), "1.09000"),
    ],
)
def test_an_order_fills_exactly_when_its_price_is_reached(
    side: Side,
    order_type: OrderType,
    price: str,
    short_of: tuple[str, str],
    reaching: tuple[str, str],
    filled_at: str,
) -> None:
    house = quoted_house()
    placed = house.place(side, order_type, price, magic=4, comment="mine", stop_loss=None)
    assert placed.retcode == Retcode.PLACED
    house.quote("EURUSD", *short_of)
    assert house.positions == []
    house.quote("EURUSD", *reaching)
    position = house.position
    assert (position.open_price, position.side) == (D(filled_at), side)
    assert (position.ticket, position.magic, position.comment) == (placed.order_ticket, 4, "mine")
    assert house.broker.deals_after(1)[0].reason is DealReason.EXPERT


@pytest.mark.parametrize(
    ("side", "order_type", "price", "gap", "filled_at"),
    [
        (BUY, LIMIT, "1.09000", ("1.07990", "1.08000"), "1.08000"),
        (BUY, STOP, "1.11000", ("1.11990", "1.12000"), "1.12000"),
        (SELL, LIMIT, "1.11000", ("1.12000", "1.12010"), "1.12000"),
        (SELL, STOP, "1.09000", ("1.08000", "1.08010"), "1.08000"),
    ],
)
def test_over_a_gap_a_limit_fills_better_and_a_stop_worse(
    side: Side, order_type: OrderType, price: str, gap: tuple[str, str], filled_at: str
) -> None:
    house = quoted_house()
    house.place(side, order_type, price)
    house.quote("EURUSD", *gap)
    assert house.position.open_price == D(filled_at)


def test_an_order_expires_when_its_time_comes_and_never_fills_after() -> None:
    house = quoted_house()
    house.place(BUY, LIMIT, "1.09000", magic=4, expires_at=house.at + timedelta(minutes=5))
    house.pass_time(minutes=4, seconds=59)
    assert not house.broker.is_due(house.at)
    house.broker.apply(Tick(at=house.at))
    assert house.broker.state.orders
    house.pass_time(seconds=1)
    assert house.broker.is_due(house.at)
    house.quote("EURUSD", "1.08000", "1.08010")
    assert house.positions == []
    (finished,) = house.broker.order_history(4)
    assert (finished.state, finished.finished_at) == (OrderState.EXPIRED, house.at)


def test_the_history_tells_a_filled_from_a_cancelled_order() -> None:
    house = quoted_house()
    filled = house.place(BUY, LIMIT, "1.09000", magic=4)
    cancelled = house.place(BUY, LIMIT, "1.08000", magic=4)
    house.place(BUY, LIMIT, "1.08500", magic=5)
    assert house.send("remove", order=cancelled.order_ticket).done
    house.quote("EURUSD", "1.08990", "1.09000")
    history = {order.ticket: order for order in house.broker.order_history(4)}
    assert history[cancelled.order_ticket or 0].state is OrderState.CANCELLED
    assert history[filled.order_ticket or 0].state is OrderState.FILLED
    assert history[filled.order_ticket or 0].position_id == house.position.position_id
    assert house.broker.order_history(5) == []


def test_a_changed_order_keeps_ticket_side_and_volume() -> None:
    house = quoted_house()
    ticket = house.place(BUY, LIMIT, "1.09000", stop_loss="1.08000").order_ticket
    until = house.at + timedelta(hours=1)
    changed = house.send("modify", order=ticket, price="1.08500", take_profit="1.10000", expires_at=until)
    assert changed.done
    (order,) = house.broker.state.orders.values()
    assert (order.ticket, order.price, order.volume) == (ticket, D("1.08500"), D(1))
    assert (order.stop_loss, order.take_profit, order.expires_at) == (None, D("1.10000"), until)
    same = house.send("modify", order=ticket, price="1.08500", take_profit="1.10000", expires_at=until)
    assert same.retcode == Retcode.NO_CHANGES


def test_a_change_to_an_impossible_price_or_time_is_refused() -> None:
    house = quoted_house()
    ticket = house.place(BUY, LIMIT, "1.09000").order_ticket
    assert house.send("modify", order=ticket, price="1.2").retcode == Retcode.INVALID_PRICE
    late = house.send("modify", order=ticket, price="1.08", expires_at=house.at)
    assert late.retcode == Retcode.INVALID_EXPIRATION
    stops = house.send("modify", order=ticket, price="1.08", stop_loss="1.09")
    assert stops.retcode == Retcode.INVALID_STOPS


def test_an_order_that_was_filled_can_be_neither_changed_nor_cancelled() -> None:
    house = quoted_house()
    ticket = house.place(BUY, LIMIT, "1.09000").order_ticket
    house.quote("EURUSD", "1.08990", "1.09000")
    assert house.send("remove", order=ticket).retcode == Retcode.INVALID
    assert house.send("modify", order=ticket, price="1.08000").retcode == Retcode.INVALID


def test_an_order_without_the_money_for_it_is_cancelled_when_its_price_comes() -> None:
    house = quoted_house()
    house.place(BUY, LIMIT, "1.09000", volume="20", magic=4)
    house.quote("EURUSD", "1.08990", "1.09000")
    assert house.positions == []
    assert house.broker.order_history(4)[0].state is OrderState.CANCELLED


def test_a_new_positions_stop_counts_from_the_next_quote_on() -> None:
    house = quoted_house()
    house.place(BUY, LIMIT, "1.09000", stop_loss="1.08000")
    house.quote("EURUSD", "1.07000", "1.07010")
    assert house.position.open_price == D("1.07010")
    house.quote("EURUSD", "1.07000", "1.07010")
    assert house.positions == []


def test_where_nothing_triggers_orders_wait_for_the_history_to_fill_them() -> None:
    house = quoted_house(BrokerProfile(triggers=False))
    ticket = house.place(BUY, LIMIT, "1.09000", expires_at=house.at + timedelta(minutes=1)).order_ticket
    house.pass_time(hours=1)
    house.quote("EURUSD", "1.07000", "1.07010")
    assert house.positions == []
    assert house.by_hand("fill", order=ticket).price == D("1.09000")
    assert house.position.ticket == ticket
