"""What a leader's profits tell of its broker, and where followers' rates come from."""

from decimal import Decimal

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.sizing_modes import BalanceRatio
from kopitra.simulation.timeline import Action, Timeline
from kopitra.simulation.whatif.contracts import RateSeries, implied_by
from kopitra.simulation.whatif.plan import BrokerPlan, LeaderPlan
from kopitra.simulation.whatif.run import what_if
from kopitra.simulation.whatif.symbols import leader_symbols
from tests.unit.whatif.stories import D, Seen, Story, at, follower, lived, plan, rules


def booked(story: Story, **profits: str) -> Timeline:
    """The story with the profits of these positions as the leader's broker booked them."""
    timeline = story.timeline()
    events = tuple(
        msgspec.structs.replace(event, profit=D(profits[event.position_ref]))
        if event.action is Action.CLOSE and event.position_ref in profits
        else event
        for event in timeline.events
    )
    return msgspec.structs.replace(timeline, events=events)


def index(symbol: str = "jp225") -> Story:
    return (
        Story("500000", "JPY")
        .open(1, "a", "21719", "0.01", symbol=symbol)
        .close(2, "a", "21723")
        .open(3, "b", "21713", "0.02", Side.SELL, symbol=symbol)
        .close(4, "b", "21763")
    )


def test_an_indexs_contract_is_what_its_profits_tell() -> None:
    timeline = booked(index(), a="40", b="-1000")
    told = leader_symbols(timeline, LeaderPlan(), "JPY")
    assert told.specs[0].contract_size == 1000
    assert told.notes == ("jp225: one lot is 1000 units, as the statement's own profits tell",)
    result = what_if(timeline, plan(follower(currency="JPY", deposit=D(500_000))))
    assert result.followers[0].profit == result.leader.profit == D(-960)


def test_a_contract_that_the_settings_name_wins() -> None:
    timeline = booked(index(), a="40", b="-1000")
    told = leader_symbols(timeline, LeaderPlan(contract_sizes={"JP225": D(100)}), "JPY")
    assert told.specs[0].contract_size == 100
    assert told.notes == ()


def test_profits_that_fit_no_round_contract_leave_what_is_known() -> None:
    told = leader_symbols(booked(index(), a="29", b="-731"), LeaderPlan(), "JPY")
    assert (told.specs[0].contract_size, told.rates) == (10, {})


def test_a_few_cents_tell_no_contract() -> None:
    told = leader_symbols(booked(index(), a="4", b="-10"), LeaderPlan(), "JPY")
    assert told.specs[0].contract_size == 10


def test_pairs_tell_rates_and_rates_tell_other_contracts() -> None:
    story = (
        Story("500000", "JPY")
        .open(1, "a", "1.10000", "1")
        .close(2, "a", "1.10100")
        .open(3, "i", "3000.0", "0.10", symbol="spx500")
        .close(4, "i", "3010.0")
    )
    timeline = booked(story, a="11000", i="27400")  # 100 dollars at 110; 250 units × 0.1 × 10 points at 109.6
    specs = leader_symbols(story.timeline(), LeaderPlan(), "JPY").specs
    implied = implied_by(timeline.events, specs, "JPY")
    assert implied.rates["USD"].at(at(3)) == 110
    assert implied.sizes == {"spx500": 250}


def test_small_profits_and_strays_tell_no_rate() -> None:
    assert RateSeries([]).at(at(0)) is None
    series = RateSeries([(at(n), D(110 + n)) for n in range(5)] + [(at(9), D(300))])
    assert series.at(at(20)) == 114
    assert series.at(at(-1)) == 110
    timeline = booked(Story("1", "JPY").open(1, "a", "1.1", "0.01").close(2, "a", "1.10010"), a="11")
    assert leader_symbols(timeline, LeaderPlan(), "JPY").rates == {}


def test_the_leaders_profits_convert_for_followers_in_its_currency() -> None:
    story = Story("500000", "JPY").open(1, "a", "1.10000", "1").close(2, "a", "1.10100")
    result = what_if(booked(story, a="11000"), plan(follower(currency="JPY", deposit=D(900_000))))
    assert result.followers[0].profit == D(11_000)


def test_a_given_rate_wins_over_what_profits_tell() -> None:
    story = Story("500000", "JPY").open(1, "a", "1.10000", "1").close(2, "a", "1.10100")
    mine = plan(follower(currency="JPY", deposit=D(900_000)), rates={"USDJPY": D(120)})
    assert what_if(booked(story, a="11000"), mine).followers[0].profit == D(12_000)


def test_rates_are_never_too_old_for_sizing_while_the_history_is_silent() -> None:
    story = Story().quote(0, "1.25", symbol="GBPUSD").open(60 * 24 * 9, "a", "1.10000")
    part, seen = lived(story, plan(follower(rules(sizing=BalanceRatio()), currency="GBP", deposit=D(8000))))
    assert part.skips == ()
    assert seen.volumes() == [D("1.00")]


def test_unknown_symbols_are_told_of() -> None:
    story = Story().open(1, "a", "5.0", symbol="WIDGET").close(2, "a", "5.5")
    result = what_if(story.timeline(), plan(follower(broker=BrokerPlan(leverage=500))), witness=Seen())
    assert any(note.startswith("WIDGET") for note in result.notes) or result.leader.symbols
    assert Decimal(result.history.trades) == 1
