"""Trades by hand, and a history replayed by hand at exactly its own prices."""

from typing import Any

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.operations import Balance, HandTrade, Switch
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import DealKind, OrderState
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker.house import D, House, quoted_house, request

REPLAYED = BrokerProfile(triggers=False, stop_out_percent=None)


def test_a_hand_trades_while_autotrading_is_off() -> None:
    house = quoted_house()
    house.broker.apply(Switch(at=house.at, autotrading=False))
    assert house.buy().retcode == Retcode.CLIENT_DISABLES_AUTOTRADING
    result = house.by_hand(side=Side.BUY, volume="1", reason=DealReason.MOBILE)
    assert result.done
    assert house.broker.state.deals[-1].reason is DealReason.MOBILE


def test_a_hand_obeys_the_market_like_anyone() -> None:
    house = quoted_house()
    assert house.by_hand(side=Side.BUY, volume="0.001").retcode == Retcode.INVALID_VOLUME
    house.broker.apply(Switch(at=house.at, closed=("*",)))
    assert house.by_hand(side=Side.BUY, volume="1").retcode == Retcode.MARKET_CLOSED


def test_a_replayed_open_has_exactly_the_historys_price_whatever_the_quote() -> None:
    house = House(REPLAYED)
    result = house.by_hand(
        side=Side.SELL, volume="0.07", stop_loss="1.2", exact=Exact(price=D("1.23456"), commission=D("-0.4"))
    )
    assert (result.retcode, result.price) == (Retcode.DONE, D("1.23456"))
    assert house.broker.state.deals[-1].commission == D("-0.4")


def test_a_replayed_close_has_the_historys_money_and_reason() -> None:
    house = House(REPLAYED)
    ticket = house.by_hand(side=Side.BUY, volume="1", exact=Exact(price=D("1.1"))).position_ticket
    result = house.by_hand(
        position=ticket,
        volume="0.5",
        reason=DealReason.STOP_LOSS,
        exact=Exact(price=D("1.09"), profit=D("-512.34"), commission=D("-2"), swap=D("0.11")),
    )
    deal = house.broker.state.deals[-1]
    assert (result.price, deal.reason, deal.amount) == (D("1.09"), DealReason.STOP_LOSS, D("-514.23"))
    assert house.broker.state.balance == D("9485.77")


def test_a_replayed_history_is_not_refused_by_hours_margin_or_stops_level() -> None:
    house = House(REPLAYED, deposit="1")
    house.broker.apply(Switch(at=house.at, closed=("*",)))
    opened = house.by_hand(side=Side.BUY, volume="90", stop_loss="5", exact=Exact(price=D("1.1")))
    assert opened.done
    changed = house.by_hand("sltp", position=opened.position_ticket, stop_loss="6", exact=Exact())
    assert changed.done
    assert house.by_hand(position=opened.position_ticket, exact=Exact(price=D(1))).done


def test_a_replayed_pending_order_is_placed_changed_filled_and_cancelled_as_told() -> None:
    house = House(REPLAYED)
    order: dict[str, Any] = {"side": Side.BUY, "order_type": OrderType.STOP, "volume": "1", "exact": Exact()}
    first = house.by_hand("pending", price="1.2", magic=3, **order)
    second = house.by_hand("pending", price="1.3", magic=3, **order)
    assert house.by_hand("modify", order=first.order_ticket, price="1.25", exact=Exact()).done
    filled = house.by_hand("fill", order=first.order_ticket, exact=Exact(price=D("1.2501")))
    assert (filled.price, filled.position_ticket) == (D("1.2501"), first.order_ticket)
    assert house.by_hand("remove", order=second.order_ticket, exact=Exact()).done
    assert [order.state for order in house.broker.order_history(3)] == [
        OrderState.FILLED,
        OrderState.CANCELLED,
    ]
    assert house.broker.state.deals[-1].reason is DealReason.CLIENT


def test_a_replayed_trade_without_a_price_needs_a_quote() -> None:
    house = House(REPLAYED)
    opened = house.by_hand(side=Side.BUY, volume="1", exact=Exact(price=D("1.1"))).position_ticket
    assert house.by_hand(position=opened, exact=Exact()).retcode == Retcode.PRICE_OFF
    limit = house.by_hand("pending", side=Side.BUY, order_type=OrderType.LIMIT, volume="1", exact=Exact())
    assert limit.retcode == Retcode.INVALID_PRICE
    assert house.by_hand(side=Side.BUY, volume="1", exact=Exact()).retcode == Retcode.PRICE_OFF
    assert house.by_hand("pending", side=Side.BUY, volume="1", exact=Exact()).retcode == Retcode.INVALID_ORDER


def test_a_replayed_close_of_more_than_there_is_is_refused() -> None:
    house = House(REPLAYED)
    ticket = house.by_hand(side=Side.BUY, volume="1", exact=Exact(price=D("1.1"))).position_ticket
    result = house.by_hand(position=ticket, volume="1.5", exact=Exact(price=D("1.1")))
    assert result.retcode == Retcode.INVALID_CLOSE_VOLUME


def test_a_filled_order_that_is_unknown_is_invalid() -> None:
    house = quoted_house()
    assert house.by_hand("fill", order=99).retcode == Retcode.INVALID


def test_an_operation_asked_for_twice_with_one_key_happens_once() -> None:
    house = quoted_house()
    hand = HandTrade(at=house.at, request=request("deal", side=Side.BUY, volume="1"), key="event-7")
    first = house.broker.apply(hand)
    assert house.broker.apply(hand) == first
    money = Balance(at=house.at, kind=DealKind.DEPOSIT, amount=D(5), key="event-8")
    assert house.broker.apply(money) == house.broker.apply(money)
    assert len(house.broker.state.deals) == 3
    again = SimulatedBroker.restore(house.broker.snapshot())
    assert again.apply(hand) == first
    assert len(again.state.deals) == 3
