"""What the service stands on: everything that differs between a laptop, Azure and a simulation."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from kopitra.application.group_commit import Spawn
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.feature_flags import AS_DECLARED, FeatureFlags
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.journal import Journal
from kopitra.application.ports.queue import Queue
from kopitra.application.ports.secrets import SecretHashes
from kopitra.application.ports.segments import Segments
from kopitra.application.ports.snapshots import Snapshots
from kopitra.application.ports.state_images import StateImages
from kopitra.application.ports.telemetry import UNTOLD, Telemetry
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.application.recovery import Claims

Probe = Callable[[], Awaitable[str | None]]
"""None where the dependency answers, else what is wrong."""


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """To and from the management side."""

    events: Queue
    commands: Queue


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """`close` lets go of what was opened; call it last. `probes` answer for the health report, by dependency."""

    journal: Journal
    snapshots: Snapshots
    blobs: Blobs
    clock: Clock
    sleeper: Sleeper
    ids: IdSource
    hashes: SecretHashes
    images: StateImages
    spawn: Spawn
    claims: Sequence[Claims] = ()
    probes: dict[str, Probe] = {}
    segments: Segments | None = None
    """Without them nothing is sealed."""
    queues: Queues | None = None
    """Without them nothing is published, and commands come by the management plane only."""
    telemetry: Telemetry = UNTOLD
    features: FeatureFlags = AS_DECLARED
    close: Callable[[], Awaitable[None]]
