"""What a kind of task does: one piece of work after the other."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from kopitra_functions.sql.patience import Patience
from kopitra_functions.tasks.run import Step, TaskRun

PATIENCE = Patience(seconds=20.0, first_pause=0.5, longest_pause=5.0)
"""With a database that resumes: a slice and this fit well into a message's lock, and the message then waits instead."""

Tell = Callable[[int, int | None], Awaitable[bool]]
"""Notes that so much of so much is done, in the middle of a long piece; answers whether to go on."""


class TaskWork(Protocol):
    async def step(self, run: TaskRun, tell: Tell) -> Step:
        """The piece of work at the run's position: a second or two. It may be done twice, by a process that was killed
        and by the next, so what it does outside is recognised by name when it comes again. Raises TaskRefused."""
        ...
