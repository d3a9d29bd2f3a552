"""Each reason for which a broker refuses, by its MetaTrader retcode; a refusal changes nothing."""

from collections.abc import Callable

import msgspec
import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.symbols import TradeMode
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import ListSymbols
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import TradeResult
from kopitra.simulation.broker.retcodes import Retcode
from tests.unit.broker import refusal_acts as acts
from tests.unit.broker.house import D, House, quoted_house, spec

Case = tuple[str, Callable[[], House], Callable[[House], TradeResult], Retcode]

CASES: list[Case] = [
    ("a dealer's rejection", lambda: acts.planned(Fault(kind=FaultKind.REJECT)), House.buy, Retcode.REJECT),
    ("a requote", lambda: acts.planned(Fault(kind=FaultKind.REQUOTE)), House.buy, Retcode.REQUOTE),
    (
        "a price that moved",
        quoted_house,
        lambda h: h.buy("1", price="1.10000", deviation="0.00005"),
        Retcode.REQUOTE,
    ),
    ("a timeout", lambda: acts.planned(Fault(kind=FaultKind.TIMEOUT)), House.buy, Retcode.TIMEOUT),
    ("an unknown symbol", quoted_house, lambda h: h.buy("1", symbol="XAUUSD"), Retcode.INVALID),
    ("no side", quoted_house, lambda h: h.send(volume="1"), Retcode.INVALID),
    ("a price that is no number", quoted_house, lambda h: h.buy("1", stop_loss="NaN"), Retcode.INVALID),
    ("stops of nothing", quoted_house, lambda h: h.send("sltp", stop_loss="1"), Retcode.INVALID),
    ("a fill by an EA", quoted_house, lambda h: h.send("fill", order=1), Retcode.INVALID),
    ("an unknown order", quoted_house, lambda h: h.send("remove", order=5), Retcode.INVALID),
    ("an unknown order's change", quoted_house, lambda h: h.send("modify", order=5), Retcode.INVALID),
    ("a close to the same side", quoted_house, acts.closed_the_wrong_way, Retcode.INVALID),
    ("a close by the same side", quoted_house, acts.closed_by_a_buy, Retcode.INVALID),
    ("a close by under another symbol", quoted_house, acts.close_by_of_another_symbol, Retcode.INVALID),
    (
        "a pending order without a side",
        quoted_house,
        lambda h: h.send("pending", volume="1", price="1.09", order_type=OrderType.LIMIT),
        Retcode.INVALID,
    ),
    ("a close of nothing", quoted_house, acts.closed_with_nothing, Retcode.INVALID_VOLUME),
    ("a change of stops while shut", quoted_house, acts.changed_at_the_weekend, Retcode.MARKET_CLOSED),
    ("a close while shut", quoted_house, acts.closed_at_the_weekend, Retcode.MARKET_CLOSED),
    ("a close by while shut", quoted_house, acts.closed_by_at_the_weekend, Retcode.MARKET_CLOSED),
    ("an order's change while shut", quoted_house, acts.order_changed_at_the_weekend, Retcode.MARKET_CLOSED),
    ("no volume", quoted_house, lambda h: h.send(side=Side.BUY), Retcode.INVALID_VOLUME),
    ("less than the minimum", quoted_house, lambda h: h.buy("0.001"), Retcode.INVALID_VOLUME),
    ("more than the maximum", quoted_house, lambda h: h.buy("50.01"), Retcode.INVALID_VOLUME),
    ("half a step", quoted_house, lambda h: h.buy("0.015"), Retcode.INVALID_VOLUME),
    (
        "a limit above the market",
        quoted_house,
        lambda h: h.place(Side.BUY, OrderType.LIMIT, "1.2"),
        Retcode.INVALID_PRICE,
    ),
    (
        "a stop below the market",
        quoted_house,
        lambda h: h.place(Side.BUY, OrderType.STOP, "1.0"),
        Retcode.INVALID_PRICE,
    ),
    (
        "a sell limit below the market",
        quoted_house,
        lambda h: h.place(Side.SELL, OrderType.LIMIT, "1.0"),
        Retcode.INVALID_PRICE,
    ),
    (
        "a sell stop above the market",
        quoted_house,
        lambda h: h.place(Side.SELL, OrderType.STOP, "1.2"),
        Retcode.INVALID_PRICE,
    ),
    (
        "more digits than the symbol has",
        quoted_house,
        lambda h: h.place(Side.BUY, OrderType.LIMIT, "1.090001"),
        Retcode.INVALID_PRICE,
    ),
    ("a stop on the wrong side", quoted_house, lambda h: h.buy("1", stop_loss="1.2"), Retcode.INVALID_STOPS),
    (
        "a target on the wrong side",
        quoted_house,
        lambda h: h.sell("1", take_profit="1.2"),
        Retcode.INVALID_STOPS,
    ),
    (
        "a stop within the stops level",
        acts.wide,
        lambda h: h.buy("1", stop_loss="1.09901"),
        Retcode.INVALID_STOPS,
    ),
    ("a stop moved too near", acts.wide, acts.stop_changed_too_near, Retcode.INVALID_STOPS),
    ("a disabled symbol", lambda: acts.mode(TradeMode.DISABLED), House.buy, Retcode.TRADE_DISABLED),
    ("a weekend", acts.at_weekend, House.buy, Retcode.MARKET_CLOSED),
    ("too little money", quoted_house, lambda h: h.buy("10"), Retcode.NO_MONEY),
    ("no quote", House, House.buy, Retcode.PRICE_OFF),
    ("an expiry in the past", quoted_house, acts.expired_at_birth, Retcode.INVALID_EXPIRATION),
    ("no change", quoted_house, acts.changed_to_the_same, Retcode.NO_CHANGES),
    ("autotrading switched off", acts.autotrading_off, House.buy, Retcode.CLIENT_DISABLES_AUTOTRADING),
    ("a frozen position's change", acts.wide, acts.changed_near_its_stop, Retcode.FROZEN),
    ("a frozen position's close", acts.wide, acts.closed_near_its_stop, Retcode.FROZEN),
    ("a frozen order's change", acts.wide, acts.order_changed_near_the_market, Retcode.FROZEN),
    ("a frozen order's end", acts.wide, acts.order_cancelled_near_the_market, Retcode.FROZEN),
    (
        "a request lost on its way",
        lambda: acts.planned(Fault(kind=FaultKind.REQUEST_LOST)),
        House.buy,
        Retcode.CONNECTION,
    ),
    (
        "too many pending orders",
        lambda: quoted_house(BrokerProfile(pending_limit=1)),
        acts.over_the_pending_limit,
        Retcode.LIMIT_ORDERS,
    ),
    (
        "more lots than the symbol may have",
        lambda: quoted_house(BrokerProfile(volume_limit=D("0.5"))),
        lambda h: h.buy("0.51"),
        Retcode.LIMIT_VOLUME,
    ),
    (
        "a stop-limit order",
        quoted_house,
        lambda h: h.place(Side.BUY, OrderType.STOP_LIMIT, "1.2"),
        Retcode.INVALID_ORDER,
    ),
    ("a position that is closed already", quoted_house, acts.closed_twice, Retcode.POSITION_CLOSED),
    ("more than the position has", quoted_house, acts.closed_too_much, Retcode.INVALID_CLOSE_VOLUME),
    (
        "a sell where only buys are allowed",
        lambda: acts.mode(TradeMode.LONG_ONLY),
        House.sell,
        Retcode.LONG_ONLY,
    ),
    (
        "a buy where only sells are allowed",
        lambda: acts.mode(TradeMode.SHORT_ONLY),
        House.buy,
        Retcode.SHORT_ONLY,
    ),
    (
        "an open where only closes are allowed",
        lambda: acts.mode(TradeMode.CLOSE_ONLY),
        House.buy,
        Retcode.CLOSE_ONLY,
    ),
]


@pytest.mark.parametrize(("house", "act", "retcode"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_broker_refuses(
    house: Callable[[], House], act: Callable[[House], TradeResult], retcode: Retcode
) -> None:
    made = house()
    result = act(made)
    assert Retcode(result.retcode) is retcode
    assert result.message
    assert not result.done
    assert result.deal_id is None


def test_every_retcode_that_the_broker_knows_has_a_test() -> None:
    successes = {Retcode.DONE, Retcode.DONE_PARTIAL, Retcode.PLACED}
    injected_only = {Retcode.PRICE_CHANGED, Retcode.TOO_MANY_REQUESTS}
    assert {case[3] for case in CASES} == set(Retcode) - successes - injected_only


@pytest.mark.parametrize("retcode", [Retcode.PRICE_CHANGED, Retcode.TOO_MANY_REQUESTS, 10017])
def test_any_retcode_can_be_injected(retcode: int) -> None:
    house = acts.planned(Fault(kind=FaultKind.REJECT, retcode=retcode))
    assert house.buy().retcode == retcode
    assert house.buy().done


def test_a_refusal_leaves_the_state_as_it_was() -> None:
    house = quoted_house()
    before = msgspec.to_builtins(house.broker.state)
    for volume in ("0.001", "10", "NaN"):
        assert not house.buy(volume).done
    assert msgspec.to_builtins(house.broker.state) == before


def test_closing_only_symbols_still_close() -> None:
    house = quoted_house()
    ticket = house.buy().position_ticket
    house.broker.apply(ListSymbols(at=house.at, symbols=(spec("EURUSD", trade_mode=TradeMode.CLOSE_ONLY),)))
    assert house.close(ticket).done


def test_a_requote_names_the_price_at_which_the_broker_would_deal() -> None:
    house = quoted_house()
    assert house.buy("1", price="1.10000", deviation="0.00005").price == D("1.10010")
    assert house.buy("1", price="1.10000", deviation="0.00010").done
