"""Whatever happens in whatever order: what must end is being ended, and nothing lives twice or outlives its copy."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.identifiers import CommandId
from kopitra.domain.trading import REDUCING, Order, OrderAction
from kopitra.machine.commands import Tick
from kopitra.machine.decisions import standing_still
from kopitra.machine.events import AnyEvent, CopyPlanned, CorrectionProposed
from kopitra.machine.leases import readings_after_recovery
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, FollowerBook, State
from kopitra.machine.state_codec import decode_state, encode_state
from kopitra.simulation.draws import SeededDraws
from tests.unit.machine.driven import DrivenMachine
from tests.unit.machine.random_trading import TradingWorld

STEPS = 250
MOST_SHARES = 100
"""More than copies of one walk: by so many ticks whoever leaves has left."""


class WatchedMachine(DrivenMachine):
    """Looks at everything after every decision."""

    def __init__(self) -> None:
        super().__init__()
        self.ordered: set[CommandId] = set()

    def apply(self, events: Iterable[AnyEvent], context: Context | None = None) -> None:
        happened = list(events)
        for event in happened:
            for order in orders_of(event):
                assert order.command_id not in self.ordered, f"{order} in {event}"
                self.ordered.add(order.command_id)
        super().apply(happened, context)
        for account in self.state.accounts.values():
            check(self.state, account)


def orders_of(event: AnyEvent) -> Iterator[Order]:
    """Every order that an event gives, wherever it stands in it."""
    proposes = isinstance(event, CorrectionProposed)
    on_paper = isinstance(event, CopyPlanned) and event.sandbox
    if not (proposes or on_paper):
        yield from _orders_in(event)


def _orders_in(part: object) -> Iterator[Order]:
    if isinstance(part, Order):
        yield part
    elif isinstance(part, tuple):
        for each in part:  # pyright: ignore[reportUnknownVariableType]
            yield from _orders_in(each)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(part, msgspec.Struct):
        for field in part.__struct_fields__:
            yield from _orders_in(getattr(part, field))


def check(state: State, account: Account) -> None:
    book = account.following
    for item in account.outbox.values():
        opens = item.order is not None and item.order.action is OrderAction.OPEN
        assert not item.recalled or (opens and item.expires_at is not None)
    assert {copy.magic: copy.copy_id for copy in book.copies.values()} == book.by_magic
    assert set(book.by_command.values()) <= book.copies.keys() | {
        released.whose for released in book.released.values()
    }
    under_way = [order for order in _under_way(account) if order.copy_id is not None]
    assert {order.copy_id for order in under_way} <= book.copies.keys()
    reduced = {order.copy_id for order in under_way if order.action in REDUCING}
    for copy in book.copies.values():
        if copy.live:
            assert copy.closing or state.is_wanted(copy), f"its leader is out: {copy}"
            assert not copy.closing or copy.copy_id in reduced, f"nothing closes {copy}"
    assert all(count == 1 for count in _followed(book).values())
    for paper in book.paper.values():
        position = state.accounts[paper.leader].leading.positions[paper.position_ref]
        assert (paper.follower, paper.copy_id) in position.paper


def _under_way(account: Account) -> Iterator[Order]:
    for item in account.outbox.values():
        if item.order is not None:
            yield item.order
    for held in account.held_back.values():
        yield held.order


def _followed(book: FollowerBook) -> "Counter[tuple[object, ...]]":
    return Counter(_trade(copy) for copy in book.copies.values() if copy.live and not copy.closing)


def _trade(copy: Copy) -> tuple[object, ...]:
    return copy.subscription, copy.leader, copy.position_ref, copy.leg


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_copies_stay_sound(seed: int):
    world = TradingWorld(SeededDraws(seed))
    world.machine = WatchedMachine()
    world.set_up()
    for _ in range(STEPS):
        world.step()


class NarrowWorld(TradingWorld):
    """Processes come and go, and an event has room for hardly anything."""

    def __init__(self, draws: SeededDraws) -> None:
        super().__init__(draws)
        self.machine = WatchedMachine()

    def happenings(self) -> Sequence[Callable[[], None]]:
        return (*super().happenings(), self.restart, self.restart)

    def restart(self) -> None:
        machine = self.machine
        machine.state = decode_state(encode_state(machine.state))
        machine.readings = readings_after_recovery(machine.state, machine.now)


@settings(max_examples=10, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_copies_stay_sound_over_restarts_and_where_one_event_has_room_for_little(seed: int):
    with pytest.MonkeyPatch.context() as narrow:
        narrow.setattr(standing_still, "MOST_ORDERS", 1)
        narrow.setattr(standing_still, "MOST_WITHDRAWALS", 1)
        world = NarrowWorld(SeededDraws(seed))
        world.set_up()
        for _ in range(STEPS):
            world.step()
        for _ in range(MOST_SHARES):
            world.machine.wait(1)
            world.ask(Tick())
        assert world.machine.state.leaving == {}, "whoever left has left"
