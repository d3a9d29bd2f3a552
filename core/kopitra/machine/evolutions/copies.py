"""How copies come to be, are commanded, and end."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from kopitra.domain.identifiers import AccountId, CommandId, RunId
from kopitra.domain.legs import leg_of_order
from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import REDUCING, Order, OrderAction, SignalAction
from kopitra.machine.events import (
    CommandDropped,
    CommandRedriven,
    CopyCorrected,
    CopyDecision,
    CopyPlanned,
    CopySettled,
    Outcome,
    Recorded,
)
from kopitra.machine.evolutions import paper
from kopitra.machine.evolutions.leading import GROWING, OPENING, ends_position, finish, follow
from kopitra.machine.evolutions.leading import REDUCING as LEADER_REDUCES
from kopitra.machine.evolutions.order_rate import note_open
from kopitra.machine.evolutions.outbox import Times, add_order, retire
from kopitra.machine.state import (
    FIRST_MAGIC,
    LAST_MAGIC,
    Copy,
    CopyStatus,
    FollowerBook,
    LeaderPosition,
    State,
)

ONE = Decimal(1)
CAME_TOO_LATE = frozenset({SkipReason.EXPIRED, SkipReason.MISSED_OPEN})
"""Reasons for which an open may be made up for on approval."""


def planned(state: State, event: CopyPlanned, recorded: Recorded) -> None:
    if event.sandbox:
        return
    position = follow(state, event, recorded)
    if position is not None and event.signal.action in GROWING:
        _forget_ended_legs(state, position)
    offsets: Counter[AccountId] = Counter()
    for decision in event.decisions:
        _apply(state, event, decision, position, recorded, offsets)
    if position is not None and ends_position(event.signal):
        finish(state.accounts[event.account].leading, position, recorded.last)
        paper.forget(state, position)
        for follower, copy_id in position.copies:
            book = state.accounts[follower].following
            if copy_id in book.copies:
                forget_if_over(state, book.copies[copy_id])


def _apply(
    state: State,
    event: CopyPlanned,
    decision: CopyDecision,
    position: LeaderPosition | None,
    recorded: Recorded,
    offsets: "Counter[AccountId]",
) -> None:
    book = state.accounts[decision.follower].following
    if decision.withdrawn is not None and decision.copy_id is not None:
        withdraw(state, book.copies[decision.copy_id], decision.withdrawn)
    order = decision.order
    if order is not None:
        if order.action is OrderAction.OPEN and position is not None:
            leg = _leg_begun(position, event)
            begin(book, event.account, event.run, decision, order, position, leg=leg)
        elif order.copy_id is not None and order.copy_id in book.copies:
            book.copies[order.copy_id].rounds = 0
        if event.signal.action is SignalAction.PENDING_FILLED and order.action is OrderAction.CANCEL:
            _give_way(book, decision, order)
        offset = offsets[decision.follower]
        send(state, decision.follower, order, recorded, offset, event.run, decision.not_before)
        offsets[decision.follower] += decision.sent is not None
    elif decision.outcome is Outcome.SANDBOX and decision.copy_id is not None:
        paper.fill(book.paper[decision.copy_id])
    if event.signal.action in LEADER_REDUCES and position is not None and decision.copy_id is not None:
        copy = book.copies.get(decision.copy_id)
        if copy is not None and decision.outcome is not Outcome.SKIPPED:
            leg = position.legs.get(copy.leg)
            copy.ratio = (leg.left, leg.opened - copy.missed) if leg is not None else (ZERO, ONE)
    if decision.reason in CAME_TOO_LATE and position is not None:
        _note_unopened(state, event, decision, position, recorded)


def _leg_begun(position: LeaderPosition, event: CopyPlanned) -> int:
    """Which leg an event's opens copy: the one that it adds, the one that its pending order fills, or the first."""
    if event.signal.action in GROWING:
        return position.generation
    return leg_of_order(position.legs, event.signal.order_ref) or 0


def _note_unopened(
    state: State, event: CopyPlanned, decision: CopyDecision, position: LeaderPosition, recorded: Recorded
) -> None:
    """An open that came too late, or was never announced, may be made up for where the settings say so."""
    if event.signal.action in OPENING and state.subscriptions[decision.subscription].rules.deferred_replay:
        position.unopened[decision.subscription] = recorded.at


def begin(
    book: FollowerBook,
    leader: AccountId,
    run: RunId,
    decision: CopyDecision,
    order: Order,
    position: LeaderPosition,
    missed: Decimal = ZERO,
    leg: int = 0,
) -> None:
    """A new copy, its open on the way; `missed`: lots of its leg that the leader had closed before."""
    assert decision.copy_id is not None
    assert decision.contract_size is not None
    copy = Copy(
        copy_id=decision.copy_id,
        subscription=decision.subscription,
        follower=decision.follower,
        leader=leader,
        position_ref=position.position_ref,
        generation=decision.generation,
        leg=leg,
        symbol=order.symbol,
        side=order.side,
        reverse=decision.reverse,
        contract_size=decision.contract_size,
        magic=order.magic,
        comment=order.comment,
        order_type=order.order_type,
        opens=order.command_id,
        planned_volume=order.volume,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        price=order.price,
        reference_price=order.reference_price,
        run=run,
        missed=missed,
    )
    if decision.outcome is Outcome.SANDBOX:
        paper.begin(book, position, copy)
        return
    book.copies[copy.copy_id] = copy
    book.by_magic[copy.magic] = copy.copy_id
    book.next_magic = after_magic(copy.magic)
    position.copies.append((copy.follower, copy.copy_id))
    position.generation = max(position.generation, copy.generation)


def _forget_ended_legs(state: State, position: LeaderPosition) -> None:
    """Copies of ended legs are forgotten once they are over; here they leave their position's list, too."""
    position.copies = [(copy.follower, copy.copy_id) for copy in state.copies_of(position)]
    paper.forget_ended_legs(state, position)


def _give_way(book: FollowerBook, decision: CopyDecision, order: Order) -> None:
    """Its leader's pending order was filled, and its own is taken away: that is no close."""
    copy = book.copies.get(order.copy_id) if order.copy_id is not None else None
    if copy is not None:
        copy.yields, copy.replace_until, copy.cause = (
            order.command_id,
            decision.replace_until,
            decision.reason,
        )


def after_magic(magic: int) -> int:
    return magic + 1 if magic < LAST_MAGIC else FIRST_MAGIC


def fresh_until(order: Order, recorded: Recorded) -> datetime | None:
    """When an open that nobody fetched goes stale; nothing else ever does."""
    if order.action is not OrderAction.OPEN or order.ttl_ms is None:
        return None
    return recorded.at + timedelta(milliseconds=order.ttl_ms)


ENDS_COPY = frozenset({OrderAction.CLOSE, OrderAction.CANCEL})


def waits_for_open(state: State, account: AccountId, order: Order) -> datetime | None:
    """What changes a copy whose open is being delayed waits as long: it must not come first. What ends it does not."""
    if order.action in ENDS_COPY or order.opens_command_id is None:
        return None
    owner = state.accounts[account]
    sequence = owner.commands.get(order.opens_command_id)
    return owner.outbox[sequence].not_before if sequence is not None else None


def send(
    state: State,
    account: AccountId,
    order: Order,
    recorded: Recorded,
    offset: int,
    run: RunId | None,
    not_before: datetime | None = None,
) -> None:
    """Put an order into its account's outbox and note on its copy what it asks for."""
    on_paper = state.accounts[account].following.paper.get(order.copy_id) if order.copy_id else None
    if on_paper is not None:
        paper.carry_out(on_paper, order)
        return
    sequence = recorded.sequence + offset
    not_before = not_before or waits_for_open(state, account, order)
    times = Times(not_before, fresh_until(order, recorded))
    add_order(state, account, order, recorded, offset, run=run, times=times)
    copy_id = order.copy_id
    if copy_id is None:
        return
    book = state.accounts[account].following
    copy = book.copies[copy_id]
    copy.commands.append(order.command_id)
    copy.outstanding.append(order.command_id)
    copy.command_sequence = sequence
    forget_doubts(book, copy)
    book.by_command[order.command_id] = copy_id
    match order.action:
        case OrderAction.OPEN:
            copy.opens = order.command_id
            copy.sent_until = fresh_until(order, recorded) if order.order_type is OrderType.MARKET else None
            note_open(book, recorded.at)
        case OrderAction.MODIFY:
            copy.stop_loss, copy.take_profit = order.stop_loss, order.take_profit
            copy.price = order.price or copy.price
        case OrderAction.PARTIAL_CLOSE:
            copy.target = order.target_volume
        case OrderAction.CLOSE | OrderAction.CANCEL:
            copy.closing = copy.closing or order.command_id != copy.yields
        case OrderAction.OFFSET:
            copy.target = order.target_volume or ZERO
            copy.closing = copy.closing or not copy.target
        case _:
            pass


def withdraw(state: State, copy: Copy, command: CommandId) -> None:
    """An open that nobody fetched, and whatever else waited behind it, is never sent."""
    account = state.accounts[copy.follower]
    for waiting in (command, *copy.outstanding):
        sequence = account.commands.get(waiting)
        if sequence is not None:
            retire(account, sequence)
    copy.outstanding.clear()
    end(state, copy, CopyStatus.DROPPED, "superseded")


def end(state: State, copy: Copy, status: CopyStatus, cause: str) -> None:
    copy.status = status
    copy.cause = cause
    book = state.accounts[copy.follower].following
    book.missing.pop(copy.copy_id, None)
    if status is not CopyStatus.RELEASED:
        forget_release(book, copy.magic)
    forget_doubts(book, copy)
    forget_if_over(state, copy)


def forget_doubts(book: FollowerBook, copy: Copy) -> None:
    """What was found of it is no longer so: it has ended, or a command of it is under way."""
    if book.doubts:
        for doubt in [doubt for doubt in book.doubts if subject_of(doubt) == copy.copy_id]:
            del book.doubts[doubt]


def subject_of(doubt: str) -> str:
    """Doubts are `kind|subject|…`; the subject is a copy's id or a ticket."""
    return doubt.split("|", 2)[1]


def forget_if_over(state: State, copy: Copy) -> None:
    """A copy that ended is kept while its leg of the leader's position lives (its id must not be opened twice) or while
    commands of it are under way."""
    if copy.live or copy.outstanding:
        return
    if state.is_wanted(copy):
        return
    account = state.accounts[copy.follower]
    book = account.following
    if any(held.order.copy_id == copy.copy_id for held in account.held_back.values()):
        return
    forget(book, copy)


def forget(book: FollowerBook, copy: Copy) -> None:
    """Nothing is known of the copy any more; of one that was left to the follower, still its open: a resting order may
    be filled long after."""
    book.copies.pop(copy.copy_id, None)
    book.by_magic.pop(copy.magic, None)
    kept = copy.opens if copy.magic in book.released else None
    for command in copy.commands:
        if command != kept:
            book.by_command.pop(command, None)
    if copy.position_id is not None and book.by_position.get(copy.position_id) == copy.copy_id:
        del book.by_position[copy.position_id]
    forget_doubts(book, copy)


def forget_release(book: FollowerBook, magic: int) -> None:
    """What was left to the follower under this number has ended."""
    released = book.released.pop(magic, None)
    if released is not None and released.whose not in book.copies:
        for command in [command for command, copy in book.by_command.items() if copy == released.whose]:
            del book.by_command[command]


def corrected(state: State, event: CopyCorrected, recorded: Recorded) -> None:
    copy = state.accounts[event.account].following.copies[event.copy_id]
    copy.cause = event.cause
    if event.correction is not None:
        copy.rounds += 1
    send(state, event.account, event.order, recorded, 0, event.run or copy.run)


def redriven(state: State, event: CommandRedriven, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    held = account.held_back.pop(event.replaces, None)
    copy = account.following.copies.get(event.order.copy_id) if event.order.copy_id is not None else None
    if copy is not None and copy.yields == event.replaces:
        copy.yields = event.order.command_id
    send(state, event.account, event.order, recorded, 0, event.run)
    if held is not None:
        account.attempts[event.order.command_id] = held.attempts


def command_dropped(state: State, event: CommandDropped, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    held = account.held_back.pop(event.command)
    copy = account.following.copies.get(held.order.copy_id) if held.order.copy_id is not None else None
    if copy is not None:
        forget_if_over(state, copy)


def settled(state: State, event: CopySettled, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    copy = account.following.copies[event.copy_id]
    if event.status == "closed":
        copy.closed = copy.filled
        drop_held_back(state, copy)
        end(state, copy, CopyStatus.CLOSED if copy.filled else CopyStatus.DROPPED, event.cause)
        return
    _hold(copy, event.volume)
    forget_doubts(account.following, copy)
    copy.status = (
        CopyStatus.PENDING
        if not event.volume and copy.order_type is not OrderType.MARKET
        else CopyStatus.OPEN
    )
    copy.ticket = event.ticket
    copy.position_id = event.position_id
    if event.position_id is not None:
        account.following.by_position[event.position_id] = copy.copy_id
    account.following.missing.pop(copy.copy_id, None)


def _hold(copy: Copy, volume: Decimal) -> None:
    """Lots that a snapshot shows; deals that are told of later count only as far as they go beyond."""
    if copy.filled and volume < copy.live_volume:
        copy.lost += copy.live_volume - volume
        copy.lost_commands = len(copy.commands)
        copy.closed = copy.filled - volume
        if copy.target is not None:
            copy.target = min(copy.target, volume)
    else:
        copy.found += volume - copy.live_volume
        copy.filled = volume + copy.closed


def drop_held_back(state: State, copy: Copy) -> None:
    """What was to be driven again for this copy has become needless."""
    account = state.accounts[copy.follower]
    for command in [c for c, held in account.held_back.items() if held.order.copy_id == copy.copy_id]:
        del account.held_back[command]


def is_reducing(order: Order) -> bool:
    return order.action in REDUCING
