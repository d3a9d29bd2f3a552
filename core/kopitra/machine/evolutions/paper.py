"""Copies on paper: a subscription in sandbox follows its leader in the books, and no order of it reaches an outbox.

They are kept apart from real copies, so that nothing which counts, closes or reconciles those can meet them. Every
order is carried out at once and in full; a pending order is filled when the leader's is.
"""

from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.state import Copy, CopyStatus, FollowerBook, LeaderPosition, State


def begin(book: FollowerBook, position: LeaderPosition, copy: Copy) -> None:
    copy.sandbox = True
    if copy.order_type is OrderType.MARKET:
        fill(copy)
    else:
        copy.status = CopyStatus.PENDING
    book.paper[copy.copy_id] = copy
    position.paper.append((copy.follower, copy.copy_id))


def fill(copy: Copy) -> None:
    copy.filled = copy.planned_volume
    copy.status = CopyStatus.OPEN


def carry_out(copy: Copy, order: Order) -> None:
    match order.action:
        case OrderAction.MODIFY:
            copy.stop_loss, copy.take_profit = order.stop_loss, order.take_profit
            copy.price = order.price or copy.price
        case OrderAction.PARTIAL_CLOSE | OrderAction.OFFSET:
            copy.target = order.target_volume or ZERO
            copy.closed = copy.filled - copy.target
            if not copy.target:
                _end(copy)
        case OrderAction.CLOSE | OrderAction.CANCEL:
            copy.closed = copy.filled
            _end(copy)
        case OrderAction.OPEN:
            pass


def forget(state: State, position: LeaderPosition) -> None:
    """The leader's position has ended."""
    for follower, copy_id in position.paper:
        state.accounts[follower].following.paper.pop(copy_id, None)


def forget_ended_legs(state: State, position: LeaderPosition) -> None:
    over = [copy for copy in state.papers_of(position) if not copy.live and copy.leg not in position.legs]
    for copy in over:
        del state.accounts[copy.follower].following.paper[copy.copy_id]
        position.paper.remove((copy.follower, copy.copy_id))


def _end(copy: Copy) -> None:
    copy.status = CopyStatus.CLOSED if copy.filled else CopyStatus.DROPPED
    copy.cause = "closed_with_leader"
