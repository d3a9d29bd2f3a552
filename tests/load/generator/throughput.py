"""Signals per second: every leader's next one follows the answer to its last."""

import asyncio
from time import perf_counter, process_time

from tests.load.generator.connection import Connection, Reply
from tests.load.generator.requests import Caller
from tests.load.generator.watching import Watched
from tests.load.jobs import Rate, Seat, ThroughputJob
from tests.load.samples import quantile

MILLISECONDS = 1000


class Leader:
    """Opens and closes in turn: nothing stays pending, and nothing is refused."""

    def __init__(self, seat: Seat, connection: Connection) -> None:
        self._caller = Caller(seat)
        self._connection = connection
        self._step = 0
        self._began = 0.0
        self._stopping = False
        self.stopped = asyncio.Event()
        self.times: list[float] = []

    def start(self) -> None:
        self._stopping = False
        self.stopped.clear()
        self._next()

    def stop(self) -> None:
        self._stopping = True

    def _next(self) -> None:
        step, self._step = self._step, self._step + 1
        request = self._caller.signal(f"p{step // 2}", "close" if step % 2 else "open")
        self._began = perf_counter()
        self._connection.send(request, self._answered)

    def _answered(self, reply: Reply) -> None:
        if reply.status != 202:
            raise RuntimeError(f"a signal was answered {reply.status}: {reply.body!r}")
        self.times.append(reply.at - self._began)
        if self._stopping:
            self.stopped.set()
        else:
            self._next()


async def measure(job: ThroughputJob) -> Rate:
    watched = Watched(job.pid)
    leaders = [Leader(seat, await Connection.open(job.port)) for seat in job.leaders]
    for leader in leaders:
        leader.start()
    await asyncio.sleep(job.warm_up)
    for leader in leaders:
        leader.times.clear()
    cpu, own, began = watched.cpu(), process_time(), perf_counter()
    await asyncio.sleep(job.seconds)
    took, spent, used = perf_counter() - began, watched.cpu() - cpu, process_time() - own
    times = [time for leader in leaders for time in leader.times]
    for leader in leaders:
        leader.stop()
    await asyncio.gather(*(leader.stopped.wait() for leader in leaders))
    return Rate(
        per_second=len(times) / took,
        p50_ms=quantile(times, 0.5) * MILLISECONDS,
        p99_ms=quantile(times, 0.99) * MILLISECONDS,
        cpu_ms=spent / len(times) * MILLISECONDS,
        generator_load=used / took,
    )
