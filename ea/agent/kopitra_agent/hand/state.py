"""What the hand knows: the sum of its log. Everything that grows is bounded here."""

from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.telemetry import BalanceOperation
from kopitra.domain.trading import AckStatus, Execution, OrderAction
from kopitra_agent.hand.records import (
    Began,
    CopyFill,
    HaltChanged,
    Intent,
    Outcome,
    Reported,
    Scanned,
)

KEPT_OUTCOMES = 5_000
"""Enough to recognise any command that is delivered again; unreported outcomes are kept whatever their number."""
KEPT_TOMBSTONES = 5_000
KEPT_ENDED_COPIES = 2_000
"""A copy that ended is known for a while longer: the ledger lines of its end may be read after the end was known."""

KEPT_COPIES = 10_000
"""More than any account holds: on a netting account a copy that its owner closed by hand does not show as ended."""

ENDING = frozenset({OrderAction.CLOSE, OrderAction.CANCEL})
NEVER_LIVED = frozenset({AckStatus.REJECTED, AckStatus.EXPIRED, AckStatus.SUPERSEDED, AckStatus.FAILED})


class Copy(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A copy that lives at our broker, or may: known by its magic number, once filled by its position id."""

    magic: int
    opened_by: CommandId
    symbol: str
    side: Side
    ordered: Decimal
    """Lots that its open asked for."""
    copy_id: CopyId | None = None
    order_type: OrderType = OrderType.MARKET
    order_ticket: int | None = None
    resting: bool = False
    """Its pending order was placed and has not ended yet."""
    position_id: int | None = None
    position_ticket: int | None = None
    volume: Decimal = Decimal(0)
    """Lots that the ledger lines read so far leave open."""
    reduced_by: CommandId | None = None
    """The last command that set out to close (a part of) it."""
    modified_at: int = 0
    """Sequence of the last modification carried out: an older one that comes again is void."""


class HandState(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="t", tag="state"):
    """The whole state; can itself stand in the log as a record, which is how a log is shortened."""

    began: bool = False
    cursor: int = 0
    strangers: set[int] = set()
    intents: dict[CommandId, Intent] = {}
    outcomes: dict[CommandId, Outcome] = {}
    unreported: dict[CommandId, Outcome] = {}
    tombstones: dict[CommandId, bool] = {}
    copies: dict[int, Copy] = {}
    ended: dict[int, bool] = {}
    """Magic numbers of copies that were closed or cancelled by command, oldest first."""
    executions: list[Execution] = []
    balances: list[BalanceOperation] = []
    halt: HaltChanged | None = None


AnyRecord = HandState | Began | Intent | Outcome | Scanned | Reported | HaltChanged


def evolve(state: HandState, record: AnyRecord) -> HandState:
    """The state after the record (the same object, changed, but for a whole state, which replaces it)."""
    match record:
        case HandState():
            return record
        case Began():
            state.began = True
            state.cursor = record.cursor
            state.strangers = set(record.strangers)
        case Intent():
            _intend(state, record)
        case Outcome():
            _conclude(state, record)
        case Scanned():
            state.cursor = record.cursor
            state.executions.extend(record.executions)
            state.balances.extend(record.balances)
            for fill in record.fills:
                _fill(state, fill)
        case Reported():
            del state.executions[: record.executions]
            del state.balances[: record.balances]
            for command in record.commands:
                state.unreported.pop(command, None)
        case HaltChanged():
            state.halt = record
    return state


def _intend(state: HandState, intent: Intent) -> None:
    order = intent.order
    state.intents[order.command_id] = intent
    if order.action is OrderAction.OPEN and order.magic:
        state.copies[order.magic] = Copy(
            magic=order.magic,
            opened_by=order.command_id,
            symbol=order.symbol,
            side=order.side,
            ordered=intent.volume,
            copy_id=order.copy_id,
            order_type=order.order_type,
        )
        if len(state.copies) > KEPT_COPIES:
            _forget(state, next(iter(state.copies)))
    elif order.magic in state.copies:
        state.copies[order.magic].reduced_by = order.command_id


def _conclude(state: HandState, outcome: Outcome) -> None:
    command = outcome.command_id
    state.intents.pop(command, None)
    state.outcomes.pop(command, None)
    state.outcomes[command] = outcome
    state.unreported[command] = outcome
    state.strangers.discard(outcome.magic)
    if outcome.tombstone is not None:
        state.tombstones[outcome.tombstone] = True
        _drop_oldest(state.tombstones, KEPT_TOMBSTONES)
    _drop_oldest(state.outcomes, KEPT_OUTCOMES)
    copy = state.copies.get(outcome.magic)
    if copy is not None:
        _conclude_copy(state, copy, outcome)


def _conclude_copy(state: HandState, copy: Copy, outcome: Outcome) -> None:
    executed = outcome.status is AckStatus.EXECUTED
    if outcome.action is OrderAction.OPEN and outcome.command_id == copy.opened_by:
        if executed:
            copy.order_ticket = outcome.order_ticket
            copy.position_id = copy.position_id or outcome.position_id
            copy.position_ticket = copy.position_ticket or outcome.position_ticket
            copy.resting = outcome.order_type is not OrderType.MARKET
        elif outcome.status in NEVER_LIVED and copy.volume <= 0:
            _forget(state, copy.magic)
    elif outcome.action is OrderAction.MODIFY and executed:
        copy.modified_at = max(copy.modified_at, outcome.sequence)
    elif outcome.action in ENDING and (executed or outcome.status is AckStatus.ALREADY_CLOSED):
        copy.resting = False
        state.ended[copy.magic] = True
        while len(state.ended) > KEPT_ENDED_COPIES:
            _forget(state, next(iter(state.ended)))


def _fill(state: HandState, fill: CopyFill) -> None:
    copy = state.copies.get(fill.magic)
    if copy is None:
        return
    copy.volume += fill.volume
    copy.position_id = fill.position_id or copy.position_id
    copy.position_ticket = fill.position_ticket or copy.position_ticket
    if fill.order_ended:
        copy.resting = False
    if (fill.volume < 0 or fill.order_ended) and copy.volume <= 0 and not copy.resting:
        _forget(state, copy.magic)


def _forget(state: HandState, magic: int) -> None:
    state.copies.pop(magic, None)
    state.ended.pop(magic, None)


def _drop_oldest(kept: MutableMapping[Any, Any], limit: int) -> None:
    while len(kept) > limit:
        del kept[next(iter(kept))]
