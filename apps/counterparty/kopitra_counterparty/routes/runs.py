"""Stories of copies."""

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.machine import Machine
from kopitra.application.ports.journal import Journal
from kopitra.application.ports.timing import Clock
from kopitra.application.run_index import RunIndex
from kopitra.application.run_story import RunTeller
from kopitra.domain.identifiers import AccountId, RunId
from kopitra.protocol.problems import Code, rejected
from kopitra.protocol.stories import RunStory
from kopitra_counterparty.exchange import Call, Reply


class Runs:
    def __init__(
        self, *, engine: Engine, journal: Journal, machine: Machine, index: RunIndex, clock: Clock
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._machine = machine
        self._index = index
        self._clock = clock

    async def tell(self, call: Call, message: object) -> Reply:
        story = await self.story(RunId(call.request.params["runId"]), call.known_account)
        return Reply(200, msgspec.json.encode(story))

    async def story(self, run: RunId, account: AccountId | None) -> RunStory:
        """As far as `account` took part in it; whole for None. Raises Rejected, JournalUnavailable."""
        committed = self._engine.committed
        known = [sequence for sequence in self._index.sequences(run) if sequence <= committed]
        frames = await self._journal.frames(known) if known else []
        teller = RunTeller(self._engine.state.shard, self._index.delivered_at)
        events = [self._machine.decode_event(frame.data) for frame in frames]
        story = teller.tell(run, events, account, self._clock.now())
        if story is None:
            raise rejected(Code.RUN_UNKNOWN)
        return story
