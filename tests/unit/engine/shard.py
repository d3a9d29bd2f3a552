"""One shard's engine under virtual time: the real machine over a simulated journal, and snapshots in memory."""

from collections.abc import Callable, Sequence
from typing import Any

from kopitra.adapters.embedded.state_images import InlineImages
from kopitra.application.delivery import Delivery
from kopitra.application.engine import Engine
from kopitra.application.fence_keeper import FenceKeeper
from kopitra.application.machine import Machine
from kopitra.application.outbox_pages import Ask, Page
from kopitra.application.ports.snapshots import Snapshot, SnapshotInfo
from kopitra.application.recovery import Claims, Recovery
from kopitra.application.run_index import RunIndex
from kopitra.application.snapshotting import Snapshotting
from kopitra.application.submission import Outcome, Phase, Taken
from kopitra.application.tenure import Tenure
from kopitra.domain.identifiers import AccountId, EventId, RunId, SubscriptionId
from kopitra.domain.settings import CopySettings
from kopitra.domain.telemetry import OutboxAck
from kopitra.domain.trading import AckStatus, Signal, SignalAction
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, spec
from tests.unit.machine.driven import SAME
from tests.unit.storage.commits import Tasks

FOLLOWER = AccountId("follower-0")


class MemorySnapshots:
    """Implements the Snapshots port; what it holds outlives a simulated crash."""

    def __init__(self) -> None:
        self.kept: dict[int, Snapshot] = {}

    async def put(self, sequence: int, state_hash: str, content: bytes) -> SnapshotInfo:
        self.kept[sequence] = Snapshot(sequence=sequence, state_hash=state_hash, content=content)
        return SnapshotInfo(sequence=sequence, state_hash=state_hash, size=len(content))

    async def latest(self, at_most: int | None = None) -> Snapshot | None:
        found = [s for s in self.kept if at_most is None or s <= at_most]
        return self.kept[max(found)] if found else None

    async def listed(self) -> list[SnapshotInfo]:
        return [
            SnapshotInfo(sequence=s.sequence, state_hash=s.state_hash, size=len(s.content))
            for _, s in sorted(self.kept.items())
        ]

    async def prune(self, keep: int) -> int:
        gone = sorted(self.kept)[:-keep]
        for sequence in gone:
            del self.kept[sequence]
        return len(gone)


class Shard:
    """What survives a crash."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.disk = JournalDisk(time, time)
        self.snapshots = MemorySnapshots()
        self.intents = World()
        """Only to make signals, which need no state."""
        self._revision = 0

    def instance(self, name: str = "a", **options: Any) -> "Instance":
        return Instance(self, name, **options)

    def configuration(self, followers: int, rules: CopySettings = SAME) -> list[Command]:
        """A leader and its followers, all with the same catalogue and rules."""
        accounts = [LEADER, *(AccountId(f"follower-{number}") for number in range(followers))]
        wanted: list[Command] = []
        for account in accounts:
            wanted.append(commands.PublishAccount(account=account, tenant=TENANT, revision=self._next()))
            wanted.append(commands.TakeCatalog(account=account, symbols=(spec(),), digest="d"))
        wanted.append(
            commands.PublishGroup(group=GROUP, tenant=TENANT, revision=self._next(), leaders=(LEADER,))
        )
        wanted.extend(
            commands.PublishSubscription(
                subscription=SubscriptionId(f"sub-{account}"),
                tenant=TENANT,
                revision=self._next(),
                group=GROUP,
                follower=account,
                rules=rules,
            )
            for account in accounts[1:]
        )
        return wanted

    def signal(self, action: SignalAction = SignalAction.OPEN, ref: str = "p1", **changes: Any) -> Signal:
        self.intents.now = self.time.now()
        return self.intents.signal(action, ref, **changes)

    def _next(self) -> int:
        self._revision += 1
        return self._revision


class Instance:
    """One process on the shard."""

    def __init__(
        self,
        shard: Shard,
        name: str,
        machine: Machine | None = None,
        claims: Sequence[Claims] = (),
        journal_delay: float = 0.002,
    ) -> None:
        time = shard.time
        self.time = time
        self.shard = shard
        self.tasks = Tasks()
        self.journal = SimulatedJournal(shard.disk, clock=time, sleeper=time, ids=time, delay=journal_delay)
        self.runs = RunIndex()
        machine = machine or Machine()
        self.keeper: FenceKeeper | None = None
        self.engine = Engine(
            journal=self.journal,
            clock=time,
            machine=machine,
            fenced=lambda: self.keeper is not None and self.keeper.may_answer,
            projections=(self.runs,),
        )
        self.delivery = Delivery(self.engine, time)
        self.engine.on_committed.append(lambda last, grown: self.delivery.wake(grown))
        self.recovery = Recovery(
            journal=self.journal,
            snapshots=shard.snapshots,
            machine=machine,
            clock=time,
            sleeper=time,
            projections={"runs": self.runs},
            claims=claims,
        )
        self.snapshotting = Snapshotting(
            engine=self.engine,
            machine=machine,
            snapshots=shard.snapshots,
            images=InlineImages(),
            clock=time,
            projections={"runs": self.runs},
        )
        self.tenure = Tenure(
            journal=self.journal,
            engine=self.engine,
            delivery=self.delivery,
            recovery=self.recovery,
            snapshotting=self.snapshotting,
            clock=time,
            sleeper=time,
            spawn=self.tasks.spawn,
        )
        self.keeper = FenceKeeper(
            self.journal,
            owner=name,
            clock=time,
            sleeper=time,
            spawn=self.tasks.spawn,
            on_change=self.tenure.standing_changed,
        )

    def start(self) -> None:
        assert self.keeper is not None
        self.tasks.spawn(self.tenure.run(self.keeper))

    async def serving(self) -> "Instance":
        """Start, and return once this instance serves."""
        self.start()
        await self.until(lambda: self.engine.phase is Phase.SERVING)
        return self

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        ends = self.time.monotonic() + seconds
        while not condition():
            assert self.time.monotonic() < ends, "it did not happen in time"
            await self.time.sleep(0.005)

    def crash(self) -> None:
        for task in list(self.tasks.running):
            task.cancel()

    async def configured(self, followers: int = 1, rules: CopySettings = SAME) -> "Instance":
        await self.serving()
        for outcome in await self.engine.submit(self.shard.configuration(followers, rules)):
            assert isinstance(outcome, Taken), outcome
        return self

    async def send(self, action: SignalAction = SignalAction.OPEN, ref: str = "p1", **changes: Any) -> Taken:
        return taken(await self.do(self.take(action, ref, **changes)))

    def take(self, action: SignalAction = SignalAction.OPEN, ref: str = "p1", **changes: Any) -> Command:
        return commands.TakeSignal(account=LEADER, signal=self.shard.signal(action, ref, **changes))

    async def do(self, *wanted: Command) -> Outcome:
        return (await self.engine.submit(wanted))[-1]

    def page(self, cursor: int, account: AccountId = FOLLOWER, limit: int = 100, **options: Any) -> Page:
        return self.delivery.page(Ask(account=account, cursor=cursor, limit=limit, **options))

    async def poll(
        self, cursor: int, account: AccountId = FOLLOWER, wait: float = 20.0, limit: int = 100
    ) -> Page:
        ask = Ask(account=account, cursor=cursor, limit=limit)
        return await self.delivery.poll(ask, wait, self.engine.require_serving)

    async def ack(
        self, sequence: int, account: AccountId = FOLLOWER, status: AckStatus = AckStatus.EXECUTED
    ) -> Taken:
        ack = OutboxAck(event_id=EventId(f"main-{sequence}"), status=status)
        return taken(await self.do(commands.TakeAck(account=account, ack=ack)))


def taken(outcome: Outcome) -> Taken:
    assert isinstance(outcome, Taken), outcome
    return outcome


def run_named(answer: Taken) -> RunId:
    return RunId(str(answer.answer["run_id"]))
