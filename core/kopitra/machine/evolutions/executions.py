"""What brokers did to copies, deal by deal."""

from kopitra.domain.orders import MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import Execution, ExecutionStatus
from kopitra.machine.events import ExecutionRecorded, Recorded
from kopitra.machine.evolutions.copies import drop_held_back, end
from kopitra.machine.evolutions.netting import add_manual, enters, note_foreign, own_part
from kopitra.machine.state import Copy, CopyStatus, FollowerBook, State

FILLS = frozenset({ExecutionStatus.FILLED, ExecutionStatus.PARTIALLY_FILLED})
GONE = frozenset({ExecutionStatus.CANCELLED, ExecutionStatus.EXPIRED})


def execution_recorded(state: State, event: ExecutionRecorded, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    book = account.following
    book.deals[event.key] = recorded.last
    account.executions += 1
    copy = book.copies.get(event.copy_id) if event.copy_id is not None else None
    execution = event.execution
    netting = account.mode is MarginMode.NETTING
    if copy is None:
        if netting and execution.status in FILLS:
            _note_nobodys(book, execution)
        return
    if netting and copy.status is CopyStatus.RELEASED:
        add_manual(book, copy.symbol, execution.side, execution.fill_volume or ZERO)
        return
    if netting:
        execution = own_part(account, copy, execution)
    if execution.status in FILLS:
        if enters(account, copy, execution):
            _fill(book, copy, execution)
        else:
            _reduce(state, book, copy, execution)
    elif execution.status in GONE and copy.status is CopyStatus.PENDING:
        end(state, copy, CopyStatus.DROPPED, execution.status)


def _note_nobodys(book: FollowerBook, execution: Execution) -> None:
    """A deal of no copy: the fill of an order that was left to the follower is his volume; anything else explains what
    snapshots will show."""
    if execution.command_id is not None and execution.command_id in book.by_command:
        add_manual(book, execution.symbol, execution.side, execution.fill_volume or ZERO)
    else:
        note_foreign(book, execution)


def _fill(book: FollowerBook, copy: Copy, execution: Execution) -> None:
    volume = execution.fill_volume or ZERO
    known = min(copy.found, volume)
    copy.found -= known
    copy.filled += volume - known
    if copy.live or (volume > known and copy.status is not CopyStatus.RELEASED):
        copy.status = CopyStatus.OPEN
    copy.ticket = execution.position_ticket or execution.position_id or execution.order_ticket
    copy.position_id = execution.position_id or execution.order_ticket
    if copy.position_id is not None:
        book.by_position[copy.position_id] = copy.copy_id
    book.missing.pop(copy.copy_id, None)


def _may_be_known(copy: Copy, execution: Execution) -> bool:
    """Whether a snapshot can have shown this deal's effect before it was told; of a command that was ordered since,
    none can. Deals that no command of ours brought about may be any."""
    command = execution.command_id
    return command not in copy.commands[copy.lost_commands :]


def _reduce(state: State, book: FollowerBook, copy: Copy, execution: Execution) -> None:
    volume = execution.fill_volume or ZERO
    known = min(copy.lost, volume) if _may_be_known(copy, execution) else ZERO
    copy.lost -= known
    copy.closed = min(copy.filled, copy.closed + volume - known)
    if execution.remainder_ticket is not None:
        copy.ticket = execution.remainder_ticket
    if copy.live_volume <= ZERO and copy.status in (CopyStatus.OPEN, CopyStatus.RELEASED):
        drop_held_back(state, copy)
        end(state, copy, CopyStatus.CLOSED, execution.reason)
