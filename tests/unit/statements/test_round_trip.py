"""A history written as a statement and read again is the same history, as far as a statement can tell it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.histories.sample import sample_history
from kopitra.simulation.statements import read_statement
from kopitra.simulation.timeline import Action, Timeline, TimelineEvent
from tests.unit.histories.leader_replay import LeaderReplay
from tests.unit.statements.statement_writer import statement_of

SMALL = Knobs(
    positions=25,
    partial_closes=30,
    modifications=15,
    stopped=5,
    pending_filled=4,
    pending_cancelled=4,
    bursts=4,
    near_misses=3,
    pace=(1, 40),
)

Facts = tuple[Any, ...]


def printed(events: Iterable[TimelineEvent]) -> list[Facts]:
    """What of the events a statement prints, by time and position: a filled order looks like an open.

    Within a second the order of different positions depends on modifications, which no statement prints.
    """
    told: list[Facts] = []
    orders = _orders_by_fate(events)
    for event in sorted(events, key=lambda event: (event.at, event.position_ref)):
        action = Action.OPEN if event.action is Action.PENDING_FILLED else event.action
        if action in (Action.OPEN, Action.PARTIAL_CLOSE, Action.CLOSE):
            told.append(
                (
                    event.at, action, event.ticket, event.position_ref, event.symbol, event.side, event.volume,
                    event.volume_before, event.volume_after, event.price, event.reason, event.profit,
                    event.commission, event.swap, event.remainder_ticket,
                )
            )  # fmt: skip
        elif action is Action.BALANCE:
            told.append((event.at, action, event.ticket, event.amount, event.cash))
        elif action is Action.PENDING_CANCELLED or (
            action is Action.PENDING_PLACED and orders[event.position_ref]
        ):
            told.append(
                (event.at, action, event.ticket, event.symbol, event.side, event.order_type, event.volume)
            )
    return told


def _orders_by_fate(events: Iterable[TimelineEvent]) -> dict[str, bool]:
    """Whether each order was never filled, so that a statement lists it as an order."""
    fates = {event.position_ref: True for event in events if event.action is Action.PENDING_PLACED}
    return fates | {event.position_ref: False for event in events if event.action is Action.PENDING_FILLED}


def placed_when_listed(timeline: Timeline) -> set[str]:
    """Orders whose price a modification moved may have to be placed later than listed."""
    return {e.position_ref for e in timeline.events if e.action is Action.PENDING_MODIFIED}


def without_orders(events: Iterable[TimelineEvent], refs: set[str]) -> list[TimelineEvent]:
    return [event for event in events if event.position_ref not in refs]


def assert_survives(timeline: Timeline) -> None:
    read = read_statement(statement_of(timeline).encode())
    moved = placed_when_listed(timeline)
    assert printed(without_orders(read.events, moved)) == printed(without_orders(timeline.events, moved))
    assert read.account.opening_balance == Decimal(0)
    assert LeaderReplay(read).contradictions == []


@settings(max_examples=25)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_any_generated_history_survives(seed: int) -> None:
    assert_survives(generated_history(seed, SMALL))


def test_the_sample_survives() -> None:
    assert_survives(sample_history())


def test_a_history_of_two_hundred_partial_closes_survives() -> None:
    assert_survives(generated_history(7))


@settings(max_examples=10)
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_stops_that_the_reader_puts_in_force_are_those_the_ticket_ended_with(seed: int) -> None:
    timeline = generated_history(seed, SMALL)
    read = read_statement(statement_of(timeline).encode())
    ended_with = _last_stops(timeline)
    for ref, stops in _last_stops(read).items():
        assert all(mine in (None, theirs) for mine, theirs in zip(stops, ended_with[ref], strict=True)), ref


def _last_stops(timeline: Timeline) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    stops: dict[str, tuple[Decimal | None, Decimal | None]] = {}
    for event in timeline.events:
        if event.position_ref and event.action not in (Action.CLOSE, Action.PENDING_CANCELLED):
            stops[event.position_ref] = (event.stop_loss, event.take_profit)
    return stops
