"""Function apps for tests: what each function was given, and what it is to do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.functions import FunctionApp, ServiceBusMessage, TimerRequest

from kopitra.application.ports.queue import Message, Queue, QueueCounts, ReceivedMessage
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_cli.functions_host.host import FunctionsHost
from kopitra_cli.functions_host.limits import HostLimits
from kopitra_cli.functions_host.schedules import Schedule

QUEUE = "work"


class MemoryOfTimers:
    """Survives the host, as a file would."""

    def __init__(self) -> None:
        self.done: dict[str, datetime] = {}

    def recall(self, timer: str) -> datetime | None:
        return self.done.get(timer)

    def keep(self, timer: str, done: datetime) -> None:
        self.done[timer] = done


def one_by_one(work: Callable[[ServiceBusMessage], Awaitable[None]]) -> FunctionApp:
    app = FunctionApp()

    @app.function_name("one")
    @app.service_bus_queue_trigger(arg_name="message", connection="c", queue_name=QUEUE)
    async def one(message: ServiceBusMessage) -> None:
        await work(message)

    return app


def in_batches(work: Callable[[Sequence[ServiceBusMessage]], Awaitable[None]]) -> FunctionApp:
    app = FunctionApp()

    @app.function_name("many")
    @app.service_bus_queue_trigger(arg_name="messages", connection="c", queue_name=QUEUE, cardinality="many")
    async def many(messages: list[ServiceBusMessage]) -> None:
        await work(messages)

    return app


def at_times(schedule: str, work: Callable[[TimerRequest], Awaitable[None]], **options: Any) -> FunctionApp:
    app = FunctionApp()

    @app.function_name("timer")
    @app.timer_trigger(arg_name="timer", schedule=schedule, **options)
    async def timer(timer: TimerRequest) -> None:
        await work(timer)

    return app


class Hosting:
    """A host under virtual time, over one queue."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.queue = MemoryQueue(time, time)
        self.memory = MemoryOfTimers()

    def host(
        self, app: FunctionApp, schedules: Mapping[str, Schedule] | None = None, **limits: Any
    ) -> FunctionsHost:
        async def opened(name: str) -> Queue:
            assert name == QUEUE
            return self.queue

        return FunctionsHost(
            app,
            opened,
            self.memory,
            clock=self.time,
            sleeper=self.time,
            ids=self.time,
            limits=HostLimits(**limits),
            schedules=schedules,
        )

    async def send(self, *names: str) -> None:
        await self.queue.send([Message(body=b"{}", message_id=name) for name in names])

    async def counts(self) -> QueueCounts:
        return await self.queue.counts()

    async def dead(self) -> list[ReceivedMessage]:
        return list(await self.queue.peek(100, dead_letter=True))
