"""What a broker's deal means for the copy that it belongs to, and what follows from it."""

from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CopyId
from kopitra.domain.orders import BY_HAND
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import ManualClose
from kopitra.domain.trading import Execution, OrderAction
from kopitra.machine.commands import TakeExecution
from kopitra.machine.decisions.acks import close_filled, closing_incidents, corrective
from kopitra.machine.decisions.continuing import target_of
from kopitra.machine.decisions.ending import is_ending
from kopitra.machine.decisions.netting import is_netting
from kopitra.machine.decisions.resync import look_at_book
from kopitra.machine.events import AnyEvent, CopyCorrected, ExecutionRecorded
from kopitra.machine.evolutions.executions import FILLS
from kopitra.machine.evolutions.netting import enters
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, Copy, CopyStatus, State


def take_execution(state: State, command: TakeExecution, context: Context) -> Result:
    """A second delivery of a deal has no event: its answer is the first one's sequence."""
    account = state.accounts[command.account]
    execution = command.execution
    key = deal_key(execution)
    known = account.following.deals.get(key)
    if known is not None:
        return Decision((), {"sequence": known})
    copy = copy_of(account, execution)
    events: list[AnyEvent] = [
        ExecutionRecorded(
            account=command.account,
            execution=execution,
            key=key,
            copy_id=copy.copy_id if copy is not None else None,
            repeated=copy is not None and not enters(account, copy, execution) and not copy.live_volume,
        )
    ]
    if copy is not None and execution.status in FILLS:
        if enters(account, copy, execution):
            events.extend(_after_fill(state, account, copy, execution))
        elif copy.live_volume <= (execution.fill_volume or ZERO):
            events.extend(closing_incidents(account, copy, execution.reason))
            if execution.reason in BY_HAND and _is_wanted_back(state, copy):
                events.extend(look_at_book(account, "closed_by_hand"))
    return Decision(tuple(events))


def _is_wanted_back(state: State, copy: Copy) -> bool:
    subscription = state.subscriptions.get(copy.subscription)
    return subscription is not None and subscription.rules.manual_close is ManualClose.REOPEN


def deal_key(execution: Execution) -> str:
    """What a deal is known by for ever within its account."""
    if execution.deal_id is not None:
        return f"d{execution.deal_id}"
    ticket = execution.order_ticket or execution.command_id or execution.position_ref or execution.position_id
    at = execution.executed_at.isoformat()
    return f"t{ticket}|{execution.entry}|{execution.status}|{execution.remainder_ticket}|{at}"


def copy_of(account: Account, execution: Execution) -> Copy | None:
    """By the command, else by the position that the deal belongs to; a net position belongs to no copy."""
    book = account.following
    found: CopyId | None = None
    if execution.command_id is not None:
        found = book.by_command.get(execution.command_id)
    if is_netting(account):
        return book.copies.get(found) if found is not None else None
    for position in (execution.position_id, execution.position_ticket, execution.order_ticket):
        if found is None and position is not None:
            found = book.by_position.get(position)
    return book.copies.get(found) if found is not None else None


def _after_fill(state: State, account: Account, copy: Copy, execution: Execution) -> list[AnyEvent]:
    """A fill of what should be closed is closed; a fill of another size than planned gets its own target."""
    news = max(ZERO, (execution.fill_volume or ZERO) - copy.found)
    if copy.status is CopyStatus.RELEASED or not (copy.live or news):
        return []  # not ours any more, or a snapshot told of it and the copy has ended since
    filled = copy.filled + news
    after = _as_filled(copy, execution, filled)
    if copy.closing or not copy.live:
        return [] if is_ending(account, copy) else [close_filled(state, after, "filled_after_close")]
    if copy.ratio is not None:
        return _retarget(state, copy, after, filled)
    return []


def _retarget(state: State, copy: Copy, after: Copy, filled: Decimal) -> list[AnyEvent]:
    assert copy.ratio is not None
    volume_after, opened = copy.ratio
    target = target_of(state, after, opened, volume_after)
    if target == copy.target or target >= filled:
        return []
    if not target:
        return [close_filled(state, after, "remainder_below_minimum")]
    order = corrective(state, after, OrderAction.PARTIAL_CLOSE, target=target)
    return [CopyCorrected(account=copy.follower, copy_id=copy.copy_id, order=order, cause="filled_in_part")]


def _as_filled(copy: Copy, execution: Execution, filled: Decimal) -> Copy:
    return msgspec.structs.replace(
        copy,
        filled=filled,
        status=CopyStatus.OPEN,
        ticket=execution.position_ticket or execution.position_id or execution.order_ticket,
        position_id=execution.position_id or execution.order_ticket,
    )
