"""The hand's durable memory: every change is appended to its log before it counts."""

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.trading import OrderAction
from kopitra_agent.hand.records import Intent, Outcome
from kopitra_agent.hand.state import AnyRecord, Copy, HandState, evolve
from kopitra_agent.ports.storage import Storage, StorageFailed

SHORTEN_AFTER_RECORDS = 20_000
"""Some 10 MB of log; writing the state anew takes about 50 ms."""


class HandMemory:
    """Loads the log and keeps its sum; `state` is read by everybody and changed by `record` alone."""

    def __init__(self, storage: Storage, log: str) -> None:
        self._storage = storage
        self._log = log
        self._decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
        self._encoder = msgspec.json.Encoder()
        self.state = HandState()
        self._deal_owners: dict[int, CommandId] = {}
        self._records = 0
        for line in storage.records(log):
            self._apply(self._decoder.decode(line))
        for outcome in self.state.outcomes.values():
            self._note_owners(outcome)

    def record(self, record: AnyRecord, *, flush: bool = True) -> None:
        """Raises StorageFailed, and then nothing has changed."""
        self._storage.append(self._log, self._encoder.encode(record), flush=flush)
        self._apply(record)
        if self._records > SHORTEN_AFTER_RECORDS:
            self._storage.rewrite(self._log, [self._encoder.encode(self.state)])
            self._records = 1

    def record_anyway(self, record: AnyRecord, *, flush: bool = True) -> bool:
        """Apply what has happened already, though it may not be written; whether it was."""
        try:
            self.record(record, flush=flush)
        except StorageFailed:
            self._apply(record)
            return False
        return True

    def requeue(self, outcome: Outcome) -> None:
        """Have a known outcome reported again, under the event that asked again."""
        self.state.unreported[outcome.command_id] = outcome

    def copy_at(self, position_id: int, magic: int) -> Copy | None:
        """The copy that owns a position: by magic number, else (a close by hand carries none) by position id."""
        copy = self.state.copies.get(magic)
        if copy is not None and copy.position_id in (None, position_id):
            return copy
        return next((c for c in self.state.copies.values() if c.position_id == position_id), None)

    def owner_of(self, deal_id: int) -> CommandId | None:
        """The command whose answer named this deal."""
        return self._deal_owners.get(deal_id)

    def reduction_of(self, magic: int) -> Intent | None:
        """The unresolved intent to close (a part of) the copy with this magic number; a copy has at most one."""
        for intent in self.state.intents.values():
            if intent.order.magic == magic and intent.order.action is not OrderAction.OPEN:
                return intent
        return None

    def opened(self, command: CommandId) -> bool:
        """Whether this open was ever met here: sent, answered or refused."""
        return command in self.state.outcomes or command in self.state.intents

    def _apply(self, record: AnyRecord) -> None:
        self._records += 1
        self.state = evolve(self.state, record)
        if isinstance(record, Outcome):
            self._note_owners(record)

    def _note_owners(self, outcome: Outcome) -> None:
        for deal_id in outcome.deal_ids:
            self._deal_owners[deal_id] = outcome.command_id
        while len(self._deal_owners) > 2 * len(self.state.outcomes) + 100:
            del self._deal_owners[next(iter(self._deal_owners))]
