"""Refused closes and cancels are driven again when they are due; on netting accounts, what is left of them by then."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.acks import LATEST_RETRY, TAKING_OFF
from kopitra.machine.decisions.identity import again
from kopitra.machine.decisions.netting import NetOrders, is_netting
from kopitra.machine.events import AnyEvent, CommandDropped, CommandRedriven
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, HeldBack, State


def due_again(state: State, account: Account, context: Context) -> Iterator[AnyEvent]:
    """What of an account is due; what waits for a snapshot of the net position never is by time alone."""
    net = NetOrders(state)
    for command, held in account.held_back.items():
        if held.unsettled or not is_due(held, context.now):
            continue
        order = _order_again(state, account, command, held.order, net)
        if order is None:
            yield CommandDropped(account=account.account, command=command, cause="nothing_left")
        else:
            yield CommandRedriven(
                account=account.account, replaces=command, order=order, cause="refused", run=held.run
            )


def is_due(held: HeldBack, now: datetime) -> bool:
    """A time further away than any that was ever set was set by a clock that has been set back since."""
    return not now < held.due <= now + LATEST_RETRY


def _order_again(
    state: State, account: Account, command: CommandId, order: Order, net: NetOrders
) -> Order | None:
    copy = account.following.copies.get(order.copy_id) if order.copy_id is not None else None
    if copy is None or order.action not in TAKING_OFF or not is_netting(account):
        return msgspec.structs.replace(order, command_id=again(state, command))
    target = order.target_volume or ZERO
    if _is_down_to(account, copy, target, net):
        return None
    return net.offset(copy, target, again(state, command))


def _is_down_to(account: Account, copy: Copy, target: Decimal, net: NetOrders) -> bool:
    """Closed by hand meanwhile, or brought down by another command."""
    if not copy.live:
        return True
    known = copy.filled or net.brings_down(copy)
    known = known or any(_tells(account, command, target) for command in copy.outstanding)
    return bool(known) and net.volume_to_come(account, copy) <= target


def _tells(account: Account, command: CommandId, target: Decimal) -> bool:
    """Whether a command under way says what a copy without a told fill will hold: its open, or what leaves no more of
    it than `target`. A modification, a resting order or a smaller reduction does not, nor does an open that may come
    late or never, which nobody counts on."""
    sequence = account.commands.get(command)
    item = account.outbox[sequence] if sequence is not None else None
    if item is None or item.order is None:
        return False
    order = item.order
    opens = (
        order.action is OrderAction.OPEN and order.order_type is OrderType.MARKET and item.due_from is None
    )
    return opens or (order.action is OrderAction.OFFSET and (order.target_volume or ZERO) <= target)
