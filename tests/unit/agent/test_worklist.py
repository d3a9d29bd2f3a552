"""The worklist's order, by example and by property."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.identifiers import EventId
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import START
from kopitra_agent.hand.records import Intent
from kopitra_agent.hand.worklist import Dropped, Rank, Work, Worklist
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
