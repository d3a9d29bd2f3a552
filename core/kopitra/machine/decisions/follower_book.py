"""What a follower's snapshot settles: copies that are gone, copies of unknown fate, and positions nobody owns."""

from collections.abc import Iterator
from itertools import chain

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId, derived_id
from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.decisions.acks import close_filled, closing_incidents
from kopitra.machine.decisions.agreement import agreed
from kopitra.machine.decisions.held import HeldBook
from kopitra.machine.decisions.identity import is_own_magic
from kopitra.machine.decisions.reissuing import never_was, open_again, why_never_opened
from kopitra.machine.events import AnyEvent, CopyCorrected, CopySettled, OrphanClosed
from kopitra.machine.outcome import Context
from kopitra.machine.state import FIRST_MAGIC, Account, Copy, CopyStatus, State


class FollowerFindings(msgspec.Struct):
    missing: tuple[CopyId, ...] = ()
    extra: tuple[int, ...] = ()
    events: list[AnyEvent] = []
    changes: int = 0
    size: int = 0
    """Copies that should be in the book."""


def examine_follower(
    state: State, account: Account, snapshot: PositionSnapshot, context: Context
) -> FollowerFindings:
    """Compare a believable snapshot with the copies that this account should hold."""
    book = account.following
    findings = FollowerFindings()
    if book.next_magic == FIRST_MAGIC:
        return findings
    held = HeldBook(snapshot)
    missing: list[CopyId] = []
    owned: set[int] = set()
    for copy in list(book.copies.values()):
        seen = held.of(copy)
        if seen is not None and copy.live:
            owned.add(seen.ticket)
        if not _speaks_of(account, copy, snapshot):
            continue
        if copy.status in (CopyStatus.OPEN, CopyStatus.PENDING):
            findings.size += 1
        findings.events.extend(_settle(state, account, copy, seen, missing, findings, context))
    extra: list[int] = []
    for position in held:
        if position.ticket in owned or not _is_orphan(account, position, snapshot):
            continue
        extra.append(position.ticket)
        if agreed(book.extra.get(position.ticket), context):
            findings.events.extend(_close_orphan(state, account, position))
    findings.missing, findings.extra = tuple(missing), tuple(extra)
    return findings


def _speaks_of(account: Account, copy: Copy, snapshot: PositionSnapshot) -> bool:
    """An older snapshot than a copy's last command, or one taken while a command of it was executing, says nothing."""
    if copy.outstanding or snapshot.applied_through < copy.command_sequence:
        return False
    return not any(command in snapshot.executing for command in copy.commands)


def _settle(
    state: State,
    account: Account,
    copy: Copy,
    seen: HeldPosition | None,
    missing: list[CopyId],
    findings: FollowerFindings,
    context: Context,
) -> Iterator[AnyEvent]:
    if copy.status is CopyStatus.UNKNOWN and seen is not None:
        yield _found(copy, seen)
        if copy.closing or not _wanted(state, copy):
            yield close_filled(state, _as_found(copy, seen), "found_after_close")
    elif copy.live and seen is None:
        if copy.status is not CopyStatus.UNKNOWN:
            findings.changes += 1
        if agreed(account.following.missing.get(copy.copy_id), context):
            order = open_again(state, copy, context)
            if order is not None:  # not missing any more: what its new open comes to is a question of its own
                yield CopyCorrected(
                    account=account.account,
                    copy_id=copy.copy_id,
                    order=order,
                    cause="never_opened",
                    run=copy.run,
                )
                return
            yield from _gone(state, account, copy, context)
        missing.append(copy.copy_id)
    elif copy.status is CopyStatus.OPEN and seen is not None and not copy.filled:
        yield _found(copy, seen)


def _gone(state: State, account: Account, copy: Copy, context: Context) -> Iterator[AnyEvent]:
    cause = why_never_opened(state, copy, context) if never_was(copy) else "absent"
    yield CopySettled(
        account=account.account, copy_id=copy.copy_id, status="closed", volume=ZERO, cause=cause
    )
    yield from closing_incidents(account, copy, cause)


def _wanted(state: State, copy: Copy) -> bool:
    leader = state.accounts.get(copy.leader)
    return leader is not None and copy.position_ref in leader.leading.positions


def _found(copy: Copy, seen: HeldPosition) -> CopySettled:
    resting = seen.order_type is not OrderType.MARKET
    return CopySettled(
        account=copy.follower,
        copy_id=copy.copy_id,
        status="open",
        volume=ZERO if resting else seen.volume,
        cause="found",
        ticket=seen.ticket,
        position_id=seen.position_id,
    )


def _as_found(copy: Copy, seen: HeldPosition) -> Copy:
    return msgspec.structs.replace(
        copy, filled=seen.volume + copy.closed, ticket=seen.ticket, position_id=seen.position_id
    )


def _is_orphan(account: Account, position: HeldPosition, snapshot: PositionSnapshot) -> bool:
    """It carries a copy's magic number, and no copy owns it, or the one that did ended before this snapshot."""
    if not is_own_magic(position.magic, account.following) or position.magic in account.following.released:
        return False
    copy_id = account.following.by_magic.get(position.magic)
    copy = account.following.copies.get(copy_id) if copy_id is not None else None
    return copy is None or (not copy.live and _speaks_of(account, copy, snapshot))


def _is_being_closed(account: Account, ticket: int) -> bool:
    """An order for this ticket is pending, or waits to be driven again."""
    pending = (item.order for item in account.outbox.values() if item.order is not None)
    held_back = (held.order for held in account.held_back.values())
    return any(order.copy_id is None and order.ticket == ticket for order in chain(pending, held_back))


def _close_orphan(state: State, account: Account, position: HeldPosition) -> Iterator[AnyEvent]:
    if _is_being_closed(account, position.ticket):
        return
    command = CommandId(
        derived_id("o-", state.shard, account.account, "orphan", str(position.ticket), str(state.sequence))
    )
    resting = position.order_type is not OrderType.MARKET
    yield OrphanClosed(
        account=account.account,
        order=Order(
            command_id=command,
            action=OrderAction.CANCEL if resting else OrderAction.CLOSE,
            symbol=position.symbol,
            side=position.side,
            order_type=position.order_type,
            volume=position.volume,
            magic=position.magic,
            comment=position.comment,
            ticket=position.ticket,
            position_id=position.position_id,
        ),
    )
