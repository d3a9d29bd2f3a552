"""Runs of tasks as the host has them done: messages of the tasks' queue, received, handled, completed or given back."""

from typing import Any

from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.tasks.rebuilding import Rebuild
from kopitra_functions.tasks.runner import Runner
from kopitra_functions.tasks.wiring import runner_over
from tests.management.world import Answer, Managed

MOST_MESSAGES = 500
"""A run that needs more in a test does not come to an end."""


class Runs:
    def __init__(self, house: Managed, rebuild: Rebuild | None = None) -> None:
        self.house = house
        self.threads = WorkerThreads(1)
        self.runner: Runner = runner_over(house.world, house.database, self.threads, rebuild)

    async def start(self, task: str, parameters: Any = None, **options: Any) -> str:
        answer = await self.house.call(
            "POST", f"/tasks/{task}/run", {"parameters": parameters or {}}, **options
        )
        assert answer.status == 202, answer
        return answer.json["runId"]

    async def one_message(self) -> bool:
        """Whether there was one to handle. What the handler raises gives the message back."""
        queue = self.house.world.queues.tasks
        received = await queue.receive()
        for each in received:
            try:
                await self.runner.take(each)
            except Exception:
                await queue.abandon(each)
                raise
            await queue.complete(each)
        return bool(received)

    async def to_the_end(self) -> None:
        """Handle messages until none is left, letting time pass where one is scheduled."""
        queue = self.house.world.queues.tasks
        for _ in range(MOST_MESSAGES):
            if await self.one_message():
                continue
            if not (await queue.counts()).scheduled:
                return
            self.house.clock.advance(1)
        raise AssertionError("the tasks do not come to an end")

    async def seen(self, run: str, **options: Any) -> Any:
        answer: Answer = await self.house.call("GET", f"/task-runs/{run}", **options)
        assert answer.status == 200, answer
        return answer.json
