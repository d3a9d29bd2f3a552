"""Real quotes between the leader's deals: who sees them, what they fire, and what latency costs in them."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import DealReason
from kopitra.simulation.whatif.ticks import TicksInvalid
from tests.unit.whatif.stories import (
    D,
    Story,
    follower,
    lived,
    plan,
    result_of,
    rules,
    tick_file,
    ticks_of,
)

ZERO = Decimal(0)
SECOND = 1 / 60


def simple() -> Story:
    return Story().open(1, "a", "1.10000").close(60, "a", "1.10100")


def test_a_copy_is_filled_at_the_quote_that_is_in_force_when_it_arrives() -> None:
    ticks = ticks_of(
        (0, "1.10000", "1.10002"),
        (1 + 0.5 * SECOND, "1.10010", "1.10012"),
        (1 + 2 * SECOND, "1.10030", "1.10032"),
        (60, "1.10100", "1.10102"),
        (60 + 0.5 * SECOND, "1.10090", "1.10092"),
    )
    part, seen = lived(simple(), plan(latency_ms=1000), ticks)
    assert seen.prices() == [D("1.10012"), D("1.10100")]  # the history ends before the last quote
    part, seen = lived(simple(), plan(latency_ms=0), ticks)
    assert seen.prices() == [D("1.10002"), D("1.10100")]
    assert part.slippage.worst == D(2)


def test_longer_latency_in_a_rising_market_costs_a_buyer_more() -> None:
    rows = [(1 + n * SECOND, f"{1.1 + n * 0.0001:.5f}", f"{1.1 + n * 0.0001:.5f}") for n in range(30)]
    costs = [
        lived(simple(), plan(latency_ms=latency), ticks_of(*rows))[0].slippage.worst
        for latency in (0, 1500, 5500, 20_500)
    ]
    assert costs == sorted(costs)
    assert costs[0] == ZERO
    assert costs[-1] == D(200)


def test_a_stop_fires_between_the_leaders_deals() -> None:
    story = Story().open(1, "a", "1.10000", stop_loss=D("1.09000")).close(60, "a", "1.10100")
    ticks = ticks_of((0, "1.10000", "1.10001"), (5, "1.08990", "1.08991"), (59, "1.10000", "1.10001"))
    _, seen = lived(story, plan(), ticks)
    assert [told.deal.reason for _, told in seen.deals] == [DealReason.EXPERT, DealReason.STOP_LOSS]
    assert seen.deals[1][1].deal.executed_at == story.events[1].at.replace(minute=5)


def test_drawdown_between_the_leaders_deals_is_seen() -> None:
    ticks = ticks_of((0, "1.10000", "1.10000"), (5, "1.09000", "1.09000"), (59, "1.10000", "1.10000"))
    part, _ = lived(simple(), plan(), ticks)
    assert part.drawdown.percent == D("10.0000")
    assert lived(simple())[0].drawdown.percent == ZERO


def test_leader_and_followers_may_have_quotes_of_different_brokers() -> None:
    theirs = ticks_of((0, "1.10000", "1.10000"), (60, "1.10100", "1.10100"))
    mine = ticks_of((0, "1.10004", "1.10006"), (60, "1.10104", "1.10106"), name="other/eurusd.csv")
    wanted = plan(followers={"me": follower(), "other": follower()})
    result = result_of(simple(), wanted, leader=[theirs], followers=[theirs], other=[mine])
    assert [part.slippage.worst for part in result.followers] == [ZERO, D(6)]
    assert [(file.file, file.used) for file in result.quotes] == [("eurusd.csv", 4), ("other/eurusd.csv", 2)]


def test_where_quotes_have_a_gap_the_statements_own_prices_count() -> None:
    ticks = ticks_of((0, "1.20000", "1.20000"), (0.5, "1.20010", "1.20010"))
    story = Story().open(1, "a", "1.10000", "0.01").open(60, "b", "1.10200").close(70, "b", "1.10200")
    _, seen = lived(story, plan(), ticks)
    assert seen.prices() == [D("1.20010"), D("1.10200"), D("1.10200")]


def test_quotes_of_other_symbols_and_times_are_told_to_be_unused() -> None:
    unused = ticks_of((-5000, "1.1", "1.1"), (5000, "1.1", "1.1"))
    result = result_of(simple(), plan(), all=[unused, ticks_of((5, "1.2", "1.2"), name="gbpusd.csv")])
    assert {file.used for file in result.quotes} == {0}
    assert "eurusd.csv: none of its quotes falls into the history" in result.notes


def test_a_quote_whose_bid_is_above_its_ask_is_passed_over_and_counted() -> None:
    ticks = ticks_of((0, "1.10000", "1.10000"), (0.5, "1.20000", "1.10000"), (60, "1.10100", "1.10100"))
    _, seen = lived(simple(), plan(), ticks)
    assert seen.prices() == [D("1.10000"), D("1.10100")]
    (file,) = result_of(simple(), plan(), all=[ticks]).quotes
    assert (file.used, file.crossed) == (2, 1)


def test_a_decorated_symbol_gets_the_quotes_of_the_plain_one() -> None:
    story = Story().open(1, "a", "1.10000", symbol="eurusd.").close(60, "a", "1.10100")
    _, seen = lived(story, plan(), ticks_of((0, "1.10500", "1.10500"), (55, "1.10600", "1.10600")))
    assert seen.prices() == [D("1.10500"), D("1.10600")]


def test_a_price_that_drifted_too_far_keeps_a_copy_from_being_opened() -> None:
    ticks = ticks_of((0, "1.10000", "1.10000"), (1 + 0.5 * SECOND, "1.10100", "1.10100"))
    part, seen = lived(simple(), plan(follower(rules(max_drift=D("0.00050"))), latency_ms=1000), ticks)
    assert seen.deals == []
    assert [(r.status, r.reason) for r in part.refusals] == [("rejected", "price_drift")]


def test_a_broken_file_names_itself_and_the_line() -> None:
    broken = tick_file("time,bid,ask\n2024-03-04 08:00:01,1.1,1.1\n2024-03-04 08:00:02,1.1,oops\n")
    with pytest.raises(TicksInvalid, match=r"eurusd\.csv:3: .*oops"):
        lived(simple(), plan(), broken)
