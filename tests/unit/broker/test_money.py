"""Profit, conversion, margin, commission and swap in the account's currency."""

from datetime import timedelta

import pytest

from kopitra.domain.orders import Side
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.operations import Balance, Tick
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import DealKind
from kopitra.simulation.broker.retcodes import Retcode
from kopitra.simulation.broker.rollover import nights_between
from tests.unit.broker.house import MONDAY, D, House, quoted_house


def test_a_gain_in_yen_is_sold_at_the_ask_of_the_dollar() -> None:
    house = quoted_house()
    ticket = house.buy("1", symbol="USDJPY").position_ticket
    house.quote("USDJPY", "151.010", "151.020")
    house.close(ticket, symbol="USDJPY")
    assert house.broker.state.deals[-1].profit == D("662.16")  # 100,000 yen / 151.020


def test_a_loss_in_yen_is_bought_at_the_bid_of_the_dollar() -> None:
    house = quoted_house()
    ticket = house.buy("1", symbol="USDJPY").position_ticket
    house.quote("USDJPY", "149.010", "149.020")
    house.close(ticket, symbol="USDJPY")
    assert house.broker.state.deals[-1].profit == D("-671.10")  # 100,000 yen / 149.010


def test_where_no_pair_converts_directly_two_pairs_over_the_dollar_do() -> None:
    house = quoted_house(currency="EUR")
    ticket = house.buy("1", symbol="USDJPY").position_ticket
    house.quote("USDJPY", "151.010", "151.020")
    house.close(ticket, symbol="USDJPY")
    assert house.broker.state.deals[-1].profit == D("601.91")  # 662.164… dollars / 1.10010


def test_a_direct_pair_converts_a_gain_at_its_bid() -> None:
    house = quoted_house()
    house.quote("GBPUSD", "1.30000", "1.30020")
    house.quote("EURGBP", "0.85000", "0.85010")
    ticket = house.buy("1", symbol="EURGBP").position_ticket
    house.quote("EURGBP", "0.85110", "0.85120")
    house.close(ticket, symbol="EURGBP")
    assert house.broker.state.deals[-1].profit == D("130.00")  # 100 pounds × 1.30000


def test_opening_is_refused_where_nothing_converts_and_the_profile_may_say_a_rate() -> None:
    house = House()
    house.quote("EURGBP", "0.85000", "0.85010")
    assert house.buy("1", symbol="EURGBP").retcode == Retcode.PRICE_OFF
    told = House(BrokerProfile(fallback_rates={"GBP": D("1.25")}))
    told.quote("EURGBP", "0.85000", "0.85010")
    ticket = told.buy("1", symbol="EURGBP").position_ticket
    told.quote("EURGBP", "0.85110", "0.85120")
    told.close(ticket, symbol="EURGBP")
    assert told.broker.state.deals[-1].profit == D("125.00")


def test_a_replayed_trade_is_booked_one_to_one_where_nothing_converts() -> None:

    house = House()
    opened = house.by_hand(symbol="EURGBP", side=Side.BUY, volume="1", exact=Exact(price=D("0.85")))
    house.by_hand(symbol="EURGBP", position=opened.position_ticket, exact=Exact(price=D("0.851")))
    assert house.broker.state.deals[-1].profit == D("100.00")


def test_the_account_view_adds_up() -> None:
    house = quoted_house()
    house.buy("1")
    view = house.broker.account_view()
    assert view.balance == D("10000.00")
    assert view.equity == D("9990.00")  # the spread
    assert view.margin == D("1100.10")  # 100,000 × 1.10010 / 100
    assert view.free_margin == view.equity - view.margin
    assert view.ledger == 2


def test_deposits_withdrawals_and_credits_are_ledger_lines_without_a_position() -> None:
    house = quoted_house()
    for kind, amount in ((DealKind.DEPOSIT, "50"), (DealKind.WITHDRAWAL, "-20.5"), (DealKind.CREDIT, "7")):
        house.broker.apply(Balance(at=house.at, kind=kind, amount=D(amount), comment="hello"))
    view = house.broker.account_view()
    assert (view.balance, view.equity) == (D("10029.50"), D("10036.50"))
    line = house.broker.state.deals[-2]
    assert (line.kind, line.profit, line.side, line.entry) == (DealKind.WITHDRAWAL, D("-20.50"), None, None)


def test_a_commission_is_charged_on_every_deal() -> None:
    house = quoted_house(BrokerProfile(commission_per_lot=D("3.5")))
    ticket = house.buy("0.5").position_ticket
    house.close(ticket, "0.1")
    assert [deal.commission for deal in house.broker.deals_after(1)] == [D("-1.75"), D("-0.35")]


def test_swap_accrues_at_rollover_counts_in_equity_and_is_booked_by_share_at_close() -> None:
    house = quoted_house(BrokerProfile(swap_long_per_lot=D("-5")))
    ticket = house.buy("1").position_ticket
    revision = house.broker.state.revision
    house.pass_time(days=1)
    house.broker.apply(Tick(at=house.at))
    assert house.position.swap == D("-5.00")
    assert house.broker.state.revision == revision
    assert house.broker.account_view().equity == D("9985.00")
    house.close(ticket, "0.4")
    assert house.broker.state.deals[-1].swap == D("-2.00")
    house.close(ticket)
    assert house.broker.state.deals[-1].swap == D("-3.00")


@pytest.mark.parametrize(
    ("hours", "nights"),
    [(11, 0), (12, 1), (36, 2), (60, 5), (24 * 7, 7), (24 * 28, 28)],
)
def test_a_week_has_seven_nights_three_of_them_on_wednesday_and_none_at_the_weekend(
    hours: int, nights: int
) -> None:
    assert nights_between(MONDAY, MONDAY + timedelta(hours=hours), 22, 2) == nights


def test_the_accounts_clock_never_goes_back() -> None:
    house = quoted_house()
    house.pass_time(hours=1)
    house.buy("0.1")
    house.pass_time(hours=-2)
    house.buy("0.1")
    assert house.broker.state.deals[-1].executed_at == MONDAY + timedelta(hours=1)


def test_anyone_may_ask_what_an_amount_is_worth_in_the_accounts_currency() -> None:
    house = quoted_house()
    assert house.broker.converted(D(5), "USD") == D(5)
    house.quote("GBPUSD", "1.25000", "1.25010")
    assert house.broker.converted(D(100), "GBP") == D(125)
    assert house.broker.converted(D(-100), "GBP") == D("-125.01")
    assert house.broker.converted(D(1), "XXX") is None
