"""A real statement of thirteen months and 21 symbols imports whole; it stays outside the repository."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from kopitra.simulation.histories.specs import specs_for
from kopitra.simulation.statements import StatementError, read_statement
from kopitra.simulation.timeline import Action, Reason, Timeline
from tests.unit.histories.leader_replay import LeaderReplay


@pytest.fixture(scope="module")
def statement(shared_data: Path) -> bytes:
    return (shared_data / "statements" / "mt4-detailed-2019-2020.htm").read_bytes()


@pytest.fixture(scope="module")
def timeline(statement: bytes) -> Timeline:
    return read_statement(statement)


def test_every_trade_and_order_is_there(timeline: Timeline) -> None:
    counted = Counter(event.action for event in timeline.events)
    closes = counted[Action.CLOSE] + counted[Action.PARTIAL_CLOSE]
    still_open = len(
        [e for e in LeaderReplay(timeline).held.values() if e.action is not Action.PENDING_PLACED]
    )
    assert closes + still_open == 1783
    assert counted[Action.OPEN] == 1781
    assert counted[Action.PARTIAL_CLOSE] == 2
    assert counted[Action.PENDING_PLACED] == 136
    assert counted[Action.PENDING_CANCELLED] == 132
    assert counted[Action.BALANCE] == 2


def test_what_closed_the_trades_is_there(timeline: Timeline) -> None:
    reasons = Counter(e.reason for e in timeline.events if e.action in (Action.CLOSE, Action.PARTIAL_CLOSE))
    assert reasons == {Reason.CLIENT: 902, Reason.TAKE_PROFIT: 613, Reason.STOP_LOSS: 246}


def test_the_account_and_its_money_are_there(timeline: Timeline) -> None:
    assert (timeline.account.currency, timeline.account.leverage) == ("JPY", 100)
    assert timeline.account.opening_balance == Decimal(0)
    assert sum(event.amount or 0 for event in timeline.events) == Decimal(500_000)
    gained = sum((e.profit or 0) + (e.commission or 0) + (e.swap or 0) for e in timeline.events)
    assert gained == Decimal(-348_604)


def test_a_position_whose_rest_was_stopped_out_in_a_gap_is_one_position(timeline: Timeline) -> None:
    life = [event for event in timeline.events if event.position_ref == "10879500"]
    assert [
        (event.action, event.volume, event.ticket) for event in life if event.action is not Action.MODIFY
    ] == [
        (Action.OPEN, Decimal("0.05"), 10879500),
        (Action.PARTIAL_CLOSE, Decimal("0.04"), 10879500),
        (Action.CLOSE, Decimal("0.01"), 10901601),
    ]
    assert life[-1].reason is Reason.STOP_LOSS
    assert life[-1].price == Decimal("110.653")


def test_the_market_that_is_made_of_it_contradicts_none_of_it(timeline: Timeline) -> None:
    assert LeaderReplay(timeline).contradictions == []


@pytest.mark.parametrize("spread_points", [0, 5, 100])
def test_neither_does_one_of_another_spread(statement: bytes, spread_points: int) -> None:
    assert LeaderReplay(read_statement(statement, spread_points=spread_points)).contradictions == []


def test_most_stops_find_their_moment(timeline: Timeline) -> None:
    with_stops = [e for e in timeline.events if e.action is Action.OPEN and (e.stop_loss or e.take_profit)]
    modifications = [e for e in timeline.events if e.action is Action.MODIFY]
    assert (len(with_stops), len(modifications)) == (983, 254)
    assert any(note.startswith("158 stops are left out") for note in timeline.notes)


def test_every_symbol_is_known(timeline: Timeline) -> None:
    derived = specs_for(timeline)
    assert len(derived.specs) == 21
    assert derived.notes == ()
    digits = {spec.symbol: spec.digits for spec in derived.specs}
    assert (digits["eurusd."], digits["usdjpy."], digits["jp225"], digits["xauusd."]) == (5, 3, 0, 2)


def test_it_is_refused_once_it_is_cut_or_changed(statement: bytes) -> None:
    for share in (1, 25, 50, 75, 99):
        with pytest.raises(StatementError):
            read_statement(statement[: len(statement) * share // 100])
    with pytest.raises(StatementError, match="add up to"):
        read_statement(statement.replace(b">-1 680<", b">-1 681<", 1))
