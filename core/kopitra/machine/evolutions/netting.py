"""A netting account's virtual book: what deals and agreeing snapshots do to copies that share one position."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from kopitra.domain.orders import BY_HAND, DealEntry, MarginMode, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Execution
from kopitra.machine.events import CopyVolumes, NetSettled, Recorded
from kopitra.machine.evolutions.copies import drop_held_back, end
from kopitra.machine.state import Account, Copy, CopyStatus, FollowerBook, NetSymbol, State

WAITING = frozenset({CopyStatus.PLANNED, CopyStatus.UNKNOWN})


def enters(account: Account, copy: Copy, execution: Execution) -> bool:
    """Whether a deal of a copy fills its open. On a netting account that is not what the broker calls it: against more
    volume on the other side an open is an `out` deal, and an offset may be an `in`; the side tells them apart."""
    if account.mode is MarginMode.NETTING:
        return execution.side is copy.side
    return execution.entry is DealEntry.IN


def own_part(account: Account, copy: Copy, execution: Execution) -> Execution:
    """What a deal tells of the copy: the ticket and the id are those of the net position, and no copy's own; lots that
    snapshots have settled already are known."""
    volume, command = execution.fill_volume or ZERO, execution.command_id
    if command is not None and command in account.held_back:
        held = account.held_back[command]
        held.unsettled = max(held.unsettled - volume, ZERO)
    if command is not None and command in copy.taken:
        known = min(copy.taken[command], volume)
        copy.taken[command] -= known
        volume -= known
    return msgspec.structs.replace(
        execution, fill_volume=volume, order_ticket=None, position_id=None, position_ticket=None
    )


def note_foreign(book: FollowerBook, execution: Execution) -> None:
    """Somebody else's deal in a net position: it explains what snapshots will show, and changes nothing by itself. A
    stop or a stop-out among such deals outweighs what was done by hand: what it may have closed stays closed."""
    known = book.nets.setdefault(execution.symbol, NetSymbol())
    known.foreign += _signed(execution.side, execution.fill_volume or ZERO)
    if known.reason is None or known.reason in BY_HAND:
        known.reason = execution.reason


def add_manual(book: FollowerBook, symbol: str, side: Side, volume: Decimal) -> None:
    """From now on this volume is the owner's."""
    book.nets.setdefault(symbol, NetSymbol()).manual += _signed(side, volume)
    _tidy(book, symbol)


def forget_foreign(book: FollowerBook, symbols: Iterable[str]) -> None:
    """The books agree: what others did is part of them, and explains nothing any more."""
    for symbol in symbols:
        known = book.nets.get(symbol)
        if known is not None:
            known.foreign, known.reason = ZERO, None
            _tidy(book, symbol)


def net_settled(state: State, event: NetSettled, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    book = account.following
    for command in event.due:
        held = account.held_back[command]
        held.due, held.unsettled = recorded.at, ZERO
    for volumes in event.copies:
        _settle(state, book.copies[volumes.copy_id], volumes)
    book.nets[event.symbol] = NetSymbol(manual=event.manual)
    _tidy(book, event.symbol)


def _settle(state: State, copy: Copy, volumes: CopyVolumes) -> None:
    copy.found += max(volumes.filled - copy.filled, ZERO)
    copy.taken |= {taken.command: taken.volume for taken in volumes.taken}
    copy.filled, copy.closed = volumes.filled, volumes.closed
    if copy.target is not None:
        copy.target = min(copy.target, copy.live_volume)
    if volumes.ended is not None:
        drop_held_back(state, copy)
        end(state, copy, CopyStatus.CLOSED if copy.filled else CopyStatus.DROPPED, volumes.ended)
    elif copy.status in WAITING and copy.filled:
        copy.status, copy.cause = CopyStatus.OPEN, None


def _tidy(book: FollowerBook, symbol: str) -> None:
    if book.nets[symbol] == NetSymbol():
        del book.nets[symbol]


def _signed(side: Side, volume: Decimal) -> Decimal:
    return volume if side is Side.BUY else -volume
