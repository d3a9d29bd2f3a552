"""Outboxes: pending items in order, found without walking what is not asked for."""

from decimal import Decimal

import pytest

from kopitra.domain.identifiers import CommandId, RunId
from kopitra.domain.orders import Side
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.events import InboxRecorded, Recorded
from kopitra.machine.evolutions.outbox import add_note, add_order, retire, retire_notes
from kopitra.machine.outbox import count_after, pending_after, resume_cursor, urgent_after
from kopitra.machine.state import OutboxItem
from tests.unit.machine.driven import FOLLOWER, LEADER, NOW, DrivenMachine, leader_and_follower

EVENT = InboxRecorded(account=FOLLOWER, event_type="any", payload=b"{}")


def order(number: int, action: OrderAction = OrderAction.OPEN) -> Order:
    return Order(
        command_id=CommandId(f"o-{number}"),
        action=action,
        symbol="EURUSD",
        side=Side.BUY,
        volume=Decimal("0.10"),
        magic=1,
    )


def at(sequence: int, last: int | None = None) -> Recorded:
    return Recorded(sequence, last or sequence, NOW, EVENT)


def filled(*actions: OrderAction) -> DrivenMachine:
    """Orders at sequences 10, 20, 30 and so on."""
    machine = leader_and_follower()
    machine.state.grown.clear()
    for number, action in enumerate(actions, start=1):
        add_order(machine.state, FOLLOWER, order(number, action), at(10 * number))
    return machine


def sequences(items: list[OutboxItem]) -> list[int]:
    return [item.sequence for item in items]


OPEN, CLOSE, CANCEL, MODIFY = OrderAction.OPEN, OrderAction.CLOSE, OrderAction.CANCEL, OrderAction.MODIFY


def test_pending_items_above_a_cursor_come_in_order_and_no_more_than_asked():
    account = filled(OPEN, OPEN, OPEN, OPEN).account()
    assert sequences(pending_after(account, 0, 2)) == [10, 20]
    assert sequences(pending_after(account, 10, 100)) == [20, 30, 40]
    assert sequences(pending_after(account, 15, 1)) == [20]
    assert pending_after(account, 40, 100) == []
    assert (count_after(account, 0), count_after(account, 25), count_after(account, 40)) == (4, 2, 0)


def test_closes_cancels_and_halts_can_be_had_without_the_opens_before_them():
    machine = filled(OPEN, CLOSE, OPEN, CANCEL, MODIFY)
    add_note(machine.state, FOLLOWER, OutboxType.TRADING_HALTED, {}, at(60), reduces=True)
    assert sequences(urgent_after(machine.account(), 0)) == [20, 40, 60]
    assert sequences(urgent_after(machine.account(), 20)) == [40, 60]


def test_the_type_follows_from_the_action_unless_it_is_given():
    machine = filled(OPEN, CLOSE)
    add_order(
        machine.state, FOLLOWER, order(3), at(30), event_type=OutboxType.ORDER_COMMAND, run=RunId("run")
    )
    types = [item.event_type for item in machine.outbox()]
    assert types == [OutboxType.TRADE_STARTED, OutboxType.TRADE_CLOSED, OutboxType.ORDER_COMMAND]
    assert machine.outbox()[-1].run == "run"


def test_a_retired_item_is_gone_from_everywhere():
    machine = filled(OPEN, CLOSE, OPEN)
    item = retire(machine.account(), 20)
    assert item is not None
    assert item.order is not None
    assert item.order.command_id == "o-2"
    account = machine.account()
    assert sequences(pending_after(account, 0, 100)) == [10, 30]
    assert urgent_after(account, 0) == []
    assert account.commands == {"o-1": 10, "o-3": 30}


def test_retiring_what_is_not_pending_changes_nothing():
    machine = filled(OPEN)
    before = machine.said()
    assert retire(machine.account(), 11) is None
    assert machine.said() == before


def test_only_notes_of_the_named_types_are_replaced():
    machine = filled(OPEN)
    add_note(machine.state, FOLLOWER, OutboxType.CONFIG_CHANGED, {}, at(20))
    add_note(machine.state, FOLLOWER, OutboxType.TRADING_HALTED, {}, at(30), reduces=True)
    retire_notes(machine.account(), {OutboxType.CONFIG_CHANGED})
    assert sequences(machine.outbox()) == [10, 30]


def test_the_resume_cursor_is_just_below_the_oldest_pending_item():
    machine = filled(OPEN, OPEN)
    assert resume_cursor(machine.account(), 99) == 9
    retire(machine.account(), 10)
    assert resume_cursor(machine.account(), 99) == 19
    retire(machine.account(), 20)
    assert resume_cursor(machine.account(), 99) == 99


def test_one_event_may_put_several_items_into_one_outbox():
    machine = leader_and_follower()
    for offset in range(3):
        add_order(machine.state, FOLLOWER, order(offset), at(50, last=52), offset)
    assert machine.account().queue == [50, 51, 52]


@pytest.mark.parametrize(("sequence", "offset"), [(20, 0), (15, 0), (30, 1)])
def test_an_item_out_of_order_or_beyond_its_event_is_a_defect(sequence: int, offset: int):
    machine = filled(OPEN, OPEN)
    with pytest.raises(ValueError, match="out of place"):
        add_order(machine.state, FOLLOWER, order(9), at(sequence), offset)


def test_a_command_is_never_pending_twice():
    machine = filled(OPEN)
    with pytest.raises(ValueError, match="pending already"):
        add_order(machine.state, FOLLOWER, order(1), at(20))


def test_accounts_whose_outbox_grew_are_noted_once_for_whoever_wakes_them():
    machine = filled(OPEN, OPEN)
    assert machine.state.grown == {FOLLOWER}
    machine.state.grown = set()
    retire(machine.account(), 10)
    assert machine.state.grown == set()
    add_note(machine.state, LEADER, OutboxType.CONFIG_CHANGED, {}, at(30))
    assert machine.state.grown == {LEADER}
