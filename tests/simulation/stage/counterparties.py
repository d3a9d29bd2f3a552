"""The instances of the counterparty that share one journal, and the front end that knows which of them answers."""

from datetime import timedelta
from typing import TYPE_CHECKING

from kopitra.adapters.embedded.state_images import InlineImages
from kopitra.application.steady_clock import SteadyClock
from kopitra.application.submission import Phase
from kopitra.simulation.journal import SimulatedJournal, Tail
from kopitra_counterparty.bootstrap import relay_claim
from kopitra_counterparty.counterparty import counterparty
from kopitra_counterparty.gate import Route
from kopitra_counterparty.ports import Ports, Queues
from kopitra_counterparty.settings import Settings
from tests.simulation.platform import KEYS, PlainHashes
from tests.simulation.stage.patient_queue import PatientQueue
from tests.simulation.stage.process import Process

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

JOURNAL_SECONDS = 0.002
"""One way to the journal's storage: an append takes twice as long."""


class Instance:
    """One process of the counterparty."""

    def __init__(self, world: "World", number: int) -> None:
        self.number = number
        self.process = Process(f"counterparty-{number}", world.time, world.task_failed)
        self.process.ahead = world.counterparties.ahead
        self.journal = SimulatedJournal(
            world.journal, clock=self.process, sleeper=self.process, ids=world.time, delay=JOURNAL_SECONDS
        )

        async def close() -> None:
            self.process.kill()

        ports = Ports(
            journal=self.journal,
            snapshots=world.snapshots,
            blobs=world.blobs,
            clock=SteadyClock(
                wall=self.process.now, elapsed=world.time.monotonic, monotonic=self.process.monotonic
            ),
            sleeper=self.process,
            ids=world.time,
            hashes=PlainHashes(),
            images=InlineImages(),
            spawn=self.process.spawn,
            claims=[relay_claim(world.blobs, self.journal)],
            queues=Queues(
                events=PatientQueue(world.events, self.process),
                commands=PatientQueue(world.commands, self.process),
            ),
            close=close,
        )
        settings = Settings(
            token_keys=KEYS,  # type: ignore[arg-type]
            token_key_id="k1",
            instance=f"instance-{number}",
            rate_limit_per_second=10_000,
            rate_limit_burst=10_000,
        )
        self.service = counterparty(settings, ports, None)
        self._routes: dict[tuple[str, str], Route] = {
            (route.endpoint.method, route.endpoint.path): route for route in self.service.routes
        }
        world.watch.starting(self)
        self.service.start()

    def route(self, method: str, path: str) -> Route:
        return self._routes[method, path]

    @property
    def serving(self) -> bool:
        return self.service.core.engine.phase is Phase.SERVING

    @property
    def epoch(self) -> int:
        return self.service.core.tenure.epoch


class Counterparties:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.live: list[Instance] = []
        self.started = 0
        self.ahead = timedelta()
        """How wrong the clock of the machine is on which they run."""

    def start(self) -> Instance:
        self.started += 1
        instance = Instance(self._world, self.started)
        self.live.append(instance)
        self._world.note("starts", instance.process.name)
        return instance

    def crash(self, instance: Instance, tail: Tail) -> bool:
        """Whether an append was on its way."""
        self._world.note("crashes", instance.process.name, tail)
        self.live.remove(instance)
        instance.process.kill()
        return instance.journal.crash(tail)

    def listening(self) -> Instance | None:
        """To whom the front end passes a request: who serves, else whoever is there."""
        for instance in self.live:
            if instance.serving and not instance.process.frozen:
                return instance
        return self.live[-1] if self.live else None

    @property
    def writer(self) -> Instance | None:
        return next((instance for instance in self.live if instance.serving), None)

    def set_clock(self, seconds: int) -> None:
        self.ahead = timedelta(seconds=seconds)
        for instance in self.live:
            instance.process.ahead = self.ahead
