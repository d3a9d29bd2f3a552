"""The worklist's order, by example and by property."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.identifiers import EventId
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import START
from kopitra_agent.hand.records import Intent
from kopitra_agent.hand.worklist import Dropped, Rank, Work, Worklist
from tests.unit.agent.net_scene import offset
from tests.unit.agent.scene import order

A = OrderAction
PLACES = {Rank.REDUCE: 2, Rank.MODIFY: 1, Rank.OPEN: 2}


def work(number: int, action: OrderAction = A.OPEN, copy: int | None = None) -> Work:
    return Work(
        order=order(number, action, copy=copy, target="0.1"),
        event_id=EventId(f"e-{number}"),
        sequence=number,
        arrived=0.0,
    )


def numbers(worklist: Worklist) -> list[int]:
    """Everything in the order in which it starts, one at a time."""
    started: list[int] = []
    while (next_work := worklist.take()) is not None:
        started.append(next_work.sequence)
        worklist.finish(next_work)
    return started


def test_closes_and_cancels_then_modifies_then_opens_each_by_sequence():
    worklist = Worklist(PLACES)
    for number, action in enumerate(
        (A.OPEN, A.MODIFY, A.CLOSE, A.OPEN, A.CANCEL, A.PARTIAL_CLOSE, A.MODIFY), 1
    ):
        worklist.add(work(number, action))
    assert numbers(worklist) == [3, 5, 6, 2, 7, 1, 4]


def test_each_rank_has_its_own_places():
    worklist = Worklist(PLACES)
    for number in range(1, 5):
        worklist.add(work(number))
    started = [worklist.take() for _ in range(2)]
    assert worklist.take() is None
    worklist.add(work(9, A.CLOSE))
    close = worklist.take()
    assert close is not None
    assert close.sequence == 9
    assert all(started)


def test_a_modify_that_keeps_a_close_waiting_goes_before_other_modifies():
    worklist = Worklist(PLACES)
    worklist.add(work(1, A.MODIFY, copy=1))
    worklist.add(work(2, A.MODIFY, copy=2))
    worklist.add(work(3, A.PARTIAL_CLOSE, copy=2))
    assert numbers(worklist) == [2, 3, 1]


def test_a_close_drops_what_it_makes_needless_and_keeps_partial_closes():
    worklist = Worklist(PLACES)
    for number, action in ((1, A.OPEN), (2, A.MODIFY), (3, A.PARTIAL_CLOSE)):
        assert worklist.add(work(number, action, copy=1)) == []
    dropped = worklist.add(work(4, A.CLOSE, copy=1))
    assert [(d.work.sequence, d.status, d.reason) for d in dropped] == [
        (1, AckStatus.SUPERSEDED, "closed_before_open"),
        (2, AckStatus.SUPERSEDED, "closed"),
    ]
    assert numbers(worklist) == [3, 4]


def test_what_an_earlier_life_may_have_sent_is_never_dropped():
    worklist = Worklist(PLACES)
    unresolved = work(1)
    unresolved.intent = Intent(
        order=unresolved.order,
        event_id=unresolved.event_id,
        sequence=1,
        ledger=0,
        volume=Decimal(1),
        at=START,
    )
    worklist.add(unresolved)
    assert worklist.add(work(2, A.CLOSE, copy=1)) == []
    assert worklist.withdraw_opens() == []
    assert numbers(worklist) == [1, 2]


def test_held_opens_wait_and_withdrawn_ones_are_gone():
    worklist = Worklist(PLACES)
    worklist.opens_held = True
    worklist.add(work(1))
    worklist.add(work(2, A.CLOSE, copy=9))
    assert numbers(worklist) == [2]
    assert [w.sequence for w in worklist.withdraw_opens()] == [1]
    worklist.opens_held = False
    assert numbers(worklist) == []
    assert len(worklist) == 0


ACTIONS = st.sampled_from([A.OPEN, A.MODIFY, A.PARTIAL_CLOSE, A.CLOSE, A.CANCEL])
STEPS = st.lists(st.tuples(st.integers(1, 4), ACTIONS, st.booleans()), max_size=40)


@given(STEPS)
def test_whatever_comes_every_command_runs_once_or_is_dropped_and_copies_keep_their_order(
    steps: list[tuple[int, OrderAction, bool]],
):
    worklist = Worklist(PLACES)
    running: list[Work] = []
    ran: list[Work] = []
    dropped: list[Dropped] = []

    def start() -> None:
        while (taken := worklist.take()) is not None:
            assert taken.lane not in {w.lane for w in running}, "one command of a copy at a time"
            running.append(taken)
            ran.append(taken)
        for rank, places in PLACES.items():
            assert sum(w.rank is rank for w in running) <= places

    for number, (copy, action, finish) in enumerate(steps, 1):
        dropped += worklist.add(work(number, action, copy))
        start()
        if finish and running:
            worklist.finish(running.pop(0))
            start()
    while running:
        worklist.finish(running.pop(0))
        start()
    assert sorted([w.sequence for w in ran] + [d.work.sequence for d in dropped]) == list(
        range(1, len(steps) + 1)
    )
    assert len(worklist) == 0
    for copy in range(1, 5):
        sequences = [w.sequence for w in ran if w.order.copy_id == f"c-{copy}"]
        assert sequences == sorted(sequences)


# -- a netting account ---------------------------------------------------------------------------------------------


def net_work(number: int, copy: int | None = None, symbol: str = "EURUSD", *, sent: bool = False) -> Work:
    """An open, or with a copy an offset of it; `sent`: an earlier life left it unresolved."""
    wanted = order(number) if copy is None else offset(number, copy, "0.40", None)
    wanted = msgspec.structs.replace(wanted, symbol=symbol)
    intent = Intent(
        order=wanted,
        event_id=EventId(f"e-{number}"),
        sequence=number,
        ledger=0,
        volume=wanted.volume,
        at=START,
    )
    return Work(
        order=wanted,
        event_id=intent.event_id,
        sequence=number,
        arrived=0.0,
        intent=intent if sent else None,
    )


def started(worklist: Worklist) -> list[int]:
    """What may start now."""
    return [taken.sequence for taken in iter(worklist.take, None)]


def test_one_trade_at_a_time_changes_a_net_position_and_other_symbols_go_on():
    worklist = Worklist(PLACES, netting=True)
    works = [net_work(1), net_work(2), net_work(3, symbol="USDJPY"), net_work(4, copy=9)]
    for each in works:
        worklist.add(each)
    assert started(worklist) == [4, 3]
    worklist.finish(works[3])
    assert started(worklist) == [1]
    worklist.finish(works[0])
    assert started(worklist) == [2]


def test_what_comes_before_an_offset_and_is_not_done_is_known():
    worklist = Worklist(PLACES, netting=True)
    taking_off = net_work(3, copy=9)
    for each in (net_work(1), net_work(2, copy=8), taking_off, net_work(4), net_work(0, symbol="USDJPY")):
        worklist.add(each)
    assert worklist.undone_before(taking_off) == Decimal("0.60")


def test_an_offset_waits_for_an_unresolved_open_that_has_not_got_its_place_yet():
    worklist = Worklist({Rank.REDUCE: 2, Rank.MODIFY: 1, Rank.OPEN: 1}, netting=True)
    other, unresolved = net_work(1, symbol="USDJPY", sent=True), net_work(2, sent=True)
    for each in (other, unresolved, net_work(3, copy=9)):
        worklist.add(each)
    assert started(worklist) == [1]
    worklist.finish(other)
    assert started(worklist) == [2]
    worklist.finish(unresolved)
    assert started(worklist) == [3]
