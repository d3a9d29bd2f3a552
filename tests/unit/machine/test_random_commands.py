"""Whatever is asked, in whatever order: deciding changes nothing, applying never fails, replay gives the same state."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kopitra.domain.trading import Order
from kopitra.machine.codec import EVENTS
from kopitra.machine.commands import Command
from kopitra.machine.decide import HANDLERS, decide
from kopitra.machine.events import (
    CommandRedriven,
    CopiesStopped,
    CopiesUnsubscribed,
    CopyAdded,
    CopyCorrected,
    CopyPlanned,
    Event,
    GuardHit,
    LeaderSilent,
    OperatorOrdered,
    OrphanClosed,
    TradingHalted,
)
from kopitra.machine.evolve import EVOLUTIONS
from kopitra.machine.indexes import rebuild
from kopitra.machine.outcome import Result
from kopitra.machine.replay import new_state, replay
from kopitra.machine.state import SKIPPED_IN_SNAPSHOTS, Account, State
from kopitra.machine.state_codec import decode_state, encode_state, state_hash
from kopitra.simulation.draws import Draws, SeededDraws
from tests.unit.machine.driven import JOURNAL, DrivenMachine
from tests.unit.machine.random_trading import TradingWorld

SEEDS = st.integers(min_value=0, max_value=2**32)
STEPS = 200


class CheckedMachine(DrivenMachine):
    """Also sees that deciding changes nothing and gives the same result again."""

    def ask(self, command: Command, actor: str | None = None) -> Result:
        before = state_hash(self.state)
        context = self.context(actor)
        assert decide(self.state, command, context) == decide(self.state, command, context)
        assert state_hash(self.state) == before
        return super().ask(command, actor)


def walked(seed: int, machine: DrivenMachine | None = None, steps: int = STEPS) -> TradingWorld:
    world = TradingWorld(SeededDraws(seed))
    world.machine = machine or world.machine
    world.set_up()
    for _ in range(steps):
        world.step()
    return world


class ShrinkingDraws:
    """Hypothesis chooses, so that it can shorten what fails."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def below(self, bound: int) -> int:
        return self._data.draw(st.integers(0, bound - 1))


def indexes_of(state: State) -> dict[str, object]:
    """Every index but the note of whom to wake."""
    found: dict[str, object] = {
        name: getattr(state, name) for name in SKIPPED_IN_SNAPSHOTS[State] - {"grown"}
    }
    for account in state.accounts.values():
        for name in SKIPPED_IN_SNAPSHOTS[Account]:
            found[f"{account.account}.{name}"] = list(getattr(account, name))
    return found


def outbox_is_sound(account: Account) -> bool:
    sequences = list(account.outbox)
    orders = {
        item.order.command_id: item.sequence for item in account.outbox.values() if item.order is not None
    }
    return (
        sequences == sorted(sequences)
        and all(sequence == item.sequence for sequence, item in account.outbox.items())
        and orders == account.commands
    )


def orders_of(event: Event) -> list[Order]:
    match event:
        case CopyPlanned(sandbox=False):
            return [decision.sent for decision in event.decisions if decision.sent is not None]
        case TradingHalted() | GuardHit() | CopiesStopped() | LeaderSilent() | CopiesUnsubscribed():
            return [flatten.order for flatten in event.orders]
        case CommandRedriven() | CopyCorrected() | OrphanClosed() | OperatorOrdered():
            return [event.order]
        case CopyAdded():
            return [event.decision.order] if event.decision.order is not None else []
        case _:
            return []


def test_every_command_and_every_event_is_in_its_table():
    assert set(HANDLERS) == set(Command.__subclasses__())
    assert set(EVOLUTIONS) == set(Event.__subclasses__())


@settings(max_examples=8)
@given(SEEDS)
def test_deciding_is_pure(seed: int):
    walked(seed, CheckedMachine())


@settings(max_examples=25)
@given(SEEDS)
def test_replaying_the_encoded_events_gives_the_same_state(seed: int):
    machine = walked(seed).machine
    assert state_hash(machine.replayed()) == state_hash(machine.state)


@settings(max_examples=25)
@given(SEEDS, st.integers(0, 100))
def test_a_snapshot_and_the_tail_give_the_same_state_as_the_whole_journal(seed: int, percent: int):
    machine = walked(seed).machine
    cut = len(machine.frames) * percent // 100
    state = replay(new_state(JOURNAL, "shard"), machine.frames[:cut])
    state = decode_state(encode_state(state))
    assert state_hash(replay(state, machine.frames[cut:])) == state_hash(machine.state)


@settings(max_examples=25)
@given(SEEDS)
def test_indexes_and_outboxes_stay_sound(seed: int):
    state = walked(seed).machine.state
    kept = indexes_of(state)
    rebuild(state)
    assert indexes_of(state) == kept
    assert all(outbox_is_sound(account) for account in state.accounts.values())


@settings(max_examples=10)
@given(st.data())
def test_no_sequence_of_commands_raises(data: st.DataObject):
    draws: Draws = ShrinkingDraws(data)
    world = TradingWorld(draws)
    world.set_up()
    for _ in range(40):
        world.step()


@settings(max_examples=25)
@given(SEEDS)
def test_no_command_id_is_ever_given_twice(seed: int):
    events = [EVENTS.decode(frame.data).event for frame in walked(seed).machine.frames]
    commands = [order.command_id for event in events for order in orders_of(event)]
    assert len(commands) == len(set(commands))
