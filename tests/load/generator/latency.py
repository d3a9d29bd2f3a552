"""From a leader's signal to the moment at which each follower holds its command."""

import asyncio
from time import perf_counter, process_time
from typing import Any

import msgspec

from tests.load.generator.connection import Connection, Reply
from tests.load.generator.requests import Caller
from tests.load.generator.watching import Watched
from tests.load.jobs import LatencyJob, LatencyResult, Seat

MILLISECONDS = 1000
REPORTING_CONNECTIONS = 32
LONGEST_ROUND_SECONDS = 30.0
CURSOR = b'"cursor":'
A_COMMAND = b'"trade.'


class Round:
    """Who holds the command of the signal in question, and since when."""

    def __init__(self, followers: int) -> None:
        self.missing = followers
        self.held: list[float] = []
        self.complete = asyncio.Event()

    def note(self, at: float) -> None:
        self.held.append(at)
        self.missing -= 1
        if not self.missing:
            self.complete.set()


class Follower:
    """Polls for ever: the next poll leaves as soon as an answer is there, as the agent's does."""

    def __init__(self, seat: Seat, connection: Connection) -> None:
        self.caller = Caller(seat)
        self.last = b""
        self.round: Round | None = None
        self._connection = connection
        self._cursor = 0

    def park(self) -> None:
        self._connection.send(self.caller.poll(self._cursor), self._answered)

    def orders(self) -> list[tuple[str, dict[str, Any]]]:
        """Event ids and orders of the last answer."""
        return [(event["eventId"], event["payload"]) for event in msgspec.json.decode(self.last)["events"]]

    def _answered(self, reply: Reply) -> None:
        if reply.status != 200:
            raise RuntimeError(f"a poll was answered {reply.status}: {reply.body!r}")
        start = reply.body.index(CURSOR) + len(CURSOR)
        self._cursor = int(reply.body[start : reply.body.index(b",", start)])
        if self.round is not None and A_COMMAND in reply.body:
            self.last = reply.body
            self.round.note(reply.at)
        self.park()


class Latency:
    def __init__(self, job: LatencyJob) -> None:
        self._job = job
        self._watched = Watched(job.pid)
        self._leader = Caller(job.leader)
        self._followers: list[Follower] = []
        self._reporting: list[Connection] = []
        self._tickets = iter(range(1_000, 10**9))
        self._positions: dict[str, int] = {}

    async def run(self) -> LatencyResult:
        job = self._job
        line = await Connection.open(job.port)
        for seat in job.followers:
            self._followers.append(Follower(seat, await Connection.open(job.port)))
            self._followers[-1].park()
        self._reporting = [await Connection.open(job.port) for _ in range(REPORTING_CONNECTIONS)]
        await self._settled()
        accepted: list[float] = []
        held: list[list[float]] = []
        copying = reporting = own = 0.0
        for number in range(-1, job.rounds):
            cpu, spent = self._watched.cpu(), process_time()
            answer, times = await self._round(line, number)
            await self._settled()
            copied, used = self._watched.cpu(), process_time() - spent
            if job.reports:
                await self._report()
            if number >= 0:  # the first round warms caches up
                accepted.append(answer)
                held.append(times)
                own += used
                copying += copied - cpu
                reporting += self._watched.cpu() - copied
        return LatencyResult(
            accepted=accepted, held=held, copying_cpu=copying, reporting_cpu=reporting, generator_cpu=own
        )

    async def _round(self, line: Connection, number: int) -> tuple[float, list[float]]:
        """One signal: opens and closes take turns, so that both are measured and books stay small."""
        step = number + 1
        waiting = Round(len(self._followers))
        for follower in self._followers:
            follower.round = waiting
        request = self._leader.signal(f"p{step // 2}", "close" if step % 2 else "open")
        began = perf_counter()
        reply = await line.ask(request)
        if reply.status != 202:
            raise RuntimeError(f"the signal was answered {reply.status}: {reply.body!r}")
        async with asyncio.timeout(LONGEST_ROUND_SECONDS):
            await waiting.complete.wait()
        times = sorted((at - began) * MILLISECONDS for at in waiting.held)
        return (reply.at - began) * MILLISECONDS, times

    async def _settled(self) -> None:
        """Until every poll is parked: then the process under test has nothing to do."""
        quiet, before = 0, self._watched.cpu()
        while quiet < 2:
            await asyncio.sleep(0.05)
            now = self._watched.cpu()
            quiet, before = (quiet + 1 if now - before < 0.015 else 0), now

    async def _report(self) -> None:
        """Each follower's execution, then its acknowledgement."""
        queue = list(self._followers)

        async def work(connection: Connection) -> None:
            while queue:
                follower = queue.pop()
                for event_id, order in follower.orders():
                    ticket = next(self._tickets)
                    await _taken(connection, follower.caller.execution(order, ticket))
                    ack = {"eventId": event_id, "status": "executed"}
                    await _taken(connection, follower.caller.inbox("OutboxAck", ack))

        await asyncio.gather(*(work(connection) for connection in self._reporting))


async def _taken(connection: Connection, request: bytes) -> None:
    reply = await connection.ask(request)
    if reply.status not in (200, 202):
        raise RuntimeError(f"a report was answered {reply.status}: {reply.body!r}")
