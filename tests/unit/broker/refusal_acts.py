"""Situations in which a broker refuses, and what is tried in them; the table of cases is in `test_refusals.py`."""

from datetime import timedelta
from typing import Any

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.symbols import TradeMode
from kopitra.simulation.broker.faults import Fault
from kopitra.simulation.broker.operations import ListSymbols, PlanFaults, Switch
from kopitra.simulation.broker.profiles import FOREX_WEEK, BrokerProfile
from kopitra.simulation.broker.records import TradeResult
from tests.unit.broker.house import House, quoted_house, spec

BUY_LIMIT: dict[str, Any] = {"side": Side.BUY, "order_type": OrderType.LIMIT, "price": "1.09000"}


def wide() -> House:
    """Stops level 100 points, freeze level 50."""
    return quoted_house(symbols=(spec("EURUSD", stops_level=100, freeze_level=50), spec("USDJPY")))


def planned(fault: Fault) -> House:
    house = quoted_house()
    house.broker.apply(PlanFaults(at=house.at, scripted=(fault,)))
    return house


def mode(mode: TradeMode) -> House:
    house = quoted_house()
    house.broker.apply(ListSymbols(at=house.at, symbols=(spec("EURUSD", trade_mode=mode),)))
    return house


def at_weekend() -> House:
    house = quoted_house(BrokerProfile(sessions=FOREX_WEEK))
    house.pass_time(days=5)
    return house


def autotrading_off() -> House:
    house = quoted_house()
    house.broker.apply(Switch(at=house.at, autotrading=False))
    return house


def with_position(house: House) -> tuple[House, int]:
    ticket = house.buy("1", stop_loss="1.09000").position_ticket
    assert ticket is not None
    return house, ticket


def changed_to_the_same(house: House) -> TradeResult:
    house, ticket = with_position(house)
    return house.send("sltp", position=ticket, stop_loss="1.09000")


def changed_near_its_stop(house: House) -> TradeResult:
    house, ticket = with_position(house)
    house.quote("EURUSD", "1.09040", "1.09050")
    return house.send("sltp", position=ticket, stop_loss="1.08000")


def closed_near_its_stop(house: House) -> TradeResult:
    house, ticket = with_position(house)
    house.quote("EURUSD", "1.09040", "1.09050")
    return house.close(ticket)


def stop_changed_too_near(house: House) -> TradeResult:
    house, ticket = with_position(house)
    return house.send("sltp", position=ticket, stop_loss="1.09950")


def order_changed_near_the_market(house: House) -> TradeResult:
    order = house.send("pending", volume="1", **BUY_LIMIT).order_ticket
    house.quote("EURUSD", "1.09030", "1.09040")
    return house.send("modify", order=order, price="1.08000")


def order_cancelled_near_the_market(house: House) -> TradeResult:
    order = house.send("pending", volume="1", **BUY_LIMIT).order_ticket
    house.quote("EURUSD", "1.09030", "1.09040")
    return house.send("remove", order=order)


def closed_twice(house: House) -> TradeResult:
    house, ticket = with_position(house)
    house.close(ticket)
    return house.close(ticket)


def closed_too_much(house: House) -> TradeResult:
    house, ticket = with_position(house)
    return house.close(ticket, "1.01")


def closed_the_wrong_way(house: House) -> TradeResult:
    house, ticket = with_position(house)
    return house.close(ticket, side=Side.BUY)


def closed_by_a_buy(house: House) -> TradeResult:
    house, ticket = with_position(house)
    other = house.buy("1").position_ticket
    return house.send("close_by", position=ticket, position_by=other)


def changed_at_the_weekend(house: House) -> TradeResult:
    house, ticket = with_position(house)
    shut(house)
    return house.send("sltp", position=ticket, stop_loss="1.08000")


def closed_at_the_weekend(house: House) -> TradeResult:
    house, ticket = with_position(house)
    shut(house)
    return house.close(ticket)


def closed_by_at_the_weekend(house: House) -> TradeResult:
    house, ticket = with_position(house)
    other = house.sell("1").position_ticket
    shut(house)
    return house.send("close_by", position=ticket, position_by=other)


def order_changed_at_the_weekend(house: House) -> TradeResult:
    order = house.send("pending", volume="1", **BUY_LIMIT).order_ticket
    shut(house)
    return house.send("modify", order=order, price="1.08000")


def close_by_of_another_symbol(house: House) -> TradeResult:
    house, ticket = with_position(house)
    other = house.sell("1").position_ticket
    return house.send("close_by", "USDJPY", position=ticket, position_by=other)


def closed_with_nothing(house: House) -> TradeResult:
    house, ticket = with_position(house)
    return house.close(ticket, "0")


def shut(house: House) -> None:
    house.broker.apply(Switch(at=house.at, closed=("EURUSD",)))


def over_the_pending_limit(house: House) -> TradeResult:
    house.send("pending", volume="1", **BUY_LIMIT)
    return house.send("pending", volume="1", **BUY_LIMIT)


def expired_at_birth(house: House) -> TradeResult:
    return house.send("pending", volume="1", expires_at=house.at - timedelta(seconds=1), **BUY_LIMIT)
