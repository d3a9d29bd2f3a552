"""The service put together from its ports: engine, delivery, gate and routes. The same in every surrounding."""

from collections.abc import Callable, Sequence
from functools import cached_property

from quart import Quart

from kopitra.application.delivery import Delivery
from kopitra.application.engine import Engine
from kopitra.application.fence_keeper import FenceKeeper, Standing
from kopitra.application.gauging import Ingestion, Looking
from kopitra.application.machine import Machine
from kopitra.application.measuring import EventCounts
from kopitra.application.ports.journal import Fence
from kopitra.application.recent_opens import RecentOpens
from kopitra.application.recovery import Recovery
from kopitra.application.run_index import RunIndex
from kopitra.application.snapshotting import Snapshotting
from kopitra.application.submission import Phase
from kopitra.application.tenure import Tenure
from kopitra.application.timekeeping import FenceLosses, TimedAppends
from kopitra.application.while_serving import Work, while_serving
from kopitra.protocol.endpoints import SERVICE_ENDPOINTS
from kopitra_counterparty.app import create_app
from kopitra_counterparty.credentials import Tokens
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.fast_path import Asgi, FastPath
from kopitra_counterparty.gate import Gate, NoOperators, Operators, Route
from kopitra_counterparty.idempotency import Idempotency
from kopitra_counterparty.ports import Ports
from kopitra_counterparty.rate_limit import RateLimit, RateLimiter
from kopitra_counterparty.routes.health import Details, nobody
from kopitra_counterparty.routes.table import ea_routes, service_routes
from kopitra_counterparty.settings import Settings
from kopitra_counterparty.watch import RequestWatch


class Core:
    """The shard's engine and what serves it, without HTTP."""

    def __init__(self, settings: Settings, ports: Ports, machine: Machine) -> None:
        self.machine = machine
        self.runs = RunIndex()
        self.recent = RecentOpens()
        self.counts = EventCounts(ports.telemetry)
        self._losses = FenceLosses(ports.telemetry)
        told = ports.telemetry.told
        self.engine = Engine(
            journal=ports.journal,
            clock=ports.clock,
            machine=machine,
            fenced=lambda: self.keeper.may_answer,
            projections=(self.runs, self.recent, self.counts) if told else (self.runs, self.recent),
        )
        self.delivery = Delivery(self.engine, ports.clock, self.runs.note_delivered)
        self.engine.on_committed.append(lambda last, grown: self.delivery.wake(grown))
        if told:
            self.engine.on_committed.append(self.counts.committed)
        projections = {"runs": self.runs, "recent": self.recent}
        self.snapshotting = Snapshotting(
            engine=self.engine,
            machine=machine,
            snapshots=ports.snapshots,
            images=ports.images,
            clock=ports.clock,
            projections=dict(projections),
        )
        self.tenure = Tenure(
            journal=TimedAppends(ports.journal, ports.telemetry, ports.clock) if told else ports.journal,
            engine=self.engine,
            delivery=self.delivery,
            recovery=Recovery(
                journal=ports.journal,
                snapshots=ports.snapshots,
                machine=machine,
                clock=ports.clock,
                sleeper=ports.sleeper,
                projections=dict(projections),
                claims=ports.claims,
                quarantined=settings.quarantined,
            ),
            snapshotting=self.snapshotting,
            clock=ports.clock,
            sleeper=ports.sleeper,
            spawn=ports.spawn,
        )
        self.keeper = FenceKeeper(
            ports.journal,
            owner=settings.instance,
            clock=ports.clock,
            sleeper=ports.sleeper,
            spawn=ports.spawn,
            on_change=self._standing_changed,
        )

    def _standing_changed(self, standing: Standing, fence: Fence | None) -> None:
        if self.engine.phase is not Phase.STOPPING:
            self._losses.became(standing)
        self.tenure.standing_changed(standing, fence)


class Service:
    """`asgi` is what a server serves; `gate.handle` is the same without a server. `start` begins as a standby.

    The management plane enters by `operators` and `more_routes`; `details` says who sees more of the health report.
    """

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        *,
        machine: Machine | None = None,
        operators: Operators | None = None,
        more_routes: "Callable[[Service], Sequence[Route]]" = lambda service: (),
        details: Details = nobody,
    ) -> None:
        self.settings = settings
        self.ports = ports
        self._works: list[Work] = []
        self.keys = settings.key_ring()
        self.core = Core(settings, ports, machine or Machine())
        self.tokens = Tokens(self.core.engine, ports.clock)
        self.idempotency = Idempotency(self.core.engine, self.keys, ports.clock)
        self.desk = Desk(self.core.engine, self.idempotency)
        ingestion = Ingestion(ports.telemetry, ports.clock)
        limit = RateLimit(settings.rate_limit_per_second, settings.rate_limit_burst)
        self.gate = Gate(
            engine=self.core.engine,
            tokens=self.tokens,
            idempotency=self.idempotency,
            limiter=RateLimiter(limit, ports.clock),
            ids=ports.ids,
            operators=operators or NoOperators(),
            watch=RequestWatch(ports.telemetry, ports.clock, ingestion),
        )
        own = (*ea_routes(self), *more_routes(self))
        if ports.telemetry.told:
            self.also(Looking(ports.telemetry, self.core.engine, ingestion, ports.sleeper).run)
        endpoints = [*(route.endpoint for route in own), *SERVICE_ENDPOINTS]
        self.routes: tuple[Route, ...] = (*own, *service_routes(self, endpoints, ports.probes, details))

    @cached_property
    def quart(self) -> Quart:
        """Made when a server asks for it: whoever calls the gate needs none."""
        return create_app(self.gate, self.routes)

    @cached_property
    def asgi(self) -> Asgi:
        return FastPath(self.gate, self.routes, self.quart)

    def also(self, work: Work) -> None:
        """Do this as well whenever the shard is served."""
        self._works.append(work)

    def start(self) -> None:
        """Try to become the shard's writer, and serve once that is so. A staging slot stays a standby."""
        if self.settings.may_hold_the_fence:
            self.ports.spawn(self.core.tenure.run(self.core.keeper))
            if self._works:
                self.ports.spawn(while_serving(self.core.engine, self.ports.sleeper, self._works))

    async def stop(self) -> None:
        """Answer what is in flight, release parked polls, keep a snapshot, hand the shard over."""
        await self.core.tenure.stop()
