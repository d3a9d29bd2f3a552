"""What followers' brokers make of a leader's trades: prices, costs, refusals, stops, and what the result says."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, Side
from kopitra.domain.rules import PendingPolicy
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume
from kopitra.simulation.timeline import Reason
from kopitra.simulation.whatif.conversions import RatesMissing
from kopitra.simulation.whatif.plan import BrokerPlan, LeaderPlan
from kopitra.simulation.whatif.run import CurrencyUnknown, HistoryEmpty
from tests.unit.whatif.stories import D, Story, at, follower, lived, plan, result_of, rules

ZERO = Decimal(0)


def simple() -> Story:
    """One lot, bought at 1.10000 and sold 100 points higher: 100 dollars."""
    return Story().open(1, "a", "1.10000").close(60, "a", "1.10100")


def test_without_spread_and_latency_a_copy_makes_what_the_leader_made() -> None:
    part, seen = lived(simple())
    assert seen.prices() == [D("1.10000"), D("1.10100")]
    assert (part.profit, part.growth, part.copied, part.skipped) == (D("100.00"), D("1.0000"), 1, 0)
    assert (part.trades.closed, part.trades.won, part.open_positions) == (1, 1, 0)


def test_a_wider_spread_costs_its_difference_on_every_copy() -> None:
    part, seen = lived(simple(), plan(follower(broker=BrokerPlan(spread_points=15))))
    assert seen.prices() == [D("1.10015"), D("1.10100")]
    assert part.profit == D("85.00")
    assert (part.slippage.fills, part.slippage.mean, part.slippage.worst) == (2, D("7.50"), D(15))
    assert part.slippage.cost == D("15.00")


def test_a_symbols_own_spread_wins_over_the_brokers() -> None:
    broker = BrokerPlan(spread_points=15, spreads={"eurusd": 4})
    _, seen = lived(simple(), plan(follower(broker=broker)))
    assert seen.prices()[0] == D("1.10004")


def test_slippage_is_the_brokers_own_on_both_sides() -> None:
    part, seen = lived(simple(), plan(follower(broker=BrokerPlan(slippage_points=(3, 3)))))
    assert seen.prices() == [D("1.10003"), D("1.10097")]
    assert part.slippage.mean == D("3.00")
    assert [(found.above, found.upto, found.fills) for found in part.slippage.bins] == [(D(2), D(5), 2)]


def test_commission_is_charged_twice_for_a_round_turn() -> None:
    part, _ = lived(simple(), plan(follower(broker=BrokerPlan(commission_per_lot=D("3.5")))))
    assert (part.trades.commission, part.profit) == (D("-7.00"), D("93.00"))


def test_nights_cost_swap() -> None:
    story = Story().open(1, "a", "1.10000").close(60 * 24, "a", "1.10000")
    part, _ = lived(story, plan(follower(broker=BrokerPlan(swap_long_per_lot=D("-8")))))
    assert (part.trades.swap, part.profit) == (D("-8.00"), D("-8.00"))


def test_the_followers_broker_has_its_own_names_steps_and_contracts() -> None:
    broker = BrokerPlan(suffix=".x", lot_step=D("0.5"), contract_sizes={"EURUSD": D(50_000)})
    part, seen = lived(
        simple(), plan(follower(rules(sizing=ByMultiplier(), multiplier=D("0.6")), broker=broker))
    )
    assert [told.deal.symbol for _, told in seen.deals] == ["EURUSD.x", "EURUSD.x"]
    assert seen.volumes() == [D("1.0"), D("1.0")]  # 0.6 lots of 100,000 are 1.2 of 50,000
    assert part.profit == D("50.00")


def test_what_the_rules_map_is_listed_under_that_name() -> None:
    _, seen = lived(simple(), plan(follower(rules(symbols={"EURUSD": "EURO"}))))
    assert {told.deal.symbol for _, told in seen.deals} == {"EURO"}


def test_an_account_in_another_currency_sizes_and_books_by_the_statements_own_rates() -> None:
    story = (
        Story().quote(0, "1.25000", symbol="GBPUSD").open(1, "a", "1.10000", "0.8").close(60, "a", "1.10100")
    )
    mine = follower(rules(sizing=BalanceRatio()), currency="GBP", deposit=D(16_000))
    part, seen = lived(story, plan(mine))
    assert seen.volumes() == [D("1.6"), D("1.6")]  # 16,000 pounds are twice the leader's 10,000 dollars
    assert part.profit == D("128.00")


def test_an_account_whose_currency_nothing_converts_is_refused_by_name() -> None:
    with pytest.raises(RatesMissing, match=r"what USD is worth in PLN, which the account me needs: .*USDPLN"):
        lived(simple(), plan(follower(currency="PLN")))


def test_a_rate_may_be_given() -> None:
    part, _ = lived(simple(), plan(follower(currency="PLN"), rates={"USDPLN": D(4)}))
    assert part.profit == D("400.00")


def test_a_leader_whose_currency_nobody_tells_is_refused() -> None:
    with pytest.raises(CurrencyUnknown, match=r"leader\.currency"):
        lived(Story(currency=None).open(1, "a", "1.1"))


def test_a_history_without_a_trade_is_refused() -> None:
    with pytest.raises(HistoryEmpty):
        lived(Story())


def test_a_trade_that_needs_more_margin_than_there_is_is_refused_and_counted() -> None:
    part, _ = lived(simple(), plan(follower(deposit=D(1_000))))
    assert [(r.status, r.reason, r.action, r.count) for r in part.refusals] == [
        ("rejected", "no_money", "open", 1)
    ]
    assert (part.copied, part.trades.closed, part.profit) == (1, 0, ZERO)


def test_an_account_below_its_margin_level_is_stopped_out() -> None:
    story = (
        Story("100000")
        .open(1, "a", "1.10000")
        .quote(30, "1.09300")
        .quote(31, "1.09200")
        .close(60, "a", "1.10100")
    )
    part, seen = lived(story, plan(follower(deposit=D(1_300))))
    assert [told.deal.reason for _, told in seen.deals] == [DealReason.EXPERT, DealReason.STOP_OUT]
    assert (part.stopped_out, part.profit) == (1, D("-800.00"))


def test_a_copys_stop_fires_at_its_own_broker_and_the_leaders_close_finds_nothing() -> None:
    story = (
        Story().open(1, "a", "1.10000", stop_loss=D("1.09500")).quote(5, "1.09510").close(60, "a", "1.10100")
    )
    part, seen = lived(story, plan(follower(broker=BrokerPlan(spread_points=15))))
    assert seen.prices() == [D("1.10015"), D("1.10100")]
    story = (
        Story().open(1, "a", "1.10000", stop_loss=D("1.09500")).quote(5, "1.09480").close(60, "a", "1.10100")
    )
    part, seen = lived(story)
    assert [told.deal.reason for _, told in seen.deals] == [DealReason.EXPERT, DealReason.STOP_LOSS]
    assert part.profit == D("-520.00")
    assert [(skip.reason, skip.trades, skip.events) for skip in part.skips] == [("not_open", 0, 1)]


def test_a_stop_that_the_leader_moved_is_moved() -> None:
    story = (
        Story()
        .open(1, "a", "1.10000", stop_loss=D("1.09500"))
        .modify(2, "a", "1.10000", stop_loss=D("1.09800"))
        .quote(5, "1.09790")
        .close(60, "a", "1.10100")
    )
    part, _ = lived(story)
    assert part.profit == D("-210.00")


def test_a_pending_order_rests_at_the_followers_broker_until_its_own_price_comes() -> None:
    story = Story().place(1, "a", "1.09500", "1.10000").quote(5, "1.09490").close(60, "a", "1.09600")
    _, seen = lived(story, plan(follower(rules(pending_policy=PendingPolicy.WAIT))))
    assert seen.prices()[0] == D("1.09490")
    assert seen.deals[0][1].command is not None


def test_partial_closes_take_the_leaders_share_of_what_was_filled() -> None:
    story = Story().open(1, "a", "1.10000").close(10, "a", "1.10050", "0.25").close(20, "a", "1.10100")
    part, seen = lived(story, plan(follower(rules(sizing=ByMultiplier(), multiplier=D("0.4")))))
    assert seen.volumes() == [D("0.40"), D("0.10"), D("0.30")]
    assert (part.trades.closed, part.trades.won) == (1, 1)


def test_a_netting_account_ends_with_the_same_money_in_one_position() -> None:
    story = (
        Story()
        .open(1, "a", "1.10000", "0.5")
        .open(2, "b", "1.10100", "0.3", Side.SELL)
        .open(3, "c", "1.10200", "0.7", Side.SELL)
        .close(4, "a", "1.10300", "0.2")
        .close(5, "c", "1.10000")
        .close(6, "a", "1.10050")
        .close(7, "b", "1.10020")
    )
    netting = follower(deposit=D(100_000), broker=BrokerPlan(mode=MarginMode.NETTING))
    hedging = follower(deposit=D(100_000))
    result = result_of(story, plan(followers={"net": netting, "hedge": hedging}))
    net, hedge = result.followers
    assert (net.profit, hedge.profit) == (result.leader.profit, result.leader.profit)
    assert (net.copied, net.open_positions, net.trades.closed, hedge.trades.closed) == (3, 0, 3, 3)
    assert net.trades.volume == D("1.5")  # 0.5 bought, turned to 0.5 sold, 0.2 added; 0.3 sold anew
    assert net.trades.gross_profit - net.trades.gross_loss == net.profit
    assert (net.slippage.fills, net.slippage.worst) == (7, ZERO)


def test_orders_filled_in_part_are_closed_whole() -> None:
    story = Story("1000000")
    for number in range(30):
        story.open(1 + number * 2, str(number), "1.10000").close(2 + number * 2, str(number), "1.10010")
    part, seen = lived(
        story, plan(follower(deposit=D(1_000_000), broker=BrokerPlan(partial_fills_per_mille=400)))
    )
    entered = [told.deal.volume for _, told in seen.deals if told.deal.entry is DealEntry.IN]
    left = [told.deal.volume for _, told in seen.deals if told.deal.entry is DealEntry.OUT]
    assert min(entered) < 1
    assert sum(entered) == sum(left)
    assert part.open_positions == 0


def test_skipped_trades_are_counted_by_reason_apart_from_their_later_events() -> None:
    part, _ = lived(simple(), plan(follower(rules(sizing=FixedVolume(volume=D("0.001"))))))
    reasons = {skip.reason: (skip.trades, skip.events) for skip in part.skips}
    assert reasons == {"below_minimum": (1, 0), "not_copied": (0, 1)}
    assert (part.copied, part.skipped) == (0, 1)
    assert "minimum" in part.skips[0].example


def test_a_copy_that_arrives_after_its_time_to_live_is_not_opened() -> None:
    part, seen = lived(simple(), plan(latency_ms=90_000))
    assert seen.deals == []
    assert [(r.status, r.reason) for r in part.refusals] == [("expired", "ttl")]


def test_a_delayed_copy_is_opened_when_its_delay_is_over() -> None:
    story = (
        Story().open(1, "a", "1.10000").quote(1.4, "1.10020").quote(2, "1.10050").close(60, "a", "1.10100")
    )
    _, seen = lived(story, plan(follower(rules(delay_seconds=30))))
    assert [(told.deal.price, told.deal.executed_at) for _, told in seen.deals] == [
        (D("1.10020"), at(1.5)),
        (D("1.10100"), at(60)),
    ]


def test_a_close_that_overtakes_its_open_withdraws_it() -> None:
    story = Story().open(1, "a", "1.10000").close(1.1, "a", "1.10010")
    part, seen = lived(story, plan(latency_ms=30_000))
    assert seen.deals == []
    assert [(skip.reason, skip.events) for skip in part.skips] == [("superseded", 1)]


def test_a_follower_may_have_a_latency_of_its_own() -> None:
    slow, fast = follower(), follower(latency_ms=0)
    wanted = plan(followers={"slow": slow, "fast": fast}, latency_ms=30_000)
    story = Story().open(1, "a", "1.10000").quote(1.2, "1.10030").close(60, "a", "1.10100")
    result = result_of(story, wanted)
    assert [part.slippage.worst for part in result.followers] == [D(30), ZERO]


def test_reverse_copies_lose_what_the_leader_wins() -> None:
    part, _ = lived(simple(), plan(follower(rules(reverse=True))))
    assert part.profit == D("-100.00")


def test_deposits_and_withdrawals_are_no_growth_of_the_leader() -> None:
    story = (
        Story("1000")
        .open(1, "a", "1.10000", "0.1")
        .close(10, "a", "1.11000")
        .cash(20, "9000")
        .cash(30, "-5000", "withdrawal")
        .open(40, "b", "1.10000", "0.1")
        .close(50, "b", "1.11000")
    )
    leader = result_of(story, plan()).leader
    assert (leader.paid_in, leader.balance, leader.profit) == (D(5000), D("5200.00"), D("200.00"))
    assert leader.growth == D("12.1569")  # 10 % on 1,000, then 100 on 5,100


def test_money_that_the_history_does_not_tell_of_may_be_given() -> None:
    story = Story("0").open(1, "a", "1.10000").close(60, "a", "1.10100")
    wanted = plan(follower(rules(sizing=BalanceRatio())))
    unknown = result_of(story, wanted)
    assert unknown.leader.growth == ZERO
    assert unknown.followers[0].copied == 0
    assert any("leader.deposit" in note for note in unknown.notes)
    told = result_of(
        story, plan(follower(rules(sizing=BalanceRatio())), leader=LeaderPlan(deposit=D(20_000)))
    )
    assert told.leader.growth == D("0.5000")
    assert told.followers[0].trades.volume == D("0.50")
    assert not any("leader.deposit" in note for note in told.notes)


def test_a_close_by_the_leaders_stop_is_the_followers_own_stop() -> None:
    story = (
        Story()
        .open(1, "a", "1.10000", side=Side.SELL, stop_loss=D("1.10500"))
        .close(30, "a", "1.10500", reason=Reason.STOP_LOSS)
    )
    part, seen = lived(story)
    assert [told.deal.reason for _, told in seen.deals] == [DealReason.EXPERT, DealReason.STOP_LOSS]
    assert part.profit == D("-500.00")


def test_the_history_frames_the_result() -> None:
    result = result_of(simple(), plan())
    assert (result.history.begin, result.history.end) == (at(0), at(60))
    assert (result.history.events, result.history.trades) == (3, 1)
    assert result.leader.curve.at[0] == at(0)
    assert result.followers[0].curve.equity[-1] == D("10100.00")
