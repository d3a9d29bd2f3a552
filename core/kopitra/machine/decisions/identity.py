"""Ids, magic numbers and comments of what the core orders: pure functions of what they stand for."""

from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    RunId,
    SubscriptionId,
    command_id,
    derived_id,
)
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine.evolutions.copies import after_magic
from kopitra.machine.state import FIRST_MAGIC, FollowerBook, State

STATE_SETTING = frozenset({SignalAction.MODIFY, SignalAction.PENDING_MODIFIED})
"""Intents that may rightly repeat with the same volume: only their own signal id tells them apart."""


def business_key(signal: Signal) -> str:
    """What makes two deliveries the same intent, whatever their signal ids and idempotency keys."""
    if signal.action in STATE_SETTING:
        return f"{signal.action}|{signal.position_ref}|{signal.signal_id}"
    if signal.deal_id is not None:
        return f"{signal.action}|{signal.position_ref}|d{signal.deal_id}"
    return f"{signal.action}|{signal.position_ref}|v{signal.volume_after.normalize()}"


def run_of(state: State, account: AccountId, signal: Signal) -> RunId:
    return RunId(derived_id("r-", state.shard, account, business_key(signal)))


class CommandIds:
    """The ids of one event's commands: a subscription's n-th is step n. A hedging leader's event has one at most; a
    netting leader's concerns as many as there are copies of legs of its position, and a new one."""

    def __init__(self, state: State, run: RunId) -> None:
        self._shard = state.shard
        self._run = run
        self._steps: dict[SubscriptionId, int] = {}

    def take(self, subscription: SubscriptionId) -> CommandId:
        step = self._steps.get(subscription, 0)
        self._steps[subscription] = step + 1
        return command_id(self._shard, self._run, subscription, step)


def further_command(state: State, copy_id: CopyId, step: int) -> CommandId:
    """A command that the core adds to a copy by itself; `step` counts the copy's commands so far."""
    return CommandId(derived_id("o-", state.shard, copy_id, "step", str(step)))


def again(state: State, command: CommandId) -> CommandId:
    """The id of a refused command when it is driven again: an EA never executes one id twice."""
    return CommandId(derived_id("o-", state.shard, command, "again"))


def comment_of(copy_id: CopyId) -> str:
    """18 characters; brokers keep up to 31, or drop or rewrite them, so nothing depends on it."""
    return "K1" + copy_id[2:].upper()


class MagicNumbers:
    """Hands out magic numbers for one event: unique among an account's copies that still matter."""

    def __init__(self) -> None:
        self._next: dict[AccountId, int] = {}

    def take(self, account: AccountId, book: FollowerBook) -> int:
        magic = self._next.get(account, book.next_magic)
        while magic in book.by_magic or magic in book.released:
            magic = after_magic(magic)
        self._next[account] = after_magic(magic)
        return magic


def is_own_magic(magic: int, book: FollowerBook) -> bool:
    """Whether a position with this magic number can only be a copy of ours."""
    return FIRST_MAGIC <= magic < book.next_magic
