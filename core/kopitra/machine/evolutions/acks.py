"""How commands end: acknowledged by the EA, or never fetched in time."""

from decimal import Decimal

from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra.machine.events import CommandAcknowledged, CommandExpired, ItemAcknowledged, Recorded
from kopitra.machine.evolutions.copies import drop_held_back, end, forget_if_over, withdraw
from kopitra.machine.evolutions.outbox import retire
from kopitra.machine.state import Account, Copy, CopyStatus, HeldBack, State

DONE = frozenset({AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED})


def item_acknowledged(state: State, event: ItemAcknowledged, recorded: Recorded) -> None:
    retire(state.accounts[event.account], event.sequence)


def command_expired(state: State, event: CommandExpired, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    copy_id = account.following.by_command.get(event.command)
    copy = account.following.copies.get(copy_id) if copy_id is not None else None
    if copy is None:
        retire(account, account.commands[event.command])
        return
    withdraw(state, copy, event.command)
    copy.cause = "expired"


def acknowledged(state: State, event: CommandAcknowledged, recorded: Recorded) -> None:
    if not event.retires:
        return
    account = state.accounts[event.account]
    item = account.outbox[account.commands[event.command]]
    order = item.order
    assert order is not None
    retire(account, item.sequence)
    attempts = account.attempts.pop(event.command, 0)
    if event.redrive_at is not None:
        account.held_back[event.command] = HeldBack(
            order=order,
            due=event.redrive_at,
            attempts=attempts + 1,
            run=item.run,
            unsettled=_in_doubt(account, order) if event.status is AckStatus.UNKNOWN else ZERO,
        )
    copy_id = account.following.by_command.get(event.command)
    copy = account.following.copies.get(copy_id) if copy_id is not None else None
    if copy is None:
        return
    if event.command in copy.outstanding:
        copy.outstanding.remove(event.command)
    _settle(state, account, copy, order, event)
    forget_if_over(state, copy)


def takes_no_volume(order: Order) -> bool:
    """Whether it only takes away what may rest: its end says nothing of what was filled."""
    return order.action is OrderAction.CANCEL or (order.action is OrderAction.OFFSET and not order.volume)


def _in_doubt(account: Account, order: Order) -> Decimal:
    """Lots of an offset that no deal has told of yet."""
    copy = account.following.copies.get(order.copy_id) if order.copy_id is not None else None
    if copy is None or order.action is not OrderAction.OFFSET:
        return ZERO
    return min(order.volume, max(copy.live_volume - (order.target_volume or ZERO), ZERO))


def _settle(state: State, account: Account, copy: Copy, order: Order, event: CommandAcknowledged) -> None:
    done = event.status in DONE
    match order.action:
        case OrderAction.OPEN:
            _settle_open(state, copy, order, event)
        case OrderAction.CLOSE if done:
            copy.closed = copy.filled
            drop_held_back(state, copy)
            end(state, copy, CopyStatus.CLOSED, copy.cause or event.status)
        case OrderAction.OFFSET if event.status is AckStatus.ALREADY_CLOSED and not takes_no_volume(order):
            copy.closed = copy.filled
            _offset(state, copy, event)
        case OrderAction.OFFSET if done and not order.target_volume and not copy.live_volume:
            _offset(state, copy, event)
        case OrderAction.CANCEL if done and not copy.live_volume:
            drop_held_back(state, copy)
            end(
                state,
                copy,
                CopyStatus.CLOSED if copy.filled else CopyStatus.DROPPED,
                copy.cause or "cancelled",
            )
        case OrderAction.PARTIAL_CLOSE if event.status is AckStatus.ALREADY_CLOSED:
            copy.closed = copy.filled
            drop_held_back(state, copy)
            end(state, copy, CopyStatus.CLOSED, "already_closed")
        case _:
            pass


def _offset(state: State, copy: Copy, event: CommandAcknowledged) -> None:
    drop_held_back(state, copy)
    end(state, copy, CopyStatus.CLOSED if copy.filled else CopyStatus.DROPPED, copy.cause or event.status)


def _settle_open(state: State, copy: Copy, order: Order, event: CommandAcknowledged) -> None:
    if copy.status not in (CopyStatus.PLANNED, CopyStatus.UNKNOWN):
        return  # deals have told more than its EA can
    if event.status is AckStatus.UNKNOWN:
        copy.status, copy.cause = CopyStatus.UNKNOWN, event.reason
    elif event.status in DONE:
        copy.status = CopyStatus.OPEN if order.order_type is OrderType.MARKET else CopyStatus.PENDING
    else:
        end(state, copy, CopyStatus.DROPPED, event.reason or event.status)
