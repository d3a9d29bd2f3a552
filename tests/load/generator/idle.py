"""What sessions cost that have nothing to do: parked polls, heartbeats, and a whole day of both."""

import asyncio
from time import perf_counter, process_time

from kopitra.protocol.limits import HEARTBEAT_SECONDS
from tests.load.generator.connection import Connection, Reply
from tests.load.generator.requests import POLL_WAIT_SECONDS, Caller
from tests.load.generator.watching import Watched
from tests.load.jobs import IdleJob, IdleResult, Seat

DAY_SECONDS = 86_400
POLLS_A_DAY = DAY_SECONDS // POLL_WAIT_SECONDS
BEATS_A_DAY = DAY_SECONDS // HEARTBEAT_SECONDS
PARKING_SECONDS = 2.0
"""After the last connection, so that memory that start-up needed for a moment has been given back."""


class Idler:
    """Parks a poll, and another one whenever it comes back."""

    def __init__(self, seat: Seat, connection: Connection) -> None:
        self.caller = Caller(seat)
        self.calls = 0
        self._connection = connection

    def park(self) -> None:
        self.calls += 1
        self._connection.send(self.caller.poll(0), self._answered)

    def _answered(self, reply: Reply) -> None:
        if reply.status != 200:
            raise RuntimeError(f"a poll was answered {reply.status}: {reply.body!r}")
        self.park()


async def measure(job: IdleJob) -> IdleResult:
    watched = Watched(job.pid)
    own = process_time()
    before = watched.memory()
    idlers: list[Idler] = []
    for seat in job.seats:
        idlers.append(Idler(seat, await Connection.open(job.port)))
        idlers[-1].park()
    await asyncio.sleep(PARKING_SECONDS)
    parked = watched.memory()
    cpu, began, calls = watched.cpu(), perf_counter(), sum(idler.calls for idler in idlers)
    beats = await _watch(job, idlers)
    seconds = perf_counter() - began
    watched_cpu, watched_bytes = watched.cpu() - cpu, watched.memory()
    watched_calls = sum(idler.calls for idler in idlers) - calls + beats
    cpu, began = watched.cpu(), perf_counter()
    day_calls = await _day(job, idlers[: job.driven])
    return IdleResult(
        before_bytes=before,
        parked_bytes=parked,
        watched_bytes=watched_bytes,
        watched_seconds=seconds,
        watched_cpu=watched_cpu,
        watched_calls=watched_calls,
        day_bytes=watched.memory() - watched_bytes,
        day_cpu=watched.cpu() - cpu,
        day_calls=day_calls,
        day_seconds=perf_counter() - began,
        generator_cpu=process_time() - own,
    )


async def _watch(job: IdleJob, idlers: list[Idler]) -> int:
    """Real time: parked polls come and go by themselves, heartbeats are spread over the time. Returns heartbeats."""
    ends = perf_counter() + job.watch
    if not job.beats:
        await asyncio.sleep(job.watch)
        return 0
    connection = await Connection.open(job.port)
    sent, pause = 0, HEARTBEAT_SECONDS / len(idlers)
    while perf_counter() < ends:
        await _accepted(connection, idlers[sent % len(idlers)].caller.heartbeat())
        sent += 1
        await asyncio.sleep(pause)
    connection.close()
    return sent


async def _day(job: IdleJob, idlers: list[Idler]) -> int:
    """Every poll and heartbeat of a day, as fast as they are answered, while all sessions stay parked."""
    connections = [await Connection.open(job.port) for _ in idlers]

    async def live(idler: Idler, connection: Connection) -> int:
        for number in range(POLLS_A_DAY):
            await _accepted(connection, idler.caller.poll(0, wait=0))
            if (number + 1) * BEATS_A_DAY // POLLS_A_DAY > number * BEATS_A_DAY // POLLS_A_DAY:
                await _accepted(connection, idler.caller.heartbeat())
        return POLLS_A_DAY + BEATS_A_DAY

    done = await asyncio.gather(*map(live, idlers, connections))
    for connection in connections:
        connection.close()
    return sum(done)


async def _accepted(connection: Connection, request: bytes) -> None:
    reply = await connection.ask(request)
    if reply.status not in (200, 202):
        raise RuntimeError(f"a call was answered {reply.status}: {reply.body!r}")
