"""Whether a copy that must end is being ended already."""

from collections.abc import Iterator

from kopitra.domain.identifiers import CommandId
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.state import Account, Copy


def is_ending(account: Account, copy: Copy, without: CommandId | None = None) -> bool:
    """Whether a command that takes all of the copy away is under way, or waits to be driven again; `without`: one that
    has just been acknowledged. A partial close leaves something, and a cancel that only makes way ends nothing."""
    return any(_ends(copy, order) for order in _orders_of(account, copy) if order.command_id != without)


def is_being_closed(account: Account, copy: Copy) -> bool:
    """The same for a copy that is known to be filled: a cancel does nothing about it."""
    orders = _orders_of(account, copy)
    return any(_ends(copy, order) for order in orders if order.action is not OrderAction.CANCEL)


def _orders_of(account: Account, copy: Copy) -> Iterator[Order]:
    for command in copy.outstanding:
        sequence = account.commands.get(command)
        order = account.outbox[sequence].order if sequence is not None else None
        if order is not None:
            yield order
    for held in account.held_back.values():
        if held.order.copy_id == copy.copy_id:
            yield held.order


def _ends(copy: Copy, order: Order) -> bool:
    match order.action:
        case OrderAction.CLOSE:
            return True
        case OrderAction.CANCEL:
            return order.command_id != copy.yields
        case OrderAction.OFFSET:
            return not order.target_volume
        case _:
            return False
