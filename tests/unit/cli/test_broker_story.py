"""A broker's own records tell what an EA did, what the market did by itself, and when."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.broker.operations import HandTrade
from kopitra.simulation.broker.state import decode_state, encode_state
from kopitra_cli.demo.broker_story import BrokerStory, MarketDeed, story_of
from kopitra_cli.oracle import Step
from tests.unit.broker.house import D, House, quoted_house, request

MAGIC = 7


class Told:
    """A house whose operations are told afterwards."""

    def __init__(self) -> None:
        self.house: House = quoted_house(deposit="100000")
        self.beginning = encode_state(self.house.broker.state)
        self.house.log.clear()

    def story(self) -> BrokerStory:
        return story_of(decode_state(self.beginning), self.house.log)

    def steps(self) -> list[Step]:
        return [deed.step for deed in self.story().deeds]


@pytest.fixture
def told() -> Told:
    return Told()


def test_everything_that_happens_to_a_position_is_a_step(told: Told) -> None:
    house = told.house
    ticket = house.buy("0.3", magic=MAGIC, stop_loss=D("1.09")).position_ticket
    house.send("sltp", position=ticket, stop_loss=D("1.08"), take_profit=D("1.2"))
    house.close(ticket, "0.1")
    house.close(ticket)
    assert told.steps() == [
        Step("open", "buy", "EURUSD", D("0.3"), D("1.09"), None),
        Step("modify", "buy", "EURUSD", D("0.3"), D("1.08"), D("1.2")),
        Step("partial_close", "buy", "EURUSD", D("0.1"), None, None),
        Step("close", "buy", "EURUSD", D("0.2"), None, None),
    ]
    assert {deed.magic for deed in told.story().deeds} == {MAGIC}


def test_everything_that_happens_to_an_order_is_a_step(told: Told) -> None:
    house = told.house
    ticket = house.place(Side.BUY, OrderType.LIMIT, "1.09", magic=MAGIC).order_ticket
    house.send("modify", order=ticket, price="1.085")
    house.send("remove", order=ticket)
    assert [(step.action, step.volume) for step in told.steps()] == [
        ("pending", D(1)),
        ("modify", D(1)),
        ("cancel", D(1)),
    ]


def test_what_a_broker_refused_is_no_step(told: Told) -> None:
    told.house.buy("1000", magic=MAGIC)
    told.house.send("sltp", position=4711, stop_loss=D("1.0"))
    assert told.steps() == []


def test_a_stop_that_is_hit_is_the_markets_own_doing(told: Told) -> None:
    house = told.house
    house.buy("0.1", magic=MAGIC, stop_loss=D("1.09"))
    house.pass_time(seconds=5)
    house.quote("EURUSD", "1.08", "1.0801")
    story = told.story()
    assert [deed.step.action for deed in story.deeds] == ["open"]
    [own] = story.own
    assert (own.kind, own.magic, own.at) == (MarketDeed.ENDED, MAGIC, house.at)
    assert story.positions == []


def test_an_order_that_is_met_is_the_markets_own_doing_and_its_close_a_step(told: Told) -> None:
    house = told.house
    house.place(Side.SELL, OrderType.LIMIT, "1.12", volume=D("0.2"), magic=MAGIC)
    house.quote("EURUSD", "1.12", "1.1201")
    house.close(house.position.ticket)
    story = told.story()
    assert [own.kind for own in story.own] == [MarketDeed.FILLED]
    assert [(deed.step.action, deed.step.side) for deed in story.deeds] == [
        ("pending", "sell"),
        ("close", "sell"),
    ]


def test_an_order_whose_time_ran_out_ended_by_itself(told: Told) -> None:
    house = told.house
    house.place(Side.BUY, OrderType.LIMIT, "1.0", magic=MAGIC, expires_at=house.at.replace(hour=11))
    house.pass_time(hours=2)
    house.quote("EURUSD", "1.1", "1.1001")
    assert [own.kind for own in told.story().own] == [MarketDeed.ENDED]


def test_the_ledger_says_the_balance_after_every_deal(told: Told) -> None:
    house = told.house
    ticket = house.buy("1").position_ticket
    house.quote("EURUSD", "1.10110", "1.10120")
    house.close(ticket)
    assert [line.balance for line in told.story().ledger] == [Decimal(100_000), D(100_000), D(100_100)]


def test_an_operation_by_hand_that_is_asked_for_twice_was_answered_once(told: Told) -> None:
    house = told.house
    for _ in range(2):
        order = request("deal", side=Side.BUY, volume="1")
        house.broker.apply(HandTrade(at=house.at, request=order, key="event-3"))
        house.pass_time(seconds=1)
    story = told.story()
    assert len(story.deeds) == 1
    [(at, result)] = story.answers.values()
    assert (at, result.done) == (story.deeds[0].at, True)
