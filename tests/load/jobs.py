"""What the runner asks of the load generator's process, and what comes back."""

import msgspec

LEADING_VOLUME = "1"


class Seat(msgspec.Struct, frozen=True):
    """An account with a live session."""

    account: str
    token: str


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="job"):
    """`pid`: the process under test, whose processor time and memory are read."""

    port: int
    pid: int


class LatencyJob(Job, frozen=True, kw_only=True, tag="latency"):
    """Rounds of one signal each. `reports`: followers report what they did, so that a round leaves nothing pending."""

    leader: Seat
    followers: list[Seat]
    rounds: int
    reports: bool = True


class LatencyResult(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds after the signal was sent; processor time in seconds over all rounds."""

    accepted: list[float]
    held: list[list[float]]
    """A list per round, ascending."""
    copying_cpu: float
    """Of the process under test: from the signals until every follower's next poll is parked."""
    reporting_cpu: float
    """Of the process under test: for executions and acknowledgements."""
    generator_cpu: float


class ThroughputJob(Job, frozen=True, kw_only=True, tag="throughput"):
    """Each leader sends its next signal as soon as the last one is answered."""

    leaders: list[Seat]
    warm_up: float
    seconds: float


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of the process under test, per answer."""
    generator_load: float
    """Share of one core."""


class IdleJob(Job, frozen=True, kw_only=True, tag="idle"):
    """Park all seats and watch for `watch` seconds; then let the first `driven` of them live through a day at once."""

    seats: list[Seat]
    watch: float
    driven: int
    beats: bool = True
    """Heartbeats as well as polls."""


class IdleResult(msgspec.Struct, frozen=True, kw_only=True):
    before_bytes: int
    parked_bytes: int
    watched_bytes: int
    watched_seconds: float
    watched_cpu: float
    watched_calls: int
    day_bytes: int
    """Memory by which the day's calls grew the process."""
    day_cpu: float
    day_calls: int
    day_seconds: float
    generator_cpu: float


Jobs = LatencyJob | ThroughputJob | IdleJob
