"""The whole simulated world of one seed: one journal, its counterparties, accounts, the network, and who watches."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b, sha256
from typing import Any

import msgspec

from kopitra.application.ports.queue import Message
from kopitra.machine.state_codec import state_hash
from kopitra.simulation.draws import SeededDraws
from kopitra.simulation.journal import JournalDisk
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.ports.transport import TransportError
from tests.simulation.platform import TENANT, code_of
from tests.simulation.stage.accounts import Party
from tests.simulation.stage.counterparties import Counterparties
from tests.simulation.stage.coverage import Coverage
from tests.simulation.stage.market import Market
from tests.simulation.stage.moments import Moment
from tests.simulation.stage.network import Network
from tests.simulation.stage.process import Process
from tests.simulation.stage.storage import Trouble, TroubledBlobs, TroubledSnapshots
from tests.simulation.stage.watch import Watch

_plain = msgspec.msgpack.Encoder(enc_hook=repr)
"""Of what is noted; a third of the time that its text would take."""


class World:
    def __init__(self, time: VirtualTime, seed: int, *, keep_trace: bool = False) -> None:
        self.time = time
        self.seed = seed
        self.coverage = Coverage()
        self.trace: list[str] | None = [] if keep_trace else None
        self._digest = blake2b(digest_size=16)
        self.leader_events = 0
        self.ether = Process("network", time, self.task_failed)
        self.ether.expected = (TransportError,)
        self.journal = JournalDisk(time, time)
        trouble = self.blob_trouble = Trouble(lambda: self.coverage.fault("blob_failure"))
        self.snapshots = TroubledSnapshots(trouble)
        self.blobs = TroubledBlobs(time)
        self.blobs.trouble = trouble
        self.events = MemoryQueue(time, time)
        self.commands = MemoryQueue(time, time)
        self.network = Network(SeededDraws(seed, "network"))
        self.watch = Watch(self, self.journal.fence.journal_id, self.journal.shard)
        self.journal.watcher = self.watch
        self.counterparties = Counterparties(self)
        self.parties: dict[str, Party] = {}
        self.market = Market(self)
        self.clock_steps: list[tuple[float, timedelta]] = []
        """When the counterparty's clock was set, and by how much."""
        self.host_errors: dict[str, float] = {}
        self._slept = (0.0, 0.0)
        self.suspended = 0.0
        """Seconds in all."""
        self.published: dict[tuple[str, int], dict[str, Any]] = {}
        """Rules by subscription and revision, as an operator published them."""
        self.groups: dict[str, tuple[str, ...]] = {}
        """By group: its leaders, as last published."""
        self.relaying: set[str] = set()
        """Groups that copy on what their leaders copy from others."""
        self.leaders: set[str] = set()
        self.guards: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        """By scope and target of a layer, and name: the guards that were published for it."""
        self.follower_of: dict[str, str] = {}
        """By subscription."""
        self.final_hash = ""
        self._moments: dict[str, Moment] = {}
        self._revision = 0

    def moment(self, name: str) -> Moment:
        return self._moments.setdefault(name, Moment())

    # -- what is written down ----------------------------------------------------------------------------------------

    def note(self, *what: object) -> None:
        at = self.time.monotonic()
        self._digest.update(_plain.encode((at, what)))
        if self.trace is not None:
            self.trace.append(f"{at:.6f} {what}")

    @property
    def trace_hash(self) -> str:
        return self._digest.hexdigest()

    def task_failed(self, name: str, error: BaseException) -> None:
        self.watch.violated("no_part_fails", f"{name} died of {type(error).__name__}: {_cause(error)}")

    def clock_error(self, since: float) -> float:
        """Seconds by which the counterparty's clock was set back since then: by so much it takes opens for fresher."""
        return -sum(min(by.total_seconds(), 0.0) for at, by in self.clock_steps if at >= since)

    def suspend(self, seconds: float) -> None:
        """All machines stand still for so long; what was on its way is late by as much."""
        self.note("suspended", seconds)
        self.time.jump(seconds)
        self._slept = (self.time.monotonic(), seconds)
        self.suspended += seconds

    def slept_since(self, moment: float) -> bool:
        """Whether everything stood still at some time since then, markets and their clocks included."""
        return self._slept[0] >= moment

    def has_slept(self, seconds: float, within: float) -> bool:
        """Whether everything stood still for longer than `seconds`, and woke up `within` so many."""
        woke, slept = self._slept
        return slept > seconds and self.time.monotonic() - woke < within

    def host_error(self, account: str) -> float:
        """Seconds by which the clock of an account's machine was ever wrong."""
        return self.host_errors.get(account, 0.0)

    # -- configuration -----------------------------------------------------------------------------------------------

    def next_revision(self) -> int:
        self._revision += 1
        return self._revision

    def operation(
        self, kind: str, parameters: Mapping[str, Any], account: str | None = None, revision: int = 0
    ) -> Message:
        """A message of the queue; `revision` 0 takes the next."""
        revision = revision or self.next_revision()
        body: dict[str, Any] = {
            "commandType": kind,
            "tenant": TENANT,
            "revision": revision,
            "issuedAt": self.time.now(),
            "issuedBy": "operator",
            "parameters": parameters,
        }
        if account is not None:
            body["account"] = account
        if parameters.get("kind") == "subscription":
            self.published[parameters["subscription"], revision] = dict(parameters)
        return Message(body=msgspec.json.encode(body), message_id=f"m{revision}")

    async def publish(self, parameters: Mapping[str, Any], account: str | None = None) -> None:
        await self.commands.send([self.operation("config.publish", parameters, account)])

    async def publish_group(self, group: str) -> None:
        relaying = {"copiesOfCopies": True} if group in self.relaying else {}
        await self.publish({"kind": "group", "group": group, "leaders": list(self.groups[group]), **relaying})

    def follows(self, account: str, group: str) -> bool:
        """Whether a subscription of the account is in the group, as it was published."""
        return any(
            settings["group"] == group and self.follower_of[name] == account
            for (name, _), settings in self.published.items()
        )

    async def publish_account(self, name: str, **settings: Any) -> None:
        code = sha256(code_of(name).encode()).hexdigest()
        await self.publish({"kind": "account", "enrolmentCodeHash": code, **settings}, name)

    @property
    def configured(self) -> bool:
        """Every message of the opening has been taken."""
        return not self.commands.waiting

    @property
    def opened(self) -> bool:
        """Everybody is enrolled, and the core has everybody's catalogue."""
        accounts = self.watch.facts.shadow.accounts
        return len(accounts) == len(self.parties) and all(
            account.catalog and account.login is not None for account in accounts.values()
        )

    # -- ends --------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        self.watch.finish()
        self.final_hash = state_hash(self.watch.facts.shadow)

    def stop(self) -> None:
        for party in self.parties.values():
            party.crash_agent()
        for instance in self.counterparties.live:
            instance.process.kill()
        self.ether.kill()


def _cause(error: BaseException) -> BaseException:
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return _cause(inner[0]) if len(inner) == 1 else error
