"""The only code that puts items into an account's outbox and takes them out.

Items are pending until they are retired: acknowledged for good, withdrawn, or replaced by a newer note.
"""

from bisect import bisect_left
from collections.abc import Collection
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import AccountId, RunId
from kopitra.domain.outbox_types import TRADE_TYPE_OF, OutboxType
from kopitra.domain.trading import REDUCING, Order
from kopitra.machine.events import Recorded
from kopitra.machine.state import Account, OutboxItem, State


class Times(msgspec.Struct, frozen=True):
    """Between which an order may be handed out."""

    not_before: datetime | None = None
    expires_at: datetime | None = None


ANY_TIME = Times()


def add_order(
    state: State,
    account: AccountId,
    order: Order,
    recorded: Recorded,
    offset: int = 0,
    event_type: OutboxType | None = None,
    run: RunId | None = None,
    times: Times = ANY_TIME,
) -> None:
    """Queue an order. `offset`: how many items this event has put into this account's outbox before (`machine.spans`);
    the type follows from its action unless it is given."""
    owner = state.accounts[account]
    if order.command_id in owner.commands:
        raise ValueError(f"command {order.command_id} is pending already")
    item = OutboxItem(
        sequence=recorded.sequence + offset,
        event_type=event_type or TRADE_TYPE_OF[order.action],
        at=recorded.at,
        order=order,
        request_id=recorded.request_id,
        run=run,
        expires_at=times.expires_at,
        reduces=order.action in REDUCING,
        not_before=times.not_before,
    )
    _append(state, owner, item, recorded)
    owner.commands[order.command_id] = item.sequence


def add_note(
    state: State,
    account: AccountId,
    event_type: OutboxType,
    payload: dict[str, str],
    recorded: Recorded,
    offset: int = 0,
    reduces: bool = False,
) -> None:
    """Queue an event that is not an order."""
    item = OutboxItem(
        sequence=recorded.sequence + offset,
        event_type=event_type,
        at=recorded.at,
        payload=payload,
        request_id=recorded.request_id,
        reduces=reduces,
    )
    _append(state, state.accounts[account], item, recorded)


def retire(account: Account, sequence: int) -> OutboxItem | None:
    """Take an item out for good; None when it is not pending."""
    item = account.outbox.pop(sequence, None)
    if item is None:
        return None
    _discard(account.queue, sequence)
    if item.reduces:
        _discard(account.urgent, sequence)
    if item.order is not None:
        del account.commands[item.order.command_id]
    if not account.outbox:
        account.outbox = {}  # a dict that was emptied keeps its size, and walking it would visit every hole
    return item


def retire_notes(account: Account, types: Collection[OutboxType]) -> None:
    """Take out pending notes of these types, because a newer one says all they said."""
    for sequence in [item.sequence for item in account.outbox.values() if item.event_type in types]:
        retire(account, sequence)


def _append(state: State, account: Account, item: OutboxItem, recorded: Recorded) -> None:
    if item.sequence > recorded.last or (account.queue and item.sequence <= account.queue[-1]):
        raise ValueError(f"sequence {item.sequence} is out of place in the outbox of {account.account}")
    account.outbox[item.sequence] = item
    account.queue.append(item.sequence)
    if item.reduces:
        account.urgent.append(item.sequence)
    state.grown.add(account.account)


def _discard(sequences: list[int], sequence: int) -> None:
    at = bisect_left(sequences, sequence)
    if at < len(sequences) and sequences[at] == sequence:
        del sequences[at]
