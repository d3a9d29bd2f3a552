"""Which events of the journal belong to one run: so that a copy's whole story can be told from it.

An index of sequences only; the story itself is read from the journal. It is built from events, and carried in
snapshots.
"""

from collections import OrderedDict
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, CopyId, RunId
from kopitra.machine.events import (
    CommandAcknowledged,
    CommandExpired,
    CommandRedriven,
    CopyAdded,
    CopyCorrected,
    CopyPlanned,
    CopySettled,
    ExecutionRecorded,
    Recorded,
    SignalDeferred,
    SignalIgnored,
)
from kopitra.machine.state import State

MOST_RUNS = 20_000
"""About three months of a busy leader (200 events a day); older stories are in the reports."""
MOST_COMMANDS = 50_000
"""About 20 MiB with the times of delivery."""

TOLD = frozenset(
    {
        CommandAcknowledged,
        CommandExpired,
        CommandRedriven,
        CopyAdded,
        CopyCorrected,
        CopyPlanned,
        CopySettled,
        ExecutionRecorded,
        SignalDeferred,
        SignalIgnored,
    }
)
"""Events that belong to runs."""


class _Kept(msgspec.Struct, array_like=True):
    runs: dict[RunId, list[int]]
    commands: dict[CommandId, RunId]


class RunIndex:
    def __init__(self) -> None:
        self._runs: OrderedDict[RunId, list[int]] = OrderedDict()
        self._commands: OrderedDict[CommandId, RunId] = OrderedDict()
        self._delivered: OrderedDict[CommandId, datetime] = OrderedDict()

    def note_delivered(self, command: CommandId, at: datetime) -> None:
        """A command was written into an answer; the first time counts. Kept in memory only."""
        if command not in self._delivered:
            self._delivered[command] = at
            if len(self._delivered) > MOST_COMMANDS:
                self._delivered.popitem(last=False)

    def delivered_at(self, command: CommandId) -> datetime | None:
        return self._delivered.get(command)

    def sequences(self, run: RunId) -> list[int]:
        """Ascending; empty for a run that is unknown or too old."""
        return list(self._runs.get(run, ()))

    def run_of(self, command: CommandId) -> RunId | None:
        return self._commands.get(command)

    def note(self, state: State, recorded: Recorded) -> None:
        event = recorded.event
        if type(event) not in TOLD:
            return
        if isinstance(event, CopyPlanned):
            self._enter(event.run, recorded.sequence)
            for decision in event.decisions:
                if decision.sent is not None:
                    self._link(decision.sent.command_id, event.run)
        elif isinstance(event, SignalDeferred | SignalIgnored):
            self._enter(event.run, recorded.sequence)
        else:
            run = self._follow(state, event)
            if run is not None:
                self._enter(run, recorded.sequence)

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(_Kept(dict(self._runs), dict(self._commands)))

    def load(self, content: bytes) -> None:
        kept = msgspec.msgpack.decode(content, type=_Kept) if content else _Kept({}, {})
        self._runs = OrderedDict(kept.runs)
        self._commands = OrderedDict(kept.commands)

    def _follow(self, state: State, event: object) -> RunId | None:
        """The run of an event that follows from an order."""
        if isinstance(event, CommandAcknowledged | CommandExpired):
            return self._commands.get(event.command)
        if isinstance(event, CommandRedriven):
            run = event.run or self._commands.get(event.replaces)
            return self._link(event.order.command_id, run)
        if isinstance(event, CopyAdded):
            order = event.decision.order
            return self._link(order.command_id, event.run) if order is not None else event.run
        if isinstance(event, CopyCorrected):
            run = event.run or _run_of_copy(state, event.account, event.copy_id)
            return self._link(event.order.command_id, run)
        if isinstance(event, ExecutionRecorded):
            command = event.execution.command_id
            known = self._commands.get(command) if command is not None else None
            return known or _run_of_copy(state, event.account, event.copy_id)
        if isinstance(event, CopySettled):
            return _run_of_copy(state, event.account, event.copy_id)
        return None

    def _enter(self, run: RunId, sequence: int) -> None:
        sequences = self._runs.get(run)
        if sequences is None:
            self._runs[run] = [sequence]
            if len(self._runs) > MOST_RUNS:
                self._runs.popitem(last=False)
        else:
            sequences.append(sequence)

    def _link(self, command: CommandId, run: RunId | None) -> RunId | None:
        if run is not None:
            self._commands[command] = run
            if len(self._commands) > MOST_COMMANDS:
                self._commands.popitem(last=False)
        return run


def _run_of_copy(state: State, account: AccountId, copy: CopyId | None) -> RunId | None:
    owner = state.accounts.get(account)
    known = owner.following.copies.get(copy) if owner is not None and copy is not None else None
    return known.run if known is not None else None
