"""Signal to acceptance, and signal to each follower's hands, beside a bare handler that parks and wakes."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.load.cast import Casting
from tests.load.jobs import LatencyJob, LatencyResult, Seat
from tests.load.processes import bare, generate, serving
from tests.load.report import Figure, figure
from tests.load.samples import blocks, median, quantile
from tests.load.scribe import scribe

ROUNDS = {1: 80, 10: 60, 100: 40, 1000: 16}
BLOCKS = 4
"""Of the rounds. A figure is its quietest block's: what other programs of the machine take is not ours to report."""
THOUSAND = 1000


def run(folder: Path) -> list[Figure]:
    figures: list[Figure] = []
    for followers in ROUNDS:
        place = folder / f"latency-{followers}"
        place.mkdir()
        figures.extend(_with(followers, place))
    return figures


async def _cast(followers: int, folder: Path) -> tuple[Seat, list[Seat]]:
    async with scribe(folder, datetime.now(UTC)) as writer:
        casting = Casting(writer)
        leader = casting.seat("leader")
        seats = [casting.seat(f"follower-{number:04}") for number in range(followers)]
        casting.copy(leader, seats)
        return leader, seats


def _with(followers: int, folder: Path) -> Iterator[Figure]:
    leader, seats = asyncio.run(_cast(followers, folder))
    rounds = ROUNDS[followers]
    before = _ceiling(leader, seats, rounds // 2, folder)
    with serving(folder) as (service, port):
        job = LatencyJob(port=port, pid=service.pid, leader=leader, followers=seats, rounds=rounds)
        ours = generate(job, LatencyResult, folder)
    return _figures(followers, ours, together(before, _ceiling(leader, seats, rounds // 2, folder)))


def together(one: LatencyResult, other: LatencyResult) -> LatencyResult:
    """The bare handler is measured before and after ours, so that both meet the same noise."""
    return LatencyResult(
        accepted=one.accepted + other.accepted,
        held=one.held + other.held,
        copying_cpu=one.copying_cpu + other.copying_cpu,
        reporting_cpu=one.reporting_cpu + other.reporting_cpu,
        generator_cpu=one.generator_cpu + other.generator_cpu,
    )


def _ceiling(leader: Seat, seats: list[Seat], rounds: int, folder: Path) -> LatencyResult:
    with bare("wake", folder) as (program, port):
        job = LatencyJob(
            port=port,
            pid=program.pid,
            leader=leader,
            followers=seats,
            rounds=rounds,
            reports=False,
        )
        return generate(job, LatencyResult, folder)


def _figures(followers: int, ours: LatencyResult, bare_one: LatencyResult) -> Iterator[Figure]:
    name, copies = f"latency.{followers}", followers * len(ours.held)
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        yield figure(
            f"{name}.accepted.{label}",
            _quietest(ours.accepted, share),
            "ms",
            _quietest(bare_one.accepted, share),
        )
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        yield figure(f"{name}.held.{label}", _held(ours, share), "ms", _held(bare_one, share))
    last, bare_last = _last(ours), _last(bare_one)
    yield figure(f"{name}.held.last", last, "ms", bare_last)
    everything = [time for times in ours.held for time in times]
    yield figure(f"{name}.held.p99.of-all-rounds", quantile(everything, 0.99), "ms")
    yield figure(f"{name}.copies", followers / last * THOUSAND, "copies/s", followers / bare_last * THOUSAND)
    bare_cpu = bare_one.copying_cpu / (followers * len(bare_one.held)) * THOUSAND
    yield figure(f"{name}.copying.cpu", ours.copying_cpu / copies * THOUSAND, "s/1000 copies", bare_cpu)
    yield figure(f"{name}.reporting.cpu", ours.reporting_cpu / copies * THOUSAND, "s/1000 copies")
    yield figure(f"{name}.generator.cpu", ours.generator_cpu / copies * THOUSAND, "s/1000 copies")


def _quietest(samples: list[float], share: float) -> float:
    return min(quantile(block, share) for block in blocks(samples, BLOCKS))


def _held(result: LatencyResult, share: float) -> float:
    numbers = range(len(result.held))
    return min(
        quantile([time for number in block for time in result.held[int(number)]], share)
        for block in blocks(list(numbers), BLOCKS)
    )


def _last(result: LatencyResult) -> float:
    return min(median(block) for block in blocks([times[-1] for times in result.held], BLOCKS))
