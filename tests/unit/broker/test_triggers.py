"""What quotes set off: stops, targets, gaps, the stop-out; and what keeps them quiet."""

import pytest

from kopitra.domain.orders import DealReason, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.operations import Switch, Tick
from kopitra.simulation.broker.profiles import FOREX_WEEK, BrokerProfile
from tests.unit.broker.house import D, House, quoted_house


def last_deal(house: House) -> tuple[DealReason | None, str]:
    deal = house.broker.state.deals[-1]
    return deal.reason, str(deal.price)


@pytest.mark.parametrize(
    ("side", "stops", "short_of", "reaching", "reason", "price"),
    [
        (Side.BUY, ("1.09000", None), ("1.09001", "1.09011"), ("1.09000", "1.09010"), "sl", "1.09000"),
        (Side.BUY, (None, "1.11000"), ("1.10999", "1.11009"), ("1.11000", "1.11010"), "tp", "1.11000"),
        (Side.SELL, ("1.11000", None), ("1.10989", "1.10999"), ("1.10990", "1.11000"), "sl", "1.11000"),
        (Side.SELL, (None, "1.09000"), ("1.08991", "1.09001"), ("1.08990", "1.09000"), "tp", "1.09000"),
    ],
)
def test_a_stop_fires_exactly_at_its_level(
    side: Side,
    stops: tuple[str | None, str | None],
    short_of: tuple[str, str],
    reaching: tuple[str, str],
    reason: str,
    price: str,
) -> None:
    house = quoted_house()
    house.send(side=side, volume="0.1", magic=8, stop_loss=stops[0], take_profit=stops[1])
    house.quote("EURUSD", *short_of)
    assert house.positions
    house.quote("EURUSD", *reaching)
    assert house.positions == []
    assert last_deal(house) == (DealReason(reason), price)
    assert house.broker.state.deals[-1].magic == 8


def test_over_a_gap_a_stop_loss_fills_at_the_worse_quote() -> None:
    house = quoted_house()
    house.buy("0.1", stop_loss="1.09000")
    house.quote("EURUSD", "1.05000", "1.05010")
    assert last_deal(house) == (DealReason.STOP_LOSS, "1.05000")


def test_over_a_gap_a_take_profit_fills_at_the_better_quote() -> None:
    house = quoted_house()
    house.buy("0.1", take_profit="1.11000")
    house.quote("EURUSD", "1.15000", "1.15010")
    assert last_deal(house) == (DealReason.TAKE_PROFIT, "1.15000")


def test_a_stop_may_fire_before_any_close_and_the_close_then_finds_nothing() -> None:
    house = quoted_house()
    ticket = house.buy("0.1", stop_loss="1.09000").position_ticket
    house.quote("EURUSD", "1.08990", "1.09000")
    assert house.close(ticket).retcode == 10036
    assert len(house.broker.deals_after(0)) == 3


def test_nothing_fires_while_the_market_is_closed_and_all_of_it_when_it_opens() -> None:
    house = quoted_house()
    house.buy("0.1", stop_loss="1.09000")
    house.broker.apply(Switch(at=house.at, closed=("EURUSD",)))
    house.quote("EURUSD", "1.08000", "1.08010")
    assert house.positions
    house.broker.apply(Switch(at=house.at, closed=()))
    house.broker.apply(Tick(at=house.at))
    assert last_deal(house) == (DealReason.STOP_LOSS, "1.08000")


def test_a_weekend_gap_fires_on_monday() -> None:
    house = quoted_house(BrokerProfile(sessions=FOREX_WEEK))
    house.buy("0.1", stop_loss="1.09000")
    house.pass_time(days=5)
    house.quote("EURUSD", "1.07000", "1.07010")
    assert house.positions
    house.pass_time(days=2)
    house.quote("EURUSD", "1.06500", "1.06510")
    assert last_deal(house) == (DealReason.STOP_LOSS, "1.06500")


def test_a_stop_out_closes_the_worst_position_first_and_stops_when_the_level_is_back() -> None:
    house = quoted_house(deposit="2500")
    house.buy("1", symbol="USDJPY")
    worst = house.buy("1").position_ticket
    house.quote("EURUSD", "1.08500", "1.08510")
    assert [position.symbol for position in house.positions] == ["USDJPY"]
    deal = house.broker.state.deals[-1]
    assert (deal.reason, deal.position_ticket) == (DealReason.STOP_OUT, worst)


def test_a_stop_out_waits_for_a_market_that_trades() -> None:
    house = quoted_house(deposit="2500")
    house.buy("1")
    house.broker.apply(Switch(at=house.at, closed=("EURUSD",)))
    house.quote("EURUSD", "1.00000", "1.00010")
    house.quote("USDJPY", "150.000", "150.010")
    assert house.positions
    house.broker.apply(Switch(at=house.at, closed=()))
    house.broker.apply(Tick(at=house.at))
    assert last_deal(house) == (DealReason.STOP_OUT, "1.00000")


def test_without_a_stop_out_level_a_book_may_sink() -> None:
    house = quoted_house(BrokerProfile(stop_out_percent=None), deposit="2500")
    house.buy("1")
    house.quote("EURUSD", "1.00000", "1.00010")
    assert house.positions
    assert house.broker.account_view().equity < 0


def test_one_bundle_of_quotes_fires_symbol_by_symbol() -> None:
    house = quoted_house()
    house.buy("0.1", stop_loss="1.09000")
    house.buy("0.1", symbol="USDJPY", stop_loss="149.000")
    house.broker.set_quotes(
        [Quote("USDJPY", D("148.5"), D("148.6")), Quote("EURUSD", D("1.08"), D("1.0801"))], house.at
    )
    assert [deal.symbol for deal in house.broker.state.deals[-2:]] == ["USDJPY", "EURUSD"]
