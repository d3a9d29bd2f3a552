"""What a look at the leader's terminal means, change by change. Pure."""

from decimal import Decimal

import msgspec
import pytest

from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.trading import SignalAction
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.sensor.book import Book
from kopitra_agent.sensor.changes import Change
from kopitra_agent.sensor.diff import Look, difference
from tests.unit.agent.broker import Broker, limit_order

A = SignalAction


class Leader:
    """A broker whose ledger is looked at step by step."""

    def __init__(self) -> None:
        self.broker = Broker(VirtualTime(1))
        self.book = Book()
        self._read = 0

    def look(self, *, consistent: bool = True) -> list[Change]:
        deals = self.broker.deals[self._read :]
        self._read += len(deals)
        look = Look(
            deals=deals,
            positions=list(self.broker.positions.values()),
            orders=list(self.broker.orders.values()),
            consistent=consistent,
        )
        self.book, changes = difference(self.book, look)
        return changes


@pytest.fixture
def leader() -> Leader:
    return Leader()


def actions(changes: list[Change]) -> list[SignalAction]:
    return [change.action for change in changes]


def test_an_open_carries_its_deal_its_volumes_and_its_stops(leader: Leader):
    position = leader.broker.open(Side.SELL, "0.50", stop_loss=Decimal("1.2"), magic=9)
    [change] = leader.look()
    assert (change.action, change.side, change.before, change.after) == (
        A.OPEN,
        Side.SELL,
        0,
        Decimal("0.50"),
    )
    assert (change.position_id, change.deal_id) == (position.position_id, leader.broker.deals[0].deal_id)
    assert (change.stop_loss, change.magic, change.reason) == (Decimal("1.2"), 9, DealReason.CLIENT)


def test_partial_closes_and_the_close_count_down_in_ledger_order(leader: Leader):
    position = leader.broker.open(volume="1.00")
    leader.look()
    leader.broker.close(position.ticket, "0.30")
    leader.broker.close(position.ticket, "0.50")
    leader.broker.close(position.ticket, reason=DealReason.STOP_LOSS)
    changes = leader.look()
    assert actions(changes) == [A.PARTIAL_CLOSE, A.PARTIAL_CLOSE, A.CLOSE]
    assert [(c.before, c.after) for c in changes] == [
        (Decimal("1.00"), Decimal("0.70")),
        (Decimal("0.70"), Decimal("0.20")),
        (Decimal("0.20"), Decimal("0.00")),
    ]
    assert {c.side for c in changes} == {Side.BUY}  # the position's side, not the closing deal's
    assert changes[-1].reason is DealReason.STOP_LOSS


def test_a_ticket_that_changes_at_a_partial_close_stays_one_position(leader: Leader):
    leader.broker.new_ticket_at_partial_close = True
    position = leader.broker.open()
    leader.broker.close(position.ticket, "0.40")
    [rest] = leader.broker.positions.values()
    leader.broker.close(rest.ticket)
    changes = leader.look()
    assert actions(changes) == [A.OPEN, A.PARTIAL_CLOSE, A.CLOSE]
    assert {c.position_id for c in changes} == {position.position_id}


def test_more_of_a_position_is_an_increase_and_through_zero_a_reverse(leader: Leader):
    broker = leader.broker
    position = broker.open(volume="1.00")
    broker.write(position, DealEntry.IN, DealReason.CLIENT, Decimal("0.50"), broker.ticket(), 0)
    short = msgspec.structs.replace(position, side=Side.SELL)
    broker.write(position, DealEntry.INOUT, DealReason.CLIENT, Decimal("2.00"), broker.ticket(), 0)
    broker.positions[position.ticket] = msgspec.structs.replace(short, volume=Decimal("0.50"))
    changes = leader.look()
    assert actions(changes) == [A.OPEN, A.INCREASE, A.REVERSE]
    assert [(c.before, c.after, c.side) for c in changes[1:]] == [
        (Decimal("1.00"), Decimal("1.50"), Side.BUY),
        (Decimal("1.50"), Decimal("0.50"), Side.SELL),
    ]


def test_closing_by_an_opposite_position_is_said_of_both(leader: Leader):
    long, short = leader.broker.open(volume="1.00"), leader.broker.open(Side.SELL, "0.40")
    leader.look()
    leader.broker.close(long.ticket, "0.40", DealReason.CLOSE_BY)
    leader.broker.close(short.ticket, None, DealReason.CLOSE_BY)
    changes = leader.look()
    assert [(c.action, c.position_id, c.after) for c in changes] == [
        (A.CLOSE_BY, long.position_id, Decimal("0.60")),
        (A.CLOSE_BY, short.position_id, Decimal("0.00")),
    ]


def test_changed_stops_are_one_modify(leader: Leader):
    position = leader.broker.open()
    leader.look()
    leader.broker.set_stops(position.ticket, "1.05", "1.25")
    [change] = leader.look()
    assert (change.action, change.stop_loss, change.take_profit) == (
        A.MODIFY,
        Decimal("1.05"),
        Decimal("1.25"),
    )
    assert change.before == change.after == Decimal("1.00")
    assert leader.look() == []


def test_a_pending_order_lives_under_its_ticket_until_it_is_filled(leader: Leader):
    order = limit_order(leader.broker, "0.80")
    leader.broker.place(order)
    [placed] = leader.look()
    assert (placed.action, placed.ticket, placed.position_id) == (A.PENDING_PLACED, order.ticket, None)
    assert (placed.order_type, placed.price, placed.after) == (
        OrderType.LIMIT,
        Decimal("1.05000"),
        Decimal("0.80"),
    )
    leader.broker.orders[order.ticket] = msgspec.structs.replace(order, price=Decimal("1.04"))
    assert actions(leader.look()) == [A.PENDING_MODIFIED]
    position = leader.broker.fill(order.ticket)
    [filled] = leader.look()
    assert (filled.action, filled.ticket, filled.position_id) == (
        A.PENDING_FILLED,
        order.ticket,
        position.position_id,
    )
    leader.broker.close(position.ticket)
    assert actions(leader.look()) == [A.CLOSE]


def test_a_pending_order_that_goes_without_a_deal_was_cancelled(leader: Leader):
    order = limit_order(leader.broker)
    leader.broker.place(order)
    leader.look()
    leader.broker.finish(order.ticket, "cancelled")
    [change] = leader.look()
    assert (change.action, change.after) == (A.PENDING_CANCELLED, 0)


def test_the_rest_of_a_partly_filled_order_signals_nothing_of_its_own(leader: Leader):
    order = limit_order(leader.broker, "1.00")
    leader.broker.place(order)
    leader.look()
    leader.broker.open(volume="0.30", order=order)
    leader.broker.orders[order.ticket] = msgspec.structs.replace(order, volume=Decimal("0.70"))
    assert actions(leader.look()) == [A.PENDING_FILLED]
    leader.broker.finish(order.ticket, "cancelled")
    assert leader.look() == []


def test_while_trades_rush_by_only_the_deals_are_believed(leader: Leader):
    """The lists may be older or newer than the deals: nothing is concluded from what they lack."""
    order = limit_order(leader.broker)
    leader.broker.place(order)
    position = leader.broker.open()
    leader.look()
    leader.broker.set_stops(position.ticket, "1.05")
    leader.broker.finish(order.ticket, "filled")  # its deal is not in the ledger yet
    leader.broker.close(position.ticket, "0.10")
    assert actions(leader.look(consistent=False)) == [A.PARTIAL_CLOSE]
    leader.broker.open(order=order)
    assert actions(leader.look()) == [A.PENDING_FILLED, A.MODIFY]


def test_a_position_that_is_gone_without_a_deal_is_left_to_the_snapshot(leader: Leader):
    position = leader.broker.open()
    leader.look()
    del leader.broker.positions[position.ticket]
    assert leader.look() == []
    assert position.position_id in leader.book.positions


def test_a_close_of_what_was_never_seen_is_said_with_what_is_left(leader: Leader):
    position = leader.broker.open(volume="1.00")
    leader.broker.deals.clear()
    leader.broker.close(position.ticket, "0.25")
    [change] = leader.look()
    assert (change.action, change.before, change.after) == (A.PARTIAL_CLOSE, Decimal("1.00"), Decimal("0.75"))
