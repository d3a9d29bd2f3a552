"""Made-up histories hold what was asked for, contradict nothing, and are the same for the same seed."""

from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.histories.sample import sample_history
from kopitra.simulation.timeline import Action, Reason, Timeline, TimelineEvent, in_order
from tests.unit.histories.leader_replay import LeaderReplay, triggered

WIDER_SPREAD = Decimal(4)
"""Points that a follower's market is worse by than the leader's, on both sides."""


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return generated_history(1)


def counted(timeline: Timeline) -> Counter[Action]:
    return Counter(event.action for event in timeline.events)


def test_there_is_as_much_of_everything_as_was_asked_for(timeline: Timeline) -> None:
    knobs, found = Knobs(), counted(timeline)
    assert found[Action.OPEN] >= knobs.positions
    assert found[Action.PARTIAL_CLOSE] >= knobs.partial_closes >= 200
    assert found[Action.MODIFY] + found[Action.PENDING_MODIFIED] >= knobs.modifications
    assert found[Action.PENDING_FILLED] >= knobs.pending_filled
    assert found[Action.PENDING_CANCELLED] >= knobs.pending_cancelled
    assert found[Action.BALANCE] == 1 + knobs.cash_operations
    stopped = [e for e in timeline.events if e.reason in (Reason.STOP_LOSS, Reason.TAKE_PROFIT)]
    assert len(stopped) >= knobs.stopped


def test_partial_closes_go_down_to_the_last_lot_step(timeline: Timeline) -> None:
    left = [e.volume_after for e in timeline.events if e.action is Action.PARTIAL_CLOSE]
    assert left.count(Decimal("0.01")) >= 20


def test_seconds_hold_bursts_and_positions_that_open_and_close_in_one(timeline: Timeline) -> None:
    busy = Counter(e.at for e in timeline.events if e.action not in (Action.QUOTE, Action.BALANCE))
    assert sum(count >= 4 for count in busy.values()) >= Knobs().bursts // 2
    opened = {e.position_ref: e.at for e in timeline.events if e.action is Action.OPEN}
    flashes = [e for e in timeline.events if e.action is Action.CLOSE and opened.get(e.position_ref) == e.at]
    assert len(flashes) >= Knobs().bursts // 2


def test_positions_and_orders_are_left_when_it_ends(timeline: Timeline) -> None:
    left = LeaderReplay(timeline).held.values()
    waiting = [e for e in left if e.action in (Action.PENDING_PLACED, Action.PENDING_MODIFIED)]
    assert len(left) - len(waiting) == Knobs().left_open
    assert len(waiting) <= Knobs().left_working


def test_some_positions_last_from_the_beginning_to_the_end(timeline: Timeline) -> None:
    first = [e.position_ref for e in timeline.events if e.action is Action.OPEN][: Knobs().kept]
    assert set(first) <= set(LeaderReplay(timeline).held)


def test_an_mt4_leader_s_tickets_change_and_an_mt5_leader_s_do_not() -> None:
    mt4, mt5 = generated_history(3), generated_history(3, Knobs(changes_tickets=False))
    assert {e.remainder_ticket is None for e in mt4.events if e.action is Action.PARTIAL_CLOSE} == {False}
    assert {e.remainder_ticket is None for e in mt5.events if e.action is Action.PARTIAL_CLOSE} == {True}
    assert all(str(e.ticket) == e.position_ref for e in mt5.events if e.position_ref)


def test_a_seed_determines_everything() -> None:
    assert generated_history(5) == generated_history(5)
    assert generated_history(5) != generated_history(6)


def test_it_is_in_the_timeline_s_order(timeline: Timeline) -> None:
    assert in_order(timeline.events) == timeline.events


def test_a_symbol_has_one_quote_at_a_time(timeline: Timeline) -> None:
    quotes: dict[tuple[str, str], set[tuple[Decimal, Decimal]]] = {}
    for event in timeline.events:
        if event.quote is not None:
            quotes.setdefault((event.symbol, str(event.at)), set()).add((event.quote.bid, event.quote.ask))
    assert {len(found) for found in quotes.values()} == {1}


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    knobs=st.builds(
        Knobs,
        positions=st.integers(0, 40),
        partial_closes=st.integers(0, 40),
        modifications=st.integers(0, 20),
        stopped=st.integers(0, 10),
        pending_filled=st.integers(0, 8),
        pending_cancelled=st.integers(0, 8),
        bursts=st.integers(0, 5),
        near_misses=st.integers(0, 5),
        cash_operations=st.integers(0, 3),
        kept=st.integers(0, 4),
        pace=st.just((1, 600)),
        changes_tickets=st.booleans(),
    ),
)
def test_no_history_contradicts_its_own_market(seed: int, knobs: Knobs) -> None:
    assert LeaderReplay(generated_history(seed, knobs)).contradictions == []


def met_early(timeline: Timeline) -> tuple[set[str], set[str]]:
    """Positions whose stop, and orders whose price, a follower with a wider spread meets before the leader does."""
    stopped: set[str] = set()
    filled: set[str] = set()
    held: dict[str, TimelineEvent] = {}
    for event in timeline.events:
        if event.quote is not None:
            point = Decimal(1).scaleb(int(event.quote.bid.as_tuple().exponent)) * WIDER_SPREAD
            worse = msgspec.structs.replace(
                event.quote, bid=event.quote.bid - point, ask=event.quote.ask + point
            )
            for other in held.values():
                if (
                    other.symbol == event.symbol
                    and triggered(other, worse)
                    and not triggered(other, event.quote)
                ):
                    waits = other.action in (Action.PENDING_PLACED, Action.PENDING_MODIFIED)
                    (filled if waits else stopped).add(other.position_ref)
        if event.action in (Action.CLOSE, Action.PENDING_CANCELLED):
            held.pop(event.position_ref, None)
        elif event.position_ref:
            held[event.position_ref] = event
    return stopped, filled


def test_followers_with_a_wider_spread_are_stopped_out_and_filled_first(timeline: Timeline) -> None:
    stopped, filled = met_early(timeline)
    assert len(stopped) >= 5
    assert filled


def test_followers_with_a_wider_spread_are_filled_later_too(timeline: Timeline) -> None:
    limits = {
        e.position_ref: e
        for e in timeline.events
        if e.action is Action.PENDING_FILLED and e.order_type is OrderType.LIMIT
    }
    met_exactly = [
        e
        for e in limits.values()
        if e.quote and e.price == (e.quote.ask if e.side is Side.BUY else e.quote.bid)
    ]
    assert len(met_exactly) == len(limits) >= 5


def test_the_sample_is_a_leader_of_some_weeks() -> None:
    sample = sample_history()
    found = counted(sample)
    positions = found[Action.OPEN] + found[Action.PENDING_FILLED]
    assert 330 <= positions <= 400
    assert len(sample.symbols()) == 6
    assert (sample.events[-1].at - sample.events[0].at).days >= 21
    assert LeaderReplay(sample).contradictions == []
    assert sample == sample_history()


def test_a_follower_who_joins_the_sample_late_meets_old_and_new_positions() -> None:
    sample = sample_history()
    opens = [e for e in sample.events if e.action in (Action.OPEN, Action.PENDING_FILLED)]
    joined = sample.events[0].at + (sample.events[-1].at - sample.events[0].at) * 7 / 10
    ended = {e.position_ref: e.at for e in sample.events if e.action is Action.CLOSE}
    open_then = [e for e in opens if e.at < joined and ended.get(e.position_ref, joined) >= joined]
    assert len(open_then) >= 5
    assert sum(e.at >= joined for e in opens) >= 60
